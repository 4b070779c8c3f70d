//! W3C Trace Context, level 1. The trace context of a request is passed on to subscribers in the User Properties
//! `traceparent` and `tracestate`.
//!
//! Only the header fields of the request count; User Properties with these names are dropped. An invalid or repeated
//! `traceparent` is ignored, and so is a `tracestate` without a `traceparent` (3.2 and 3.3 of the recommendation).

use std::borrow::Cow;

use http_publish::UserProperties;
use hyper::HeaderMap;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// The trace context of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TraceContext<'a> {
    traceparent: Cow<'a, str>,
    tracestate: Option<Cow<'a, str>>,
}

/// The names of the header fields and of the User Properties.
const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// The maximum number of members of a `tracestate`.
const MAX_MEMBERS: usize = 32;

// === impl TraceContext ===

impl<'a> TraceContext<'a> {
    /// Reads the trace context from header fields.
    pub(crate) fn of(fields: &'a HeaderMap) -> Option<Self> {
        let mut given = fields.get_all(TRACEPARENT).iter();
        let (Some(value), None) = (given.next(), given.next()) else {
            return None;
        };
        let traceparent = value.to_str().ok().filter(|text| is_traceparent(text))?;
        Some(Self { traceparent: Cow::Borrowed(traceparent), tracestate: tracestate(fields) })
    }

    /// The trace context of children of this span.
    pub(super) fn below(span: &SpanContext, trace: Option<&Self>) -> Self {
        let flags = span.trace_flags() & TraceFlags::SAMPLED;
        Self {
            traceparent: Cow::Owned(format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id())),
            tracestate: trace.and_then(|trace| trace.tracestate.clone()),
        }
    }

    /// The form in which the SDK accepts a parent span.
    pub(super) fn to_span_context(&self) -> SpanContext {
        let mut parts = self.traceparent.split('-').skip(1);
        let mut part = || parts.next().unwrap_or_default();
        let trace_id = TraceId::from_hex(part()).unwrap_or(TraceId::INVALID);
        let span_id = SpanId::from_hex(part()).unwrap_or(SpanId::INVALID);
        let flags = u8::from_str_radix(part(), 16).map(TraceFlags::new).unwrap_or_default();
        let tracestate = self.tracestate.as_deref().and_then(|list| list.parse::<TraceState>().ok());
        SpanContext::new(trace_id, span_id, flags, true, tracestate.unwrap_or_default())
    }
}

/// The User Properties of the client without those that have the names of a trace context, followed by the trace context.
pub(crate) fn put(trace: Option<&TraceContext<'_>>, sent: &UserProperties) -> UserProperties {
    let own = sent.iter().filter(|(name, _)| ![TRACEPARENT, TRACESTATE].contains(name));
    let traceparent = trace.map(|trace| (TRACEPARENT, trace.traceparent.as_ref()));
    let tracestate = trace.and_then(|trace| Some((TRACESTATE, trace.tracestate.as_deref()?)));
    own.chain(traceparent).chain(tracestate).collect()
}

/// `version-trace_id-parent_id-flags` in lower-case hexadecimal digits. Later versions may append fields.
fn is_traceparent(text: &str) -> bool {
    let mut parts = text.splitn(5, '-');
    let mut hex = |length| {
        let is_hex = |text: &&str| text.len() == length && text.bytes().all(is_lower_hex);
        parts.next().filter(is_hex)
    };
    let (Some(version), Some(trace), Some(parent), Some(_flags)) = (hex(2), hex(32), hex(16), hex(2)) else {
        return false;
    };
    let is_zero = |text: &str| text.bytes().all(|byte| byte == b'0');
    let ends = match version {
        "ff" => false,
        "00" => parts.next().is_none(),
        _later => true,
    };
    ends && !is_zero(trace) && !is_zero(parent)
}

/// The list from one or several field lines. `None`: it is empty or invalid.
fn tracestate(fields: &HeaderMap) -> Option<Cow<'_, str>> {
    let mut texts = Vec::new();
    for value in fields.get_all(TRACESTATE) {
        texts.push(value.to_str().ok()?);
    }
    let list = match texts.as_slice() {
        [one] => Cow::Borrowed(*one),
        several => Cow::Owned(several.join(",")),
    };
    let members = list.split(',').map(|member| member.trim_matches([' ', '\t']));
    let mut keys = Vec::new();
    for member in members.filter(|member| !member.is_empty()) {
        let (key, value) = member.split_once('=')?;
        if !is_key(key) || !is_value(value) || keys.contains(&key) || keys.len() == MAX_MEMBERS {
            return None;
        }
        keys.push(key);
    }
    let any = !keys.is_empty();
    any.then_some(list)
}

