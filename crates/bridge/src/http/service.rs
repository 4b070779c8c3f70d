//! Routes requests: messages to publish, health checks, and metrics.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_publish::{
    CLIENT_ID, Code, Decision, PayloadCheck, Problem, Publish, Purpose, REQUEST_ID, ReasonCode, RequestHead,
    RequestId, Rules, Wait, batch, read,
};
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};
use mqtt_sessions::budget::{Budget, Permit};
use mqtt_sessions::clients::Clients;
use mqtt_sessions::config::ClientLogin;
use mqtt_sessions::{Message, Pool, PublishError};
use tokio_util::sync::CancellationToken;

use super::answer::{self, Answer};
use super::batch::{Means, PassingOn, WrittenBy};
use super::body::Payload;
use super::client::{self, Client};
use super::coalesced_writes::OpenStream;
use super::config::HttpConfig;
use super::publisher::{Delivered, Publisher};
use super::requests::{Answered, Requests};
use super::retained::Retained;
use super::retry_after::{Drain, Load};
use super::routes::Routes;
use super::unfinished_heads::LatestHead;
use crate::idempotency::{self, Fingerprint, KeyId, KeyLimits, Keys};
use crate::metrics::{Metrics, ReadOutcome};
use crate::reload::Reloader;
use crate::trace::{self, PublishSpan, Spans, TraceContext};
use crate::translate::{self, Published};

/// Answers HTTP requests.
#[derive(Debug)]
pub struct Service {
    rules: Rules,
    pool: Arc<Pool>,
    budget: Arc<Budget>,
    config: HttpConfig,
    metrics: Arc<Metrics>,
    keys: Arc<Keys>,
    publisher: Publisher,
    spans: Option<Arc<Spans>>,
    /// `None`: retained messages cannot be read.
    retained: Option<Retained>,
    /// `None`: no request waits for a reply.
    requests: Option<Requests>,
    drain_rate: Drain,
    draining: AtomicBool,
    /// Ends the payloads that are still arriving.
    given_up: CancellationToken,
}

/// What became of a request that was not refused.
#[derive(Debug)]
enum Outcome {
    Published(Published),
    /// The outcome of an earlier message, which had the same Idempotency-Key.
    Replayed(idempotency::Outcome),
    Answered(Box<Answered>),
}

/// The deadline of a request is the sum of its time limits and this.
const SLACK: Duration = Duration::from_secs(5);

// === impl Service ===

impl Service {
    /// A service that checks requests against `rules` and publishes them with `pool`, within `budget`. It holds
    /// Idempotency-Keys within `keys`, `spans` traces requests, and `requests` waits for their replies.
    #[must_use]
    pub fn new(
        rules: Rules,
        pool: Arc<Pool>,
        budget: Arc<Budget>,
        config: HttpConfig,
        keys: KeyLimits,
        spans: Option<Arc<Spans>>,
        requests: Option<Requests>,
    ) -> Self {
        let keys = Keys::new(keys);
        let metrics = Arc::new(Metrics::new(
            Arc::clone(&pool),
            Arc::clone(&budget),
            requests.as_ref().map(|requests| Arc::clone(requests.replies())),
            Arc::clone(&keys),
        ));
        let publisher = Publisher::new(Arc::clone(&pool), Arc::clone(&keys), Arc::clone(&metrics), config);
        Self {
            rules,
            pool,
            budget,
            config,
            metrics,
            keys,
            publisher,
            spans,
            retained: None,
            requests,
            drain_rate: Drain::new(Instant::now()),
            draining: AtomicBool::new(false),
            given_up: CancellationToken::new(),
        }
    }

    /// The same, with retained messages.
    #[must_use]
    pub fn with_retained(mut self, retained: Option<Retained>) -> Self {
        self.retained = retained;
        self
    }

    /// Shows in the metrics whether the files of this reloader can be used.
    pub(crate) fn report_files(&self, reloader: Reloader) {
        self.metrics.report_files(reloader);
    }

