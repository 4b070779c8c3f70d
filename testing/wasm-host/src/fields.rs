//! A map of fields: pairs in order, repeats and all bytes allowed, with pseudo-headers among them.

use std::fmt;

/// Fields as a filter sees them: names in lower case, values as they came.
///
/// ```
/// use wasm_host::Fields;
///
/// let mut fields = Fields::from_iter([(":method", "POST"), ("a", "1"), ("a", "2")]);
/// fields.set("a", "3");
/// assert_eq!(fields, Fields::from_iter([(":method", "POST"), ("a", "3")]));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(Vec<u8>, Vec<u8>)>);

/// The ABI's integers: 32 bits, little-endian.
const WORD: usize = 4;

/// A host takes no more than this from a filter; a larger map counts as an empty one.
const MOST_PAIRS: usize = 1024;
const MOST_BYTES: usize = 1024 * 1024;

// === impl Fields ===

impl Fields {
    /// No fields.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// How many pairs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no pair.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The pairs in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// The first value of that name.
    #[must_use]
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<&[u8]> {
        self.iter().find(|(field, _)| *field == name.as_ref()).map(|(_, value)| value)
    }

    /// Adds a pair behind the others.
    pub fn push(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.0.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
    }

    /// Makes `value` the only value of that name.
    pub fn set(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let name = name.as_ref();
        match self.0.iter().position(|(field, _)| field == name) {
            None => self.push(name, value),
            Some(first) => {
                let mut tail = self.0.split_off(first);
                tail.retain(|(field, _)| field != name);
                self.push(name, value);
                self.0.append(&mut tail);
            }
        }
    }

    /// Removes every value of that name.
    pub fn remove(&mut self, name: impl AsRef<[u8]>) {
        self.0.retain(|(field, _)| field != name.as_ref());
    }

    /// The same fields, sorted by name; values of one name keep their order.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.0.sort_by(|(left, _), (right, _)| left.cmp(right));
        self
    }

    /// As the ABI passes them: a count, both lengths of every pair, then the bytes, each text with a NUL behind it.
    pub(crate) fn to_abi(&self) -> Vec<u8> {
        let word = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
        let mut bytes = word(self.0.len()).to_vec();
        for (name, value) in &self.0 {
            bytes.extend(word(name.len()));
            bytes.extend(word(value.len()));
        }
        for text in self.0.iter().flat_map(|(name, value)| [name, value]) {
            bytes.extend(text);
            bytes.push(0);
        }
        bytes
    }

    /// Reads what [`to_abi`](Self::to_abi) writes. As in Envoy, what is too much or does not add up is an empty map.
    pub(crate) fn from_abi(bytes: &[u8]) -> Self {
        Self::read(bytes).unwrap_or_default()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let count = word(bytes, 0)?;
        if count > MOST_PAIRS || bytes.len() > MOST_BYTES {
            return None;
        }
        let mut rest = bytes.get(WORD + count * 2 * WORD..)?;
        let mut take = |length: usize| {
            let text = rest.get(..length)?;
            rest = rest.get(length + 1..)?;
            Some(text.to_vec())
        };
        let pair = |index: usize| {
            let at = WORD + index * 2 * WORD;
            Some((take(word(bytes, at)?)?, take(word(bytes, at + WORD)?)?))
        };
        (0..count).map(pair).collect::<Option<_>>().map(Self)
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut fields = Self::new();
        fields.extend(pairs);
        fields
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> Extend<(N, V)> for Fields {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, pairs: I) {
        for (name, value) in pairs {
            self.push(name, value);
        }
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line =
            |(name, value): (&[u8], &[u8])| format!("{}: {}", name.escape_ascii(), value.escape_ascii());
        formatter.debug_list().entries(self.iter().map(line)).finish()
    }
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let word = bytes.get(at..)?.first_chunk::<WORD>()?;
    usize::try_from(u32::from_le_bytes(*word)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_cross_the_abi_unchanged() {
        let rows = [
            Fields::new(),
            Fields::from_iter([("a", ""), ("", "b")]),
            Fields::from_iter([(&b"a\0"[..], &b"\xff\0"[..]), (b"a\0", b"2")]),
        ];
        for given in rows {
            assert_eq!(Fields::from_abi(&given.to_abi()), given);
        }
    }

    #[test]
    fn a_map_that_does_not_add_up_or_is_too_large_is_empty() {
        let whole = Fields::from_iter([("name", "value")]).to_abi();
        let many = Fields::from_iter((0..=MOST_PAIRS).map(|_| ("a", "b"))).to_abi();
        let large = Fields::from_iter([("a", "x".repeat(MOST_BYTES))]).to_abi();
        let rows: &[&[u8]] = &[&[], &[1, 0], &whole[..whole.len() - 1], &[255; 16], &many, &large];
        for given in rows {
            assert_eq!(Fields::from_abi(given), Fields::new());
        }
    }

    #[test]
    fn setting_a_field_leaves_one_of_its_name_in_its_first_place() {
        let mut fields = Fields::from_iter([("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")]);
        fields.set("a", "5");
        fields.set("d", "6");
        assert_eq!(fields, Fields::from_iter([("a", "5"), ("b", "2"), ("c", "4"), ("d", "6")]));
    }
}
