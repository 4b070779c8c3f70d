//! The messages of a session: the state that outlives its connections (MQTT 5.0, 4.1).
//!
//! A message is first *waiting* in the `queue`. When `flow_control` has room, it is written, and is *in flight* under its
//! Packet Identifier until its PUBACK arrives or the broker has lost the session (`in_flight`). A new connection sends what
//! is in flight again (`resend`). At its deadline a message is released, and only its Packet Identifier stays in use
//! (`deadlines`), while its topic may use less of the Receive Maximum (`unanswered`). If the broker closes the connection, the messages in flight are sent again a few at a time, until the one
//! that causes it is found (`isolation`).

mod deadlines;
mod flow_control;
mod in_flight;
mod isolation;
mod queue;
mod resend;
mod sent;
#[cfg(test)]
mod tests;
mod unanswered;

use std::sync::Arc;

use tokio::time::Instant;

use self::deadlines::Deadlines;
use self::flow_control::FlowControl;
use self::in_flight::{InFlight, Removed};
use self::isolation::{EndedBy, Isolation, Pace, Suspect, Verdict};
use self::queue::Queue;
use self::resend::Resend;
use self::sent::{ConnectionNumber, Sent, Tries};
use self::unanswered::Unanswered;
use super::end::End;
use super::submission::Submission;
use super::write_queue::WriteQueue;
use crate::codec::DecodeError;
use crate::codec::connack::ServerLimits;
use crate::codec::puback::{PacketIdentifier, PubAck};
use crate::delivery::Delivery;
use crate::error::{Loss, Overload, PublishError};
use crate::message::QoS;
use crate::tally::Tally;

/// All messages that the session has accepted and not finished.
#[derive(Debug)]
pub(super) struct Outbox {
    queue: Queue,
    in_flight: InFlight<Sent>,
    flow: FlowControl,
    resend: Resend,
    deadlines: Deadlines,
    isolation: Isolation,
    unanswered: Unanswered,
    intake: Intake,
    connection: ConnectionNumber,
    /// How many messages this connection has finished: acknowledged, or given up as the cause of its end.
    finished: u64,
    tally: Arc<Tally>,
}

/// Whether messages are sent that were not sent before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Intake {
    #[default]
    Open,
    /// They wait for the next connection.
    Closed,
}

/// Whether a message moved to the write queue, or off the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Moved,
    /// No message, or no room for it.
    Blocked,
}

/// Messages wait while the write queue holds this many bytes: a longer queue makes no write larger.
const WRITE_QUEUE_BYTES: usize = 64 * 1024;

// === impl Outbox ===

impl Outbox {
    pub(super) fn new(tally: Arc<Tally>) -> Self {
        Self {
            queue: Queue::default(),
            in_flight: InFlight::new(),
            flow: FlowControl::default(),
            resend: Resend::default(),
            deadlines: Deadlines::default(),
            isolation: Isolation::default(),
            unanswered: Unanswered::default(),
            intake: Intake::default(),
            connection: ConnectionNumber::default(),
            finished: 0,
            tally,
        }
    }

    pub(super) fn submit(&mut self, submission: Submission) {
        self.queue.push(submission);
    }

    /// How many messages the last connection has finished: acknowledged, or given up as the cause of its end.
    pub(super) const fn finished(&self) -> u64 {
        self.finished
    }

    /// A connection resumes the session, with these limits. What is in flight is sent again first.
    pub(super) fn connected(&mut self, limits: ServerLimits) {
        self.drop_overdue();
        self.intake = Intake::Open;
        self.connection.advance();
        self.finished = 0;
        self.flow.connected(limits);
        self.resend.start(&self.in_flight);
    }

    /// The connection has ended. What is in flight stays until a new connection shows whether the broker has the session.
    pub(super) fn disconnected(&mut self, end: &End) {
        self.drop_overdue();
        let oldest = self.oldest().map(|sent| sent.tries);
        let suspect = self.isolation.connection_ended(EndedBy::of(end), self.flow.unacknowledged(), oldest);
        if suspect == Suspect::First {
            self.give_up_first(match end {
                End::Disconnected(disconnect) => PublishError::MessageRejected(disconnect.reason.clone()),
                _ => PublishError::ConnectionLost(Loss::Isolated),
            });
            self.finished += 1;
        }
        self.flow.disconnected();
        self.resend.stop();
    }

