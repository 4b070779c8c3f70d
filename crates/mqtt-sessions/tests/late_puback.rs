//! A PUBACK that comes after the publish time-out, for publishers that ask for it.

mod support;

use std::sync::Arc;
use std::time::Duration;

use mqtt_sessions::budget::{Budget, InFlightLimits};
use mqtt_sessions::{BrokerReason, LatePubAck, Message, Pool, PublishError, ReasonCode, Submitted};
use scripted_broker::{CONNACK, CONNACK_SESSION_PRESENT, Peer, ScriptedBroker, soon};

use support::pool_with;

/// A broker, a pool with a short publish time-out, and the connection between them.
async fn connected() -> (ScriptedBroker, Arc<Pool>, Peer) {
    let broker = ScriptedBroker::start().await;
    let pool = pool_with(&broker, |config| config.publish_timeout = Duration::from_millis(50));
    let peer = broker.accept(CONNACK).await;
    soon(pool.connected()).await;
    (broker, pool, peer)
}

/// Submits a message, and waits for its publish time-out.
async fn timed_out(pool: &Pool, late: LatePubAck) -> Submitted {
    let permit = Budget::new(InFlightLimits { messages: 1, bytes: 1000 }).admit().unwrap();
    let mut submitted = pool.submit(&Message::new("t", "x"), None, permit, late).unwrap();
    let outcome = soon(submitted.outcome()).await;
    assert!(matches!(outcome, Err(PublishError::AcknowledgementTimeout)), "{outcome:?}");
    submitted
}

#[tokio::test]
async fn a_late_puback_is_reported_to_a_publisher_that_asked_for_it() {
    let (_broker, pool, mut peer) = connected().await;
    for (late, expected) in [(LatePubAck::Reported, Some(0x87)), (LatePubAck::Ignored, None)] {
        let submitted = timed_out(&pool, late).await;
        let sent = peer.publish().await;
        peer.refuse(&sent, 0x87, "").await;
        let expected =
            expected.map(|code| BrokerReason { reason_code: ReasonCode(code), reason_string: None });
        assert_eq!(soon(submitted.late_puback()).await, expected, "{late:?}");
    }
}

#[tokio::test]
async fn no_puback_can_come_after_the_connection_has_ended() {
    let (broker, pool, mut peer) = connected().await;
    let submitted = timed_out(&pool, LatePubAck::Reported).await;
    peer.publish().await;
    drop(peer);
    let mut peer = broker.accept(CONNACK_SESSION_PRESENT).await;
    assert_eq!(soon(submitted.late_puback()).await, None);
    assert!(peer.is_quiet().await, "what is overdue is not sent again");
}

#[tokio::test]
async fn no_puback_can_come_after_the_pool_was_closed() {
    let (_broker, pool, mut peer) = connected().await;
    let submitted = timed_out(&pool, LatePubAck::Reported).await;
    peer.publish().await;
    soon(pool.close()).await;
    assert_eq!(soon(submitted.late_puback()).await, None);
}
