//! Who may read which retained messages.

use http_publish::{CLIENT_ID, CLUSTER, ClientId, Code, Problem, RequestHead, RetainedRequest};
use policy::Verdict;

use crate::changes::Changes;
use crate::config::{Config, RetainedMessages};
use crate::host::TokenClaims;
use crate::identity::Identity;

/// Decides about the head of a request for retained messages, and adds what the upstream needs to `changes`.
pub(crate) fn permit_read<C: TokenClaims>(
    head: &RequestHead<'_>,
    identity: &Identity<C>,
    config: &Config,
    changes: &mut Changes,
) -> Result<(), Problem> {
    if config.retained_messages == RetainedMessages::Off {
        return Err(Problem::new(Code::NotFound, "retained messages cannot be read here"));
    }
    let request = RetainedRequest::read(head, &config.rules)?;
    let topic_filter = match &request {
        RetainedRequest::Message(topic) => topic.as_str(),
        RetainedRequest::List(page) => page.topic_filter.as_str(),
    };
    if let Some(permissions) = &config.permissions
        && let Verdict::Refused(_) = permissions.judge_reading(topic_filter, &identity.client())
    {
        const DETAIL: &str =
            "no permission binding lets this client read the retained messages of all these topics";
        return Err(Problem::new(Code::NotPermitted, DETAIL));
    }
    if let Some(client_id) = &identity.client_id {
        changes.set(CLIENT_ID, &ClientId::to_field(client_id));
    }
    if let RetainedRequest::Message(topic) = &request
        && let Some(cluster) = config.routing.as_ref().and_then(|routing| routing.cluster(topic.as_str()))
    {
        changes.set(CLUSTER, cluster);
    }
    Ok(())
}
