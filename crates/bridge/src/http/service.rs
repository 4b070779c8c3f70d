//! What the bridge answers: messages to publish, two questions about its health, and one about its numbers.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_publish::{
    ClientId, Code, Decision, PayloadCheck, Problem, Publish, Purpose, REQUEST_ID, RequestHead, RequestId,
    Rules, read,
};
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, Request};

use super::answer::{self, Answer};
use super::body;
use super::client;
use super::config::HttpConfig;
use crate::budget::{Budget, Permit};
use crate::metrics::Metrics;
use crate::mqtt::{Pool, PublishError, Published};
use crate::trace::{self, PublishSpan, Spans, TraceContext};

/// The bridge, as its HTTP clients see it.
#[derive(Debug)]
pub struct Service {
    rules: Rules,
    pool: Arc<Pool>,
    budget: Arc<Budget>,
    config: HttpConfig,
    metrics: Metrics,
    spans: Option<Arc<Spans>>,
    draining: AtomicBool,
}

/// Beyond the waits that have their own ends, a request may take so long.
const SLACK: Duration = Duration::from_secs(5);

// === impl Service ===

impl Service {
    /// Judges requests by `rules` and publishes them with `pool`, as many at a time as `budget` has room for; each is one
    /// of `spans`, where there are any.
    #[must_use]
    pub fn new(
        rules: Rules,
        pool: Arc<Pool>,
        budget: Arc<Budget>,
        config: HttpConfig,
        spans: Option<Arc<Spans>>,
    ) -> Self {
        let metrics = Metrics::new(Arc::clone(&pool), Arc::clone(&budget));
        Self { rules, pool, budget, config, metrics, spans, draining: AtomicBool::new(false) }
    }

    /// From now on `/readyz` says no.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(super) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Answer, Infallible> {
        let (parts, body) = request.into_parts();
        let request_id = request_id(&parts);
        let mut answer = match self.route(&parts, body, &request_id).await {
            Ok(answer) => answer,
            Err(problem) => {
                tracing::debug!(
                    request_id,
                    code = problem.code().as_str(),
                    status = problem.status(),
                    "{}",
                    problem.detail()
                );
                answer::problem(&problem, &request_id)
            }
        };
        answer::identify(&mut answer, &request_id);
        if parts.method == Method::HEAD {
            answer::leave_out_content(&mut answer);
        }
        Ok(answer)
    }

    async fn route(&self, parts: &Parts, body: Incoming, request_id: &str) -> Result<Answer, Problem> {
        if self.rules.is_publish(target(parts).as_bytes()) {
            let deadline = self.config.body_timeout + self.config.publish_timeout + SLACK;
            return tokio::time::timeout(deadline, self.publish(parts, body, request_id))
                .await
                .unwrap_or_else(|_| Err(PublishError::AcknowledgementTimeout.into()))
                .inspect_err(|problem| self.metrics.count_refused(problem.code()));
        }
        match (&parts.method, parts.uri.path()) {
            (&Method::GET | &Method::HEAD, "/healthz") => Ok(answer::well("alive\n")),
            (&Method::GET | &Method::HEAD, "/readyz") => self.readiness(),
            (&Method::GET | &Method::HEAD, "/metrics") => Ok(answer::metrics(self.metrics.text())),
            _ => Err(Problem::new(Code::NotFound, format!("messages are published to {}", self.rules.path))),
        }
    }

    async fn publish(&self, parts: &Parts, body: Incoming, request_id: &str) -> Result<Answer, Problem> {
        let head = head(parts);
        let mut publish = read(&head, &self.rules)?;
        let client = self.pool.clients().map(|_| client::named(&parts.headers)).transpose()?;
        let trace = self.follows_traces().then(|| TraceContext::of(&parts.headers)).flatten();
        match publish.purpose {
            Purpose::DryRun => {
                let (payload, _permit) = self.receive(&mut publish, trace.as_ref(), parts, body).await?;
                let id = RequestId::new(request_id.as_bytes());
                Ok(answer::json(publish.to_dry_run_json(payload.len() as u64, Decision::default(), id)))
            }
            Purpose::Send => {
                let mut span = match &self.spans {
                    Some(spans) => spans.begin(trace.as_ref(), &publish),
                    None => PublishSpan::none(),
                };
                let continued = span.continued(trace.as_ref()).or(trace);
                let outcome = match self.receive(&mut publish, continued.as_ref(), parts, body).await {
                    Ok((payload, permit)) => {
                        span.set_payload_bytes(payload.len());
                        self.send(&publish, client.as_ref(), payload, permit).await
                    }
                    Err(problem) => Err(problem),
                };
                span.end(&outcome);
                outcome.map(answer::published)
            }
        }
    }

    /// Whether anybody is told of the trace that a request belongs to.
    const fn follows_traces(&self) -> bool {
        self.config.trace_context || self.spans.is_some()
    }

    /// Puts the trace into the message, and waits for its payload.
    async fn receive(
        &self,
        publish: &mut Publish<'_>,
        trace: Option<&TraceContext<'_>>,
        parts: &Parts,
        body: Incoming,
    ) -> Result<(Bytes, Permit), Problem> {
        if self.config.trace_context {
            let properties = trace::put(trace, &publish.user_properties);
            publish.set_user_properties(properties, &self.rules.limits)?;
        }
        let mut permit = self.budget.admit().map_err(PublishError::from)?;
        let check = PayloadCheck::of(publish, &self.rules.limits);
        let payload = body::read(parts.version, body, check, &mut permit, self.config.body_timeout).await?;
        Ok((payload, permit))
    }

    async fn send(
        &self,
        publish: &Publish<'_>,
        client: Option<&ClientId<'_>>,
        payload: Bytes,
        permit: Permit,
    ) -> Result<Published, Problem> {
        let start = Instant::now();
        let outcome = self.pool.publish(publish, client, payload, permit).await;
        self.metrics.observe_publish(start.elapsed());
        Ok(outcome?)
    }

    fn readiness(&self) -> Result<Answer, Problem> {
        if self.draining.load(Ordering::Relaxed) {
            return Err(Problem::new(Code::BrokerUnavailable, "the bridge is shutting down"));
        }
        if !self.pool.is_connected() {
            return Err(Problem::new(Code::BrokerUnavailable, "no session has a connection to the broker"));
        }
        Ok(answer::well("ready\n"))
    }
}

fn target(parts: &Parts) -> &str {
    parts.uri.path_and_query().map_or("/", |target| target.as_str())
}

fn head(parts: &Parts) -> RequestHead<'_> {
    let start = [(&b":method"[..], parts.method.as_str().as_bytes()), (b":path", target(parts).as_bytes())];
    let fields = parts.headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
    RequestHead::from_fields(start.into_iter().chain(fields))
}

/// The id that came with the request, where it can serve, else one of chance.
fn request_id(parts: &Parts) -> String {
    let mut given = parts.headers.get_all(REQUEST_ID).iter();
    match (given.next(), given.next()) {
        (Some(value), None) => RequestId::new(value.as_bytes()).map(|id| id.as_str().to_owned()),
        _ => None,
    }
    .unwrap_or_else(|| format!("{:032x}", fastrand::u128(..)))
}
