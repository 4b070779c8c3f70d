//! What the filter decides is what the protocol crate decides, compiled for this machine and called directly.

use http_publish::{
    Change, Decision, EDGE_ONLY, Limits, PayloadCheck, Problem, Purpose, RequestHead, Rules, read,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use wasm_host::{Fields, Host, LocalReply, Outcome, Request};

use super::configured;

const SMALL: &str = r#"{"clientId": {"from": "none"}, "limits": {"payloadBytes": 12}}"#;

type Pair = (Vec<u8>, Vec<u8>);

/// What is to become of a request.
#[derive(Debug, PartialEq)]
enum Fate {
    /// It goes on whole, with these fields.
    Sent(Fields),
    /// It is answered here, and this much of it has gone on before.
    Answered { reply: LocalReply, head_left: bool },
}

// === impl Fate ===

impl Fate {
    fn of(outcome: Outcome) -> Self {
        match (outcome.local_reply, outcome.upstream.fields) {
            (Some(reply), head) => {
                assert!(!outcome.upstream.is_whole, "what is answered here is never sent whole");
                Self::Answered { reply, head_left: head.is_some() }
            }
            (None, Some(fields)) if outcome.upstream.is_whole => Self::Sent(fields.sorted()),
            (None, head) => panic!("neither answered nor sent: {head:?}"),
        }
    }

    fn answered(status: u16, reason: &str, fields: Fields, body: Vec<u8>, head_left: bool) -> Self {
        let details = format!("postmqtt{{{reason}}}");
        Self::Answered { reply: LocalReply { status: status.into(), details, fields, body }, head_left }
    }

    fn refused(problem: &Problem, head: &RequestHead<'_>, head_left: bool) -> Self {
        let mut fields: Fields = problem.fields().map(|(name, value)| (name, value.into_owned())).collect();
        fields.extend(head.request_id().map(|id| ("x-request-id", id.as_str())));
        let body = problem.to_json(head.request_id());
        Self::answered(problem.status(), problem.code().as_str(), fields, body, head_left)
    }
}

/// What the protocol crate says about a request, of which the host shows one part after the other: the head, then chunks, then
/// trailers if there are some.
fn expected(fields: &Fields, chunks: &[Vec<u8>], has_trailers: bool, rules: &Rules) -> Fate {
    let mut sent = fields.clone();
    for name in EDGE_ONLY {
        sent.remove(name);
    }
    let head = RequestHead::from_fields(fields.iter());
    if !rules.is_publish(head.target()) {
        return Fate::Sent(sent.sorted());
    }
    let publish = match read(&head, rules) {
        Ok(publish) => publish,
        Err(problem) => return Fate::refused(&problem, &head, false),
    };
    let Ok(()) = publish.changes(&head, rules, |change| -> Result<(), std::convert::Infallible> {
        match change {
            Change::Set { name, value } => sent.set(name, value),
            Change::Remove { name } => sent.remove(name),
        }
        Ok(())
    });

    let none = Vec::new();
    let parts: Vec<_> = std::iter::once(&none).chain(chunks).chain(has_trailers.then_some(&none)).collect();
    let mut payload = PayloadCheck::of(&publish, &rules.limits);
    for (index, bytes) in parts.iter().enumerate() {
        let has_head_left = index > 0;
        let is_end = index + 1 == parts.len();
        let verdict = payload.push(bytes).and_then(|()| {
            // Over HTTP/1.1 an upstream has it all with the last announced byte.
            let is_announced = head.content_length().is_some_and(|length| payload.seen() >= length);
            if is_end || is_announced { payload.finish().map(|()| true) } else { Ok(false) }
        });
        match verdict {
            Err(problem) => return Fate::refused(&problem, &head, has_head_left),
            Ok(true) if publish.purpose == Purpose::DryRun => {
                let body = publish.to_dry_run_json(payload.seen(), Decision::default(), head.request_id());
                let mut fields = Fields::from_iter([("content-type", "application/json")]);
                fields.extend(head.request_id().map(|id| ("x-request-id", id.as_str())));
                return Fate::answered(200, "DryRun", fields, body, has_head_left);
            }
            Ok(_) => {}
        }
    }
    Fate::Sent(sent.sorted())
}

/// Texts of which most are right.
fn mostly(right: &'static str, other: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![12 => right, 1 => other]
}

/// Targets that are nearly right, so that most reach the rules behind the path.
fn target() -> impl Strategy<Value = Vec<u8>> {
    let parameter = prop_oneof![
        3 => mostly("qos=[01]", "q%6fs=[0-2]?"),
        2 => mostly("retain=[01]", "retain=.?"),
        2 => mostly("dry-run=[01]", "dry-run"),
        2 => mostly("api-version=2025-02-15-preview", "api-version=1"),
        1 => "[a-z%]{0,6}(=[a-z%]{0,3})?",
    ];
    let topic = mostly("(topic|%74opic)=([a-z/,]|%2F|%c3%a4){1,8}", "topic=([a-z$]|%2b|%00|\\+|%){0,4}");
    let query =
        (topic, vec(parameter, 0..3)).prop_map(|(topic, others)| format!("{}&{topic}", others.join("&")));
    let path = prop_oneof![20 => Just("/mqtt/messages"), 1 => Just("/mqtt/messages/"), 1 => Just("/")];
    prop_oneof![
        20 => (path, query).prop_map(|(path, query)| format!("{path}?{query}").into_bytes()),
        1 => vec(any::<u8>(), 0..24).prop_map(|tail| [b"/mqtt/messages?topic=", tail.as_slice()].concat()),
    ]
}

/// The fields of a head; each is there or not, and now and then one more that may be of any bytes or a repetition.
fn fields() -> impl Strategy<Value = Vec<Pair>> {
    let texts = [
        ("mqtt-qos", mostly("[01]", ".{0,2}").boxed()),
        ("mqtt-retain", mostly("[01]", ".{0,2}").boxed()),
        ("mqtt-payload-format-indicator", mostly("[01]", ".{0,2}").boxed()),
        ("mqtt-response-topic", mostly("([a-z/]|%2f|%C3%A4){1,6}", "[a+,%]{0,3}").boxed()),
        ("mqtt-correlation-data", mostly("([A-Za-z0-9_-]{4}){0,2}", "[A-Za-z0-9+/=]{0,8}").boxed()),
        (
            "mqtt-user-properties",
            mostly(
                r#"\[(\{"[a-c]{0,2}":"[!#-\[]{0,4}"\},){0,3}\{\} ?\]"#,
                r#"\[?(\{("a":("[ -~]{0,4}"|1),?){0,2}\},?){0,3}\]"#,
            )
            .boxed(),
        ),
        ("mqtt-message-expiry", mostly("0?[0-9]{1,3}", "-?[0-9]{0,12}").boxed()),
        ("content-type", mostly("[a-z]{1,4}/[a-z]{1,4}", ".{0,4}").boxed()),
        ("content-length", mostly("[0-9]", "[0-9]{2}").boxed()),
        ("x-request-id", mostly("[!-~]{1,6}", ".{0,4}").boxed()),
        ("x-mqtt-client-id", "[a-z]{0,4}".boxed()),
        ("x-mqtt-cluster", "[a-z]{0,4}".boxed()),
    ];
    let texts = texts.map(|(name, value)| option::weighted(0.3, value.prop_map(move |value| (name, value))));
    let odd = prop_oneof![
        ("mqtt-(qos|retain|response-topic|message-expiry)", vec(any::<u8>(), 0..12))
            .prop_map(|(name, value)| (name.into_bytes(), value)),
        (vec(any::<u8>(), 0..6), vec(any::<u8>(), 0..6)),
    ];
    (texts, option::weighted(0.2, odd)).prop_map(|(texts, odd)| {
        let texts = texts.into_iter().flatten();
        let texts = texts.map(|(name, value)| (name.as_bytes().to_vec(), value.into_bytes()));
        texts.chain(odd).collect()
    })
}

fn request() -> impl Strategy<Value = (Fields, Vec<Vec<u8>>)> {
    let method = prop_oneof![30 => Just("POST".to_owned()), 1 => "[A-Z]{0,4}"];
    let chunk = prop_oneof![
        8 => "[ -~\u{e4}\u{1f600}]{0,5}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..6),
    ];
    (method, target(), fields(), vec(chunk, 0..5)).prop_map(|(method, target, fields, chunks)| {
        let mut head = Fields::from_iter([(":method", method.as_bytes()), (":path", &target)]);
        head.extend(fields);
        (head, chunks)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_filter_decides_as_the_protocol_crate_does((fields, chunks) in request(), has_trailers: bool) {
        thread_local! {
            static HOST: Host = configured(SMALL);
        }
        let mut request = Request::from_head(fields.clone()).chunks(&chunks);
        if has_trailers {
            request = request.trailers(Fields::new());
        }
        let outcome = HOST.with(|host| host.send(&request)).unwrap();
        if outcome.local_reply.is_none() {
            prop_assert_eq!(&outcome.upstream.body, &chunks.concat());
        }
        let limits = Limits { payload_bytes: 12, ..Limits::default() };
        let rules = Rules { limits, ..Rules::default() };
        prop_assert_eq!(Fate::of(outcome), expected(&fields, &chunks, has_trailers, &rules));
    }
}
