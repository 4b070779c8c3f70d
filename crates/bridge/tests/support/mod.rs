//! A broker that does what a test tells it to, and a pool that is connected to it.
//!
//! What the bridge writes is read by another project's codec, so that a mistake of ours cannot hide in both ends.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod obliging;
pub(crate) mod running;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_publish::{ClientId, RequestHead, Rules, read};
use postmqtt_bridge::budget::{Budget, InFlightLimits};
use postmqtt_bridge::mqtt::config::{
    BrokerAddress, ClientSessions, Credentials, MqttConfig, SessionsOf, TlsFiles, Transport,
};
use postmqtt_bridge::mqtt::{Pool, PublishError, Published};
use rumqttc::v5::mqttbytes::Error;
use rumqttc::v5::mqttbytes::v5::{Connect, Login, Packet, Publish};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// No step of a test takes so long, on however busy a machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// CONNACK 0x00, a new session, no properties.
pub(crate) const WELCOME: &[u8] = &[0x20, 3, 0, 0, 0];
/// The same, and the session goes on.
pub(crate) const WELCOME_BACK: &[u8] = &[0x20, 3, 1, 0, 0];

/// Listens where a broker would.
pub(crate) struct FakeBroker {
    listener: TcpListener,
    pub(crate) address: SocketAddr,
}

/// A connection of the bridge, seen from the broker.
pub(crate) struct Peer {
    stream: TcpStream,
    received: BytesMut,
    pub(crate) connect: Connect,
    pub(crate) login: Option<Login>,
}

pub(crate) type Outcome = Result<Published, PublishError>;

// === impl FakeBroker ===

impl FakeBroker {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    /// Takes the next connection, reads its CONNECT and answers with `connack`.
    pub(crate) async fn accept(&self, connack: &[u8]) -> Peer {
        let (stream, _) = soon(self.listener.accept()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut received = BytesMut::new();
        let mut stream = stream;
        let (connect, login) = match soon(next_packet(&mut stream, &mut received)).await {
            Some(Packet::Connect(connect, None, login)) => (connect, login),
            other => panic!("CONNECT without a Will, not {other:?}"),
        };
        stream.write_all(connack).await.unwrap();
        Peer { stream, received, connect, login }
    }

    pub(crate) fn config(&self) -> MqttConfig {
        MqttConfig {
            broker: BrokerAddress {
                transport: Transport::Tcp,
                host: self.address.ip().to_string(),
                port: self.address.port(),
            },
            credentials: Credentials::default(),
            tls: TlsFiles::default(),
            client_id_prefix: "test".to_owned(),
            sessions: 1,
            sessions_of: SessionsOf::Bridge,
            publish_timeout: PATIENCE,
            connect_timeout: Duration::from_secs(5),
            keep_alive: 60,
            session_expiry_interval: 60,
        }
    }

    pub(crate) fn pool(&self) -> Arc<Pool> {
        self.pool_with(|_| {})
    }

    pub(crate) fn pool_with(&self, change: impl FnOnce(&mut MqttConfig)) -> Arc<Pool> {
        let mut config = self.config();
        change(&mut config);
        Arc::new(Pool::start(config).unwrap())
    }

    /// A pool whose messages go over the sessions of clients, and its own session.
    pub(crate) async fn pool_of_clients(
        &self,
        change: impl FnOnce(&mut ClientSessions),
    ) -> (Arc<Pool>, Peer) {
        let pool = self.pool_with(|config| config.sessions_of = of_clients(change));
        let own = self.accept(WELCOME).await;
        soon(pool.connected()).await;
        (pool, own)
    }

    /// Whether nobody connects for a while.
    pub(crate) async fn is_left_alone(&self) -> bool {
        tokio::time::timeout(Duration::from_millis(300), self.listener.accept()).await.is_err()
    }
}

/// Sessions of clients: 100 at most, and none is idle for too long during a test.
pub(crate) fn of_clients(change: impl FnOnce(&mut ClientSessions)) -> SessionsOf {
    let mut sessions = ClientSessions {
        prefix: String::new(),
        limit: 100,
        idle_timeout: Duration::from_secs(600),
        connects: 10,
    };
    change(&mut sessions);
    SessionsOf::Client(sessions)
}

// === impl Peer ===

impl Peer {
    /// The next packet; `None` at the end of the connection.
    pub(crate) async fn packet(&mut self) -> Option<Packet> {
        soon(next_packet(&mut self.stream, &mut self.received)).await
    }

