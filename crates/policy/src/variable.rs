//! Variables of a client: `${client.authenticationName}` and `${client.attributes.NAME}`.

use crate::claim::ClaimPath;
use crate::client::Client;

/// What a variable stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Variable {
    AuthenticationName,
    Attribute(ClaimPath),
}

// === impl Variable ===

impl Variable {
    /// The variable of that name, without `${` and `}`.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        if name == "client.authenticationName" {
            return Some(Self::AuthenticationName);
        }
        let claim = name.strip_prefix("client.attributes.")?;
        (!claim.is_empty()).then(|| Self::Attribute(ClaimPath::named(claim)))
    }

    /// Its value for that client. An empty value is none: it would make a template match a level that has no name.
    pub(crate) fn value(&self, client: &Client<'_>) -> Option<String> {
        let value = match self {
            Self::AuthenticationName => client.authentication_name.map(str::to_owned),
            Self::Attribute(claim) => client.claims.text(claim),
        };
        value.filter(|value| !value.is_empty())
    }
}

/// Text with variables in it, cut at their borders: `a-${b}` is `a-` and the variable `b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Literal(&'a str),
    VariableName(&'a str),
}

/// Cuts text into its pieces; `None` where a `${` has no `}`.
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
    fn text_is_cut_at_the_borders_of_its_variables() {
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
