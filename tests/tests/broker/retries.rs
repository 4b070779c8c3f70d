//! Clients that repeat a request with its Idempotency-Key until it succeeds, while the broker and the bridge restart: what
//! subscribers got is counted.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use end_to_end::{Answer, Edge, Endpoint, Protocol, Request, Subscriber, block_on, eventually, spawn};
use rig::stack::Mosquitto;

/// A message that was sent until it was accepted.
#[derive(Debug)]
struct Sent {
    payload: String,
    from: Instant,
    to: Instant,
    answer: Answer,
}

/// What happened to the broker or the bridge.
#[derive(Clone, Copy, Debug)]
struct Trouble {
    from: Instant,
    to: Instant,
    /// Whether a message under way may arrive twice, as docs/retries.md says.
    allows_doubles: bool,
}

const CLIENTS: usize = 8;

// === impl Sent ===

impl Sent {
    fn meets(&self, trouble: &Trouble) -> bool {
        self.from <= trouble.to && trouble.from <= self.to
    }
}

/// Sends one message after the other, each until it is accepted.
async fn send_until(endpoint: Endpoint, client: usize, topic: String, stop: Arc<AtomicBool>) -> Vec<Sent> {
    let mut sent = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let payload = format!("{client}-{}", sent.len());
        let request = Request::publish(&topic).header("idempotency-key", &payload).body(payload.clone());
        let from = Instant::now();
        let answer = loop {
            let answer = endpoint.connect().await.send(request.clone()).await;
            match answer {
                Ok(answer) if answer.status < 300 => break answer,
                Ok(answer) => assert!(matches!(answer.status, 409 | 502..=504), "{answer:?}"),
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        sent.push(Sent { payload, from, to: Instant::now(), answer });
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    sent
}

fn trouble(allows_doubles: impl FnOnce() -> bool) -> Trouble {
    let from = Instant::now();
    let allows_doubles = allows_doubles();
    let trouble = Trouble { from, to: Instant::now(), allows_doubles };
    std::thread::sleep(Duration::from_millis(300));
    trouble
}

#[test]
fn a_message_with_a_key_arrives_twice_only_where_the_documentation_says_so() {
    let edge = Edge::start("retries", |stack| {
        stack.mosquitto(Mosquitto::new()).bridge_argument("--publish-timeout").bridge_argument("1s")
    });
    let stop = Arc::new(AtomicBool::new(false));
    let before = edge.subscribe();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let topic = edge.topic(&format!("retries/{client}"));
            spawn(send_until(edge.at(Protocol::Http1), client, topic, Arc::clone(&stop)))
        })
        .collect();
    std::thread::sleep(Duration::from_millis(300));

    let bridge = edge.bridge(Protocol::Http1);
    let get = |path: &str| bridge.send(Request::post(path).method("GET").without_token());
    let reconnects = || {
        let metrics = get("/metrics").text();
        metrics.lines().find(|line| line.starts_with("postmqtt_bridge_reconnects_total")).map(str::to_owned)
    };
    let until_ready =
        || eventually("the bridge to be ready", || (get("/readyz").status == 200).then_some(()));

    // Silent for longer than the publish time-out: 504, and then the PUBACK.
    let silent = trouble(|| {
        let connections = reconnects();
        edge.stack().broker().freeze();
        std::thread::sleep(Duration::from_millis(1200));
        edge.stack().broker().thaw();
        std::thread::sleep(Duration::from_millis(300));
        reconnects() != connections
    });
    let mut after = None::<Subscriber>;
    let broker = trouble(|| {
        edge.stack().broker().restart().expect("the broker starts again");
        after = Some(edge.subscribe());
        until_ready();
        true
    });
    let bridge = trouble(|| {
        edge.stack().bridge().kill();
        edge.stack().bridge().start().expect("the bridge starts again");
        until_ready();
        true
    });
    let last_trouble = Instant::now();
    std::thread::sleep(Duration::from_millis(300));
    stop.store(true, Ordering::Relaxed);
    let sent: Vec<Sent> = block_on(async {
        let mut all = Vec::new();
        for client in clients {
            all.extend(client.await.expect("the client ends"));
        }
        all
    });

    let after = after.expect("a subscriber");
    edge.send(Request::publish(&edge.topic("end")).body("end")).expect_published(204);
    let mut arrived = HashMap::<String, usize>::new();
    // The first subscriber's connection ended with the broker.
    for message in before.rest().into_iter().chain(after.until(b"end")) {
        *arrived.entry(message.text()).or_default() += 1;
    }

    let troubles = [silent, broker, bridge];
    let (mut doubled, mut replayed) = (0, 0);
    for message in &sent {
        let count = arrived.get(&message.payload).copied().unwrap_or_default();
        let may_double = troubles.iter().any(|trouble| trouble.allows_doubles && message.meets(trouble));
        // While the broker restarts, nothing may be subscribed.
        let may_be_lost = message.answer.status == 202 || message.meets(&broker);
        assert!(count <= 1 || may_double, "{count} times: {message:?}, {troubles:?}");
        assert!(count >= 1 || may_be_lost, "{message:?}, {troubles:?}");
        doubled += usize::from(count > 1);
        replayed += usize::from(message.answer.header("idempotent-replayed") == Some("true"));
    }
    let undisturbed = sent.iter().filter(|message| message.from > last_trouble).count();
    println!("{} messages, {undisturbed} at the end, {replayed} replayed, {doubled} doubled", sent.len());
    assert!(undisturbed > CLIENTS, "the clients go on after it");
    assert!(replayed > 0 || silent.allows_doubles, "a repeat waited for the first PUBACK");
}