/// `vendor`, or `tenant@vendor`.
fn is_key(key: &str) -> bool {
    let is_name = |name: &str, first: fn(u8) -> bool, most: usize| {
        let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/".contains(&byte);
        name.len() <= most && name.bytes().next().is_some_and(first) && name.bytes().all(rest)
    };
    let letter: fn(u8) -> bool = |byte| byte.is_ascii_lowercase();
    let letter_or_digit: fn(u8) -> bool = |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    match key.split_once('@') {
        None => is_name(key, letter, 256),
        Some((tenant, vendor)) => is_name(tenant, letter_or_digit, 241) && is_name(vendor, letter, 14),
    }
}

/// 1 to 256 characters of printable ASCII without `,` and `=`, not ending with a space.
fn is_value(value: &str) -> bool {
    let fits = |byte: u8| matches!(byte, b' '..=b'~') && !b",=".contains(&byte);
    (1..=256).contains(&value.len()) && value.bytes().all(fits) && !value.ends_with(' ')
}

const fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn fields(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |&(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        let mut fields = HeaderMap::new();
        pairs.iter().map(pair).for_each(|(name, value)| {
            fields.append(name, value);
        });
        fields
    }

    #[test]
    fn an_invalid_traceparent_is_ignored() {
        let rows = [
            (VALID, true),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", true),
            ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future", true),
            ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", false),
            ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.more", false),
            ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false),
            ("00-00000000000000000000000000000000-b7ad6b7169203331-01", false),
            ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false),
            ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false),
            ("00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01", false),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1", false),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", false),
            ("0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false),
            ("", false),
        ];
        for (given, expected) in rows {
            assert_eq!(TraceContext::of(&fields(&[(TRACEPARENT, given)])).is_some(), expected, "{given}");
        }
        assert_eq!(TraceContext::of(&fields(&[(TRACEPARENT, VALID), (TRACEPARENT, VALID)])), None);
        assert_eq!(TraceContext::of(&fields(&[(TRACESTATE, "a=1")])), None);
    }

    #[test]
    fn an_invalid_tracestate_is_ignored() {
        let many = |count: usize| (0..count).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
        let rows: &[(&[&str], Option<&str>)] = &[
            (&["rojo=00f067aa0ba902b7"], Some("rojo=00f067aa0ba902b7")),
            (&["rojo=1,congo=2"], Some("rojo=1,congo=2")),
            (&["rojo=1", "congo=2"], Some("rojo=1,congo=2")),
            (&["a=1, b=2 ,,"], Some("a=1, b=2 ,,")),
            (&["1tenant@vendor=x"], Some("1tenant@vendor=x")),
            (&[&many(32)], Some(&many(32))),
            (&[&many(33)], None),
            (&["a=1,a=2"], None),
            (&["1a=1"], None),
            (&["A=1"], None),
            (&["a"], None),
            (&["a="], None),
            (&["a=1=2"], None),
            (&["a=1", "B"], None),
            (&["", ","], None),
            (&[], None),
        ];
        for (given, expected) in rows {
            let states = given.iter().map(|state| (TRACESTATE, *state));
            let fields = fields(&[(TRACEPARENT, VALID)].into_iter().chain(states).collect::<Vec<_>>());
            let trace = TraceContext::of(&fields).unwrap();
            assert_eq!(trace.tracestate.as_deref(), *expected, "{given:?}");
        }
    }

    #[test]
    fn the_trace_context_replaces_user_properties_of_its_names_and_comes_last() {
        let sent = UserProperties::from_iter([("a", "1"), (TRACEPARENT, "x"), ("a", "2"), (TRACESTATE, "y")]);
        let fields = fields(&[(TRACEPARENT, VALID), (TRACESTATE, "k=v")]);
        let trace = TraceContext::of(&fields);
        let with = put(trace.as_ref(), &sent);
        let expected = [("a", "1"), ("a", "2"), (TRACEPARENT, VALID), (TRACESTATE, "k=v")];
        assert_eq!(with.iter().collect::<Vec<_>>(), expected);
        assert_eq!(put(None, &sent).iter().collect::<Vec<_>>(), [("a", "1"), ("a", "2")]);
    }
}
