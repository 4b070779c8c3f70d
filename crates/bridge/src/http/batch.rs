//! Batches: the messages of a request are submitted together, and answered in their order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_publish::batch::{self, Batch, Line};
use http_publish::{Code, JUDGED_LINES, PayloadCheck, Problem, Purpose, Rules};
use hyper::HeaderMap;
use mqtt_sessions::Submitted;
use mqtt_sessions::budget::Budget;

use super::client::{self, Client};
use super::publisher::Publisher;
use crate::metrics::Metrics;
use crate::trace::{self, TraceContext};
use crate::translate;

/// What a message of a batch is published with.
#[derive(Clone, Copy)]
pub(super) struct Means<'a> {
    pub(super) rules: &'a Rules,
    pub(super) publisher: &'a Publisher,
    pub(super) budget: &'a Arc<Budget>,
    /// The header fields of the request.
    pub(super) fields: &'a HeaderMap,
    pub(super) metrics: &'a Metrics,
    pub(super) client: Option<&'a Client<'a>>,
    pub(super) passing_on: PassingOn<'a>,
    pub(super) written_by: WrittenBy,
}

/// Who wrote the lines of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WrittenBy {
    Client,
    /// An edge that has judged them: some may be refusals.
    Edge,
}

/// What is passed on of the trace context.
#[derive(Clone, Copy)]
pub(super) enum PassingOn<'a> {
    Nothing,
    /// The trace context of the request, if it has one.
    Trace(Option<&'a TraceContext<'a>>),
}

/// The answer to a batch.
pub(super) struct Answered {
    /// One of JSON for each message.
    pub(super) lines: Vec<u8>,
    /// How many messages there are.
    pub(super) messages: usize,
    /// How many of them were refused.
    pub(super) refused: usize,
}

/// A message of a batch.
enum Item {
    /// It is on its way.
    Submitted(Submitted),
    /// It is only shown, in this line of the answer.
    Shown(Vec<u8>),
    Refused(Problem),
}

/// Publishes or shows the messages of a batch.
///
/// # Errors
///
/// Returns a problem if there are no lines, too many, or none that can be read.
pub(super) async fn publish(
    batch: &Batch<'_>,
    payload: Bytes,
    means: Means<'_>,
) -> Result<Answered, Problem> {
    let items = means.begin_all(batch, &payload).await?;
    // Each message has a copy of its payload.
    drop(payload);
    check_readable(&items)?;

    let start = Instant::now();
    let (messages, mut refused) = (items.len(), 0);
    let mut lines = Vec::with_capacity(messages * TYPICAL_LINE);
    for (index, item) in items.into_iter().enumerate() {
        let outcome = match item {
            Item::Submitted(submitted) => means.publisher.outcome(submitted, start).await,
            Item::Shown(line) => {
                lines.extend_from_slice(&line);
                continue;
            }
            Item::Refused(problem) => Err(problem),
        };
        match outcome {
            Ok(published) => {
                batch::sent(&mut lines, index, published.status.as_u16(), published.reason_code);
            }
            Err(problem) => {
                means.metrics.count_refused(problem.code());
                batch::refused(&mut lines, index, &problem);
                refused += 1;
            }
        }
    }
    Ok(Answered { lines, messages, refused })
}

/// How long lines are read before other requests have their turn.
const TURN: Duration = Duration::from_micros(500);

/// The bytes of a line of the answer, without a problem.
const TYPICAL_LINE: usize = 48;

/// Returns the first problem if every line has none but that it cannot be read.
fn check_readable(items: &[Item]) -> Result<(), Problem> {
    let unreadable = |item: &Item| match item {
        Item::Refused(problem) if problem.code() == Code::InvalidBatchLine => {
            Some(problem.detail().to_owned())
        }
        _ => None,
    };
    if !items.iter().all(|item| unreadable(item).is_some()) {
        return Ok(());
    }
    let first = items.first().and_then(unreadable).unwrap_or_default();
    Err(Problem::new(
        Code::InvalidBatchLine,
        format!("no line of the batch is a message; the first: {first}"),
    ))
}

// === impl WrittenBy ===

impl WrittenBy {
    /// Reads it from the header fields of the batch.
    pub(super) fn of(fields: &HeaderMap) -> Self {
        if fields.contains_key(JUDGED_LINES) { Self::Edge } else { Self::Client }
    }

    /// The check of the payload's size.
    pub(super) const fn payload_check(self) -> PayloadCheck {
        match self {
            Self::Client => PayloadCheck::of_batch(),
            Self::Edge => PayloadCheck::of_judged_batch(),
        }
    }
}

// === impl Means ===

impl Means<'_> {
    /// Reads the lines, and submits or shows their messages.
    async fn begin_all(self, batch: &Batch<'_>, payload: &[u8]) -> Result<Vec<Item>, Problem> {
        let lines = Batch::lines(payload)?;
        let mut items = Vec::with_capacity(lines.len());
        let mut turn = Instant::now();
        for (index, line) in lines.into_iter().enumerate() {
            items.push(self.begin(batch, index, line));
            if turn.elapsed() >= TURN {
                tokio::task::yield_now().await;
                turn = Instant::now();
            }
        }
        Ok(items)
    }

    /// Reads a line, and submits or shows its message.
    fn begin(self, batch: &Batch<'_>, index: usize, line: &[u8]) -> Item {
        self.try_begin(batch, index, line).unwrap_or_else(Item::Refused)
    }

    fn try_begin(self, batch: &Batch<'_>, index: usize, line: &[u8]) -> Result<Item, Problem> {
        if self.written_by == WrittenBy::Edge
            && let Some(problem) = batch::read_refusal(line)
        {
            return Err(problem);
        }
        let limits = &self.rules.limits;
        let Line { mut publish, payload } = batch.read_line(line, limits)?;
        if let PassingOn::Trace(trace) = self.passing_on {
            let properties = trace::put(trace, &publish.user_properties);
            publish.set_user_properties(properties, limits)?;
        }
        if batch.purpose == Purpose::DryRun {
            let mut out = Vec::new();
            batch::shown(&mut out, index, &publish, payload.len() as u64);
            return Ok(Item::Shown(out));
        }
        let permit = client::admit(self.budget, self.fields, Some(publish.topic_name.as_str()));
        let permit = permit.map_err(|exhausted| translate::problem(exhausted.into()))?;
        let message = translate::message(&publish, Bytes::from(payload.into_owned()));
        self.publisher.submit(&message, self.client, permit).map(Item::Submitted)
    }
}
