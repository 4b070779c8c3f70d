//! The edge under test, with everything behind it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use rig::stack::{Builder, Mosquitto, Service, Stack};
use rig::{Filter, repo};
use serde_json::Value;

use crate::{Answer, Endpoint, Message, Protocol, Request, Subscriber, config, eventually, percent_encoded};

/// A running edge, bridge and broker. A test that fails shows what they logged meanwhile.
#[derive(Debug)]
pub struct Edge {
    stack: Arc<Stack>,
    /// Where each log stood when the test began; `None` where the stack is this test's own, and shows its logs itself.
    marks: Option<Vec<usize>>,
    /// What makes this test's topics its own.
    number: usize,
}

/// A line of the edge's access log.
#[derive(Clone, Debug)]
pub struct LogLine(Value);

// === impl Edge ===

impl Edge {
    /// The edge that tests share, with a Mosquitto as its broker.
    ///
    /// It ends with the process. Its permissions and rate limits are off; a test that needs other settings, counts
    /// what the edge counts, or disturbs a part starts an edge for itself.
    #[must_use]
    pub fn shared() -> Self {
        static SHARED: OnceLock<Arc<Stack>> = OnceLock::new();
        let stack = SHARED.get_or_init(|| {
            let broker = Mosquitto::new().setting("log_type all");
            Arc::new(start(Stack::builder("test-shared").mosquitto(broker).envoy_config(config::open)))
        });
        let mut edge = Self::new(Arc::clone(stack));
        edge.marks = Some(edge.services().map(|service| service.log().len()).collect());
        edge
    }

    /// An edge for one test alone. By default its broker is the demonstration's, every topic is
    /// permitted, and no rate is limited.
    ///
    /// # Panics
    /// Where it does not start.
    #[must_use]
    pub fn start(name: &str, describe: impl FnOnce(Builder) -> Builder) -> Self {
        Self::as_shipped(name, |stack| describe(stack.envoy_config(config::open)))
    }

    /// An edge that permits and limits what `envoy.yaml` says.
    ///
    /// # Panics
    /// Where it does not start.
    #[must_use]
    pub fn as_shipped(name: &str, describe: impl FnOnce(Builder) -> Builder) -> Self {
        Self::new(Arc::new(start(describe(Stack::builder(&full_name(name))))))
    }

    /// The directory of the edge that a test of this module starts under this name.
    #[must_use]
    pub fn directory(name: &str) -> PathBuf {
        repo::run(&full_name(name))
    }

