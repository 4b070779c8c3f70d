//! What is decided about the head of a request: what it says, whether it may, what is added, and where it goes. Nothing is
//! written here: a decision says what has to be.

use http_publish::{
    ADDED_PROPERTIES, CLIENT_ID, CLUSTER, ClientId, Code, DryRun, PayloadCheck, Problem, Publish, Purpose,
    QoS, RequestHead, RequestId, batch, read,
};
use policy::{Client, Refusal, RequestFacts, Verdict};

use crate::changes::Changes;
use crate::config::Config;

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
    /// The filter answers with this document, and the upstream never gets the end.
    Show(Box<DryRun>),
}

/// Who sent the request, and from where.
#[derive(Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub(crate) client_id: Option<&'a ClientId<'a>>,
    pub(crate) client: Client<'a>,
    /// Without its port; empty if it is not known or if the configuration does not ask for it.
    pub(crate) address: &'a str,
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
    enrich(&mut publish, head, sender, config)?;
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
/// normal form. All its messages have the topic of the query: the bridge that reads the lines knows no permissions.
pub(crate) fn decide_batch(
    head: &RequestHead<'_>,
    sender: Sender<'_>,
    config: &Config,
    changes: &mut Changes,
) -> Result<Decision, Problem> {
    let mut batch = batch::read(head, &config.rules)?;
    let cluster = match batch.to_publish() {
        Some(mut publish) => {
            permit(&publish, &sender.client, config)?;
            if config.enrichment.depends_on_message() {
                const DETAIL: &str =
                    "this edge accepts no batches: what it adds to a message depends on the message";
                return Err(Problem::new(Code::NotFound, DETAIL));
            }
            enrich(&mut publish, head, sender, config)?;
            let routing = config.routing.as_ref();
            let cluster = routing.and_then(|routing| routing.cluster(publish.topic_name.as_str()));
            batch.user_properties = publish.user_properties;
            cluster
        }
        None if config.permissions.is_none() && config.routing.is_none() && config.enrichment.is_empty() => {
            None
        }
        None => {
            const DETAIL: &str =
                "this edge judges a batch by one topic; write ?topic= and the percent-encoded Topic Name";
            return Err(Problem::new(Code::MissingTopic, DETAIL));
        }
    };
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
    Ok(Decision { payload: PayloadCheck::of_batch(), end: End::SendBatch })
}

/// The name of the binding that permits it; `None` if no permissions are configured.
fn permit<'a>(
    publish: &Publish<'_>,
    client: &Client<'_>,
    config: &'a Config,
) -> Result<Option<&'a str>, Problem> {
    let Some(permissions) = &config.permissions else { return Ok(None) };
    let topic = publish.topic_name.as_str();
    match permissions.judge(topic, client) {
        Verdict::Permitted { binding } => Ok(Some(binding)),
        Verdict::Refused(refusal) => {
            const DETAIL: &str = "no permission binding lets this client publish to this topic";
            Err(match publish.purpose {
                Purpose::Send => Problem::new(Code::NotPermitted, DETAIL),
                Purpose::DryRun => {
                    let closest = match refusal {
                        Refusal::NoTopicSpace => permissions.closest_template(topic, client),
                        Refusal::NotInGroup { .. } => None,
                    };
                    let closest = closest.map(|template| format!("; the closest template is {template}"));
                    let closest = closest.unwrap_or_default();
                    Problem::new(Code::NotPermitted, format!("{DETAIL}: {refusal}{closest}"))
                }
            })
        }
    }
}

fn enrich(
    publish: &mut Publish<'_>,
    head: &RequestHead<'_>,
    sender: Sender<'_>,
    config: &Config,
) -> Result<(), Problem> {
    if config.enrichment.is_empty() {
        return Ok(());
    }
    let request = RequestFacts {
        request_id: head.request_id().map_or("", RequestId::as_str),
        source_address: sender.address,
    };
    let properties = config.enrichment.apply(publish, &sender.client, request);
    publish.set_user_properties(properties, &config.rules.limits)
}
