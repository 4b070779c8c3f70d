//! What happens to a message on its way in.

use async_trait::async_trait;
use rmqtt::codec::v5::PublishAckReason;
use rmqtt::context::ServerContext;
use rmqtt::hook::{Handler, HookResult, Parameter, ReturnType, Type};
use rmqtt::types::{Publish, PublishAclResult, PublishResult, QoS};

/// Runs for every PUBLISH that arrives.
struct Incoming(ServerContext);

/// Rounds a Message Expiry Interval up: rmqtt delivers the whole seconds that are left, and so 99 of 100 at once.
const ROUND_UP: i64 = 999;

/// Makes the broker look at incoming messages.
pub(crate) async fn install(context: &ServerContext) {
    let hooks = context.extends.hook_mgr().register();
    for kind in [Type::MessagePublish, Type::MessagePublishCheckAcl] {
        hooks.add(kind, Box::new(Incoming(context.clone()))).await;
    }
    hooks.start().await;
}

// === impl Incoming ===

#[async_trait]
#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out, and async_trait then wants the same")]
impl Handler for Incoming {
    async fn hook(&self, parameter: &Parameter, result: Option<HookResult>) -> ReturnType {
        let changed = match parameter {
            Parameter::MessagePublish(_, _, message) => Some(HookResult::Publish(rounded_up(message))),
            Parameter::MessagePublishCheckAcl(_, message) => {
                self.unmatched(message).await.then(no_matching_subscribers)
            }
            _ => None,
        };
        (true, changed.or(result))
    }
}

impl Incoming {
    /// Whether nothing is to be done with a message but to acknowledge it. A PUBREC is always 0x00, since rmqtt forgets the
    /// Packet Identifier otherwise; a retained message is kept for later subscribers.
    async fn unmatched(&self, message: &Publish) -> bool {
        let acknowledged_once = message.qos == QoS::AtLeastOnce && !message.retain;
        acknowledged_once
            && self.0.extends.router().await.get(&message.topic).await.is_ok_and(|routes| routes.is_empty())
    }
}

fn rounded_up(message: &Publish) -> Publish {
    let mut message = message.clone();
    message.create_time = message.create_time.map(|time| time + ROUND_UP);
    message
}

/// PUBACK 0x10 (MQTT 5.0, 3.4.2.1). rmqtt has no other place for it than the answer of an access control list.
fn no_matching_subscribers() -> HookResult {
    HookResult::PublishAclResult(PublishAclResult(PublishResult::reason_code(
        PublishAckReason::NoMatchingSubscribers,
        None,
        false,
    )))
}
