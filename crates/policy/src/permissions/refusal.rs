//! Why a publish is not permitted, as a dry run explains it.

use std::fmt;

/// Why no binding permits a client to publish to a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal<'a> {
    /// No template of any topic space matches the topic.
    NoTopicSpace,
    /// Topic spaces match, and the client belongs to none of the groups that they are bound to.
    NotInGroup {
        /// The names of the topic spaces.
        spaces: Vec<&'a str>,
        /// The names of the groups.
        groups: Vec<&'a str>,
    },
}

/// Names separated by commas; of many, the first few and the number of the others.
struct List<'a>(&'a [&'a str]);

/// The number of names that a refusal lists: a configuration may have thousands.
const MAX_NAMES: usize = 8;

// === impl Refusal ===

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTopicSpace => formatter.write_str("the topic matches no topic space"),
            Self::NotInGroup { spaces, groups } if groups.is_empty() => {
                write!(formatter, "the topic matches {}, to which no client group is bound", List(spaces))
            }
            Self::NotInGroup { spaces, groups } => write!(
                formatter,
                "the topic matches {}, but the client is in none of the client groups bound to it: {}",
                List(spaces),
                List(groups)
            ),
        }
    }
}

// === impl List ===

impl fmt::Display for List<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().take(MAX_NAMES).enumerate() {
            formatter.write_str(if index == 0 { "" } else { ", " })?;
            formatter.write_str(name)?;
        }
        match self.0.len().saturating_sub(MAX_NAMES) {
            0 => Ok(()),
            more => write!(formatter, " and {more} more"),
        }
    }
}
