//! Claims: the statements about a client in its verified token (RFC 7519, 4).

use serde::Deserialize;

/// The path to a claim: its name, or the names that lead to a nested claim.
///
/// In a configuration: `"roles"`, or `["realm_access", "roles"]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(from = "ClaimPathDocument")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClaimPath(Vec<String>);

/// The claims of one client. Each method returns `None` if the claim is missing or has another type.
pub trait Claims {
    /// A string.
    fn text(&self, path: &ClaimPath) -> Option<String>;
    /// A number.
    fn number(&self, path: &ClaimPath) -> Option<f64>;
    /// A boolean.
    fn boolean(&self, path: &ClaimPath) -> Option<bool>;
    /// A list of strings.
    fn list(&self, path: &ClaimPath) -> Option<Vec<String>>;
    /// Whether the claim exists, whatever its type.
    fn presence(&self, path: &ClaimPath) -> Presence;
}

/// Whether a claim exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It exists and has a value.
    Present,
    /// It does not exist, or is an empty string.
    Absent,
    /// It is null, or the metadata cannot be read. Such a claim counts neither as existing nor as missing.
    Null,
}

/// A client without claims.
#[derive(Clone, Copy, Debug)]
pub struct NoClaims;

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    untagged,
    expecting = "a claim's name is expected, or an array of the names on the way to a nested claim"
)]
enum ClaimPathDocument {
    Name(String),
    Path(Vec<String>),
}

// === impl ClaimPath ===

impl ClaimPath {
    /// A claim at the top level of the token.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(vec![name.to_owned()])
    }

    /// The names, outermost first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a claim can have this path: it has at least one name, and no name is empty or contains NUL.
    #[must_use]
    pub fn is_nameable(&self) -> bool {
        !self.0.is_empty() && self.names().all(|name| !name.is_empty() && !name.contains('\0'))
    }
}

impl From<ClaimPathDocument> for ClaimPath {
    fn from(document: ClaimPathDocument) -> Self {
        match document {
            ClaimPathDocument::Name(name) => Self(vec![name]),
            ClaimPathDocument::Path(names) => Self(names),
        }
    }
}

// === impl NoClaims ===

impl Claims for NoClaims {
    fn text(&self, _: &ClaimPath) -> Option<String> {
        None
    }

    fn number(&self, _: &ClaimPath) -> Option<f64> {
        None
    }

    fn boolean(&self, _: &ClaimPath) -> Option<bool> {
        None
    }

    fn list(&self, _: &ClaimPath) -> Option<Vec<String>> {
        None
    }

    fn presence(&self, _: &ClaimPath) -> Presence {
        Presence::Absent
    }
}
