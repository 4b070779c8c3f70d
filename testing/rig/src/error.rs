//! What went wrong, as whole sentences for the person at the terminal.

use std::error::Error as StdError;
use std::fmt;

/// A command of this repository could not do its work.
///
/// `{}` shows the sentence and the failed program's log; `{:#}` puts the causes between them, for the last place
/// where the error is shown.
///
/// ```
/// use rig::error::Context;
///
/// let missing = std::fs::read("no/such/file").context(|| "The file cannot be read".into()).unwrap_err();
/// assert_eq!(missing.to_string(), "The file cannot be read.");
/// assert_eq!(format!("{missing:#}"), "The file cannot be read: No such file or directory (os error 2).");
/// ```
#[derive(Debug)]
pub struct Error {
    sentence: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
    log: Option<String>,
}

/// What every fallible function here returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Says what could not be done, and keeps another library's error as the cause.
pub trait Context<T> {
    /// The error with this sentence, given without its full stop, and the given error as its source.
    ///
    /// # Errors
    /// The given one, as the source.
    fn context(self, sentence: impl FnOnce() -> String) -> Result<T>;
}

// === impl Error ===

impl Error {
    /// An error that says this. The sentence says what to do about it, where there is something to do.
    #[must_use]
    pub fn new(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), source: None, log: None }
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
        let sentence = self.sentence.trim_end_matches('.');
        f.write_str(sentence)?;
        if f.alternate() {
            let mut cause = self.source();
            while let Some(error) = cause {
                write!(f, ": {}", error.to_string().trim_end_matches('.'))?;
                cause = error.source();
            }
        }
        if sentence.len() < self.sentence.len() || self.source.is_some() {
            f.write_str(".")?;
        }
        self.log.as_deref().map_or(Ok(()), |log| write!(f, "\n\n{}", log.trim_end()))
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

// === impl Context ===

impl<T, E: Into<Box<dyn StdError + Send + Sync>>> Context<T> for std::result::Result<T, E> {
    fn context(self, sentence: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|cause| Error { sentence: sentence(), source: Some(cause.into()), log: None })
    }
}
