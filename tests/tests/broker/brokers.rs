//! A list of brokers: two Mosquittos that know nothing of each other, of which one is away now and then.

use std::time::{Duration, Instant};

use end_to_end::{Edge, Message, Request, Subscriber, eventually};
use rig::stack::Mosquitto;

/// Publishing goes on within this time. A machine that does other things as well is slow.
const SOON: Duration = Duration::from_secs(2);

/// The connections to the first and the second broker.
fn connections(edge: &Edge) -> [String; 2] {
    let metrics = edge.bridge_metrics(0);
    ["0", "1"].map(|place| {
        let series = format!("postmqtt_bridge_broker_connections{{broker=\"{place}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&series)).expect("a series").to_owned()
    })
}

fn wait_for(edge: &Edge, expected: [&str; 2]) {
    eventually(&format!("connections {expected:?}"), || (connections(edge) == expected).then_some(()));
}

#[test]
fn sessions_are_spread_over_two_brokers_and_go_to_the_other_when_theirs_is_away() {
    let (first, first_port) = Mosquitto::new().start("test-brokers-first").expect("a broker");
    let (second, second_port) = Mosquitto::new().start("test-brokers-second").expect("a broker");
    let url = format!("mqtt://127.0.0.1:{first_port},mqtt://127.0.0.1:{second_port}");
    let edge = Edge::start("brokers", |stack| {
        stack.foreign_broker_at(url).bridge_argument("--sessions").bridge_argument("4")
    });
    wait_for(&edge, ["2", "2"]);
    let topics: Vec<_> = (0..20).map(|number| edge.topic(&number.to_string())).collect();
    let publish_to_all = |body: &'static str| {
        let start = Instant::now();
        for topic in &topics {
            eventually("204 or 202", || {
                let status = edge.send(Request::publish(topic).body(body)).status;
                matches!(status, 204 | 202).then_some(())
            });
        }
        start.elapsed()
    };
    publish_to_all("both");

    let at_second = Subscriber::new(second_port, &["#"]);
    first.kill();
    let without_first = publish_to_all("second");
    wait_for(&edge, ["0", "4"]);
    assert!(without_first < SOON, "{without_first:?}");
    let mut received: Vec<_> = at_second.next_many(20).into_iter().map(|message| message.topic).collect();
    received.sort_unstable();
    let mut expected = topics.clone();
    expected.sort_unstable();
    assert_eq!(received, expected);

    // Sessions stay where they are for minutes, or until that broker is away.
    first.start().expect("the broker starts again");
    let at_first = Subscriber::new(first_port, &["#"]);
    publish_to_all("still second");
    assert_eq!(connections(&edge), ["0", "4"]);
    second.stop();
    let without_second = publish_to_all("first");
    wait_for(&edge, ["4", "0"]);
    assert!(without_second < SOON, "{without_second:?}");
    assert!(at_first.next_many(20).iter().map(Message::text).all(|text| text == "first"));
    println!("20 topics after kill: {without_first:?}, after stop: {without_second:?}");
}

#[test]
fn sessions_return_to_a_broker_that_was_killed_and_every_request_is_answered_2xx() {
    let (first, first_port) = Mosquitto::new().start("test-return-first").expect("a broker");
    let (_second, second_port) = Mosquitto::new().start("test-return-second").expect("a broker");
    let url = format!("mqtt://127.0.0.1:{first_port},mqtt://127.0.0.1:{second_port}");
    let edge = Edge::start("brokers-return", |stack| {
        let stack = stack.bridge_argument("--sessions").bridge_argument("4");
        stack.foreign_broker_at(url).bridge_argument("--broker-return").bridge_argument("1s")
    });
    wait_for(&edge, ["2", "2"]);
    first.kill();
    wait_for(&edge, ["0", "4"]);
    first.start().expect("the broker starts again");
    let subscribers = [first_port, second_port].map(|port| Subscriber::new(port, &["#"]));

    let topics: Vec<_> = (0..20).map(|number| edge.topic(&number.to_string())).collect();
    let mut sent = 0..;
    eventually("the sessions to return", || {
        for topic in &topics {
            let number = sent.next().unwrap_or(0).to_string();
            edge.send(Request::publish(topic).body(number)).expect_published(204);
        }
        (connections(&edge) == ["2", "2"]).then_some(())
    });
    for topic in &topics {
        edge.send(Request::publish(topic).body("end")).expect_published(204);
    }
    // Each broker gets some of them, after all others.
    let received = subscribers.each_ref().map(|subscriber| subscriber.until(b"end"));
    let mut numbers: Vec<usize> =
        received.iter().flatten().map(|message| message.text().parse().expect("a number")).collect();
    assert!(received.iter().all(|messages| !messages.is_empty()));
    numbers.sort_unstable();
    assert_eq!(numbers, (0..sent.start).collect::<Vec<_>>());
}
