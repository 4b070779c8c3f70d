//! A bridge that listens on loopback with a scripted broker, and HTTP/1.1 to talk to it.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::net::SocketAddr;
use std::time::Duration;

use http_publish::Rules;
use mqtt_sessions::budget::InFlightLimits;
use mqtt_sessions::config::{BrokerAddress, ClientLogin, ClientSessions, Config, Sessions};
use postmqtt_bridge::bridge::Bridge;
use postmqtt_bridge::cli::Settings;
use postmqtt_bridge::http::HttpConfig;
use postmqtt_bridge::idempotency::KeyLimits;
use scripted_broker::{CONNACK, PATIENCE, Peer, ScriptedBroker, soon};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A running bridge.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

/// A whole response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) fn settings(broker: &ScriptedBroker) -> Settings {
    Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        tls: None,
        admin_listen: None,
        rules: Rules::default(),
        http: HttpConfig {
            max_connections: 100,
            backlog: 128,
            idle_timeout: PATIENCE,
            body_timeout: PATIENCE,
            publish_timeout: PATIENCE,
            lame_duck: Duration::ZERO,
            drain_timeout: PATIENCE,
            trace_context: false,
        },
        mqtt: Config {
            sessions: Sessions::Shared(1),
            publish_timeout: PATIENCE,
            ..Config::new(BrokerAddress::tcp("127.0.0.1", broker.address().port()))
        },
        in_flight: InFlightLimits { messages: 100, bytes: 10 * 1024 * 1024 },
        client_share: None,
        requests: None,
        retained: None,
        keys: KeyLimits::default(),
        otlp: None,
    }
}

pub(crate) async fn start(settings: Settings) -> Running {
    let bridge = Bridge::start(settings).await.unwrap();
    let address = bridge.address();
    let stop = CancellationToken::new();
    let task = tokio::spawn(bridge.run(stop.clone()));
    Running { address, stop, task }
}

/// Sessions of clients: at most 100, and none is idle for too long during a test.
pub(crate) fn per_client(change: impl FnOnce(&mut ClientSessions)) -> Sessions {
    let mut sessions = ClientSessions {
        prefix: String::new(),
        limit: 100,
        idle_timeout: Duration::from_secs(600),
        connects: 10,
        login: ClientLogin::Configured,
    };
    change(&mut sessions);
    Sessions::PerClient(sessions)
}

/// A bridge whose one shared session is connected.
pub(crate) async fn connected(
    broker: &ScriptedBroker,
    change: impl FnOnce(&mut Settings),
) -> (Running, Peer) {
    let mut settings = settings(broker);
    change(&mut settings);
    let bridge = Bridge::start(settings).await.unwrap();
    let peer = broker.accept(CONNACK).await;
    soon(bridge.pool().connected()).await;
    let address = bridge.address();
    let stop = CancellationToken::new();
    let task = tokio::spawn(bridge.run(stop.clone()));
    (Running { address, stop, task }, peer)
}

// === impl Running ===

impl Running {
    /// Sends bytes over a new connection, and reads until the server closes it.
    pub(crate) async fn send(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon(stream.read_to_string(&mut answer)).await.unwrap();
        Answer::parse(&answer)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n")).await
    }

    pub(crate) fn post(&self, query: &str, fields: &str, body: &str) -> JoinHandle<Answer> {
        let length = body.len();
        let request = format!(
            "POST /mqtt/messages?{query} HTTP/1.1\r\nhost: b\r\nconnection: close\r\n{fields}content-length: {length}\r\n\r\n{body}"
        );
        let address = self.address;
        tokio::spawn(async move {
            let running = Self { address, stop: CancellationToken::new(), task: tokio::spawn(async {}) };
            running.send(&request).await
        })
    }
}

// === impl Answer ===

impl Answer {
    pub(crate) fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The code of the problem, after checks of the members that every problem has.
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.field("content-type"), Some("application/problem+json"), "{self:?}");
        let document: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(document["status"], self.status);
        assert_eq!(document["requestId"], self.field("x-request-id").unwrap());
        document["code"].as_str().unwrap().to_owned()
    }
}
