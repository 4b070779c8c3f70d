//! Sessions of clients, from the header field that names the client to the metrics.

mod support;

use mqtt_sessions::config::ClientLogin;
use postmqtt_bridge::cli::Settings;
use rumqttc::v5::mqttbytes::v5::Packet;

use scripted_broker::{CONNACK, Peer, ScriptedBroker, connack_refused, soon};

use support::{Running, connected, per_client};

/// A bridge whose messages go over the sessions of clients, and its own session.
async fn of_clients_with(broker: &ScriptedBroker, change: impl FnOnce(&mut Settings)) -> (Running, Peer) {
    connected(broker, |settings| {
        settings.mqtt.sessions = per_client(|_| {});
        change(settings);
    })
    .await
}

/// The field of the edge.
fn of(client: &str) -> String {
    format!("x-mqtt-client-id: {client}\r\n")
}

// === impl Running ===

impl Running {
    /// The series about clients, and about refusals, whose numbers are not 0.
    async fn moved(&self) -> Vec<String> {
        let metrics = self.get("/metrics").await;
        assert_eq!(metrics.status, 200);
        let series = metrics.body.lines().filter_map(|line| line.strip_prefix("postmqtt_bridge_"));
        let about = |line: &&str| line.starts_with("client_") || line.starts_with("refusals_");
        series.filter(about).filter(|line| !line.ends_with(" 0")).map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn the_header_field_of_the_edge_names_the_client() {
    let broker = ScriptedBroker::start().await;
    let (bridge, _own) = of_clients_with(&broker, |_| {}).await;
    for (field, client) in [("pump-7", "pump-7"), ("urn%3Adevice%3A%C3%A4%2C%2F8", "urn:device:ä,/8")] {
        let task = bridge.post("topic=a", &of(field), "x");
        let mut peer = broker.accept(CONNACK).await;
        assert_eq!(peer.connect.client_id, client);
        let sent = peer.publish().await;
        peer.acknowledge(&sent).await;
        assert_eq!(soon(task).await.unwrap().status, 204);
    }
}

#[tokio::test]
async fn a_request_without_a_valid_client_is_not_published_and_the_edge_is_at_fault() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut own) = of_clients_with(&broker, |_| {}).await;
    let long = of(&"x".repeat(257));
    let rows = ["", &of("a").repeat(2), &of("a,b"), &of(""), &of("%"), &of("%00"), &of("%ff"), &long];
    for fields in rows {
        for query in ["topic=a", "topic=a&qos=0", "topic=a&dry-run=1"] {
            let answer = soon(bridge.post(query, fields, "x")).await.unwrap();
            assert_eq!((answer.status, answer.code().as_str()), (500, "UnidentifiedClient"), "{fields:?}");
        }
    }
    assert!(own.is_quiet().await && broker.is_left_alone().await);
    let refused = format!("refusals_total{{code=\"UnidentifiedClient\"}} {}", 3 * rows.len());
    assert_eq!(bridge.moved().await, [refused.as_str(), "client_sessions_limit 100"]);
    // What the client got wrong is still the client's.
    let answer = soon(bridge.post("topic=a&qos=2", "", "x")).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (400, "InvalidQos"));
}

#[tokio::test]
async fn with_shared_sessions_the_header_field_is_ignored() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |_| {}).await;
    for fields in [of("a"), of("a").repeat(2), of("%ff")] {
        let task = bridge.post("topic=a", &fields, "x");
        let sent = peer.publish().await;
        peer.acknowledge(&sent).await;
        assert_eq!(soon(task).await.unwrap().status, 204);
    }
    assert!(broker.is_left_alone().await);
}

#[tokio::test]
async fn the_bridge_is_ready_while_its_shared_session_is_connected() {
    let broker = ScriptedBroker::start().await;
    let (bridge, own) = of_clients_with(&broker, |_| {}).await;
    let task = bridge.post("topic=a", &of("refused"), "x");
    drop(broker.accept(&[0x20, 3, 0, 0x87, 0]).await);
    let answer = soon(task).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (502, "BrokerLoginFailed"));
    assert_eq!(bridge.get("/readyz").await.status, 200);

    let task = bridge.post("topic=a", &of("a"), "x");
    let mut peer = broker.accept(CONNACK).await;
    let sent = peer.publish().await;
    peer.acknowledge(&sent).await;
    assert_eq!(soon(task).await.unwrap().status, 204);
    drop((own, broker));
    let status = async {
        while bridge.get("/readyz").await.status != 503 {
            tokio::task::yield_now().await;
        }
    };
    soon(status).await;
}