    /// The next PUBLISH; a PINGREQ before it is answered.
    pub(crate) async fn publish(&mut self) -> Publish {
        loop {
            match self.packet().await {
                Some(Packet::Publish(publish)) => return publish,
                Some(Packet::PingReq(_)) => self.send(&[0xD0, 0]).await,
                other => panic!("PUBLISH, not {other:?}"),
            }
        }
    }

    pub(crate) async fn publishes(&mut self, count: usize) -> Vec<Publish> {
        let mut publishes = Vec::new();
        while publishes.len() < count {
            publishes.push(self.publish().await);
        }
        publishes
    }

    /// Whether the bridge sends nothing for a while.
    pub(crate) async fn is_quiet(&mut self) -> bool {
        let next = next_packet(&mut self.stream, &mut self.received);
        tokio::time::timeout(Duration::from_millis(150), next).await.is_err()
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub(crate) async fn acknowledge(&mut self, publish: &Publish) {
        self.puback(publish, 0x00, "").await;
    }

    pub(crate) async fn puback(&mut self, publish: &Publish, reason_code: u8, reason_string: &str) {
        let [high, low] = publish.pkid.to_be_bytes();
        let text = reason_string.as_bytes();
        let length = u8::try_from(text.len()).unwrap();
        let mut packet = vec![0x40, 7 + length, high, low, reason_code, 3 + length, 0x1F, 0, length];
        packet.extend_from_slice(text);
        self.send(&packet).await;
    }
}

async fn next_packet(stream: &mut TcpStream, received: &mut BytesMut) -> Option<Packet> {
    loop {
        match Packet::read(received, None) {
            Ok(packet) => return Some(packet),
            Err(Error::InsufficientBytes(_)) => {}
            Err(error) => panic!("{error}"),
        }
        match stream.read_buf(received).await {
            Ok(count) if count > 0 => {}
            _ => return None,
        }
    }
}

/// Waits for something that has to happen.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it should have happened by now")
}

/// Publishes in a task of its own. `query` is what stands behind `?topic=`.
pub(crate) fn publish(pool: &Arc<Pool>, query: &str, payload: &'static [u8]) -> JoinHandle<Outcome> {
    tokio::spawn(publish_now(Arc::clone(pool), query.to_owned(), Bytes::from_static(payload)))
}

/// The same, as a client.
pub(crate) fn publish_as(
    pool: &Arc<Pool>,
    client: &str,
    query: &str,
    payload: impl Into<Bytes>,
) -> JoinHandle<Outcome> {
    let (pool, client) = (Arc::clone(pool), client.to_owned());
    tokio::spawn(publish_of(pool, Some(client), query.to_owned(), payload.into()))
}

pub(crate) async fn publish_now(pool: Arc<Pool>, query: String, payload: Bytes) -> Outcome {
    publish_of(pool, None, query, payload).await
}

async fn publish_of(pool: Arc<Pool>, client: Option<String>, query: String, payload: Bytes) -> Outcome {
    let path = format!("/mqtt/messages?topic={query}");
    let head = RequestHead::from_fields([(&b":method"[..], &b"POST"[..]), (b":path", path.as_bytes())]);
    let rules = Rules::default();
    let permit = Budget::new(InFlightLimits { messages: 1, bytes: 1 << 30 }).admit().unwrap();
    let client = client.as_ref().map(|client| ClientId::new(client.as_bytes()).unwrap());
    pool.publish(&read(&head, &rules).unwrap(), client.as_ref(), payload, permit).await
}

/// The outcome of a publish.
pub(crate) async fn outcome(task: JoinHandle<Outcome>) -> Outcome {
    soon(task).await.unwrap()
}
