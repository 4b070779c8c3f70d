//! A value that is read from files again and again: if the files cannot be used, the value that was read before stays.

use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::Chain;

/// The last value that could be read.
#[derive(Debug)]
pub(crate) struct LastGood<T> {
    /// What the files contain, for log lines.
    what: &'static str,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    /// Why the files could not be used at the last attempt.
    fault: Option<String>,
}

// === impl LastGood ===

impl<T: Clone> LastGood<T> {
    /// Without a value yet. `what` says what the files contain, with its article.
    pub(crate) const fn new(what: &'static str) -> Self {
        Self { what, state: Mutex::new(State { value: None, fault: None }) }
    }

    /// Takes over what was read; or logs the error, once, and returns the value before it.
    ///
    /// # Errors
    ///
    /// Returns the error if there is no value yet.
    pub(crate) fn update<E: Error + 'static>(&self, read: Result<T, E>) -> Result<T, E> {
        let mut state = self.state();
        match read {
            Ok(value) => {
                if state.fault.take().is_some() {
                    tracing::info!("{} can be used again", self.what);
                }
                state.value = Some(value.clone());
                Ok(value)
            }
            Err(error) => {
                let Some(value) = state.value.clone() else { return Err(error) };
                let fault = Chain(&error).to_string();
                if state.fault.as_ref() != Some(&fault) {
                    tracing::warn!(
                        "{} cannot be used, the previous content stays in use: {fault}",
                        self.what
                    );
                    state.fault = Some(fault);
                }
                Ok(value)
            }
        }
    }

    /// Whether the files could not be used at the last attempt, and the value before it is in use.
    pub(crate) fn is_stale(&self) -> bool {
        self.state().fault.is_some()
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        // The state is consistent after every statement, even if a thread panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_value_stays_until_another_can_be_read() {
        let value = LastGood::new("the number");
        assert!(value.update(Err::<u8, _>(io::Error::other("gone"))).is_err());
        assert!(!value.is_stale());
        // What was read, the value that is used, and whether it is the one before.
        let rows = [(Some(1), 1, false), (None, 1, true), (None, 1, true), (Some(2), 2, false)];
        for (read, expected, is_stale) in rows {
            let used = value.update(read.ok_or_else(|| io::Error::other("gone"))).unwrap();
            assert_eq!((used, value.is_stale()), (expected, is_stale));
        }
    }
}