    /// From now on `/readyz` fails.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Answers every request that is left, and disconnects from the broker.
    pub(super) async fn give_up(&self) {
        self.given_up.cancel();
        self.close().await;
    }

    /// Disconnects from the broker.
    pub async fn close(&self) {
        self.pool.close().await;
        if let Some(requests) = &self.requests {
            requests.replies().close().await;
        }
    }

    /// Answers a request; `_stream` is its stream, if it came over HTTP/2.
    pub(super) async fn answer(
        self: Arc<Self>,
        routes: Routes,
        request: Request<Incoming>,
        _stream: Option<OpenStream>,
    ) -> Result<Answer, Infallible> {
        let (parts, body) = request.into_parts();
        let mut payload = Payload::new(parts.version, body, self.config.body_timeout);
        let (method, request_id) = (parts.method.clone(), request_id(&parts));
        let outcome = self.route(routes, &parts, &mut payload, &request_id).await;
        // What is left of the request may be slow, and its head is not counted any more.
        drop(parts);
        let mut answer = match outcome {
            Ok(answer) => answer,
            Err(problem) => {
                let problem = self.when_to_retry(problem);
                tracing::debug!(
                    request_id,
                    code = problem.code().as_str(),
                    status = problem.status(),
                    "{}",
                    problem.detail()
                );
                tokio::select! {
                    () = payload.discard() => {}
                    () = self.given_up.cancelled() => {}
                }
                answer::problem(&problem, &request_id)
            }
        };
        answer::identify(&mut answer, &request_id);
        if method == Method::HEAD {
            answer::leave_out_content(&mut answer);
        }
        Ok(answer)
    }

    /// Adds when there will be room, to a problem that says that there is none.
    fn when_to_retry(&self, problem: Problem) -> Problem {
        if !matches!(problem.code(), Code::Overloaded | Code::ClientShareExceeded) {
            return problem;
        }
        let load = Load { in_flight: self.budget.messages(), released: self.budget.released() };
        problem.retry_in(self.drain_rate.retry_after(Instant::now(), load))
    }

    async fn route(
        &self,
        routes: Routes,
        parts: &Parts,
        payload: &mut Payload,
        request_id: &str,
    ) -> Result<Answer, Problem> {
        if routes == Routes::All && self.rules.is_publish(target(parts).as_bytes()) {
            let wait = self.requests.as_ref().map(|requests| requests.longest()).unwrap_or_default();
            let deadline = self.config.body_timeout + self.config.publish_timeout + wait + SLACK;
            return tokio::time::timeout(deadline, self.handle_message(parts, payload, request_id))
                .await
                .unwrap_or_else(|_| Err(translate::problem(PublishError::AcknowledgementTimeout)))
                .inspect_err(|problem| self.metrics.count_refused(problem.code()));
        }
        if routes == Routes::All && self.rules.is_batch(target(parts).as_bytes()) {
            let deadline = self.config.body_timeout + self.config.publish_timeout + SLACK;
            // Boxed, so that other requests need no memory for it.
            return tokio::time::timeout(deadline, Box::pin(self.handle_batch(parts, payload)))
                .await
                .unwrap_or_else(|_| Err(translate::problem(PublishError::AcknowledgementTimeout)))
                .inspect_err(|problem| self.metrics.count_refused(problem.code()));
        }
        if routes == Routes::All
            && let Some(retained) = &self.retained
            && self.rules.is_retained(target(parts).as_bytes())
        {
            // Boxed for the same reason.
            let answer = Box::pin(retained.answer(&head(parts), &parts.headers, &self.rules)).await;
            self.metrics.count_retained_read(read_outcome(&answer));
            return answer.inspect_err(|problem| self.metrics.count_refused(problem.code()));
        }
        match (&parts.method, parts.uri.path()) {
            (&Method::GET | &Method::HEAD, "/healthz") => Ok(answer::well("alive\n")),
            (&Method::GET | &Method::HEAD, "/readyz") => self.readiness(),
            (&Method::GET | &Method::HEAD, "/metrics") => Ok(answer::metrics(self.metrics.text())),
            _ => Err(Problem::new(Code::NotFound, format!("messages are published to {}", self.rules.path))),
        }
    }

