//! The names of one kind of thing in a configuration, each of which may be used once.

use std::collections::BTreeMap;

use crate::error::InvalidPolicy;

/// Names, each with the index of what it names.
#[derive(Debug)]
pub(super) struct Names {
    kind: &'static str,
    indices: BTreeMap<String, usize>,
}

// === impl Names ===

impl Names {
    /// No names yet. `kind` is what errors call the thing, such as `topic space`.
    pub(super) fn new(kind: &'static str) -> Self {
        Self { kind, indices: BTreeMap::new() }
    }

    /// Gives the next index to `name`.
    ///
    /// Returns an error if the name is taken, or is not made of letters, digits and `- _ .`.
    pub(super) fn add(&mut self, name: &str) -> Result<usize, InvalidPolicy> {
        if self.indices.contains_key(name) {
            return Err(self.invalid(name, "the name is taken already"));
        }
        let is_plain =
            |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
        if name.is_empty() || !name.chars().all(is_plain) {
            return Err(self.invalid(name, "a name is made of letters, digits and - _ ."));
        }
        Ok(self.insert(name))
    }

    /// Gives the next index to a name that no configuration can choose, such as `$all`.
    pub(super) fn add_reserved(&mut self, name: &str) -> usize {
        self.insert(name)
    }

    /// The index of what has that name.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.indices.get(name).copied()
    }

    fn insert(&mut self, name: &str) -> usize {
        let index = self.indices.len();
        self.indices.insert(name.to_owned(), index);
        index
    }

    fn invalid(&self, name: &str, expected: &str) -> InvalidPolicy {
        InvalidPolicy::new(format_args!("{} {name:?}", self.kind), expected)
    }
}