    /// Fails all messages in flight: their outcome stays unknown.
    pub(super) fn give_up_in_flight(&mut self, loss: Loss) {
        while self.in_flight.len() > 0 {
            self.give_up_first(PublishError::ConnectionLost(loss));
        }
    }

    /// No PUBACK for an overdue message can arrive any more.
    fn drop_overdue(&mut self) {
        while self.oldest().is_some_and(Sent::is_overdue) {
            self.give_up_first(PublishError::AcknowledgementTimeout);
        }
    }

    /// What was not sent yet waits for the next connection.
    pub(super) fn close_intake(&mut self) {
        self.intake = Intake::Closed;
    }

    /// What was not sent yet is sent after all.
    pub(super) fn open_intake(&mut self) {
        self.intake = Intake::Open;
    }

    /// Whether a publisher waits for the PUBACK of a message in flight. If not, all messages in flight are overdue.
    pub(super) const fn is_puback_awaited(&self) -> bool {
        self.deadlines.any()
    }

    /// Whether the message that makes the broker close the connection is being searched for.
    pub(super) fn is_isolating(&self) -> bool {
        self.isolation.pace() != Pace::Full
    }

    /// Whether a publisher waits for an outcome. The publisher of a message in flight counts until its deadline, even if it
    /// has gone.
    pub(super) fn is_awaited(&self) -> bool {
        self.is_puback_awaited() || self.queue.is_awaited()
    }

    /// How many messages were written to this connection and are not acknowledged.
    pub(super) fn unacknowledged(&self) -> usize {
        self.flow.unacknowledged()
    }

    /// Whether this connection has sent again all that was in flight.
    pub(super) const fn is_resent(&self) -> bool {
        self.resend.is_complete()
    }

