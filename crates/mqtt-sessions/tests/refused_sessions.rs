//! The broker refuses one of several sessions: its topics use the others, in order, and return when it is accepted.

mod support;

use std::collections::HashMap;

use mqtt_sessions::budget::{Budget, InFlightLimits};
use mqtt_sessions::config::Sessions;
use mqtt_sessions::{LatePubAck, Message, Pool, Submitted};
use scripted_broker::{
    CONNACK, CONNACK_SESSION_PRESENT, Peer, ScriptedBroker, connack_refused, disconnect, soon,
};
use tokio::sync::{mpsc, watch};

use support::{acknowledged, expect_all_acknowledged, pool_with, publish};

/// As many that both of two sessions have some.
const TOPICS: [&str; 20] = [
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18",
    "19",
];

/// A broker that has room for one session, and after that refuses.
struct FullBroker {
    /// How often it has refused.
    refusals: watch::Receiver<usize>,
    room: watch::Sender<bool>,
    arrived: mpsc::UnboundedReceiver<Arrival>,
}

#[derive(Debug)]
struct Arrival {
    connection: usize,
    topic: String,
    number: usize,
}

// === impl FullBroker ===

impl FullBroker {
    /// `refusal` is what it answers to CONNECT before it closes the connection.
    fn start(broker: ScriptedBroker, refusal: Vec<u8>) -> Self {
        let (refused, refusals) = watch::channel(0);
        let (room, has_room) = watch::channel(false);
        let (arrivals, arrived) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            serve(broker.accept(CONNACK).await, 0, arrivals.clone());
            while !*has_room.borrow() {
                // What comes before the end is read first.
                broker.accept(&refusal).await.close().await;
                refused.send_modify(|count| *count += 1);
            }
            serve(broker.accept(CONNACK).await, 1, arrivals);
        });
        Self { refusals, room, arrived }
    }

    /// Waits until it has refused this often.
    async fn refused(&mut self, count: usize) {
        soon(self.refusals.wait_for(|refusals| *refusals >= count)).await.unwrap();
    }
}

fn serve(mut peer: Peer, connection: usize, arrivals: mpsc::UnboundedSender<Arrival>) {
    tokio::spawn(async move {
        loop {
            let publish = peer.publish().await;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let number = text(&publish.payload).parse().unwrap();
            let _ = arrivals.send(Arrival { connection, topic: text(&publish.topic), number });
            peer.acknowledge(&publish).await;
        }
    });
}

#[tokio::test]
async fn the_topics_of_a_refused_session_use_another_in_order_and_return() {
    let refusals = [
        ("Not authorized", connack_refused(0x87, "")),
        ("Server unavailable", connack_refused(0x88, "")),
        ("Server busy", connack_refused(0x89, "")),
        ("Banned", connack_refused(0x8A, "")),
        ("Quota exceeded", connack_refused(0x97, "")),
        ("Use another server, and none is named", connack_refused(0x9C, "")),
        ("Connection rate exceeded", connack_refused(0x9F, "")),
        ("DISCONNECT, Quota exceeded", disconnect(0x97, "")),
        ("closed without CONNACK, as Mosquitto does at max_connections", Vec::new()),
    ];
    for (name, refusal) in refusals {
        let broker = ScriptedBroker::start().await;
        let pool = pool_with(&broker, |config| config.sessions = Sessions::Shared(2));
        let mut broker = FullBroker::start(broker, refusal);
        let mut numbers = 0..;
        let mut publish_to_all = || {
            TOPICS
                .iter()
                .cycle()
                .take(2 * TOPICS.len())
                .zip(&mut numbers)
                .map(|(topic, number)| publish(&pool, *topic, number.to_string()))
                .collect::<Vec<_>>()
        };

        // At its second attempt, the session knows of the first refusal. It lasts.
        for attempts in 2..=4 {
            broker.refused(attempts).await;
            expect_all_acknowledged(publish_to_all()).await;
        }
        assert_eq!(pool.connected_sessions(), 1, "{name}");
        broker.room.send_replace(true);
        // Some are on their way when the session is accepted.
        while pool.connected_sessions() < 2 {
            expect_all_acknowledged(publish_to_all()).await;
        }
        expect_all_acknowledged(publish_to_all()).await;

        let sent = numbers.start;
        let mut next = HashMap::<String, usize>::new();
        let mut connections = [0, 0];
        for _ in 0..sent {
            let Arrival { connection, topic, number } = soon(broker.arrived.recv()).await.unwrap();
            connections[connection] += 1;
            let earliest = next.insert(topic.clone(), number + 1).unwrap_or_default();
            assert!(number >= earliest, "{name}: {number} after {earliest} of {topic}");
        }
        assert!(broker.arrived.try_recv().is_err(), "{name}");
        assert!(connections.iter().all(|count| *count > 0), "{name}: {connections:?}");
    }
}

