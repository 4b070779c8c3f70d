//! The parameters of the query. Each may be given once; those with other names are ignored.

use crate::head::Slot;
use crate::percent;

/// The values of the query, still percent-encoded.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Query<'a> {
    pub(crate) topic: Slot<'a>,
    pub(crate) qos: Slot<'a>,
    pub(crate) retain: Slot<'a>,
    pub(crate) api_version: Slot<'a>,
    pub(crate) dry_run: Slot<'a>,
}

// === impl Query ===

impl<'a> Query<'a> {
    /// Reads the query of a target.
    pub(crate) fn of_target(target: &'a [u8]) -> Self {
        let mut query = Self::default();
        for (name, value) in pairs(target) {
            if let Some(slot) = query.slot(name) {
                slot.put(value);
            }
        }
        query
    }

    /// A name may be percent-encoded too. `%74opic` is `topic`, so that a second topic cannot be hidden by an escape.
    fn slot(&mut self, name: &[u8]) -> Option<&mut Slot<'a>> {
        match percent::decode(name).ok()?.as_ref() {
            b"topic" => Some(&mut self.topic),
            b"qos" => Some(&mut self.qos),
            b"retain" => Some(&mut self.retain),
            b"api-version" => Some(&mut self.api_version),
            b"dry-run" => Some(&mut self.dry_run),
            _ => None,
        }
    }
}

/// The names of all parameters of a target's query, still percent-encoded.
pub(crate) fn names(target: &[u8]) -> impl Iterator<Item = &[u8]> {
    pairs(target).map(|(name, _)| name)
}

/// The names and values after the first `?` of a target. A parameter without `=` has an empty value.
pub(crate) fn pairs(target: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let start = target.iter().position(|&byte| byte == b'?').map_or(target.len(), |mark| mark + 1);
    let text = target.get(start..).unwrap_or_default();
    text.split(|&byte| byte == b'&').map(|pair| {
        let equals = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
        let (name, value) = pair.split_at_checked(equals).unwrap_or_default();
        (name, value.get(1..).unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_found_by_its_name() {
        let rows: &[(&str, Slot<'_>)] = &[
            ("/p", Slot::Absent),
            ("/p?", Slot::Absent),
            ("/p?topics=a", Slot::Absent),
            ("/p?Topic=a", Slot::Absent),
            ("/p?topic", Slot::Once(b"")),
            ("/p?topic=", Slot::Once(b"")),
            ("/p?topic=a", Slot::Once(b"a")),
            ("/p?x=1&topic=a=b?c&y", Slot::Once(b"a=b?c")),
            ("/p?&&topic=a&", Slot::Once(b"a")),
            ("/p?%74opic=a", Slot::Once(b"a")),
            ("/p?topic=a&topic=a", Slot::Repeated),
            ("/p?topic=a&%74opic=b", Slot::Repeated),
            ("/p?topic=a&topic=b&topic=c", Slot::Repeated),
            ("/p?%zz=1&topic=a", Slot::Once(b"a")),
        ];
        for (given, expected) in rows {
            assert_eq!(Query::of_target(given.as_bytes()).topic, *expected, "{given}");
        }
    }
}
