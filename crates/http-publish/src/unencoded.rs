//! Characters outside ASCII in a target, which have to be percent-encoded (RFC 3986, 2). Proxies disagree about others: Envoy
//! refuses them over HTTP/1.1 and forwards them over HTTP/2.

use crate::code::Code;
use crate::fault::Fault;
use crate::query::pairs;
use crate::{Location, Violation, ignored};

const DETAIL: &str = "a character outside ASCII has to be percent-encoded in UTF-8, as in %C3%BC";

/// What a violation calls a query parameter without a name, such as `=a`.
const UNNAMED: &str = "(unnamed)";

/// The first parameter of the query with a byte outside ASCII, with the offset of that byte in its value.
pub(crate) fn violation(target: &[u8]) -> Option<Violation> {
    if target.is_ascii() {
        return None;
    }
    let (name, value) = pairs(target).find(|(name, value)| !name.is_ascii() || !value.is_ascii())?;
    let offset = value.iter().position(|byte| !byte.is_ascii()).unwrap_or_default();
    let parameter = if name.is_empty() { UNNAMED.to_owned() } else { ignored::shown(name) };
    Some(Violation::new(
        parameter,
        Location::Query,
        Fault::new(Code::InvalidPercentEncoding, DETAIL).at(offset),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_such_parameter_is_named_also_if_it_has_no_name() {
        let rows: [(&[u8], Option<(&str, u64)>); 5] = [
            (b"/p?topic=a&x=%C3%BC", None),
            (b"/p?topic=a\xC3\xBC&x=\xFF", Some(("topic", 1))),
            (b"/p?a=b&=a\xFF", Some(("(unnamed)", 1))),
            (b"/p?\xFF", Some(("\u{FFFD}", 0))),
            (b"/\xFF?a=b", None),
        ];
        for (target, expected) in rows {
            let found = violation(target);
            let found = found.as_ref().map(|found| (&*found.parameter, found.offset.unwrap_or_default()));
            assert_eq!(found, expected, "{}", target.escape_ascii());
        }
    }
}