#[tokio::test]
async fn the_fate_of_a_clients_session_changes_its_own_series_only() {
    let broker = ScriptedBroker::start().await;
    let (bridge, _own) = of_clients_with(&broker, |settings| {
        settings.mqtt.sessions = per_client(|sessions| sessions.limit = 1);
    })
    .await;
    let mut peers = Vec::new();
    for client in ["a", "b"] {
        let task = bridge.post("topic=a", &of(client), "x");
        let mut peer = broker.accept(CONNACK).await;
        let sent = peer.publish().await;
        peer.acknowledge(&sent).await;
        assert_eq!(soon(task).await.unwrap().status, 204);
        peers.push(peer);
    }
    let expected = [
        "client_connects_total{outcome=\"accepted\"} 2",
        "client_disconnects_total{reason=\"room\"} 1",
        "client_sessions 1",
        "client_sessions_connected 1",
        "client_sessions_limit 1",
    ];
    let moved = async {
        // The session that made room goes after its connection.
        while bridge.moved().await != expected {
            tokio::task::yield_now().await;
        }
    };
    soon(moved).await;
}

#[tokio::test]
async fn a_bridge_that_stops_answers_every_client_and_then_disconnects() {
    let broker = ScriptedBroker::start().await;
    let (bridge, own) = of_clients_with(&broker, |_| {}).await;
    let (mut peers, mut under_way) = (Vec::new(), Vec::new());
    for client in ["a", "b", "c"] {
        under_way.push(bridge.post("topic=a", &of(client), "x"));
        let mut peer = broker.accept(CONNACK).await;
        let sent = peer.publish().await;
        peers.push((peer, sent));
    }
    // This one has still to connect.
    under_way.push(bridge.post("topic=a", &of("d"), "x"));
    let mut last = broker.accept(&[]).await;

    bridge.stop.cancel();
    for (peer, sent) in &mut peers {
        peer.acknowledge(sent).await;
    }
    last.send(CONNACK).await;
    let sent = last.publish().await;
    last.acknowledge(&sent).await;
    for task in under_way {
        assert_eq!(soon(task).await.unwrap().status, 204);
    }
    let peers = peers.into_iter().map(|(peer, _)| peer).chain([own, last]);
    for mut peer in peers {
        assert!(matches!(peer.packet().await, Some(Packet::Disconnect(_))));
        assert_eq!(peer.packet().await, None);
    }
    soon(bridge.task).await.unwrap();
}

#[tokio::test]
async fn with_own_logins_the_bearer_token_is_the_password_and_its_refusal_is_the_clients_answer() {
    let broker = ScriptedBroker::start().await;
    let own = |settings: &mut Settings| {
        settings.mqtt.sessions = per_client(|clients| clients.login = ClientLogin::Own);
    };
    let (bridge, _own) = of_clients_with(&broker, own).await;
    let with = |client: &str, token: &str| format!("{}authorization: Bearer {token}\r\n", of(client));

    let task = bridge.post("topic=a", &with("pump", "t0ken"), "x");
    let mut peer = broker.accept(CONNACK).await;
    let login = peer.login.as_ref().unwrap();
    assert_eq!((login.username.as_str(), login.password.as_str()), ("pump", "t0ken"));
    let sent = peer.publish().await;
    peer.acknowledge(&sent).await;
    assert_eq!(soon(task).await.unwrap().status, 204);

    // The Reason Code of the CONNACK, and the answer.
    let rows = [
        (0x86, 401, "Unauthenticated", Some("Bearer")),
        (0x87, 403, "NotAuthorized", None),
        (0x8C, 502, "BrokerLoginFailed", None),
    ];
    for (reason_code, status, code, challenge) in rows {
        let task = bridge.post("topic=a", &with(&format!("client-{reason_code}"), "t0ken"), "x");
        drop(broker.accept(&connack_refused(reason_code, "because")).await);
        let answer = soon(task).await.unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (status, code));
        assert_eq!(answer.field("www-authenticate"), challenge);
        assert!(
            answer.body.contains("because")
                && answer.body.contains(&format!("\"mqttReasonCode\":{reason_code}"))
        );
        assert!(!answer.body.contains("t0ken"));
    }

    let answer = soon(bridge.post("topic=a", &of("pump"), "x")).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (500, "UnidentifiedClient"));
    assert!(!bridge.get("/metrics").await.body.contains("t0ken"));
}
