//! Sessions that a real broker has no room for.

use std::net::{Ipv4Addr, TcpStream};

use end_to_end::{Edge, Protocol, Request, Subscriber, eventually};
use rig::stack::Mosquitto;

const CONNECTIONS: &str = "postmqtt_bridge_broker_connections{broker=\"0\"} ";

fn connections(edge: &Edge) -> Option<usize> {
    edge.bridge_metrics(0).lines().find_map(|line| line.strip_prefix(CONNECTIONS)?.parse().ok())
}

#[test]
fn while_mosquitto_has_no_room_for_a_session_its_topics_use_the_others() {
    // A subscriber, a guest and three sessions, or four: 2.0.11 subtracts a client that leaves before CONNECT twice.
    let mosquitto = Mosquitto::new().setting("max_connections 5");
    let (_broker, port) = mosquitto.start("test-refused-sessions").expect("a broker");
    let subscriber = Subscriber::new(port, &["#"]);
    let guest = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a connection");
    let edge = Edge::start("refused-sessions", |stack| {
        stack.foreign_broker(port).bridge_argument("--sessions").bridge_argument("8")
    });
    let topics: Vec<_> = (0..20).map(|number| edge.topic(&number.to_string())).collect();
    // Until its first attempt has failed, a session keeps its topics waiting.
    for topic in &topics {
        eventually("204", || (edge.send(Request::publish(topic).body("wait")).status == 204).then_some(()));
    }

    let few = connections(&edge).expect("a series");
    assert!((1..8).contains(&few), "{few}");

    let mut sent = Vec::new();
    let mut publish_to_all = || {
        for topic in &topics {
            let payload = sent.len().to_string();
            edge.send(Request::publish(topic).body(payload.clone())).expect_published(204);
            sent.push((topic.clone(), payload));
        }
    };
    publish_to_all();
    assert_eq!(connections(&edge), Some(few));
    let ready = edge.bridge(Protocol::Http1).send(Request::post("/readyz").method("GET").without_token());
    assert_eq!(ready.status, 200);
    drop(guest);
    eventually("one session more", || {
        publish_to_all();
        (connections(&edge) > Some(few)).then_some(())
    });
    publish_to_all();

    let mut received = Vec::new();
    while received.len() < sent.len() {
        let message = subscriber.next();
        if message.payload != b"wait" {
            received.push((message.topic.clone(), message.text()));
        }
    }
    // One request after the other: the topic's order, with none missing and none twice.
    for topic in &topics {
        let of_topic = |messages: &[(String, String)]| -> Vec<String> {
            let own = messages.iter().filter(|(name, _)| name == topic);
            own.map(|(_, payload)| payload.clone()).collect()
        };
        assert_eq!(of_topic(&received), of_topic(&sent), "{topic}");
    }
}
