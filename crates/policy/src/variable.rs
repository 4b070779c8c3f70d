//! Variables of a client: `${client.authenticationName}` and `${client.attributes.NAME}`.

use crate::claim::ClaimPath;
use crate::client::Client;

/// A property of the client that a configuration can refer to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Variable {
    /// The client id.
    AuthenticationName,
    /// A claim of the client's token.
    Attribute(ClaimPath),
}

// === impl Variable ===

impl Variable {
    /// The variable with that name; the name is written without `${` and `}`.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        if name == "client.authenticationName" {
            return Some(Self::AuthenticationName);
        }
        let claim = name.strip_prefix("client.attributes.")?;
        (!claim.is_empty()).then(|| Self::Attribute(ClaimPath::named(claim)))
    }

    /// The variable's value for that client. An empty value counts as none, since a template with it would match an
    /// empty level.
    pub(crate) fn value(&self, client: &Client<'_>) -> Option<String> {
        let value = match self {
            Self::AuthenticationName => client.authentication_name.map(str::to_owned),
            Self::Attribute(claim) => client.claims.text(claim),
        };
        value.filter(|value| !value.is_empty())
    }
}

/// A piece of a text with variables: `a-${b}` consists of the literal `a-` and the variable `b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Literal(&'a str),
    VariableName(&'a str),
}

/// Splits a text into its pieces; `None` if a `${` has no `}`.
pub(crate) fn pieces(text: &str) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((literal, tail)) = rest.split_once("${") {
        let (name, tail) = tail.split_once('}')?;
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        pieces.push(Piece::VariableName(name));
        rest = tail;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest));
    }
    Some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Piece::{Literal, VariableName};

    #[test]
    fn a_text_is_split_into_literals_and_variables() {
        let rows: &[(&str, Option<&[Piece<'_>]>)] = &[
            ("", Some(&[])),
            ("plain $ {x}", Some(&[Literal("plain $ {x}")])),
            ("${a}", Some(&[VariableName("a")])),
            ("x-${a}${b}-y", Some(&[Literal("x-"), VariableName("a"), VariableName("b"), Literal("-y")])),
            ("${a", None),
            ("${}", Some(&[VariableName("")])),
        ];
        for (given, expected) in rows {
            assert_eq!(pieces(given).as_deref(), *expected, "{given}");
        }
    }
}
