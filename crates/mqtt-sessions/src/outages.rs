//! Log lines about single brokers of several: one when a broker cannot be used, and one when it can again.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::broker::Brokers;
use crate::error::Chain;
use crate::route::Destination;

/// Which of several brokers could not be used at the last attempt.
#[derive(Debug)]
pub(crate) struct Outages {
    brokers: Brokers,
    /// One for each broker.
    out: Box<[AtomicBool]>,
}

// === impl Outages ===

impl Outages {
    pub(crate) fn new(brokers: &Brokers) -> Self {
        let out = brokers.iter().map(|_| AtomicBool::new(false)).collect();
        Self { brokers: brokers.clone(), out }
    }

    /// An attempt to connect has failed. If there is no other broker, the sessions log it.
    pub(crate) fn began(&self, destination: Destination, cause: &(dyn Error + 'static)) {
        if let Some((place, out)) = self.find(destination)
            && self.out.len() > 1
            && !out.swap(true, Ordering::Relaxed)
        {
            let broker = self.brokers.at(place);
            tracing::warn!("cannot connect to {broker}, sessions use another broker: {}", Chain(cause));
        }
    }

    /// An attempt to connect has succeeded.
    pub(crate) fn ended(&self, destination: Destination) {
        if let Some((place, out)) = self.find(destination)
            && out.swap(false, Ordering::Relaxed)
        {
            tracing::info!("connected to {} again", self.brokers.at(place));
        }
    }

    fn find(&self, destination: Destination) -> Option<(usize, &AtomicBool)> {
        match destination {
            Destination::Configured(place) => Some((place, self.out.get(place)?)),
            Destination::Redirected => None,
        }
    }
}
