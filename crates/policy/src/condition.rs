//! Conditions on the claims of a client. A client group is a list of conditions.

use serde::Deserialize;

use crate::claim::{ClaimPath, Claims, Presence};
use crate::error::InvalidPolicy;
use crate::present::present;

/// A condition on one claim.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    claim: ClaimPath,
    test: Test,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    /// The claim equals this string, number or boolean.
    Equals(Scalar),
    /// The claim is a list of strings and contains this one.
    Contains(String),
    /// The claim is one of these strings.
    AnyOf(Vec<String>),
    /// The claim exists.
    Exists,
    /// The claim does not exist.
    Missing,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged, expecting = "a string, a number or a boolean is expected")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
enum Scalar {
    Text(String),
    Number(f64),
    Boolean(bool),
}

/// A condition in the configuration: a claim and exactly one test.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct ConditionDocument {
    claim: ClaimPath,
    #[serde(default, deserialize_with = "present")]
    equals: Option<Scalar>,
    #[serde(default, deserialize_with = "present")]
    contains: Option<String>,
    #[serde(default, deserialize_with = "present")]
    any_of: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    exists: Option<bool>,
}

// === impl Condition ===

impl Condition {
    pub(crate) fn compile(document: ConditionDocument, group: &str) -> Result<Self, InvalidPolicy> {
        let invalid = |expected| InvalidPolicy::new(format_args!("client group {group:?}"), expected);
        if !document.claim.is_nameable() {
            return Err(invalid("a condition's claim has a name"));
        }
        let test = match (document.equals, document.contains, document.any_of, document.exists) {
            (Some(value), None, None, None) => Test::Equals(value),
            (None, Some(text), None, None) => Test::Contains(text),
            (None, None, Some(texts), None) if !texts.is_empty() => Test::AnyOf(texts),
            (None, None, None, Some(true)) => Test::Exists,
            (None, None, None, Some(false)) => Test::Missing,
            _ => {
                return Err(invalid(
                    "a condition has just one of equals, contains, anyOf (not empty) and exists",
                ));
            }
        };
        Ok(Self { claim: document.claim, test })
    }

    pub(crate) fn holds(&self, claims: &dyn Claims) -> bool {
        let claim = &self.claim;
        match &self.test {
            Test::Equals(Scalar::Text(text)) => claims.text(claim).as_ref() == Some(text),
            Test::Equals(Scalar::Number(number)) => claims.number(claim) == Some(*number),
            Test::Equals(Scalar::Boolean(boolean)) => claims.boolean(claim) == Some(*boolean),
            Test::Contains(text) => claims.list(claim).is_some_and(|list| list.contains(text)),
            Test::AnyOf(texts) => claims.text(claim).is_some_and(|text| texts.contains(&text)),
            Test::Exists => claims.presence(claim) == Presence::Present,
            Test::Missing => claims.presence(claim) == Presence::Absent,
        }
    }
}
