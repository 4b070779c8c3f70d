//! The query's parameters: each once, by its name; unknown ones are passed over.

use crate::head::Slot;
use crate::percent;

/// What the query says; values are still percent-encoded.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Query<'a> {
    pub(crate) topic: Slot<'a>,
    pub(crate) qos: Slot<'a>,
    pub(crate) retain: Slot<'a>,
    pub(crate) api_version: Slot<'a>,
    pub(crate) dry_run: Slot<'a>,
}

// === impl Query ===

impl<'a> Query<'a> {
    /// Reads what follows the first `?` of a target.
    pub(crate) fn of_target(target: &'a [u8]) -> Self {
        let mut query = Self::default();
        let Some(start) = target.iter().position(|&byte| byte == b'?') else { return query };
        let text = target.get(start + 1..).unwrap_or_default();
        for pair in text.split(|&byte| byte == b'&') {
            let equals = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
            let (name, value) = pair.split_at_checked(equals).unwrap_or_default();
            if let Some(slot) = query.slot(name) {
                slot.put(value.get(1..).unwrap_or_default());
            }
        }
        query
    }

    /// A name may be percent-encoded too: `%74opic` is `topic`, so that no second topic hides behind an escape.
    fn slot(&mut self, name: &[u8]) -> Option<&mut Slot<'a>> {
        match percent::decode(name).ok()?.as_ref() {
            b"topic" => Some(&mut self.topic),
            b"qos" => Some(&mut self.qos),
            b"retain" => Some(&mut self.retain),
            b"api-version" => Some(&mut self.api_version),
            b"dry-run" => Some(&mut self.dry_run),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_by_name_wherever_they_stand() {
        let rows: &[(&str, Slot<'_>)] = &[
            ("/p", Slot::Absent),
            ("/p?", Slot::Absent),
            ("/p?topics=a", Slot::Absent),
            ("/p?Topic=a", Slot::Absent),
            ("/p?topic", Slot::Once(b"")),
            ("/p?topic=", Slot::Once(b"")),
            ("/p?topic=a", Slot::Once(b"a")),
            ("/p?x=1&topic=a=b?c&y", Slot::Once(b"a=b?c")),
            ("/p?&&topic=a&", Slot::Once(b"a")),
            ("/p?%74opic=a", Slot::Once(b"a")),
            ("/p?topic=a&topic=a", Slot::Repeated),
            ("/p?topic=a&%74opic=b", Slot::Repeated),
            ("/p?topic=a&topic=b&topic=c", Slot::Repeated),
            ("/p?%zz=1&topic=a", Slot::Once(b"a")),
        ];
        for (given, expected) in rows {
            assert_eq!(Query::of_target(given.as_bytes()).topic, *expected, "{given}");
        }
    }
}
