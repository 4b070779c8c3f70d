//! A pool that is connected to a scripted broker, and publishes in tasks.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mqtt_sessions::budget::{Budget, InFlightLimits, Permit};
use mqtt_sessions::clients::Client;
use mqtt_sessions::config::{BrokerAddress, ClientLogin, ClientSessions, Config, Sessions};
use mqtt_sessions::{BrokerReason, Delivery, Message, Pool, PublishError, QoS, ReasonCode, Retain};
use scripted_broker::{CONNACK, PATIENCE, Peer, ScriptedBroker, soon};
use tokio::task::JoinHandle;

pub(crate) type Outcome = Result<Delivery, PublishError>;

/// Where and how a message is published.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    topic: &'static str,
    qos: QoS,
    retain: Retain,
}

// === impl Target ===

impl From<&'static str> for Target {
    fn from(topic: &'static str) -> Self {
        Self { topic, qos: QoS::AtLeastOnce, retain: Retain::No }
    }
}

impl Target {
    pub(crate) const fn at_most_once(topic: &'static str) -> Self {
        Self { topic, qos: QoS::AtMostOnce, retain: Retain::No }
    }

    pub(crate) const fn retained(self) -> Self {
        Self { retain: Retain::Store, ..self }
    }
}

/// A configuration for one session with this broker.
pub(crate) fn config(address: SocketAddr) -> Config {
    Config {
        client_id_prefix: "test".to_owned(),
        sessions: Sessions::Shared(1),
        publish_timeout: PATIENCE,
        keep_alive: 60,
        ..Config::new(BrokerAddress::tcp(address.ip().to_string(), address.port()))
    }
}

pub(crate) fn pool(broker: &ScriptedBroker) -> Arc<Pool> {
    pool_with(broker, |_| {})
}

pub(crate) fn pool_with(broker: &ScriptedBroker, change: impl FnOnce(&mut Config)) -> Arc<Pool> {
    let mut config = config(broker.address());
    change(&mut config);
    Arc::new(Pool::start(config).unwrap())
}

/// A pool with sessions of clients, and its shared session.
pub(crate) async fn pool_of_clients(
    broker: &ScriptedBroker,
    change: impl FnOnce(&mut ClientSessions),
) -> (Arc<Pool>, Peer) {
    let pool = pool_with(broker, |config| config.sessions = per_client(change));
    let shared = broker.accept(CONNACK).await;
    soon(pool.connected()).await;
    (pool, shared)
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

/// Publishes in a task.
pub(crate) fn publish(
    pool: &Arc<Pool>,
    target: impl Into<Target>,
    payload: impl Into<Bytes>,
) -> JoinHandle<Outcome> {
    tokio::spawn(submit(Arc::clone(pool), None, target.into(), payload.into()))
}

/// Publishes in a task, as a client.
pub(crate) fn publish_as(
    pool: &Arc<Pool>,
    client: &str,
    target: impl Into<Target>,
    payload: impl Into<Bytes>,
) -> JoinHandle<Outcome> {
    tokio::spawn(submit(Arc::clone(pool), Some(client.to_owned()), target.into(), payload.into()))
}

/// Publishes in a task, as a client with a Password.
pub(crate) fn publish_with_password(
    pool: &Arc<Pool>,
    (id, password): (&'static str, &'static str),
    payload: &'static str,
) -> JoinHandle<Outcome> {
    let pool = Arc::clone(pool);
    tokio::spawn(async move {
        let permit = Budget::new(InFlightLimits { messages: 1, bytes: 1 << 30 }).admit().unwrap();
        let client = Client { id, password: Some(password) };
        pool.publish(&Message::new("t", payload), Some(client), permit).await
    })
}

/// Publishes in a task, within a budget.
pub(crate) fn publish_within(
    pool: &Arc<Pool>,
    budget: &Arc<Budget>,
    target: impl Into<Target>,
    payload: impl Into<Bytes>,
) -> JoinHandle<Outcome> {
    let permit = budget.admit().unwrap();
    tokio::spawn(submit_with(Arc::clone(pool), None, target.into(), payload.into(), permit))
}

async fn submit(pool: Arc<Pool>, client: Option<String>, target: Target, payload: Bytes) -> Outcome {
    let permit = Budget::new(InFlightLimits { messages: 1, bytes: 1 << 30 }).admit().unwrap();
    submit_with(pool, client, target, payload, permit).await
}

async fn submit_with(
    pool: Arc<Pool>,
    client: Option<String>,
    target: Target,
    payload: Bytes,
    permit: Permit,
) -> Outcome {
    let Target { topic, qos, retain } = target;
    let message = Message { qos, retain, ..Message::new(topic, payload) };
    pool.publish(&message, client.as_deref().map(Client::from), permit).await
}

pub(crate) async fn outcome(task: JoinHandle<Outcome>) -> Outcome {
    soon(task).await.unwrap()
}

/// The error of a message that was not acknowledged.
pub(crate) async fn error(task: JoinHandle<Outcome>) -> PublishError {
    outcome(task).await.unwrap_err()
}

/// A PUBACK with this Reason Code and Reason String.
pub(crate) fn acknowledged(reason_code: u8, reason_string: Option<&str>) -> Delivery {
    let reason_code = ReasonCode(reason_code);
    Delivery::Acknowledged(BrokerReason { reason_code, reason_string: reason_string.map(str::to_owned) })
}

/// Expects PUBACK 0x00.
pub(crate) async fn expect_acknowledged(task: JoinHandle<Outcome>) {
    assert_eq!(outcome(task).await.unwrap(), acknowledged(0x00, None));
}

/// Expects PUBACK 0x00 for each.
pub(crate) async fn expect_all_acknowledged(tasks: impl IntoIterator<Item = JoinHandle<Outcome>>) {
    for task in tasks {
        expect_acknowledged(task).await;
    }
}