    async fn handle_message(
        &self,
        parts: &Parts,
        payload: &mut Payload,
        request_id: &str,
    ) -> Result<Answer, Problem> {
        let head = head(parts);
        let mut publish = read(&head, &self.rules)?;
        let wait = publish.wait.zip(self.requests.as_ref()).map(|(wait, requests)| requests.grant(wait));
        publish.wait = wait;
        let names_client = self.pool.clients().is_some()
            || publish.idempotency_key.is_some() && parts.headers.contains_key(CLIENT_ID);
        let client = names_client.then(|| client::read(&parts.headers, self.client_login())).transpose()?;
        let key = publish.idempotency_key.as_ref().map(|key| {
            let hashing = self.keys.hashing();
            let id = hashing.key(client.as_ref().map(|client| &client.id), publish.topic_name.as_str(), key);
            (id, hashing.message(&publish, &parts.headers))
        });
        let trace = self.follows_traces().then(|| TraceContext::of(&parts.headers)).flatten();
        match publish.purpose {
            Purpose::DryRun => {
                let (payload, _permit) = self.receive(&mut publish, parts, trace.as_ref(), payload).await?;
                let id = RequestId::new(request_id.as_bytes());
                let decision = Decision { ignored: &head.ignored(), ..Decision::default() };
                Ok(answer::json(publish.to_dry_run_json(payload.len() as u64, decision, id)))
            }
            Purpose::Send => {
                let mut span = match &self.spans {
                    Some(spans) => spans.begin(trace.as_ref(), &publish),
                    None => PublishSpan::none(),
                };
                let continued = span.continued(trace.as_ref()).or(trace);
                let outcome = match self.receive(&mut publish, parts, continued.as_ref(), payload).await {
                    Ok((payload, permit)) => {
                        span.set_payload_bytes(payload.len());
                        let key = key.map(|(id, message)| (id, message.with_payload(&payload)));
                        self.send(&publish, client.as_ref(), key, payload, permit).await
                    }
                    Err(problem) => Err(problem),
                };
                span.end(outcome.as_ref().and_then(Outcome::reason_code));
                self.to_answer(outcome?, &publish, request_id)
            }
        }
    }

    async fn handle_batch(&self, parts: &Parts, payload: &mut Payload) -> Result<Answer, Problem> {
        let head = head(parts);
        let batch = batch::read(&head, &self.rules)?;
        let client =
            self.pool.clients().map(|clients| client::read(&parts.headers, clients.login())).transpose()?;
        let trace = self.follows_traces().then(|| TraceContext::of(&parts.headers)).flatten();
        let span = match &self.spans {
            Some(spans) if batch.purpose == Purpose::Send => spans.begin_batch(trace.as_ref(), &batch),
            _ => PublishSpan::none(),
        };
        let trace = span.continued(trace.as_ref()).or(trace);
        let written_by = WrittenBy::of(&parts.headers);
        let means = Means {
            rules: &self.rules,
            publisher: &self.publisher,
            budget: &self.budget,
            fields: &parts.headers,
            metrics: &self.metrics,
            client: client.as_ref(),
            passing_on: if self.config.trace_context {
                PassingOn::Trace(trace.as_ref())
            } else {
                PassingOn::Nothing
            },
            written_by,
        };
        let outcome = match self.read_payload(written_by.payload_check(), None, parts, payload).await {
            Ok((payload, _permit)) => super::batch::publish(&batch, payload, means).await,
            Err(problem) => Err(problem),
        };
        span.end_batch(outcome.as_ref().map(|answered| (answered.messages, answered.refused)));
        outcome.map(answer::batch)
    }

