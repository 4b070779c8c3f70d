//! `/metrics`: each series changes with its own event only.

mod support;

use scripted_broker::{CONNACK_SESSION_PRESENT, ScriptedBroker, soon};

use support::{Answer, Running, connected};

// === impl Running ===

impl Running {
    async fn metrics(&self) -> Answer {
        let answer = self.get("/metrics").await;
        assert_eq!(answer.status, 200);
        answer
    }
}

// === impl Answer ===

impl Answer {
    /// The number of a series, named with its labels.
    fn number(&self, series: &str) -> u64 {
        let number = self.body.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{series} in {}", self.body))
    }

    /// The series whose numbers are not 0, without the sums of times and what is set once.
    fn moved(&self) -> Vec<&str> {
        let still = ["_sum ", "_bucket{", "_limit ", "sessions_", "_broker_connections{"];
        let series = self.body.lines().filter(|line| !line.starts_with('#') && !line.ends_with(" 0"));
        series.filter(|line| !still.iter().any(|part| line.contains(part))).collect()
    }
}

#[tokio::test]
async fn every_series_of_a_new_bridge_is_zero() {
    let broker = ScriptedBroker::start().await;
    let (bridge, _peer) = connected(&broker, |_| {}).await;
    let metrics = bridge.metrics().await;
    let expected = Some("application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert_eq!(metrics.field("content-type"), expected);
    assert!(metrics.body.ends_with("# EOF\n"), "{}", metrics.body);
    assert_eq!(metrics.moved(), [""; 0]);
    let rows = [
        ("postmqtt_bridge_publishes_total{qos=\"0\",reason_code=\"none\"}", 0),
        ("postmqtt_bridge_publishes_total{qos=\"1\",reason_code=\"0\"}", 0),
        ("postmqtt_bridge_publishes_total{qos=\"1\",reason_code=\"135\"}", 0),
        ("postmqtt_bridge_refusals_total{code=\"InvalidQos\"}", 0),
        ("postmqtt_bridge_publish_seconds_bucket{le=\"0.0005\"}", 0),
        ("postmqtt_bridge_publish_seconds_bucket{le=\"+Inf\"}", 0),
        ("postmqtt_bridge_publish_seconds_count", 0),
        ("postmqtt_bridge_reconnects_total", 0),
        ("postmqtt_bridge_session_renewals_total", 0),
        ("postmqtt_bridge_sessions_connected", 1),
        ("postmqtt_bridge_sessions_configured", 1),
        ("postmqtt_bridge_stale_files", 0),
        ("postmqtt_bridge_broker_connections{broker=\"0\"}", 1),
        ("postmqtt_bridge_broker_connections{broker=\"redirected\"}", 0),
        ("postmqtt_bridge_in_flight_messages", 0),
        ("postmqtt_bridge_overdue_messages", 0),
        ("postmqtt_bridge_replies_total{outcome=\"delivered\"}", 0),
        ("postmqtt_bridge_replies_total{outcome=\"dropped\"}", 0),
        ("postmqtt_bridge_retained_reads_total{outcome=\"answered\"}", 0),
        ("postmqtt_bridge_retained_reads_total{outcome=\"missing\"}", 0),
        ("postmqtt_bridge_waiting_requests", 0),
        ("postmqtt_bridge_waiting_requests_limit", 0),
        ("postmqtt_bridge_in_flight_messages_limit", 100),
        ("postmqtt_bridge_in_flight_bytes", 0),
        ("postmqtt_bridge_in_flight_bytes_limit", 10_485_760),
    ];
    for (series, expected) in rows {
        assert_eq!(metrics.number(series), expected, "{series}");
    }
}

#[tokio::test]
async fn the_outcome_of_a_request_changes_its_own_series_only() {
    const TIMED: &str = "postmqtt_bridge_publish_seconds_count 1";
    // The query, what the broker says to it, and what moved.
    let rows: &[(&str, Option<u8>, &[&str])] = &[
        (
            "topic=a&qos=0",
            None,
            &["postmqtt_bridge_publishes_total{qos=\"0\",reason_code=\"none\"} 1", TIMED],
        ),
        ("topic=a", Some(0x00), &["postmqtt_bridge_publishes_total{qos=\"1\",reason_code=\"0\"} 1", TIMED]),
        ("topic=a", Some(0x10), &["postmqtt_bridge_publishes_total{qos=\"1\",reason_code=\"16\"} 1", TIMED]),
        (
            "topic=a",
            Some(0x87),
            &[
                "postmqtt_bridge_publishes_total{qos=\"1\",reason_code=\"135\"} 1",
                "postmqtt_bridge_refusals_total{code=\"NotAuthorized\"} 1",
                TIMED,
            ],
        ),
        (
            "topic=a",
            Some(0xFE),
            &[
                "postmqtt_bridge_publishes_total{qos=\"1\",reason_code=\"254\"} 1",
                "postmqtt_bridge_refusals_total{code=\"BrokerProtocolError\"} 1",
                TIMED,
            ],
        ),
        ("topic=a&qos=2", None, &["postmqtt_bridge_refusals_total{code=\"InvalidQos\"} 1"]),
        ("topic=a%2B", None, &["postmqtt_bridge_refusals_total{code=\"TopicWildcard\"} 1"]),
        ("topic=a&dry-run=1", None, &[]),
    ];
    for (query, says, moved) in rows {
        let broker = ScriptedBroker::start().await;
        let (bridge, mut peer) = connected(&broker, |_| {}).await;
        let task = bridge.post(query, "", "x");
        if let Some(reason_code) = says {
            let sent = peer.publish().await;
            peer.refuse(&sent, *reason_code, "").await;
        }
        let answer = soon(task).await.unwrap();
        assert_eq!(bridge.metrics().await.moved(), *moved, "{query}, {says:?}: {answer:?}");
    }
}

#[tokio::test]
async fn health_checks_are_not_counted() {
    let broker = ScriptedBroker::start().await;
    let (bridge, _peer) = connected(&broker, |_| {}).await;
    for path in ["/healthz", "/readyz", "/metrics", "/elsewhere"] {
        assert!(bridge.get(path).await.status >= 200);
    }
    assert_eq!(bridge.metrics().await.moved(), [""; 0]);
}

#[tokio::test]
async fn a_message_is_in_flight_until_the_broker_acknowledges_it() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |_| {}).await;
    let task = bridge.post("topic=a", "", "0123456789");
    let sent = peer.publish().await;
    let meanwhile = bridge.metrics().await;
    assert_eq!(meanwhile.number("postmqtt_bridge_in_flight_messages"), 1);
    assert!(meanwhile.number("postmqtt_bridge_in_flight_bytes") >= 10);
    peer.acknowledge(&sent).await;
    soon(task).await.unwrap();
    let afterwards = bridge.metrics().await;
    assert_eq!(afterwards.number("postmqtt_bridge_in_flight_messages"), 0);
    assert_eq!(afterwards.number("postmqtt_bridge_in_flight_bytes"), 0);
}

#[tokio::test]
async fn a_reconnect_is_counted() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |_| {}).await;
    let task = bridge.post("topic=a", "", "x");
    let _unanswered = peer.publish().await;
    drop(peer);
    let mut peer = broker.accept(CONNACK_SESSION_PRESENT).await;
    let again = peer.publish().await;
    peer.acknowledge(&again).await;
    assert_eq!(soon(task).await.unwrap().status, 204);
    let metrics = bridge.metrics().await;
    assert_eq!(metrics.number("postmqtt_bridge_reconnects_total"), 1);
    assert_eq!(metrics.number("postmqtt_bridge_sessions_connected"), 1);
}
