//! The trace context of a request in the published message.

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use scripted_broker::{ScriptedBroker, soon};

use support::connected;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The field with User Properties, as a client sends it.
fn properties(pairs: &[(&str, &str)]) -> String {
    let objects: Vec<_> = pairs.iter().map(|(name, value)| serde_json::json!({ *name: value })).collect();
    format!("mqtt-user-properties: {}\r\n", STANDARD.encode(serde_json::to_vec(&objects).unwrap()))
}

#[tokio::test]
async fn with_trace_context_the_header_fields_become_user_properties() {
    let traceparent = format!("traceparent: {TRACE}\r\n");
    let own = properties(&[("a", "1"), ("traceparent", "forged"), ("tracestate", "forged"), ("b", "2")]);
    // Whether it is switched on, the fields, and the User Properties that the broker gets.
    let rows: &[(bool, String, &[(&str, &str)])] = &[
        (false, traceparent.clone(), &[]),
        (
            false,
            format!("{traceparent}{own}"),
            &[("a", "1"), ("traceparent", "forged"), ("tracestate", "forged"), ("b", "2")],
        ),
        (true, traceparent.clone(), &[("traceparent", TRACE)]),
        (true, format!("{traceparent}{own}"), &[("a", "1"), ("b", "2"), ("traceparent", TRACE)]),
        (
            true,
            format!("{traceparent}tracestate: x=1\r\ntracestate: y=2\r\n"),
            &[("traceparent", TRACE), ("tracestate", "x=1,y=2")],
        ),
        (true, format!("{traceparent}tracestate: X=1\r\n"), &[("traceparent", TRACE)]),
        (true, format!("{traceparent}{traceparent}tracestate: x=1\r\n"), &[]),
        (true, format!("traceparent: 00-0-0-0\r\n{own}"), &[("a", "1"), ("b", "2")]),
        (true, String::new(), &[]),
    ];
    for (switched_on, fields, expected) in rows {
        let broker = ScriptedBroker::start().await;
        let (bridge, mut peer) =
            connected(&broker, |settings| settings.http.trace_context = *switched_on).await;
        let task = bridge.post("topic=a", fields, "x");
        let sent = peer.publish().await;
        peer.acknowledge(&sent).await;
        assert_eq!(soon(task).await.unwrap().status, 204);
        let seen = sent.properties.map(|properties| properties.user_properties).unwrap_or_default();
        let seen: Vec<_> = seen.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(seen, *expected, "{switched_on}, {fields}");
    }
}

#[tokio::test]
async fn the_limit_of_user_properties_includes_the_trace_context() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |settings| {
        settings.http.trace_context = true;
        settings.rules.limits.user_properties_bytes = "traceparent".len() + TRACE.len() + 4;
    })
    .await;
    let fields = |value: &str| format!("traceparent: {TRACE}\r\n{}", properties(&[("a", value)]));
    let refused = bridge.post("topic=a", &fields("1234"), "x");
    assert_eq!(soon(refused).await.unwrap().code(), "UserPropertiesTooLarge");
    let task = bridge.post("topic=a", &fields("123"), "x");
    let sent = peer.publish().await;
    peer.acknowledge(&sent).await;
    assert_eq!(soon(task).await.unwrap().status, 204);
}

#[tokio::test]
async fn a_dry_run_shows_the_trace_context() {
    let broker = ScriptedBroker::start().await;
    let (bridge, _peer) = connected(&broker, |settings| settings.http.trace_context = true).await;
    let answer = soon(bridge.post("topic=a&dry-run=1", &format!("traceparent: {TRACE}\r\n"), "x"));
    let answer = answer.await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains(TRACE), "{answer:?}");
}
