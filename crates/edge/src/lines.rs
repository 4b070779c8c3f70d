//! The lines of a batch that the edge judges one by one.
//!
//! The host holds the payload until its end. Then each line is read, judged as a message of its own, and replaced: by its
//! normal form with all its User Properties, or by a refusal that the bridge answers in its place. What goes on is what was
//! judged, never the bytes that the client sent.

use std::mem;

use http_publish::batch::{Batch, Line, MAX_BYTES, MAX_JUDGED_BYTES, write_refusal};
use http_publish::{Code, Problem, TopicName};
use policy::Routing;

use crate::config::Config;
use crate::message_policy::{Sender, enrich, permit};

/// What the head said of all lines.
#[derive(Debug)]
pub(crate) struct Lines {
    batch: Batch<'static>,
}

// === impl Lines ===

impl Lines {
    /// Takes the User Properties out of the head: they become properties of each line.
    pub(crate) fn take(batch: &mut Batch<'_>) -> Self {
        let batch = Batch {
            topic_name: batch.topic_name.clone().map(TopicName::into_owned),
            user_properties: mem::take(&mut batch.user_properties),
            api_version: None,
            purpose: batch.purpose,
        };
        Self { batch }
    }

    /// The payload that goes on in the place of `payload`.
    ///
    /// # Errors
    /// Returns a problem if there are no lines or too many, or if they become too large.
    pub(crate) fn judge(
        &self,
        payload: &[u8],
        sender: Sender<'_>,
        config: &Config,
    ) -> Result<Vec<u8>, Problem> {
        let lines = Batch::lines(payload)?;
        let mut judged = Vec::with_capacity(payload.len());
        let most = most_judged_bytes(config);
        for line in lines {
            match self.judge_line(line, sender, config) {
                Ok(line) => self.batch.write_line(&line, &mut judged),
                Err(problem) => write_refusal(&mut judged, &problem),
            }
            if judged.len() as u64 > most {
                let detail = "with what this edge adds to each message, the batch is over its limit of bytes";
                return Err(Problem::new(Code::PayloadTooLarge, detail));
            }
        }
        Ok(judged)
    }

    fn judge_line<'a>(
        &'a self,
        line: &'a [u8],
        sender: Sender<'_>,
        config: &Config,
    ) -> Result<Line<'a>, Problem> {
        let mut line = self.batch.read_line(line, &config.rules.limits)?;
        if self.batch.topic_name.is_none() {
            permit(&line.publish, &sender.client, config)?;
            check_route(line.publish.topic_name.as_str(), config.routing.as_ref())?;
        }
        enrich(&mut line.publish, sender, config)?;
        Ok(line)
    }
}

/// How large the lines may become. A host that cannot hold the largest batch cannot hold what it becomes either.
const fn most_judged_bytes(config: &Config) -> u64 {
    if config.held_batch_bytes < MAX_BYTES { config.held_batch_bytes } else { MAX_JUDGED_BYTES }
}

/// The head has gone to the default cluster, and with it all lines.
fn check_route(topic: &str, routing: Option<&Routing>) -> Result<(), Problem> {
    match routing {
        Some(routing) if routing.cluster(topic) != routing.default_cluster() => {
            const DETAIL: &str = "this edge routes messages by their topic, and this one's not to where batches without \
                ?topic= go; send it in a batch with ?topic=, or alone";
            Err(Problem::new(Code::MissingTopic, DETAIL))
        }
        _ => Ok(()),
    }
}
