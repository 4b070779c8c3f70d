//! Failures on demand: a hostcall that is to fail does nothing and returns the status it was told.

/// A hostcall that is to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call of that index, counted over all calls from 0.
    Nth {
        /// The index.
        index: usize,
        /// What it returns; any number, known to the ABI or not.
        status: u32,
    },
    /// Every call of that name.
    Every {
        /// The name, like `proxy_get_property`.
        name: &'static str,
        /// What it returns.
        status: u32,
    },
}

/// The calls since the counts were last read, and the calls that shall fail.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    made: Vec<&'static str>,
    is_recording: bool,
    faults: Vec<Fault>,
}

// === impl Calls ===

impl Calls {
    /// Forgets the calls and faults of before, and counts from 0.
    pub(crate) fn start(&mut self, faults: &[Fault]) {
        self.made.clear();
        self.is_recording = true;
        self.faults = faults.to_vec();
    }

    /// The calls that were made, in order.
    pub(crate) fn stop(&mut self) -> Vec<&'static str> {
        self.is_recording = false;
        self.faults.clear();
        std::mem::take(&mut self.made)
    }

    /// Notes a call; `Some` is how it is to fail.
    pub(crate) fn enter(&mut self, call: &'static str) -> Option<u32> {
        if !self.is_recording {
            return None;
        }
        let this = self.made.len();
        self.made.push(call);
        self.faults.iter().find_map(|fault| match *fault {
            Fault::Nth { index, status } => (index == this).then_some(status),
            Fault::Every { name, status } => (name == call).then_some(status),
        })
    }
}
