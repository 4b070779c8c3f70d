//! The broker refuses one of several sessions: its topics use the others, in order, and return when it is accepted.

mod support;

use std::collections::HashMap;

use mqtt_sessions::config::Sessions;
use scripted_broker::{CONNACK, Peer, ScriptedBroker, connack_refused, disconnect, soon};
use tokio::sync::{mpsc, watch};

use support::{expect_all_acknowledged, pool_with, publish};

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