    /// Drops all messages. No publisher waits for one.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
        self.give_up_in_flight(Loss::Closed);
    }

    /// Fails the messages that were not sent.
    pub(super) fn fail_waiting(&mut self, error: &PublishError) {
        self.queue.fail_all(error);
    }

    /// Removes the messages that were not sent, in order.
    pub(super) fn take_waiting(&mut self) -> Vec<Submission> {
        self.queue.take_all()
    }

    /// Moves messages to the write queue while it and flow control have room.
    pub(super) fn fill(&mut self, queue: &mut WriteQueue, now: Instant) {
        if self.resend.is_complete() && self.flow.unacknowledged() == 0 {
            self.isolation.cleared();
        }
        self.isolation.sending(now);
        while queue.len() < WRITE_QUEUE_BYTES {
            let step = match self.resend.next() {
                Some(identifier) => self.send_again(identifier, queue, now),
                None if self.intake == Intake::Closed => Step::Blocked,
                None => self.send_next(queue, now),
            };
            if step == Step::Blocked {
                break;
            }
        }
    }

    /// Counts messages of QoS 0 that the socket has accepted.
    pub(super) fn written(&self, messages: u64) {
        self.tally.add_written(messages);
    }

    /// Finishes the message that a PUBACK acknowledges, whatever its Reason Code says.
    pub(super) fn acknowledge(&mut self, PubAck { packet_identifier, reason }: PubAck) {
        let Some(sent) = self.remove(packet_identifier) else {
            tracing::debug!(%packet_identifier, "PUBACK for a Packet Identifier that is not in use");
            return;
        };
        self.finished += 1;
        self.isolation.answered(if reason.reason_code.is_error() {
            Verdict::Refused
        } else {
            Verdict::Accepted
        });
        self.tally.add_acknowledged(reason.reason_code);
        if let Some(topic) = sent.topic {
            self.unanswered.acknowledged(topic);
        }
        sent.finish(Ok(Delivery::Acknowledged(reason)));
    }

    /// Fails the message that the broker answers as if it had QoS 2.
    pub(super) fn violated(&mut self, packet_identifier: PacketIdentifier, error: DecodeError) {
        if let Some(sent) = self.remove(packet_identifier) {
            self.finished += 1;
            self.isolation.answered(Verdict::Refused);
            sent.finish(Err(error.into()));
        }
    }

    /// Answers the publishers whose deadline has passed.
    pub(super) fn expire(&mut self, now: Instant) {
        let overdue = self.deadlines.expire(&mut self.in_flight, &mut self.unanswered, now);
        self.tally.add_overdue(overdue);
        self.queue.expire(now);
    }

    /// Whether overdue messages use half of the Receive Maximum or more, and leave too little of it for others.
    pub(super) fn is_blocked_by_overdue(&self) -> bool {
        self.deadlines.overdue() * 2 >= self.flow.receive_maximum()
    }

    /// When [`expire`](Self::expire) has something to do next.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next(&self.in_flight).into_iter().chain(self.queue.next_deadline()).min()
    }

    /// When the oldest message that this connection has not acknowledged was written.
    pub(super) fn oldest_written(&self) -> Option<Instant> {
        let sent = self.oldest()?;
        (sent.connection == self.connection).then_some(sent.written)
    }

    /// The oldest message in flight.
    fn oldest(&self) -> Option<&Sent> {
        self.in_flight.get(self.in_flight.first()?)
    }

    fn send_again(&mut self, identifier: PacketIdentifier, queue: &mut WriteQueue, now: Instant) -> Step {
        if !self.flow.has_room(self.isolation.pace()) {
            return Step::Blocked;
        }
        let Some(sent) = self.in_flight.get_mut(identifier) else {
            self.resend.stop();
            return Step::Moved;
        };
        let Some(packet) = sent.packet_mut() else {
            // It is overdue, and this connection has not sent it.
            self.remove(identifier);
            return Step::Moved;
        };
        if self.flow.check(packet).is_err() {
            // The broker allowed it when it was sent before.
            if let Some(sent) = self.remove(identifier) {
                sent.finish(Err(PublishError::ConnectionLost(Loss::Forbidden)));
            }
            return Step::Moved;
        }
        packet.mark_duplicate();
        queue.push(packet);
        (sent.connection, sent.written, sent.tries) = (self.connection, now, Tries::Several);
        self.flow.sent();
        self.resend.advance(&self.in_flight);
        Step::Moved
    }

    /// Sends the message that has waited longest.
    fn send_next(&mut self, queue: &mut WriteQueue, now: Instant) -> Step {
        let Some(qos) = self.queue.next_qos() else { return Step::Blocked };
        if qos == QoS::AtLeastOnce && !self.flow.has_room(self.isolation.pace()) {
            return Step::Blocked;
        }
        let Some(submission) = self.queue.pop() else { return Step::Blocked };
        if submission.reply.is_closed() {
            // Its publisher has gone, and nothing was sent.
            return Step::Moved;
        }
        if let Err(error) = self.flow.check(&submission.packet) {
            submission.finish(Err(error));
            return Step::Moved;
        }
        match qos {
            QoS::AtMostOnce => queue.push_with_receipt(submission),
            QoS::AtLeastOnce => self.send_first(submission, queue, now),
        }
        Step::Moved
    }

    fn send_first(&mut self, submission: Submission, queue: &mut WriteQueue, now: Instant) {
        let share = Unanswered::share(self.flow.receive_maximum());
        let Ok(topic) = self.unanswered.admit(submission.packet.topic_name(), share) else {
            return submission.finish(Err(Overload::UnansweredTopic.into()));
        };
        let sent = Sent::new(submission, topic, self.connection, now);
        let identifier = match self.in_flight.push(sent) {
            Ok(identifier) => identifier,
            Err(sent) => {
                sent.topic.into_iter().for_each(|topic| self.unanswered.removed(topic));
                return sent.finish(Err(Overload::PacketIdentifiers.into()));
            }
        };
        if let Some(packet) = self.in_flight.get_mut(identifier).and_then(Sent::packet_mut) {
            packet.set_packet_identifier(identifier);
            queue.push(packet);
        }
        self.flow.sent();
        self.deadlines.added(identifier);
    }

    /// Removes a message from `in_flight`, and every reference to it.
    fn remove(&mut self, identifier: PacketIdentifier) -> Option<Sent> {
        let Removed { value: sent, after } = self.in_flight.remove(identifier)?;
        self.resend.removed(identifier, after);
        self.deadlines.removed(identifier, after);
        if let Some(topic) = sent.topic {
            self.unanswered.removed(topic);
        }
        if sent.is_overdue() {
            self.deadlines.removed_overdue();
            self.tally.remove_overdue();
        }
        if sent.connection == self.connection {
            self.flow.acknowledged();
        }
        Some(sent)
    }

    fn give_up_first(&mut self, error: PublishError) {
        if let Some(sent) = self.in_flight.first().and_then(|first| self.remove(first)) {
            sent.finish(Err(error));
        }
    }
}
