//! What the configuration says of one message: whether its client may publish it, and what is added to it.

use http_publish::{ClientId, Code, Problem, Publish, Purpose};
use policy::{Client, Refusal, RequestFacts, Verdict};

use crate::config::Config;

/// Who sent the request, and from where.
#[derive(Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub(crate) client_id: Option<&'a ClientId<'a>>,
    pub(crate) client: Client<'a>,
    /// Without its port; empty if it is not known or if the configuration does not ask for it.
    pub(crate) address: &'a str,
    /// Empty if the request has none.
    pub(crate) request_id: &'a str,
}

/// The name of the binding that permits it; `None` if no permissions are configured.
pub(crate) fn permit<'a>(
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

/// Adds the User Properties of the edge.
pub(crate) fn enrich(publish: &mut Publish<'_>, sender: Sender<'_>, config: &Config) -> Result<(), Problem> {
    if config.enrichment.is_empty() {
        return Ok(());
    }
    let request = RequestFacts { request_id: sender.request_id, source_address: sender.address };
    let properties = config.enrichment.apply(publish, &sender.client, request);
    publish.set_user_properties(properties, &config.rules.limits)
}
