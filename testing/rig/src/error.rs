//! What went wrong, as whole sentences for the person at the terminal.

use std::fmt;

/// A command of this repository could not do its work.
#[derive(Debug)]
pub struct Error {
    sentence: String,
    log: Option<String>,
}

/// What every fallible function here returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Puts a sentence in front of another library's error.
pub trait Context<T> {
    /// The error as "*sentence*: *cause*.".
    ///
    /// # Errors
    /// The given one, in words.
    fn context(self, sentence: impl FnOnce() -> String) -> Result<T>;
}

// === impl Error ===

impl Error {
    /// An error that says this. The sentence says what to do about it, where there is something to do.
    #[must_use]
    pub fn new(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), log: None }
    }

    /// Shows what the failed program said, under the sentence.
    #[must_use]
    pub fn with_log(mut self, log: impl Into<String>) -> Self {
        let log = log.into();
        self.log = (!log.trim().is_empty()).then_some(log);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)?;
        self.log.as_deref().map_or(Ok(()), |log| write!(f, "\n\n{}", log.trim_end()))
    }
}

impl std::error::Error for Error {}

// === impl Context ===

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context(self, sentence: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|cause| {
            Error::new(format!("{}: {}.", sentence(), cause.to_string().trim_end_matches('.')))
        })
    }
}
