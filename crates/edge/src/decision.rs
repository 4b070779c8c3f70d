//! What is decided about the head of a request: what it says, whether it may, what is added, and where it goes. Nothing is
//! written here: a decision says what has to be.

use http_publish::batch::{self, Batch};
use http_publish::{
    ADDED_PROPERTIES, CLIENT_ID, CLUSTER, CONTENT_LENGTH, ClientId, DryRun, JUDGED_LINES, PayloadCheck,
    Problem, Purpose, QoS, RequestHead, read,
};
use policy::Routing;

use crate::changes::Changes;
use crate::config::Config;
use crate::lines::Lines;
use crate::message_policy::{Sender, enrich, permit};

/// A head that may go on.
#[derive(Debug)]
pub(crate) struct Decision {
    /// What its payload has to pass.
    pub(crate) payload: PayloadCheck,
    /// What happens when the payload has passed.
    pub(crate) end: End,
}

/// How a request ends that is not refused.
#[derive(Debug)]
pub(crate) enum End {
    /// The upstream gets its end, and with it a whole request to publish.
    Send(QoS),
    /// The same, for a batch. The upstream also answers a batch that is a dry run.
    SendBatch,
    /// The same, but the payload is held, and the upstream gets its lines as they are judged.
    JudgeLines(Box<Lines>),
    /// The filter answers with this document, and the upstream never gets the end.
    Show(Box<DryRun>),
}

/// Decides about the head of a request to [`Rules::path`](http_publish::Rules), and adds to `changes` what differs from its
/// normal form.
pub(crate) fn decide(
    head: &RequestHead<'_>,
    sender: Sender<'_>,
    config: &Config,
    changes: &mut Changes,
) -> Result<Decision, Problem> {
    let mut publish = read(head, &config.rules)?;
    let permitted_by = permit(&publish, &sender.client, config)?;
    enrich(&mut publish, sender, config)?;
    let cluster = config.routing.as_ref().and_then(|routing| routing.cluster(publish.topic_name.as_str()));

    let Ok(()) = publish.changes(head, &config.rules, |change| {
        changes.push(change);
        Ok::<_, std::convert::Infallible>(())
    });
    if publish.idempotency_key.is_some() && !config.enrichment.is_empty() {
        changes.set(ADDED_PROPERTIES, &config.enrichment.len().to_string());
    }
    if let Some(client_id) = sender.client_id {
        changes.set(CLIENT_ID, &client_id.to_field());
    }
    if let Some(cluster) = cluster {
        changes.set(CLUSTER, cluster);
    }

    let end = match publish.purpose {
        Purpose::Send => End::Send(publish.qos),
        Purpose::DryRun => {
            let decision = http_publish::Decision {
                client_id: sender.client_id.map(ClientId::as_str),
                permitted_by,
                cluster,
                ignored: &head.ignored(),
            };
            End::Show(Box::new(publish.dry_run(decision, head.request_id())))
        }
    };
    Ok(Decision { payload: PayloadCheck::of(&publish, &config.rules.limits), end })
}

/// Decides about the head of a batch ([`Rules::is_batch`](http_publish::Rules)), and adds to `changes` what differs from its
/// normal form. A topic in the query is judged here, for all messages. What has to be known of each message, its own topic
/// among it, is judged when the payload has come.
pub(crate) fn decide_batch(
    head: &RequestHead<'_>,
    sender: Sender<'_>,
    config: &Config,
    changes: &mut Changes,
) -> Result<Decision, Problem> {
    let mut batch = batch::read(head, &config.rules)?;
    let routing = config.routing.as_ref();
    let mut cluster = routing.and_then(Routing::default_cluster);
    let judges_lines = judges_lines(&batch, config);
    let payload = if judges_lines { held_payload(head, config)? } else { PayloadCheck::of_batch() };
    if let Some(mut publish) = batch.to_publish() {
        permit(&publish, &sender.client, config)?;
        cluster = routing.and_then(|routing| routing.cluster(publish.topic_name.as_str()));
        if !judges_lines {
            enrich(&mut publish, sender, config)?;
            batch.user_properties = publish.user_properties;
        }
    }
    let end = if judges_lines { End::JudgeLines(Box::new(Lines::take(&mut batch))) } else { End::SendBatch };
    let Ok(()) = batch.changes(head, &config.rules, |change| {
        changes.push(change);
        Ok::<_, std::convert::Infallible>(())
    });
    if let Some(client_id) = sender.client_id {
        changes.set(CLIENT_ID, &client_id.to_field());
    }
    if let Some(cluster) = cluster {
        changes.set(CLUSTER, cluster);
    }
    if judges_lines {
        changes.set(JUDGED_LINES, "1");
        // What the lines become has another length, which is not known before the head goes on.
        changes.remove(CONTENT_LENGTH);
    }
    Ok(Decision { payload, end })
}

/// What the payload of a batch has to pass that the host holds.
fn held_payload(head: &RequestHead<'_>, config: &Config) -> Result<PayloadCheck, Problem> {
    let advice = if config.enrichment.depends_on_message() {
        "this edge reads all lines of a batch before it sends one on, and holds no more bytes; send fewer lines at a time"
    } else {
        "this edge reads all lines of a batch without ?topic= before it sends one on, and holds no more bytes; send fewer lines \
         at a time, or the lines of one topic with ?topic="
    };
    let payload = PayloadCheck::of_held_batch(config.held_batch_bytes, advice);
    head.content_length().map_or(Ok(()), |length| payload.announce(length))?;
    Ok(payload)
}

/// Whether each line has to be read here: for its topic, or for what is added to its message.
fn judges_lines(batch: &Batch<'_>, config: &Config) -> bool {
    let has_policy =
        config.permissions.is_some() || config.routing.is_some() || !config.enrichment.is_empty();
    batch.topic_name.is_none() && has_policy || config.enrichment.depends_on_message()
}
