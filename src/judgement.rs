//! What is decided about the head of a request: who sends it, what it says, whether it may, what is added, and where it
//! goes. Then it is written back, in normal form.

use http_publish::{
    CLIENT_ID, CLUSTER, Change, ClientId, Code, Decision, PayloadCheck, Problem, Publish, Purpose, QoS,
    RequestHead, RequestId, read,
};
use policy::{Client, Config, RequestFacts, Verdict};

use crate::client;
use crate::host::{self, HostError};

/// A head that was let through.
pub(crate) struct Judgement {
    pub(crate) qos: QoS,
    pub(crate) payload: PayloadCheck,
    /// What a dry run shows; `None` where the message is to be sent.
    pub(crate) dry_run: Option<Box<DryRun>>,
}

/// What a dry run will show, once its payload was checked.
pub(crate) struct DryRun {
    client_id: Option<String>,
    permitted_by: Option<String>,
    cluster: Option<String>,
}

/// Judges the head of a request to [`Rules::path`](http_publish::Rules), and puts its fields into normal form.
pub(crate) fn judge(head: &RequestHead<'_>, config: &Config) -> Result<Judgement, Problem> {
    let identity = client::identify(&config.client_id)?;
    let claims = identity.claims();
    let client_id = identity.client_id.as_ref();
    let client = Client { authentication_name: client_id.map(ClientId::as_str), claims: &claims };

    let mut publish = read(head, &config.rules)?;
    let permitted_by = permit(&publish, &client, config)?;
    enrich(&mut publish, head, &client, config)?;
    let cluster = config.routing.as_ref().and_then(|routing| routing.cluster(publish.topic_name.as_str()));

    publish.changes(head, &config.rules, write).map_err(edge_failure)?;
    if let Some(client_id) = client_id {
        host::set_request_field(CLIENT_ID, &client_id.to_field()).map_err(edge_failure)?;
    }
    if let Some(cluster) = cluster {
        host::set_request_field(CLUSTER, cluster).map_err(edge_failure)?;
    }

    let dry_run = (publish.purpose == Purpose::DryRun).then(|| {
        let known = [client_id.map(ClientId::as_str), permitted_by, cluster];
        let [client_id, permitted_by, cluster] = known.map(|name| name.map(str::to_owned));
        Box::new(DryRun { client_id, permitted_by, cluster })
    });
    Ok(Judgement { qos: publish.qos, payload: PayloadCheck::of(&publish, &config.rules.limits), dry_run })
}

/// The name of the binding that permits it; `None` where no permissions are configured.
fn permit<'a>(
    publish: &Publish<'_>,
    client: &Client<'_>,
    config: &'a Config,
) -> Result<Option<&'a str>, Problem> {
    let Some(permissions) = &config.permissions else { return Ok(None) };
    match permissions.judge(publish.topic_name.as_str(), client) {
        Verdict::Permitted { binding } => Ok(Some(binding)),
        Verdict::Refused(refusal) => {
            const DETAIL: &str = "no permission binding lets this client publish to this topic";
            Err(match publish.purpose {
                Purpose::Send => Problem::new(Code::NotPermitted, DETAIL),
                Purpose::DryRun => Problem::new(Code::NotPermitted, format!("{DETAIL}: {refusal}")),
            })
        }
    }
}

fn enrich(
    publish: &mut Publish<'_>,
    head: &RequestHead<'_>,
    client: &Client<'_>,
    config: &Config,
) -> Result<(), Problem> {
    if config.enrichment.is_empty() {
        return Ok(());
    }
    let source_address = if config.enrichment.wants_source_address() {
        host::source_address().map_err(edge_failure)?
    } else {
        String::new()
    };
    let request = RequestFacts {
        request_id: head.request_id().map_or("", RequestId::as_str),
        source_address: &source_address,
    };
    let properties = config.enrichment.apply(publish, client, request);
    publish.set_user_properties(properties, &config.rules.limits)
}

// === impl DryRun ===

impl DryRun {
    /// The answer, read from the head as it would leave.
    pub(crate) fn show(
        &self,
        head: &RequestHead<'_>,
        config: &Config,
        payload: &PayloadCheck,
    ) -> Result<Vec<u8>, Problem> {
        let publish = read(head, &config.rules)?;
        let decision = Decision {
            client_id: self.client_id.as_deref(),
            permitted_by: self.permitted_by.as_deref(),
            cluster: self.cluster.as_deref(),
        };
        Ok(publish.to_dry_run_json(payload.seen(), decision, head.request_id()))
    }
}

fn write(change: Change<'_>) -> Result<(), HostError> {
    match change {
        Change::Set { name, value } => host::set_request_field(name, value),
        Change::Remove { name } => host::remove_request_field(name),
    }
}

/// The host did not do what it was asked: nobody's fault but the edge's.
pub(crate) fn edge_failure(error: HostError) -> Problem {
    Problem::new(Code::EdgeFailure, format!("a call to the host failed with status {}", error.0))
}
