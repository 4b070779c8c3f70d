//! Request and response (MQTT 5.0, 4.10): which reply belongs to which request.
//!
//! All requests share one Response Topic, which no other [`Replies`] has, and each has its own Correlation Data. Both are
//! random. A responder learns the Correlation Data of the requests that it receives, and no others; so it cannot answer another
//! responder's request. The first reply to a request is delivered. Every other one is dropped and counted: a second one, a
//! late one, one with unknown Correlation Data, and one that the broker had retained.

mod error;
mod table;

use std::sync::Arc;

use tokio::sync::oneshot;

pub use self::error::{ExpectError, ReplyError, StartError};
use self::table::{CorrelationData, Outcome, Table};
use crate::budget::{Budget, InFlightLimits, Permit};
use crate::codec::received::ReceivedPublish;
use crate::codec::subscribe::{RetainHandling, Subscription};
use crate::config::Config;
use crate::subscriber::{IncomingLimits, Subscriber};

/// What [`Replies`] are started with.
#[derive(Clone, Debug)]
pub struct RepliesConfig {
    /// The first levels of the Response Topic. One level with random characters follows.
    pub topic_prefix: String,
    /// What the broker may send.
    pub incoming: IncomingLimits,
    /// How many requests may wait, and how many bytes may be held for them: [beside](Replies::expect) each, and as replies until
    /// these are dropped.
    pub waiting: InFlightLimits,
}

/// Receives replies. It connects to the broker when the first one is [expected](Self::expect).
#[derive(Debug)]
pub struct Replies {
    response_topic: String,
    table: Arc<Table>,
    budget: Arc<Budget>,
    subscriber: Subscriber,
}

/// A reply that a request waits for. Dropping it ends the wait.
#[derive(Debug)]
pub struct Expected {
    correlation_data: CorrelationData,
    outcome: oneshot::Receiver<Outcome>,
    table: Arc<Table>,
}

/// A reply, and its share of the budget.
#[derive(Debug)]
pub struct Reply {
    /// The message.
    pub message: ReceivedPublish,
    /// Is released when the reply is no longer held.
    pub permit: Permit,
}

// === impl Replies ===

impl Replies {
    /// Starts the session's task on the current Tokio runtime. It does not connect yet.
    ///
    /// # Errors
    ///
    /// Returns an error if the TLS files cannot be used, or if the system has no random numbers.
    ///
    /// # Panics
    ///
    /// Panics if it is called outside of a Tokio runtime.
    pub fn start(mqtt: Arc<Config>, config: RepliesConfig) -> Result<Self, StartError> {
        let instance = instance()?;
        let response_topic = format!("{}/{instance}", config.topic_prefix);
        // Part of it is unique enough, and long identifiers are not for every broker.
        let unique: String = instance.chars().take(10).collect();
        let client_identifier = format!("{}-{unique}-r", mqtt.client_id_prefix);
        let table = Arc::new(Table::new(response_topic.clone()));
        let subscription = Subscription {
            retain_handling: RetainHandling::DoNotSend,
            ..Subscription::new(response_topic.clone())
        };
        let receiving = Arc::clone(&table);
        let handler = move |message| receiving.deliver(message);
        let subscriber = Subscriber::start(mqtt, config.incoming, client_identifier, subscription, handler)?;
        Ok(Self { response_topic, table, budget: Budget::new(config.waiting), subscriber })
    }

    /// The Response Topic of every request.
    #[must_use]
    pub fn response_topic(&self) -> &str {
        &self.response_topic
    }

    /// Prepares a request: from now on its reply is delivered, so the request may be published. While it waits, it holds this
    /// number of bytes besides its reply, such as a head.
    ///
    /// # Errors
    ///
    /// Returns an error if no reply could be received, or if too many requests are waiting, or hold too many bytes.
    pub async fn expect(&self, beside: usize) -> Result<Expected, ExpectError> {
        let mut permit = self.budget.admit()?;
        permit.add_beside(beside)?;
        self.subscriber.ready().await?;
        let correlation_data = CorrelationData::random().ok_or(ExpectError::NoRandomness)?;
        let outcome = self.table.insert(correlation_data, permit);
        Ok(Expected { correlation_data, outcome, table: Arc::clone(&self.table) })
    }

    /// How many requests are waiting.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.table.waiting()
    }

    /// The maximum number of requests that wait.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.budget.limits().messages
    }

    /// How many replies were delivered.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.table.delivered()
    }

    /// How many replies were dropped, because no request was waiting for them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.table.dropped()
    }

    /// Ends every wait, sends DISCONNECT, and waits until the session has ended.
    pub async fn close(&self) {
        self.table.clear();
        self.subscriber.close().await;
    }
}

// === impl Expected ===

impl Expected {
    /// The Correlation Data of the request.
    #[must_use]
    pub fn correlation_data(&self) -> &[u8] {
        self.correlation_data.as_bytes()
    }

    /// Waits for the reply. Cancel safe.
    ///
    /// # Errors
    ///
    /// Returns an error if there was a reply and no room for it, or if the [`Replies`] were closed.
    pub async fn reply(&mut self) -> Result<Reply, ReplyError> {
        match (&mut self.outcome).await {
            Ok(outcome) => outcome.map_err(ReplyError::from),
            Err(_) => Err(ReplyError::Closed),
        }
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.table.remove(self.correlation_data);
    }
}

/// 128 random bits in hexadecimal digits, which every broker accepts in a Client Identifier (MQTT 5.0, 3.1.3.1).
fn instance() -> Result<String, StartError> {
    let random = CorrelationData::random().ok_or(StartError::NoRandomness)?;
    Ok(random.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
}