    fn new(stack: Arc<Stack>) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        Self { stack, marks: None, number: NEXT.fetch_add(1, Ordering::Relaxed) }
    }

    /// Its parts.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The edge, over a protocol.
    ///
    /// # Panics
    /// Where its certificate cannot be read.
    #[must_use]
    pub fn at(&self, protocol: Protocol) -> Endpoint {
        if protocol.is_tls() {
            let certificate = std::fs::read(self.stack.certificate()).expect("the edge's certificate");
            Endpoint::tls("edge", address_of(&self.stack.https_url()), protocol, &certificate)
        } else {
            Endpoint::plain("edge", self.address(), protocol)
        }
    }

    /// The bridge, past the edge.
    #[must_use]
    pub fn bridge(&self, protocol: Protocol) -> Endpoint {
        Endpoint::plain("bridge", address_of(&self.stack.bridge_url(0)), protocol)
    }

    /// The edge over every protocol, and the bridge without an edge.
    #[must_use]
    pub fn with_and_without(&self) -> Vec<Endpoint> {
        let edges = Protocol::ALL.map(|protocol| self.at(protocol));
        let bridges = Protocol::PLAIN.map(|protocol| self.bridge(protocol));
        edges.into_iter().chain(bridges).collect()
    }

    /// The edge's address without TLS, for [`raw`](crate::raw) bytes.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        address_of(&self.stack.http_url())
    }

    /// Sends a request over HTTP/1.1.
    #[must_use]
    pub fn send(&self, request: Request) -> Answer {
        self.at(Protocol::Http1).send(request)
    }

    /// A Topic Name that no other test uses.
    #[must_use]
    pub fn topic(&self, rest: &str) -> String {
        format!("test{}/{rest}", self.number)
    }

    /// Subscribes to everything under this test's topics.
    #[must_use]
    pub fn subscribe(&self) -> Subscriber {
        self.subscribe_to(&[&self.topic("#")])
    }

    /// Subscribes to topic filters.
    #[must_use]
    pub fn subscribe_to(&self, filters: &[&str]) -> Subscriber {
        Subscriber::new(self.stack.mqtt_port(), filters)
    }

    /// Publishes one more message, and gives what the subscriber received before it. The message goes to this topic,
    /// so that it cannot overtake what was published there.
    ///
    /// # Panics
    /// Where it is not published.
    #[must_use]
    pub fn published_until_now(&self, subscriber: &Subscriber, topic: &str) -> Vec<Message> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let payload = format!("until now {}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.send(Request::publish(topic).body(payload.clone())).expect_published(204);
        subscriber.until(payload.as_bytes())
    }

    /// The line of the access log about the request of this answer.
    ///
    /// # Panics
    /// Where there is none in time.
    #[must_use]
    pub fn log_line(&self, answer: &Answer) -> LogLine {
        let id = answer.request_id();
        eventually(&format!("a line of the access log about {id}"), || {
            self.log_lines().find(|line| line.text("requestId") == id)
        })
    }

    /// All lines of the access log.
    pub fn log_lines(&self) -> impl Iterator<Item = LogLine> {
        let log = self.stack.envoy().log();
        let lines: Vec<_> =
            log.lines().filter_map(|line| serde_json::from_str(line).ok()).map(LogLine).collect();
        lines.into_iter()
    }

    /// A number of Envoy's statistics; one that was never counted is 0.
    ///
    /// # Panics
    /// Where Envoy does not tell.
    #[must_use]
    pub fn stat(&self, name: &str) -> u64 {
        let text = self.administration(&format!("/stats?filter={}", percent_encoded(name)));
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.map_or(0, |value| value.trim().parse().expect("a statistic is a number"))
    }

    /// How many requests ended like this at the edge, by the labels of the filter's counter as Envoy names it:
    /// `InvalidQos`, `Sent.qos.1`.
    ///
    /// # Panics
    /// Where Envoy does not tell.
    #[must_use]
    pub fn outcomes(&self, labels: &str) -> u64 {
        let namespace = match Filter::of_this_run().expect("a filter") {
            Filter::Wasm => "wasmcustom",
            Filter::Native => "dynamicmodulescustom",
        };
        self.stat(&format!("{namespace}.postmqtt_requests.outcome.{labels}"))
    }

    /// Envoy's statistics as Prometheus reads them.
    ///
    /// # Panics
    /// Where Envoy does not tell.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.administration("/stats/prometheus")
    }

    /// The series of a bridge, past the edge.
    #[must_use]
    pub fn bridge_metrics(&self, index: usize) -> String {
        let bridge = address_of(&self.stack.bridge_url(index));
        let request = Request::post("/metrics").method("GET").without_token();
        Endpoint::plain("bridge", bridge, Protocol::Http1).send(request).text()
    }

    fn administration(&self, target: &str) -> String {
        let administration = address_of(&self.stack.admin_url());
        let request = Request::post(target).method("GET").without_token();
        Endpoint::plain("administration", administration, Protocol::Http1).send(request).text()
    }

    fn services(&self) -> impl Iterator<Item = &Service> {
        let stack = &self.stack;
        stack.bridges().iter().chain([stack.envoy(), stack.broker()])
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        let Some(marks) = self.marks.take().filter(|_| std::thread::panicking()) else { return };
        for (service, mark) in self.services().zip(marks) {
            let log = service.log();
            let since = String::from_utf8_lossy(log.as_bytes().get(mark..).unwrap_or_default());
            eprintln!("--- {}\n{}", service.name(), last_lines(&since));
        }
    }
}

// === impl LogLine ===

impl LogLine {
    /// A member's text, or its JSON where it is none.
    #[must_use]
    pub fn text(&self, member: &str) -> String {
        let value = &self.0[member];
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }
}

fn start(builder: Builder) -> Stack {
    builder.start().unwrap_or_else(|error| panic!("{error}"))
}

/// A stack's name: two modules may each have a stack called `demonstration`. libtest names the thread of a test for the test.
fn full_name(name: &str) -> String {
    let thread = std::thread::current();
    match thread.name().and_then(|test| test.rsplit_once("::")) {
        Some((module, _test)) => format!("test-{}-{name}", module.replace("::", "-")),
        None => format!("test-{name}"),
    }
}

fn address_of(url: &str) -> SocketAddr {
    let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a URL with a port");
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn last_lines(text: &str) -> String {
    const LINES: usize = 100;
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
