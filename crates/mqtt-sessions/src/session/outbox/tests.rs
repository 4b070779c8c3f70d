use std::time::Duration;

use super::*;
use crate::budget::{Budget, InFlightLimits};
use crate::codec::publish::EncodedPublish;
use crate::message::Message;
use crate::reason_code::{BrokerReason, ReasonCode};
use crate::session::reply::{self, LatePubAck, Pending};

fn submission(deadline: Instant) -> (Submission, Pending) {
    let packet = EncodedPublish::new(&Message::new("t", "")).unwrap();
    let permit = Budget::new(InFlightLimits { messages: 1, bytes: 0 }).admit().unwrap();
    let (reply, outcome) = reply::channel(LatePubAck::Reported);
    (Submission { packet, permit, deadline, reply }, outcome)
}

#[test]
fn a_message_that_was_sent_and_one_that_was_not_time_out_differently() {
    let now = Instant::now();
    let at = |seconds| now + Duration::from_secs(seconds);
    let mut outbox = Outbox::new(Arc::new(Tally::new(1)));
    let mut queue = WriteQueue::default();
    outbox.connected(ServerLimits::default());
    let (sent, mut sent_outcome) = submission(at(10));
    let (waiting, mut waiting_outcome) = submission(at(11));
    outbox.submit(sent);
    outbox.fill(&mut queue, now);
    outbox.submit(waiting);

    assert_eq!(outbox.next_deadline(), Some(at(10)));
    outbox.expire(at(10));
    assert!(matches!(sent_outcome.try_outcome().unwrap(), Err(PublishError::AcknowledgementTimeout)));
    assert!(waiting_outcome.try_outcome().is_none());

    assert_eq!(outbox.next_deadline(), Some(at(11)));
    outbox.expire(at(11));
    assert!(matches!(waiting_outcome.try_outcome().unwrap(), Err(PublishError::Overloaded(_))));
    assert_eq!(outbox.next_deadline(), None);
    assert_eq!(outbox.flow.unacknowledged(), 1, "the Packet Identifier stays in use");
}

#[test]
fn the_age_of_a_message_counts_from_when_it_was_last_written() {
    let now = Instant::now();
    let later = now + Duration::from_secs(1);
    let mut outbox = Outbox::new(Arc::new(Tally::new(1)));
    outbox.connected(ServerLimits::default());
    let (message, _outcome) = submission(now);
    outbox.submit(message);
    assert_eq!(outbox.oldest_written(), None);
    outbox.fill(&mut WriteQueue::default(), now);
    assert_eq!(outbox.oldest_written(), Some(now));

    outbox.disconnected(&End::Eof);
    outbox.connected(ServerLimits::default());
    assert_eq!(outbox.oldest_written(), None, "it was not written to this connection");
    outbox.fill(&mut WriteQueue::default(), later);
    assert_eq!(outbox.oldest_written(), Some(later));
}

#[test]
fn a_puback_finishes_a_message_that_was_not_sent_again_yet() {
    let now = Instant::now();
    let mut outbox = Outbox::new(Arc::new(Tally::new(1)));
    outbox.connected(ServerLimits::default());
    let (message, mut outcome) = submission(now);
    outbox.submit(message);
    outbox.fill(&mut WriteQueue::default(), now);
    outbox.disconnected(&End::Eof);
    outbox.connected(ServerLimits::default());
    let packet_identifier = PacketIdentifier::MIN;
    let reason = BrokerReason { reason_code: ReasonCode::SUCCESS, reason_string: None };
    outbox.acknowledge(PubAck { packet_identifier, reason: reason.clone() });
    assert_eq!(outcome.try_outcome().unwrap().unwrap(), Delivery::Acknowledged(reason));
    let mut queue = WriteQueue::default();
    outbox.fill(&mut queue, now);
    assert!(queue.is_empty());
    assert_eq!(outbox.flow.unacknowledged(), 0);
}
