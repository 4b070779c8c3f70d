//! The long run in Envoy: 200,000 good and bad requests, 32 at a time, over the four protocols. Every answer is the one
//! that its request is due, every decision is counted, no VM is started anew, and the workers' memory stays flat.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use end_to_end::{Edge, Endpoint, Protocol, Request, block_on_for, spawn};
use rig::stack::Mosquitto;

/// A request, the status that it is due, and the filter's counter that it adds to.
struct Kind {
    make: fn() -> Request,
    status: u16,
    counter: Option<&'static str>,
}

const REQUESTS: usize = 200_000;
/// Caches fill, and buffers grow to the size that they keep.
const WARM_UP: usize = 20_000;
const AT_A_TIME: usize = 32;
/// A busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(3600);
/// Envoy's memory after all requests, in percent of what it was after the warm-up.
const MEMORY_LIMIT: u64 = 110;

const KINDS: &[Kind] = &[
    Kind { make: || publish("a"), status: 202, counter: Some("Sent.qos.1") },
    Kind { make: || publish("a").and("&qos=0"), status: 202, counter: Some("Sent.qos.0") },
    Kind {
        make: || publish("a").header("mqtt-payload-format-indicator", "1").body("grün"),
        status: 202,
        counter: Some("Sent.qos.1"),
    },
    Kind {
        make: || publish("a").header("mqtt-user-properties", r#"[{"b":"1","a":"2"},{"b":"1"}]"#),
        status: 202,
        counter: Some("Sent.qos.1"),
    },
    Kind { make: || publish("a").and("&dry-run=1"), status: 200, counter: Some("DryRun") },
    Kind { make: || publish("a").and("&qos=2&retain=x"), status: 400, counter: Some("InvalidQos") },
    Kind {
        make: || publish("a").header("mqtt-user-properties", r#"[{"a":1}]"#),
        status: 400,
        counter: Some("InvalidUserProperties"),
    },
    Kind {
        make: || publish("a").header("mqtt-payload-format-indicator", "1").body(&b"\xff"[..]),
        status: 400,
        counter: Some("PayloadNotUtf8"),
    },
    Kind { make: || publish("a%2F%23"), status: 403, counter: Some("TopicWildcard") },
    Kind { make: || publish("a").method("DELETE"), status: 405, counter: Some("MethodNotAllowed") },
    Kind { make: || publish("a").without_token(), status: 401, counter: None },
    Kind { make: || Request::post("/elsewhere"), status: 404, counter: None },
];

fn main() -> ExitCode {
    let edge = Edge::start("soak", |stack| stack.mosquitto(Mosquitto::new()));
    let endpoints = Protocol::ALL.map(|protocol| edge.at(protocol));
    let mut unexpected = run(&endpoints, 0..WARM_UP);
    let before = edge.stack().envoy().resident_memory().unwrap_or_default();
    let start = Instant::now();
    unexpected.extend(run(&endpoints, WARM_UP..REQUESTS));
    let seconds = start.elapsed().as_secs_f64();
    let after = edge.stack().envoy().resident_memory().unwrap_or_default();

    println!("{:.0} requests a second", (REQUESTS - WARM_UP) as f64 / seconds);
    println!("Envoy's memory: {before} KiB after {WARM_UP} requests, {after} KiB after {REQUESTS}");
    let mut failures = Vec::new();
    if !unexpected.is_empty() {
        failures.push(format!("answers that were not due: {unexpected:?}"));
    }
    if before == 0 || after * 100 > before * MEMORY_LIMIT {
        failures.push(format!("Envoy's memory is over {MEMORY_LIMIT} % of what it was"));
    }
    let reloads = edge.stat("wasm.postmqtt.vm_reload_success") + edge.stat("wasm.postmqtt.vm_reload_failure");
    if reloads > 0 {
        failures.push(format!("{reloads} VMs were started anew"));
    }
    failures.extend(wrong_counters(&edge));
    for failure in &failures {
        println!("FAILED: {failure}");
    }
    println!("soak in Envoy: {} requests, {} failures", REQUESTS, failures.len());
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn publish(topic: &str) -> Request {
    Request::post(format!("/mqtt/messages?topic={topic}"))
}

/// Sends the requests of these numbers, and gives the answers that were not due, with how often each came.
fn run(endpoints: &[Endpoint], numbers: std::ops::Range<usize>) -> BTreeMap<(usize, u16), usize> {
    let next = Arc::new(AtomicUsize::new(numbers.start));
    let workers: Vec<_> = (0..AT_A_TIME)
        .map(|worker| {
            let (endpoint, next) = (endpoints[worker % endpoints.len()].clone(), Arc::clone(&next));
            spawn(async move {
                let mut connection = endpoint.connect().await;
                let mut unexpected = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers.end {
                        return unexpected;
                    }
                    let kind = &KINDS[number % KINDS.len()];
                    if !connection.is_open().await {
                        connection = endpoint.connect().await;
                    }
                    match connection.send((kind.make)()).await {
                        Ok(answer) if answer.status == kind.status => {}
                        Ok(answer) => unexpected.push((number % KINDS.len(), answer.status)),
                        Err(_) => {
                            unexpected.push((number % KINDS.len(), 0));
                            connection = endpoint.connect().await;
                        }
                    }
                }
            })
        })
        .collect();
    let mut counted = BTreeMap::new();
    for worker in workers {
        for answer in block_on_for(PATIENCE, worker).expect("sending does not panic") {
            *counted.entry(answer).or_default() += 1;
        }
    }
    counted
}

/// Each counter has to be what the requests of its kinds add up to.
fn wrong_counters(edge: &Edge) -> Vec<String> {
    let mut expected = BTreeMap::<&str, u64>::new();
    for number in 0..REQUESTS {
        if let Some(counter) = KINDS[number % KINDS.len()].counter {
            *expected.entry(counter).or_default() += 1;
        }
    }
    let seen = |counter: &str| edge.outcomes(counter);
    let wrong = expected.into_iter().map(|(counter, expected)| (counter, expected, seen(counter)));
    wrong
        .filter(|(_, expected, seen)| expected != seen)
        .map(|(counter, expected, seen)| format!("{counter}: {expected} were sent, {seen} were counted"))
        .collect()
}