/// Submits a message with each payload to each topic. Some of them wait for their session.
fn submit_to_all(pool: &Pool, payloads: &[&'static str]) -> Vec<Submitted> {
    let submit = |topic: &str, payload: &'static str| {
        let permit = Budget::new(InFlightLimits { messages: 1, bytes: 1 << 30 }).admit().unwrap();
        pool.submit(&Message::new(topic, payload), None, permit, LatePubAck::Ignored).unwrap()
    };
    payloads.iter().flat_map(|payload| TOPICS.map(|topic| submit(topic, payload))).collect()
}

/// Expects this number of messages, acknowledges them, and gives the payloads of each topic in their order.
async fn acknowledge(peer: &mut Peer, count: usize) -> HashMap<String, Vec<String>> {
    let mut topics = HashMap::<String, Vec<String>>::new();
    for publish in peer.publishes(count).await {
        assert!(!publish.dup);
        peer.acknowledge(&publish).await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        topics.entry(text(&publish.topic)).or_default().push(text(&publish.payload));
    }
    topics
}

async fn expect_outcomes(submitted: Vec<Submitted>) {
    for mut message in submitted {
        assert_eq!(soon(message.outcome()).await.unwrap(), acknowledged(0x00, None));
    }
}

#[tokio::test]
async fn what_waits_for_a_session_that_is_refused_uses_another_in_order() {
    let broker = ScriptedBroker::start().await;
    let pool = pool_with(&broker, |config| config.sessions = Sessions::Shared(2));
    let mut accepted = broker.accept(CONNACK).await;
    let mut refused = broker.accept(b"").await;
    while pool.connected_sessions() < 1 {
        tokio::task::yield_now().await;
    }
    let submitted = submit_to_all(&pool, &["0", "1", "2"]);
    refused.send(&connack_refused(0x97, "")).await;

    let received = acknowledge(&mut accepted, 3 * TOPICS.len()).await;
    for topic in TOPICS {
        assert_eq!(received[topic], ["0", "1", "2"], "{topic}");
    }
    expect_outcomes(submitted).await;
    assert!(accepted.is_quiet().await);
}

#[tokio::test]
async fn what_was_sent_stays_with_a_session_that_is_refused_and_what_was_not_uses_another() {
    let broker = ScriptedBroker::start().await;
    let pool = pool_with(&broker, |config| config.sessions = Sessions::Shared(2));
    let mut other = broker.accept(CONNACK).await;
    let mut own = broker.accept(CONNACK).await;
    soon(pool.connected()).await;
    // The first "last" comes when each topic of this session was there once.
    let sent = submit_to_all(&pool, &["0", "last"]);
    let mut unanswered = vec![own.publish().await];
    while unanswered.last().is_some_and(|publish| publish.payload != "last") {
        unanswered.push(own.publish().await);
    }
    let topics = unanswered.len() - 1;
    unanswered.extend(own.publishes(topics - 1).await);
    acknowledge(&mut other, 2 * (TOPICS.len() - topics)).await;

    own.close().await;
    let mut refused = broker.accept(b"").await;
    let waiting = submit_to_all(&pool, &["1", "2"]);
    refused.send(&connack_refused(0x97, "")).await;
    let received = acknowledge(&mut other, 2 * TOPICS.len()).await;
    for topic in TOPICS {
        assert_eq!(received[topic], ["1", "2"], "{topic}");
    }
    expect_outcomes(waiting).await;
    drop(refused);

    let mut own = broker.accept(CONNACK_SESSION_PRESENT).await;
    for publish in unanswered {
        let again = own.publish().await;
        assert!(again.dup);
        assert_eq!((&again.topic, &again.payload), (&publish.topic, &publish.payload));
        own.acknowledge(&again).await;
    }
    expect_outcomes(sent).await;
    assert!(other.is_quiet().await);
}
