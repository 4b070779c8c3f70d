//! Changes to the head of a request, collected so that a host can make them in one go.

use std::ops::Range;

use http_publish::Change;

/// Changes in the order in which they have to be made.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The values, one after the other.
    text: String,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    name: &'static str,
    /// Where the value is in the text; `None` removes the field.
    value: Option<Range<usize>>,
}

// === impl Changes ===

impl Changes {
    /// The changes.
    pub fn iter(&self) -> impl Iterator<Item = Change<'_>> {
        self.entries.iter().map(|Entry { name, value }| {
            match value.clone().and_then(|range| self.text.get(range)) {
                Some(value) => Change::Set { name, value },
                None => Change::Remove { name },
            }
        })
    }

    /// Whether nothing has to be changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn push(&mut self, change: Change<'_>) {
        match change {
            Change::Set { name, value } => self.set(name, value),
            Change::Remove { name } => self.remove(name),
        }
    }

    /// Makes `value` the only value of a field.
    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        let start = self.text.len();
        self.text.push_str(value);
        self.entries.push(Entry { name, value: Some(start..self.text.len()) });
    }

    /// Removes every value of a field.
    pub(crate) fn remove(&mut self, name: &'static str) {
        self.entries.push(Entry { name, value: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_come_out_as_they_went_in() {
        let given = [
            Change::Remove { name: "x-mqtt-cluster" },
            Change::Set { name: ":path", value: "/mqtt/messages?topic=a" },
            Change::Set { name: "mqtt-qos", value: "" },
            Change::Set { name: "x-mqtt-cluster", value: "alarms" },
        ];
        let mut changes = Changes::default();
        assert!(changes.is_empty());
        given.into_iter().for_each(|change| changes.push(change));
        assert_eq!(changes.iter().collect::<Vec<_>>(), given);
    }
}