    /// How the session of a client logs in, if it has one.
    fn client_login(&self) -> ClientLogin {
        self.pool.clients().map(Clients::login).unwrap_or_default()
    }

    /// Whether the trace context of a request is used at all.
    const fn follows_traces(&self) -> bool {
        self.config.trace_context || self.spans.is_some()
    }

    /// Adds the trace context to the message, and reads the payload.
    async fn receive(
        &self,
        publish: &mut Publish<'_>,
        parts: &Parts,
        trace: Option<&TraceContext<'_>>,
        payload: &mut Payload,
    ) -> Result<(Bytes, Permit), Problem> {
        if self.config.trace_context {
            let properties = trace::put(trace, &publish.user_properties);
            publish.set_user_properties(properties, &self.rules.limits)?;
        }
        let topic = Some(publish.topic_name.as_str());
        self.read_payload(PayloadCheck::of(publish, &self.rules.limits), topic, parts, payload).await
    }

    async fn read_payload(
        &self,
        check: PayloadCheck,
        topic: Option<&str>,
        parts: &Parts,
        payload: &mut Payload,
    ) -> Result<(Bytes, Permit), Problem> {
        let permit = client::admit(&self.budget, &parts.headers, topic).and_then(|mut permit| {
            permit.add_beside(held_beside(parts))?;
            Ok(permit)
        });
        let mut permit = permit.map_err(|exhausted| translate::problem(exhausted.into()))?;
        if let Some(head) = parts.extensions.get::<LatestHead>() {
            head.counted();
        }
        let payload = tokio::select! {
            payload = payload.read(check, &mut permit) => payload?,
            () = self.given_up.cancelled() => return Err(stopped()),
        };
        Ok((payload, permit))
    }

    /// Publishes a message, and waits for its reply if it has to.
    async fn send(
        &self,
        publish: &Publish<'_>,
        client: Option<&Client<'_>>,
        key: Option<(KeyId, Fingerprint)>,
        payload: Bytes,
        permit: Permit,
    ) -> Result<Outcome, Problem> {
        if let Some((wait, requests)) = publish.wait.zip(self.requests.as_ref()) {
            // Boxed, so that messages that wait for no reply need no memory for it.
            let request = Box::pin(self.request(requests, wait, publish, client, payload, permit));
            return request.await.map(|answered| Outcome::Answered(Box::new(answered)));
        }
        let message = translate::message(publish, payload);
        let Some(key) = key else {
            return self.publisher.publish(&message, client, permit).await.map(Outcome::Published);
        };
        // Boxed for the same reason.
        match Box::pin(self.publisher.publish_once(&message, client, permit, key)).await? {
            Delivered::Now(published) => Ok(Outcome::Published(published)),
            Delivered::Before(outcome) => Ok(Outcome::Replayed(outcome)),
        }
    }

    /// Publishes a message with the Response Topic and Correlation Data of the bridge, and waits for its reply.
    async fn request(
        &self,
        requests: &Requests,
        wait: Wait,
        publish: &Publish<'_>,
        client: Option<&Client<'_>>,
        payload: Bytes,
        permit: Permit,
    ) -> Result<Answered, Problem> {
        let prepared = requests.prepare(wait, permit.beside()).await?;
        let correlation_data = prepared.correlation_data();
        let publishing = async {
            // It is dropped with the PUBACK, and its payload with it.
            let message = Message {
                response_topic: Some(requests.replies().response_topic()),
                correlation_data: Some(&correlation_data),
                ..translate::message(publish, payload)
            };
            self.publisher.publish(&message, client, permit).await
        };
        prepared.answer(publishing, &self.given_up).await
    }

