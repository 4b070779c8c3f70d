//! What messages that the broker does not bear cost those of others.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use end_to_end::{AutomaticBroker, Edge, Protocol, Request, block_on, spawn};
use rig::stack::Mosquitto;
use tokio::time::interval;

/// Requests that several connections send, each one after the other.
#[derive(Clone, Copy)]
struct Load {
    /// The topic is this and a number.
    topics: fn(usize) -> String,
    connections: usize,
    /// How many each connection sends.
    requests: usize,
    /// How often each connection sends. A request that is late makes the next ones earlier.
    every: Duration,
}

/// How often each status was answered.
type Statuses = BTreeMap<u16, usize>;

/// 160 requests a second, for four seconds.
const OTHERS: Load = Load {
    topics: |number| format!("others/{}", number % 40),
    connections: 8,
    requests: 80,
    every: Duration::from_millis(50),
};

/// Of a thousand of the others, this number may fail.
const FAILURES_IN_1000: usize = 5;

// === impl Load ===

impl Load {
    /// Sends all requests.
    async fn send(self, edge: &Edge) -> Statuses {
        let connection = |number| {
            let endpoint = edge.at(Protocol::Http2);
            spawn(async move {
                let mut connection = endpoint.connect().await;
                let mut ticks = interval(self.every);
                let mut statuses = Vec::new();
                for request in 0..self.requests {
                    ticks.tick().await;
                    let topic = (self.topics)(number + request * self.connections);
                    statuses.push(connection.send(Request::publish(&topic)).await.unwrap().status);
                }
                statuses
            })
        };
        let connections: Vec<_> = (0..self.connections).map(connection).collect();
        let mut statuses = Statuses::new();
        for connection in connections {
            for status in connection.await.unwrap() {
                *statuses.entry(status).or_default() += 1;
            }
        }
        statuses
    }
}

/// Sends both, expects this status for each of the culprits, and few failures of the others.
fn expect_few_failures(edge: &Edge, culprits: Load, expected: u16) {
    let start = Instant::now();
    let (culprits, others) = block_on(async { tokio::join!(culprits.send(edge), OTHERS.send(edge)) });
    let took = start.elapsed();
    let count = |statuses: &Statuses| statuses.values().sum::<usize>();
    let published: usize = others.iter().filter(|(status, _)| **status < 300).map(|(_, count)| count).sum();
    let (sent, failed) = (count(&others), count(&others) - published);
    println!("{failed} of {sent} others failed, in {took:?}: {others:?}; culprits: {culprits:?}");
    assert_eq!(culprits.keys().collect::<Vec<_>>(), [&expected], "{culprits:?}");
    assert!(failed * 1000 < sent * FAILURES_IN_1000, "{failed} of {sent} others failed: {others:?}");
}

#[test]
fn messages_at_which_the_broker_hangs_up_do_not_fail_others() {
    let broker = AutomaticBroker::start();
    let edge = Edge::start("neighbours-hang-up", |stack| stack.foreign_broker(broker.port()));
    let four = Load {
        topics: |number| format!("culprit/{number}/hang-up"),
        connections: 1,
        requests: 4,
        every: Duration::from_millis(1),
    };
    expect_few_failures(&edge, four, 503);
}

#[test]
fn messages_that_the_broker_answers_with_pubrec_do_not_fail_others() {
    let broker = AutomaticBroker::start();
    let edge = Edge::start("neighbours-pubrec", |stack| stack.foreign_broker(broker.port()));
    let ten_a_second = Load {
        topics: |number| format!("culprit/{number}/pubrec"),
        connections: 1,
        requests: 40,
        every: Duration::from_millis(100),
    };
    expect_few_failures(&edge, ten_a_second, 502);
}

#[test]
fn messages_that_mosquitto_denies_and_closes_the_connection_for_do_not_fail_others() {
    let mosquitto = Mosquitto::new().acl("topic readwrite others/#\n").setting("max_queued_messages 0");
    let edge = Edge::start("neighbours-denied", |stack| stack.mosquitto(mosquitto));
    let hundred_a_second = Load {
        topics: |number| format!("denied/{}", number % 40),
        connections: 4,
        requests: 100,
        every: Duration::from_millis(40),
    };
    expect_few_failures(&edge, hundred_a_second, 403);
}
