//! Publishes messages; one with an Idempotency-Key once.

use std::sync::Arc;
use std::time::Instant;

use http_publish::{Code, Problem};
use mqtt_sessions::budget::Permit;
use mqtt_sessions::{Delivery, LatePubAck, Message, Pool, PublishError, Submitted};

use super::client::Client;
use super::config::HttpConfig;
use crate::idempotency::{Admission, Attendance, Fingerprint, KeyId, Keys, Outcome, Publication, Refusal};
use crate::metrics::Metrics;
use crate::translate::{self, Published};

/// Publishes over the sessions of a bridge.
#[derive(Debug)]
pub(super) struct Publisher {
    pool: Arc<Pool>,
    keys: Arc<Keys>,
    metrics: Arc<Metrics>,
    config: HttpConfig,
}

/// The outcome that decides the answer to a request with a key.
#[derive(Debug)]
pub(super) enum Delivered {
    /// Its own message was published.
    Now(Published),
    /// It publishes nothing: this is the outcome of an earlier request with its key.
    Before(Outcome),
}

// === impl Publisher ===

impl Publisher {
    pub(super) const fn new(
        pool: Arc<Pool>,
        keys: Arc<Keys>,
        metrics: Arc<Metrics>,
        config: HttpConfig,
    ) -> Self {
        Self { pool, keys, metrics, config }
    }

    /// Publishes a message and waits for its outcome.
    pub(super) async fn publish(
        &self,
        message: &Message<'_>,
        client: Option<&Client<'_>>,
        permit: Permit,
    ) -> Result<Published, Problem> {
        let start = Instant::now();
        let outcome = self.pool.publish(message, client.map(Client::of_session), permit).await;
        self.metrics.observe_publish(start.elapsed());
        translate::answer(outcome)
    }

    /// Submits a message. [`outcome`](Self::outcome) waits for it.
    pub(super) fn submit(
        &self,
        message: &Message<'_>,
        client: Option<&Client<'_>>,
        permit: Permit,
    ) -> Result<Submitted, Problem> {
        let client = client.map(Client::of_session);
        self.pool.submit(message, client, permit, LatePubAck::Ignored).map_err(translate::problem)
    }

    /// Waits for the outcome of a message that was submitted at `start`.
    pub(super) async fn outcome(
        &self,
        mut submitted: Submitted,
        start: Instant,
    ) -> Result<Published, Problem> {
        let outcome = submitted.outcome().await;
        self.metrics.observe_publish(start.elapsed());
        translate::answer(outcome)
    }

    /// Publishes a message unless an earlier request with its key has, and waits for the outcome, at most for the publish
    /// time-out.
    ///
    /// # Errors
    ///
    /// Returns a problem if its own message was not published, or if that is unknown; or if the key cannot be used.
    pub(super) async fn publish_once(
        &self,
        message: &Message<'_>,
        client: Option<&Client<'_>>,
        permit: Permit,
        (key, fingerprint): (KeyId, Fingerprint),
    ) -> Result<Delivered, Problem> {
        let deadline = tokio::time::Instant::now() + self.config.publish_timeout;
        loop {
            match self.keys.begin(key, fingerprint) {
                Err(refusal) => return Err(refused(refusal)),
                Ok(Admission::Replayed(outcome)) => return Ok(self.replayed(outcome)),
                Ok(Admission::Repeat(attendance)) => {
                    match tokio::time::timeout_at(deadline, attendance.repeat()).await {
                        Ok(Some(outcome)) => return Ok(self.replayed(outcome)),
                        // The message of the earlier request cannot be acknowledged any more.
                        Ok(None) => {}
                        Err(_) => return Err(timed_out()),
                    }
                }
                Ok(Admission::First(publication, attendance)) => {
                    let publishing = self.publish_first(message, client, permit, publication, attendance);
                    return publishing.await.map(Delivered::Now);
                }
            }
        }
    }

    /// Publishes in a task, which continues if the client goes away.
    async fn publish_first(
        &self,
        message: &Message<'_>,
        client: Option<&Client<'_>>,
        permit: Permit,
        publication: Publication,
        attendance: Attendance,
    ) -> Result<Published, Problem> {
        let client = client.map(Client::of_session);
        match self.pool.submit(message, client, permit, LatePubAck::Reported) {
            Ok(submitted) => drop(tokio::spawn(follow(submitted, publication, Arc::clone(&self.metrics)))),
            Err(error) => publication.unacknowledged(translate::answer(Err(error))),
        }
        match attendance.first().await {
            Some(outcome) => outcome.map_err(Arc::unwrap_or_clone),
            None => Err(timed_out()),
        }
    }

    fn replayed(&self, outcome: Outcome) -> Delivered {
        self.keys.count_replay();
        Delivered::Before(outcome)
    }
}

/// Waits for the PUBACK of a message, as long as it can arrive.
async fn follow(mut submitted: Submitted, publication: Publication, metrics: Arc<Metrics>) {
    let start = Instant::now();
    let outcome = submitted.outcome().await;
    metrics.observe_publish(start.elapsed());
    match outcome {
        Ok(delivery) => publication.acknowledged(translate::answer(Ok(delivery))),
        Err(PublishError::AcknowledgementTimeout) => {
            publication.timed_out();
            match submitted.late_puback().await {
                Some(reason) => {
                    publication.acknowledged(translate::answer(Ok(Delivery::Acknowledged(reason))));
                }
                None => publication.unacknowledged(Err(timed_out())),
            }
        }
        Err(error) => publication.unacknowledged(translate::answer(Err(error))),
    }
}

fn timed_out() -> Problem {
    translate::problem(PublishError::AcknowledgementTimeout)
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::InUse => Problem::new(
            Code::IdempotencyKeyInUse,
            "the first request with this Idempotency-Key waits for its message; retry when it has been answered",
        ),
        Refusal::Reused => Problem::new(
            Code::IdempotencyKeyReused,
            "an earlier request to this topic had the same Idempotency-Key and another message",
        ),
        Refusal::Full => Problem::new(
            Code::Overloaded,
            "the limit of Idempotency-Keys is reached, all of them of messages on their way",
        ),
    }
}
