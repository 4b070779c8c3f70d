//! Counters, with the rules by which Envoy keeps them.

use std::collections::BTreeMap;

use crate::Status;

/// Every counter that a filter defined, by its number.
#[derive(Debug, Default)]
pub(crate) struct Metrics(Vec<(String, u64)>);

const COUNTER: u32 = 0;

// === impl Metrics ===

impl Metrics {
    /// Names and values.
    pub(crate) fn to_map(&self) -> BTreeMap<String, u64> {
        self.0.iter().cloned().collect()
    }

    /// The number of the counter of that name, which is made if there is none.
    pub(crate) fn define(&mut self, kind: u32, name: &[u8]) -> Result<u32, Status> {
        if kind != COUNTER {
            return Err(Status::BadArgument);
        }
        let name = String::from_utf8_lossy(name).into_owned();
        let known = self.0.iter().position(|(known, _)| *known == name);
        let index = known.unwrap_or_else(|| {
            self.0.push((name, 0));
            self.0.len() - 1
        });
        u32::try_from(index).map_err(|_| Status::InternalFailure)
    }

    /// A counter only grows.
    pub(crate) fn increment(&mut self, number: u32, offset: i64) -> Result<(), Status> {
        let offset = u64::try_from(offset).map_err(|_| Status::BadArgument)?;
        let index = usize::try_from(number).map_err(|_| Status::NotFound)?;
        let (_, value) = self.0.get_mut(index).ok_or(Status::NotFound)?;
        *value = value.saturating_add(offset);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_has_one_number_and_only_grows() {
        let mut metrics = Metrics::default();
        let counter = metrics.define(COUNTER, b"counter").unwrap();
        assert_eq!(metrics.define(COUNTER, b"counter"), Ok(counter));
        assert_eq!(metrics.define(1, b"gauge"), Err(Status::BadArgument));
        assert_eq!(metrics.increment(counter, 2), Ok(()));
        assert_eq!(metrics.increment(counter, -1), Err(Status::BadArgument));
        assert_eq!(metrics.increment(99, 1), Err(Status::NotFound));
        assert_eq!(metrics.to_map(), [("counter".to_owned(), 2)].into());
    }
}
