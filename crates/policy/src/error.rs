//! Why a policy cannot be compiled.

use std::fmt;

/// A sentence for the operator: which part of the policy is wrong, and what was expected.
///
/// An error inside a part, such as a template of a topic space, is its [`source()`](std::error::Error::source).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct InvalidPolicy(Kind);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Kind {
    #[error("{part}: {expected}")]
    Expected { part: String, expected: String },
    #[error("{part}: {source}")]
    Within { part: String, source: Box<InvalidPolicy> },
}

// === impl InvalidPolicy ===

impl InvalidPolicy {
    pub(crate) fn new(part: impl fmt::Display, expected: impl fmt::Display) -> Self {
        Self(Kind::Expected { part: part.to_string(), expected: expected.to_string() })
    }

    /// The same error, with the part that it was found in.
    pub(crate) fn within(self, part: impl fmt::Display) -> Self {
        Self(Kind::Within { part: part.to_string(), source: Box::new(self) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error;

    #[test]
    fn an_error_within_a_part_is_one_sentence_and_a_source() {
        let inner = InvalidPolicy::new("template \"a#\"", "a wildcard fills a whole segment");
        let outer = inner.clone().within("topic space \"s\"");
        assert_eq!(outer.to_string(), "topic space \"s\": template \"a#\": a wildcard fills a whole segment");
        let source = outer.source().map(ToString::to_string);
        assert_eq!(source, Some(inner.to_string()));
    }
}
