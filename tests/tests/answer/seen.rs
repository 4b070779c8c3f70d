//! Every refusal of a payload of at most 64 KiB is seen by clients that lose an answer which comes before they have sent
//! the end of their payload. Debian 12's curl 7.88 over HTTP/2 is one: it reports error 92 in half of the cases.

use std::path::{Path, PathBuf};
use std::process::Command;

use end_to_end::raw::RawConnection;
use end_to_end::{Edge, Recorder, Request, config, eventually, percent_encoded, token};
use rig::stack::Mosquitto;
use rig::tools;

/// How often each refusal is asked for.
const TIMES: usize = 100;

/// A payload that a refusal waits for.
const LIMIT: usize = 64 * 1024;

/// curl, and the payloads that it sends.
struct Curl {
    program: PathBuf,
    version: &'static str,
    certificate: PathBuf,
    payloads: Vec<PathBuf>,
}

// === impl Curl ===

impl Curl {
    fn new(edge: &Edge) -> Self {
        let payloads = [("one", 1), ("some", 46), ("many", LIMIT)].map(|(name, size)| {
            let path = edge.stack().directory().join(name);
            std::fs::write(&path, vec![b'a'; size]).expect("a file");
            path
        });
        Self {
            program: tools::curl().unwrap_or_else(|error| panic!("{error}")),
            version: "--http2",
            certificate: edge.stack().certificate().to_owned(),
            payloads: payloads.to_vec(),
        }
    }

    /// Posts a payload on a new connection; the status, or curl's error.
    fn post(&self, url: &str, headers: &[&str], payload: &Path) -> String {
        let mut curl = Command::new(&self.program);
        curl.args(["--silent", "--show-error", self.version, "--max-time", "30", "--output", "/dev/null"]);
        curl.args(["--write-out", "%{http_code}"]).arg("--cacert").arg(&self.certificate);
        curl.arg("--data-binary").arg(format!("@{}", payload.display()));
        curl.args(headers.iter().flat_map(|header| ["--header", header]));
        let output = curl.arg(url).output().expect("curl runs");
        let seen = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&seen).trim().to_owned()
    }

    /// Expects that this status is seen each time, whatever the payload.
    fn expect(&self, what: &str, status: &str, url: &str, headers: &[&str]) {
        for payload in self.payloads.iter().cycle().take(TIMES) {
            assert_eq!(self.post(url, headers, payload), status, "{what}, {}", payload.display());
        }
    }
}

fn target(edge: &Edge, rest: &str) -> String {
    let port = edge.stack().https_url().rsplit(':').next().map(ToOwned::to_owned).unwrap_or_default();
    format!("https://localhost:{port}/mqtt/messages?topic={}{rest}", percent_encoded(&edge.topic("seen")))
}

#[test]
fn refusals_of_the_token_the_filter_and_the_route_are_seen() {
    let edge = Edge::start("seen", |stack| stack.mosquitto(Mosquitto::new()));
    let curl = Curl::new(&edge);
    let valid = format!("authorization: Bearer {}", token::valid());
    curl.expect("no token", "401", &target(&edge, ""), &[]);
    curl.expect("no token, and no length", "401", &target(&edge, ""), &["transfer-encoding: chunked"]);
    curl.expect("a bad token", "401", &target(&edge, ""), &["authorization: Bearer e30.e30.e30"]);
    curl.expect("the filter", "400", &target(&edge, "&qos=2"), &[&valid]);
    let elsewhere = target(&edge, "").replace("/mqtt/messages", "/elsewhere");
    curl.expect("another path", "404", &elsewhere, &[&valid]);
}

#[test]
fn refusals_of_the_rate_are_seen() {
    let edge = Edge::start("seen-rate", |stack| {
        stack.mosquitto(Mosquitto::new()).envoy_config(|config| config::rates(config, 1, 10_000))
    });
    let curl = Curl::new(&edge);
    let valid = format!("authorization: Bearer {}", token::valid());
    assert_eq!(curl.post(&target(&edge, ""), &[&valid], &curl.payloads[0]), "202");
    curl.expect("the rate", "429", &target(&edge, ""), &[&valid]);
}

#[test]
fn refusals_of_the_bridge_and_for_lack_of_one_are_seen() {
    let edge = Edge::start("seen-bridge", |stack| stack.mosquitto(Mosquitto::new()));
    let curl = Curl::new(&edge);
    let valid = format!("authorization: Bearer {}", token::valid());
    assert_eq!(curl.post(&target(&edge, ""), &[&valid], &curl.payloads[0]), "202");
    edge.stack().broker().stop();
    eventually("the bridge to notice", || (edge.send(Request::publish("a")).status == 503).then_some(()));
    curl.expect("a bridge without a broker", "503", &target(&edge, ""), &[&valid]);
    edge.stack().bridge().stop();
    curl.expect("no bridge", "503", &target(&edge, ""), &[&valid]);
}

#[test]
fn refusals_of_a_bridge_without_an_edge_are_seen() {
    let edge = Edge::start("seen-alone", |stack| stack.mosquitto(Mosquitto::new()));
    let curl = Curl { version: "--http2-prior-knowledge", ..Curl::new(&edge) };
    let url = format!("{}/mqtt/messages?topic=a", edge.stack().bridge_url(0));
    curl.expect("a broken parameter", "400", &format!("{url}&qos=2"), &[]);
    curl.expect("no length", "400", &format!("{url}&qos=2"), &["transfer-encoding: chunked"]);
    curl.expect("another path", "404", &format!("{}/elsewhere", edge.stack().bridge_url(0)), &[]);
    edge.stack().broker().stop();
    eventually("the bridge to notice", || (edge.send(Request::publish("a")).status == 503).then_some(()));
    curl.expect("no broker", "503", &url, &[]);
}

/// More than 100,000 announced bytes stream: the bridge gets the head before the payload has ended.
#[test]
fn a_large_payload_streams_and_a_short_one_waits() {
    let recorder = Recorder::start();
    let edge = recorder.edge("streams");
    for (size, streams) in [(100_000, true), (LIMIT, false)] {
        let topic = format!("large{size}");
        let mut connection = RawConnection::open(edge.address());
        let head = format!(
            "POST /mqtt/messages?topic={topic} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
             content-length: {size}\r\n\r\n",
            token::valid()
        );
        connection.write(head.as_bytes());
        connection.write(&vec![b'a'; size - 1]);
        if streams {
            eventually("the head to come", || recorder.begun(&topic).then_some(()));
        } else {
            // A request that is sent whole passes it.
            edge.send(Request::publish("whole")).expect_published(204);
            assert!(!recorder.begun(&topic), "{size} bytes stream");
        }
        connection.write(b"a");
        connection.read_answer().expect("an answer").expect_published(204);
    }
}
