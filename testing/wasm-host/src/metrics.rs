//! Metrics, with the rules by which Envoy keeps them.

use std::collections::BTreeMap;

use crate::Status;

/// The kinds of metrics; the number of a metric holds its kind, as in Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// One metric: a counter's or gauge's value, or the sum of what a histogram was told.
#[derive(Debug)]
struct Metric {
    kind: Kind,
    name: String,
    value: u64,
}

/// Every metric that a filter defined.
#[derive(Debug, Default)]
pub(crate) struct Metrics(Vec<Metric>);

// === impl Kind ===

impl Kind {
    fn from_abi(kind: u32) -> Option<Self> {
        [Self::Counter, Self::Gauge, Self::Histogram].get(usize::try_from(kind).ok()?).copied()
    }
}

// === impl Metrics ===

impl Metrics {
    /// Names and values.
    pub(crate) fn to_map(&self) -> BTreeMap<String, u64> {
        self.0.iter().map(|metric| (metric.name.clone(), metric.value)).collect()
    }

    /// The number of the metric of that kind and name, which is made where there is none.
    pub(crate) fn define(&mut self, kind: u32, name: &[u8]) -> Result<u32, Status> {
        let kind = Kind::from_abi(kind).ok_or(Status::BadArgument)?;
        let name = String::from_utf8_lossy(name).into_owned();
        let known = self.0.iter().position(|metric| metric.kind == kind && metric.name == name);
        let index = known.unwrap_or_else(|| {
            self.0.push(Metric { kind, name, value: 0 });
            self.0.len() - 1
        });
        u32::try_from(index).map_err(|_| Status::InternalFailure)
    }

    /// A counter only grows.
    pub(crate) fn increment(&mut self, number: u32, offset: i64) -> Result<(), Status> {
        let metric = self.find(number)?;
        match metric.kind {
            Kind::Counter if offset > 0 => {}
            Kind::Gauge => {}
            Kind::Counter | Kind::Histogram => return Err(Status::BadArgument),
        }
        metric.value = metric.value.saturating_add_signed(offset);
        Ok(())
    }

    pub(crate) fn record(&mut self, number: u32, value: u64) -> Result<(), Status> {
        let metric = self.find(number)?;
        match metric.kind {
            Kind::Gauge => metric.value = value,
            Kind::Counter | Kind::Histogram => metric.value = metric.value.saturating_add(value),
        }
        Ok(())
    }

    pub(crate) fn get(&mut self, number: u32) -> Result<u64, Status> {
        let metric = self.find(number)?;
        if metric.kind == Kind::Histogram { Err(Status::BadArgument) } else { Ok(metric.value) }
    }

    fn find(&mut self, number: u32) -> Result<&mut Metric, Status> {
        let index = usize::try_from(number).map_err(|_| Status::NotFound)?;
        self.0.get_mut(index).ok_or(Status::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_keeps_to_its_kind() {
        let mut metrics = Metrics::default();
        let counter = metrics.define(0, b"counter").unwrap();
        let gauge = metrics.define(1, b"gauge").unwrap();
        let histogram = metrics.define(2, b"histogram").unwrap();
        assert_eq!(metrics.define(3, b"other"), Err(Status::BadArgument));
        assert_eq!(metrics.define(0, b"counter"), Ok(counter));

        assert_eq!(metrics.increment(counter, 2), Ok(()));
        assert_eq!(metrics.increment(counter, -1), Err(Status::BadArgument));
        assert_eq!(metrics.increment(gauge, -1), Ok(()));
        assert_eq!(metrics.record(gauge, 7), Ok(()));
        assert_eq!(metrics.increment(histogram, 1), Err(Status::BadArgument));
        assert_eq!(metrics.record(histogram, 5), Ok(()));
        assert_eq!(metrics.get(histogram), Err(Status::BadArgument));
        assert_eq!(metrics.get(99), Err(Status::NotFound));
        let expected = [("counter", 2), ("gauge", 7), ("histogram", 5)];
        assert_eq!(metrics.to_map(), expected.map(|(name, value)| (name.to_owned(), value)).into());
    }
}
