//! The long run with faults: requests through Envoy and two bridges to a broker over TLS, while something goes wrong all the
//! time. In the end the ledger has to balance: each request was answered, each message that was answered 204 was acknowledged
//! by the broker, none that was answered "not published" came, and none came twice without DUP.
//!
//! `POSTMQTT_SOAK_SECONDS` says how long. `POSTMQTT_SOAK_SEED` repeats the faults of another run.

mod fault;
mod ledger;
mod packets;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use end_to_end::authority::Authority;
use end_to_end::{
    AutomaticBroker, Connection, Edge, Endpoint, Link, Protocol, Request, block_on_for, eventually, spawn,
};

use fault::{Fault, Scene};
use ledger::{Balance, Ledger};

const AT_A_TIME: usize = 64;
const TOPICS: u64 = 97;
/// A busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(120);
/// The payload of messages that find out whether all is well again. They are not in the ledger.
const PROBE: &str = "probe";
/// How many failures are shown.
const SHOWN: usize = 20;

fn main() -> ExitCode {
    packets::enter_namespace();
    let seconds = number("POSTMQTT_SOAK_SECONDS").unwrap_or(60);
    let seed = number("POSTMQTT_SOAK_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("{seconds} s of faults, seed {seed}");
    let scene = start();
    let ledger = Arc::new(Ledger::default());
    let is_over = Arc::new(AtomicBool::new(false));
    let workers = publish(&scene.edge, &ledger, &is_over);
    let (faults, slowest) = run_faults(&scene, Duration::from_secs(seconds), seed);
    is_over.store(true, Ordering::Relaxed);
    for worker in workers {
        block_on_for(PATIENCE, worker).expect("sending does not panic");
    }

    let mut copies = scene.broker.seen().copies.clone();
    copies.remove(PROBE);
    let Balance { sent, answered, received, doubled, mut failures } = ledger.balance(&copies);
    failures.extend(leaks(&scene.edge));
    println!("faults: {faults:?}");
    println!("after a fault, all topics were published to again within {} ms", slowest.as_millis());
    println!("{sent} requests, answered: {answered:?}");
    println!("{received} messages received, {doubled} of them again with DUP");
    for failure in failures.iter().take(SHOWN) {
        println!("FAILED: {failure}");
    }
    println!("soak with faults: {} failures", failures.len());
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn start() -> Scene {
    let (authority, unknown) = (Authority::new(), Authority::new());
    let (trusted, untrusted) = (authority.server("localhost"), unknown.server("localhost"));
    let broker = AutomaticBroker::start();
    let link = Link::over_tls(broker.port(), &trusted);
    let ca = std::env::temp_dir().join(format!("postmqtt-soak-{}.pem", std::process::id()));
    std::fs::write(&ca, authority.certificate()).expect("a file");
    let url = format!("mqtts://localhost:{}", link.port());
    let edge = Edge::start("soak-faults", |stack| {
        let arguments = ["--publish-timeout", "2s", "--connect-timeout", "1s", "--lame-duck", "2500ms"];
        let stack = arguments.iter().fold(stack, |stack, argument| stack.bridge_argument(*argument));
        let stack = stack.bridge_argument("--broker-ca-file").bridge_argument(ca.display().to_string());
        stack.foreign_broker_at(url).bridges(2)
    });
    Scene { edge, broker, link, trusted, untrusted }
}

/// Publishes until it is over.
fn publish(edge: &Edge, ledger: &Arc<Ledger>, is_over: &Arc<AtomicBool>) -> Vec<tokio::task::JoinHandle<()>> {
    let endpoints = Protocol::ALL.map(|protocol| edge.at(protocol));
    let worker = |worker: usize| {
        let endpoint = endpoints[worker % endpoints.len()].clone();
        let (ledger, is_over) = (Arc::clone(ledger), Arc::clone(is_over));
        spawn(async move {
            let mut connection = endpoint.connect().await;
            while !is_over.load(Ordering::Relaxed) {
                publish_next(&endpoint, &mut connection, &ledger).await;
            }
        })
    };
    (0..AT_A_TIME).map(worker).collect()
}

async fn publish_next(endpoint: &Endpoint, connection: &mut Connection, ledger: &Ledger) {
    if !connection.is_open().await {
        *connection = endpoint.connect().await;
    }
    let number = ledger.next();
    let request = Request::publish(&format!("soak/{}/value", number % TOPICS)).body(number.to_string());
    match connection.send(request).await {
        Ok(answer) => {
            ledger.answered(number, &answer);
            if answer.status != 204 {
                // As a client does, which also keeps one fault from using up the whole run.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Err(_) => {
            ledger.unanswered(number);
            *connection = endpoint.connect().await;
        }
    }
}

/// Returns how often each fault happened, and the longest time after one until every topic was published to again.
fn run_faults(scene: &Scene, duration: Duration, seed: u64) -> (BTreeMap<Fault, u64>, Duration) {
    let mut random = fastrand::Rng::with_seed(seed);
    let end = Instant::now() + duration;
    let mut counts = BTreeMap::new();
    let mut slowest = Duration::ZERO;
    let mut faults = Vec::new();
    while Instant::now() < end {
        // Each of them once before any comes again.
        let fault = faults.pop().unwrap_or_else(|| {
            faults = Fault::possible();
            random.shuffle(&mut faults);
            Fault::ConnectionsCut
        });
        let lasting = Duration::from_millis(random.u64(50..3_000));
        fault.happen(scene, random.usize(0..2), lasting);
        *counts.entry(fault).or_default() += 1;
        let ended = Instant::now();
        for number in 0..20 {
            eventually(&format!("204 after {fault:?}"), || {
                let request = Request::publish(&format!("well/{number}")).body(PROBE);
                (scene.edge.send(request).status == 204).then_some(())
            });
        }
        slowest = slowest.max(ended.elapsed());
        std::thread::sleep(Duration::from_millis(random.u64(0..500)));
    }
    (counts, slowest)
}

/// What a bridge still holds although every request is answered.
fn leaks(edge: &Edge) -> Vec<String> {
    let mut failures = Vec::new();
    for (index, bridge) in edge.stack().bridges().iter().enumerate() {
        if bridge.log().contains("panicked") {
            failures.push(format!("{} panicked", bridge.name()));
        }
        let metrics = edge.bridge_metrics(index);
        for series in ["in_flight_messages", "in_flight_bytes"] {
            let name = format!("postmqtt_bridge_{series} ");
            let value = metrics.lines().find_map(|line| line.strip_prefix(&name));
            if value != Some("0") {
                failures.push(format!("{}: {name}is {value:?}", bridge.name()));
            }
        }
    }
    failures
}
