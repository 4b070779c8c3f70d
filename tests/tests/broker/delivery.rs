//! Many messages: none is lost, none comes twice, and one topic's messages keep their order.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use end_to_end::{Connection, Edge, Endpoint, Link, Message, Protocol, Request, block_on, eventually, spawn};
use rig::stack::Mosquitto;

/// How many requests are under way at a time.
const AT_A_TIME: usize = 64;

/// Publishes messages 0 to `count` over [`AT_A_TIME`] connections, and returns the statuses.
fn publish_all(endpoints: &[Endpoint], count: usize, request: fn(usize) -> Request) -> Vec<u16> {
    let next = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..AT_A_TIME)
        .map(|worker| {
            let (endpoint, next) = (endpoints[worker % endpoints.len()].clone(), Arc::clone(&next));
            spawn(async move {
                let mut connection = endpoint.connect().await;
                let mut statuses = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return statuses;
                    }
                    statuses.push(send(&mut connection, request(number)).await);
                }
            })
        })
        .collect();
    block_on(async {
        let mut statuses = Vec::new();
        for worker in workers {
            statuses.extend(worker.await.expect("sending does not panic"));
        }
        statuses
    })
}

async fn send(connection: &mut Connection, request: Request) -> u16 {
    connection.send(request).await.expect("an answer").status
}

fn numbers(messages: &[Message]) -> Vec<usize> {
    messages.iter().map(|message| message.text().parse().expect("a number")).collect()
}

#[test]
fn five_thousand_messages_at_64_at_a_time_arrive_once_each() {
    const COUNT: usize = 5_000;
    let edge = Edge::start("many", |stack| stack.mosquitto(Mosquitto::new()));
    let subscriber = edge.subscribe_to(&["many/#"]);
    let endpoints = Protocol::ALL.map(|protocol| edge.at(protocol));
    let statuses = publish_all(&endpoints, COUNT, |number| {
        let request = Request::publish(&format!("many/{}", number % 97)).body(number.to_string());
        // A Payload Format Indicator of 1 takes the other way through the filter.
        request.header("mqtt-payload-format-indicator", (number % 2).to_string())
    });
    assert_eq!(statuses, [204; COUNT]);
    let mut received = numbers(&subscriber.next_many(COUNT));
    received.sort_unstable();
    assert_eq!(received, (0..COUNT).collect::<Vec<_>>());
    assert_eq!(edge.published_until_now(&subscriber, "many/last"), []);
}

#[test]
fn many_messages_arrive_once_each_through_two_bridges_and_the_demonstrations_broker() {
    const COUNT: usize = 1_000;
    let edge = Edge::start("demonstration", |stack| stack.bridges(2));
    let subscriber = edge.subscribe_to(&["many/#"]);
    let statuses = publish_all(&[edge.at(Protocol::Http2)], COUNT, |number| {
        Request::publish(&format!("many/{}", number % 97)).body(number.to_string())
    });
    assert_eq!(statuses, [204; COUNT]);
    let mut received = numbers(&subscriber.next_many(COUNT));
    received.sort_unstable();
    assert_eq!(received, (0..COUNT).collect::<Vec<_>>());
}

#[test]
fn the_messages_of_one_topic_arrive_in_the_order_of_their_answers() {
    const COUNT: usize = 1_000;
    let edge = Edge::start("order", |stack| stack.mosquitto(Mosquitto::new()).bridges(2));
    let subscriber = edge.subscribe_to(&["order/#"]);
    block_on(async {
        // Each over a connection of another protocol: the order is the topic's, not a connection's.
        let mut connections = Vec::new();
        for protocol in Protocol::ALL {
            connections.push(edge.at(protocol).connect().await);
        }
        for number in 0..COUNT {
            let qos = if number % 3 == 0 { "0" } else { "1" };
            let request = Request::publish("order/a").header("mqtt-qos", qos).body(number.to_string());
            let status = send(&mut connections[number % 4], request).await;
            assert_eq!(status, if qos == "0" { 202 } else { 204 });
        }
    });
    assert_eq!(numbers(&subscriber.next_many(COUNT)), (0..COUNT).collect::<Vec<_>>());
}

#[test]
fn large_messages_under_way_at_once_arrive_whole() {
    const COUNT: usize = 128;
    let edge = Edge::start("large", |stack| stack.mosquitto(Mosquitto::new()));
    let subscriber = edge.subscribe_to(&["large/#"]);
    let endpoints = [edge.at(Protocol::Http1), edge.at(Protocol::Http2)];
    let statuses = publish_all(&endpoints, COUNT, |number| {
        let payload = vec![b'a' + (number % 26) as u8; 512 * 1024 - number];
        let request = Request::publish(&format!("large/{number}")).body(payload);
        request.header("mqtt-payload-format-indicator", (number % 2).to_string())
    });
    assert_eq!(statuses, [204; COUNT]);
    for message in subscriber.next_many(COUNT) {
        let number: usize = message.topic.trim_start_matches("large/").parse().expect("a number");
        assert_eq!(message.payload, vec![b'a' + (number % 26) as u8; 512 * 1024 - number], "{number}");
    }
}

#[test]
fn what_was_answered_with_204_arrives_however_often_the_connection_to_the_broker_is_cut() {
    const COUNT: usize = 3_000;
    const CUTS: usize = 6;
    let broker = Edge::start("behind-the-link", |stack| stack.mosquitto(Mosquitto::new()));
    let subscriber = broker.subscribe_to(&["cut/#"]);
    let link = Link::to(broker.stack().mqtt_port());
    let edge = Edge::start("over-the-link", |stack| stack.foreign_broker(link.port()));
    let answered = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..AT_A_TIME)
        .map(|worker| {
            let (endpoint, answered) = (edge.at(Protocol::ALL[worker % 4]), Arc::clone(&answered));
            spawn(async move {
                let mut connection = endpoint.connect().await;
                let mut published = Vec::new();
                for number in (worker..COUNT).step_by(AT_A_TIME) {
                    let request = Request::publish(&format!("cut/{}", number % 31)).body(number.to_string());
                    let status = send(&mut connection, request).await;
                    assert!(matches!(status, 204 | 503 | 504), "{status}");
                    answered.fetch_add(1, Ordering::SeqCst);
                    published.extend((status == 204).then_some(number));
                }
                published
            })
        })
        .collect();
    for cut in 1..=CUTS {
        eventually("some more answers", || {
            (answered.load(Ordering::SeqCst) >= cut * COUNT / (CUTS + 2)).then_some(())
        });
        link.cut();
    }
    let published = block_on(async {
        let mut published = BTreeSet::new();
        for worker in workers {
            published.extend(worker.await.expect("sending does not panic"));
        }
        published
    });
    eventually("the bridge to be back", || {
        (edge.send(Request::publish("cut/back").body("0")).status == 204).then_some(())
    });
    let received = edge.published_until_now(&subscriber, "cut/last");
    let received: BTreeSet<_> = numbers(&received).into_iter().collect();
    let lost: Vec<_> = published.difference(&received).collect();
    assert_eq!(lost, [&0; 0], "of {} that were answered with 204", published.len());
    assert!(published.len() > COUNT / 2, "{} of {COUNT} were published", published.len());
}