    fn to_answer(
        &self,
        outcome: Outcome,
        publish: &Publish<'_>,
        request_id: &str,
    ) -> Result<Answer, Problem> {
        let Answered { wait, published, reply } = match outcome {
            Outcome::Published(published) => return Ok(answer::published(published)),
            Outcome::Replayed(Ok(published)) => return Ok(answer::replayed(answer::published(published))),
            Outcome::Replayed(Err(problem)) => {
                self.metrics.count_refused(problem.code());
                return Ok(answer::replayed(answer::problem(&problem, request_id)));
            }
            Outcome::Answered(answered) => *answered,
        };
        let mut answer = match (reply, published) {
            (Some(reply), published) => {
                let data = publish.correlation_data.as_ref();
                let replied = translate::replied(reply, data, &self.rules.limits)
                    .map_err(|problem| problem.applied(wait))?;
                answer::replied(replied, published.and_then(|published| published.reason_code))
            }
            (None, published) => {
                let reason_code = published.and_then(|published| published.reason_code);
                answer::published(Published { status: StatusCode::ACCEPTED, reason_code })
            }
        };
        answer::apply(&mut answer, wait);
        Ok(answer)
    }

    fn readiness(&self) -> Result<Answer, Problem> {
        if self.draining.load(Ordering::Relaxed) {
            return Err(Problem::new(Code::BrokerUnavailable, "the bridge is shutting down"));
        }
        if !self.pool.is_connected() {
            let detail = match self.pool.unavailability() {
                Some(cause) => format!("no session is connected to the broker: {cause}"),
                None => "no session is connected to the broker yet".to_owned(),
            };
            return Err(Problem::new(Code::BrokerUnavailable, detail));
        }
        Ok(answer::well("ready\n"))
    }
}

// === impl Outcome ===

impl Outcome {
    /// The Reason Code of the PUBACK, if there was one; or the problem of an earlier message.
    fn reason_code(&self) -> Result<Option<ReasonCode>, &Problem> {
        match self {
            Self::Published(published) => Ok(published.reason_code),
            Self::Replayed(Ok(published)) => Ok(published.reason_code),
            Self::Replayed(Err(problem)) => Err(problem),
            Self::Answered(answered) => Ok(answered.published.and_then(|published| published.reason_code)),
        }
    }
}

fn read_outcome(answer: &Result<Answer, Problem>) -> ReadOutcome {
    match answer {
        Ok(answer) if answer.status() == StatusCode::NOT_MODIFIED => ReadOutcome::Unchanged,
        Ok(_) => ReadOutcome::Answered,
        Err(problem) if problem.code() == Code::NoRetainedMessage => ReadOutcome::Missing,
        Err(_) => ReadOutcome::Refused,
    }
}

fn stopped() -> Problem {
    let detail = "the bridge stopped before the payload had arrived; nothing was published";
    Problem::new(Code::BrokerUnavailable, detail)
}

fn target(parts: &Parts) -> &str {
    parts.uri.path_and_query().map_or("/", |target| target.as_str())
}

/// The bytes of the target and the fields, or of the buffer that they are parts of.
fn held_beside(parts: &Parts) -> usize {
    let fields = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    let length = target(parts).len() + fields.sum::<usize>();
    parts.extensions.get::<LatestHead>().map_or(length, |head| length.max(head.room_length()))
}

fn head(parts: &Parts) -> RequestHead<'_> {
    let start = [(&b":method"[..], parts.method.as_str().as_bytes()), (b":path", target(parts).as_bytes())];
    let fields = parts.headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
    RequestHead::from_fields(start.into_iter().chain(fields))
}

/// The id of the request if it is valid, otherwise a random one.
fn request_id(parts: &Parts) -> String {
    let mut given = parts.headers.get_all(REQUEST_ID).iter();
    match (given.next(), given.next()) {
        (Some(value), None) => RequestId::new(value.as_bytes()).map(|id| id.as_str().to_owned()),
        _ => None,
    }
    .unwrap_or_else(|| format!("{:032x}", fastrand::u128(..)))
}
