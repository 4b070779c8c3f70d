//! A bridge with a cluster of three RMQTT nodes, of which one is killed under load. Publishing has to go on within 2 seconds,
//! and a persistent subscriber at a surviving node has to receive every message that was answered 204.
//!
//! A second persistent subscriber is connected to the node that is killed, and goes to a surviving one. What it misses is shown,
//! and not required: that is for the cluster's storage to give.

mod load;
mod subscription;

use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use end_to_end::{Edge, Protocol, eventually};
use rig::stack::Cluster;

use load::{Load, Sent, answers, median, pause};
use subscription::Subscription;

/// The longest time after the kill until all topics can be published to again.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long nothing may come before what has not come is missing.
const QUIET: Duration = Duration::from_secs(5);
/// The bridge's sessions: two at each node.
const SESSIONS: &str = "6";

fn main() -> ExitCode {
    let plugin = variable("POSTMQTT_CLUSTER_PLUGIN").unwrap_or_else(|| "broadcast".to_owned());
    let number = |name| variable(name).and_then(|text| text.parse::<u64>().ok());
    let killed = number("POSTMQTT_CLUSTER_KILL").map_or(1, |number| number.clamp(1, 3) as usize - 1);
    let time = Duration::from_secs(number("POSTMQTT_CLUSTER_SECONDS").unwrap_or(5));
    let cluster = Cluster::start("cluster", &plugin).unwrap_or_else(|error| panic!("{error:#}"));
    let edge = Edge::start("cluster-edge", |stack| {
        stack.foreign_broker_at(cluster.url()).bridge_argument("--sessions").bridge_argument(SESSIONS)
    });
    let spread = eventually("two sessions at each node", || {
        Some(connections(&edge)).filter(|connections| *connections == [2, 2, 2])
    });
    let [surviving, other] = [(killed + 1) % 3, (killed + 2) % 3];
    let (staying, moving) = (Subscription::new("staying"), Subscription::new("moving"));
    let _staying = staying.attach(cluster.ports()[surviving]);
    let attached = moving.attach(cluster.ports()[killed]);

    let load = Load::start(&edge.bridge(Protocol::Http2));
    sleep(time);
    let kill = Instant::now();
    cluster.nodes()[killed].kill();
    drop(attached);
    let moved = moving.attach(cluster.ports()[other]);
    sleep(time * 2);
    let after = connections(&edge);
    let requests = load.end();

    println!("three RMQTT nodes, plugin {plugin}; node {} killed under load", killed + 1);
    println!("sessions at each node: {spread:?}, after the kill {after:?}");
    println!("{} requests, answered: {:?}", requests.len(), answers(&requests));
    let pause = pause(&requests, kill);
    let goes_on = pause.is_some_and(|pause| pause <= LONGEST_PAUSE);
    let shown = pause.map_or("never".to_owned(), |pause| format!("{} ms after the kill", pause.as_millis()));
    println!("all topics published to again: {shown} ({})", verdict(goes_on));
    let [before, after] = [
        median(requests.iter().filter(|sent| sent.answered <= kill)),
        median(requests.iter().filter(|sent| sent.begun > kill)),
    ];
    println!(
        "time to a 204, median: {} ms before the kill, {} ms after it",
        before.as_millis(),
        after.as_millis()
    );
    let missing = missing(&staying, &requests);
    describe("of the persistent subscriber at a surviving node", &missing, &requests, kill);
    println!("every 204 received there: {}", verdict(missing.is_empty()));
    let present = if moved.session_present { "was" } else { "was not" };
    let of_moving = self::missing(&moving, &requests);
    describe("of the persistent subscriber of the killed node", &of_moving, &requests, kill);
    println!("its session {present} at the node that it went to (not required)");
    if goes_on && missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

const fn verdict(holds: bool) -> &'static str {
    if holds { "holds" } else { "DOES NOT HOLD" }
}

/// The bridge's connections to each node.
fn connections(edge: &Edge) -> [usize; 3] {
    let metrics = edge.bridge_metrics(0);
    [0, 1, 2].map(|place| {
        let series = format!("postmqtt_bridge_broker_connections{{broker=\"{place}\"}} ");
        let value = metrics.lines().find_map(|line| line.strip_prefix(&series));
        value.and_then(|value| value.parse().ok()).expect("a series for each broker")
    })
}

/// The messages that were answered 204 and did not come, after everything has had time to come.
fn missing<'a>(subscription: &Subscription, requests: &'a [Sent]) -> Vec<&'a Sent> {
    let mut known = 0;
    let mut since = Instant::now();
    loop {
        let received = subscription.received();
        let count = received.len();
        let is_missing =
            |sent: &&Sent| sent.is_published() && !received.contains_key(&sent.number.to_string());
        let missing: Vec<_> = requests.iter().filter(is_missing).collect();
        drop(received);
        if count > known {
            (known, since) = (count, Instant::now());
        }
        if missing.is_empty() || since.elapsed() > QUIET {
            return missing;
        }
        sleep(Duration::from_millis(50));
    }
}

fn describe(whose: &str, missing: &[&Sent], requests: &[Sent], kill: Instant) {
    let published = requests.iter().filter(|sent| sent.is_published()).count();
    println!("{whose}: {} of {published} messages that were answered 204 are missing", missing.len());
    let before = missing.iter().filter(|sent| sent.answered <= kill).map(|sent| kill - sent.answered);
    let after = missing.iter().filter(|sent| sent.begun > kill).map(|sent| sent.begun - kill);
    let milliseconds = |time: Option<Duration>| time.map_or(0, |time| time.as_millis());
    println!(
        "  {} answered before the kill, at most {} ms before; {} sent after it, at most {} ms after",
        before.clone().count(),
        milliseconds(before.max()),
        after.clone().count(),
        milliseconds(after.max()),
    );
}
