//! What a session has promised to send: the state that outlives its connections (MQTT 5.0, 4.1).
//!
//! A message starts out *waiting*. When the connection and the broker's Receive Maximum have room it is written, and is
//! *in flight* under its Packet Identifier until its PUBACK comes or the broker has lost the session. Its publisher may
//! give up earlier, at the deadline; the identifier stays taken all the same, so that a late PUBACK cannot be mistaken
//! for another message's.

use std::collections::VecDeque;
use std::sync::Arc;

use http_publish::{QoS, Retain};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::in_flight::{InFlight, Removed};
use super::write_queue::WriteQueue;
use crate::budget::Permit;
use crate::mqtt::codec::connack::{RetainAvailable, ServerLimits};
use crate::mqtt::codec::puback::{PacketIdentifier, PubAck};
use crate::mqtt::codec::publish::EncodedPublish;
use crate::mqtt::error::{BrokerReason, PublishError, Published};
use crate::mqtt::tally::Tally;

/// Where a message's outcome goes.
pub(super) type Reply = oneshot::Sender<Result<Published, PublishError>>;

/// A message that a publisher hands to the session.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) packet: EncodedPublish,
    pub(super) permit: Permit,
    /// When its publisher stops waiting. Later submissions have later deadlines.
    pub(super) deadline: Instant,
    pub(super) reply: Reply,
}

/// A message that was written and is not acknowledged.
#[derive(Debug)]
struct Sent {
    packet: EncodedPublish,
    _permit: Permit,
    deadline: Instant,
    /// `None` once its publisher was told that the time is over.
    reply: Option<Reply>,
    /// The connection that it was last written to.
    connection: u64,
    written: Instant,
}

/// How many messages may be unacknowledged at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// As many as the broker takes.
    Full,
    /// One: the broker keeps closing the connection, and it has to be found which message makes it do so.
    OneAtATime,
}

/// All that the session has promised to send.
#[derive(Debug)]
pub(super) struct Outbox {
    waiting: VecDeque<Submission>,
    in_flight: InFlight<Sent>,
    /// The next message that this connection has to send again.
    resend: Option<PacketIdentifier>,
    /// The oldest message in flight whose publisher still waits.
    due: Option<PacketIdentifier>,
    /// Which connection of the session this is.
    connection: u64,
    /// How many messages were written to this connection and are not acknowledged.
    outstanding: usize,
    limits: ServerLimits,
    pace: Pace,
    /// How many connections in a row were cut with messages outstanding and none acknowledged.
    fruitless: u32,
    acknowledged: u64,
    tally: Arc<Tally>,
}

/// Reason Codes from here on say that it failed (MQTT 5.0, 2.4).
const FIRST_FAILURE: u8 = 0x80;

/// After so many fruitless connections, messages go one at a time.
const FRUITLESS_CONNECTIONS: u32 = 2;

/// Past so many bytes in the write queue, messages wait: a queue any longer makes no write larger.
const WRITE_QUEUE_BYTES: usize = 64 * 1024;

// === impl Outbox ===

impl Outbox {
    pub(super) fn new(tally: Arc<Tally>) -> Self {
        Self {
            waiting: VecDeque::new(),
            in_flight: InFlight::new(),
            resend: None,
            due: None,
            connection: 0,
            outstanding: 0,
            limits: ServerLimits::default(),
            pace: Pace::Full,
            fruitless: 0,
            acknowledged: 0,
            tally,
        }
    }

    pub(super) fn submit(&mut self, submission: Submission) {
        self.waiting.push_back(submission);
    }

    /// How many messages this connection owes an answer for.
    pub(super) const fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// How many messages this connection has had acknowledged.
    pub(super) const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// A connection is there, within the broker's limits, and the session with it: what is in flight is sent again first.
    pub(super) fn connected(&mut self, limits: ServerLimits) {
        self.limits = limits;
        self.connection += 1;
        self.acknowledged = 0;
        self.resend = self.in_flight.first();
    }

    /// The connection is gone. What was in flight stays so until a new connection shows whether the session lives.
    pub(super) fn disconnected(&mut self) {
        if self.acknowledged > 0 || self.outstanding == 0 {
            self.fruitless = 0;
        } else {
            self.fruitless = self.fruitless.saturating_add(1);
        }
        if self.pace == Pace::OneAtATime && self.outstanding > 0 {
            self.give_up_first("the broker closes the connection whenever it gets this message");
        }
        self.pace = if self.fruitless >= FRUITLESS_CONNECTIONS { Pace::OneAtATime } else { Pace::Full };
        self.outstanding = 0;
        self.resend = None;
    }

    /// The session is lost: nobody can tell what became of the messages in flight.
    pub(super) fn give_up_in_flight(&mut self, why: &str) {
        while self.in_flight.len() > 0 {
            self.give_up_first(why);
        }
    }

    /// Whether a publisher waits for the outcome of a message. Of one that was sent it counts as waiting until its deadline,
    /// though it may be gone.
    pub(super) fn is_awaited(&self) -> bool {
        self.due.is_some() || self.waiting.iter().any(|submission| !submission.reply.is_closed())
    }

    /// Drops all messages: nobody waits for them.
    pub(super) fn forget(&mut self) {
        self.waiting.clear();
        self.give_up_in_flight("its publisher has gone");
    }

    /// There is no broker: what was never sent fails.
    pub(super) fn fail_waiting(&mut self, error: &PublishError) {
        for Submission { permit, reply, .. } in self.waiting.drain(..) {
            drop(permit);
            // A publisher that has gone needs no answer.
            let _ = reply.send(Err(error.clone()));
        }
    }

    /// Moves messages into the write queue, as many as it, the broker and the pace have room for.
    pub(super) fn fill(&mut self, queue: &mut WriteQueue, now: Instant) {
        if self.pace == Pace::OneAtATime && self.resend.is_none() && self.outstanding == 0 {
            self.pace = Pace::Full;
        }
        while queue.len() < WRITE_QUEUE_BYTES {
            let more = match self.resend {
                Some(identifier) => {
                    self.outstanding < self.quota() && self.send_again(identifier, queue, now)
                }
                None => self.send_next(queue, now),
            };
            if !more {
                break;
            }
        }
    }

    /// So many messages of QoS 0 are with the socket.
    pub(super) fn written(&self, messages: u64) {
        self.tally.add_written(messages);
    }

    /// The broker has answered for a message.
    pub(super) fn acknowledge(&mut self, puback: PubAck) {
        let PubAck { packet_identifier, reason_code, reason_string } = puback;
        let Some(sent) = self.remove(packet_identifier) else {
            tracing::debug!(%packet_identifier, "PUBACK for a Packet Identifier that is not in use");
            return;
        };
        self.acknowledged += 1;
        self.tally.add_acknowledged(reason_code);
        let outcome = if reason_code.0 < FIRST_FAILURE {
            Ok(Published::Acknowledged(reason_code))
        } else {
            Err(PublishError::Refused(BrokerReason { reason_code, reason_string }))
        };
        sent.finish(outcome);
    }

    /// Tells the publishers whose deadline has passed.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some(identifier) = self.due {
            let Some(sent) = self.in_flight.get_mut(identifier).filter(|sent| sent.deadline <= now) else {
                break;
            };
            if let Some(reply) = sent.reply.take() {
                let _ = reply.send(Err(PublishError::AcknowledgementTimeout));
            }
            self.due = self.in_flight.after(identifier);
        }
        while self.waiting.front().is_some_and(|submission| submission.deadline <= now) {
            if let Some(Submission { permit, reply, .. }) = self.waiting.pop_front() {
                drop(permit);
                let why = "the broker did not make room for the message in time; it was not sent";
                let _ = reply.send(Err(PublishError::Overloaded(why.to_owned())));
            }
        }
    }

    /// When [`expire`](Self::expire) has something to do next.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let in_flight =
            self.due.and_then(|identifier| self.in_flight.get(identifier)).map(|sent| sent.deadline);
        let waiting = self.waiting.front().map(|submission| submission.deadline);
        in_flight.into_iter().chain(waiting).min()
    }

    /// Since when the oldest message that was written to this connection has had no PUBACK.
    pub(super) fn oldest_written(&self) -> Option<Instant> {
        let sent = self.in_flight.get(self.in_flight.first()?)?;
        (sent.connection == self.connection).then_some(sent.written)
    }

    fn quota(&self) -> usize {
        match self.pace {
            Pace::Full => usize::from(self.limits.receive_maximum.get()),
            Pace::OneAtATime => 1,
        }
    }

    fn send_again(&mut self, identifier: PacketIdentifier, queue: &mut WriteQueue, now: Instant) -> bool {
        let limits = self.limits;
        let Some(sent) = self.in_flight.get_mut(identifier) else {
            self.resend = None;
            return true;
        };
        if let Err(error) = check(&sent.packet, &limits) {
            if let Some(sent) = self.remove(identifier) {
                sent.finish(Err(error));
            }
            return true;
        }
        sent.packet.mark_duplicate();
        sent.connection = self.connection;
        sent.written = now;
        queue.push(&sent.packet);
        self.outstanding += 1;
        self.resend = self.in_flight.after(identifier);
        true
    }

    /// Sends the longest waiting message; `false` when it has to wait on.
    fn send_next(&mut self, queue: &mut WriteQueue, now: Instant) -> bool {
        let Some(next) = self.waiting.front() else {
            return false;
        };
        if next.packet.qos() == QoS::AtLeastOnce && self.outstanding >= self.quota() {
            return false;
        }
        let Some(Submission { packet, permit, deadline, reply }) = self.waiting.pop_front() else {
            return false;
        };
        if reply.is_closed() {
            // Its publisher is gone, and nothing was sent: so nothing will be.
            return true;
        }
        if let Err(error) = check(&packet, &self.limits) {
            let _ = reply.send(Err(error));
            return true;
        }
        match packet.qos() {
            QoS::AtMostOnce => queue.push_with_receipt(&packet, reply, permit),
            QoS::AtLeastOnce => {
                let (connection, written) = (self.connection, now);
                let reply = Some(reply);
                self.send_first(
                    Sent { packet, _permit: permit, deadline, reply, connection, written },
                    queue,
                );
            }
        }
        true
    }

    fn send_first(&mut self, sent: Sent, queue: &mut WriteQueue) {
        let identifier = match self.in_flight.push(sent) {
            Ok(identifier) => identifier,
            Err(sent) => {
                let why = "all 65,535 Packet Identifiers of the session are in use";
                return sent.finish(Err(PublishError::Overloaded(why.to_owned())));
            }
        };
        if let Some(sent) = self.in_flight.get_mut(identifier) {
            sent.packet.identify(identifier);
            queue.push(&sent.packet);
        }
        self.outstanding += 1;
        self.due = self.due.or(Some(identifier));
    }

    /// Takes a message out of flight, and every pointer to it with it.
    fn remove(&mut self, identifier: PacketIdentifier) -> Option<Sent> {
        let Removed { value: sent, after } = self.in_flight.remove(identifier)?;
        if self.resend == Some(identifier) {
            self.resend = after;
        }
        if self.due == Some(identifier) {
            self.due = after;
        }
        if sent.connection == self.connection {
            self.outstanding = self.outstanding.saturating_sub(1);
        }
        Some(sent)
    }

    fn give_up_first(&mut self, why: &str) {
        if let Some(sent) = self.in_flight.first().and_then(|first| self.remove(first)) {
            sent.finish(Err(PublishError::ConnectionLost(why.to_owned())));
        }
    }
}

// === impl Sent ===

impl Sent {
    fn finish(self, outcome: Result<Published, PublishError>) {
        if let Some(reply) = self.reply {
            // A publisher that has gone needs no answer.
            let _ = reply.send(outcome);
        }
    }
}

/// Whether the broker's CONNACK allows this packet (MQTT 5.0, 3.2.2.3).
fn check(packet: &EncodedPublish, limits: &ServerLimits) -> Result<(), PublishError> {
    if packet.qos() == QoS::AtLeastOnce && limits.maximum_qos == QoS::AtMostOnce {
        return Err(PublishError::QosNotSupported);
    }
    if packet.retain() == Retain::Store && limits.retain_available == RetainAvailable::No {
        return Err(PublishError::RetainNotSupported);
    }
    let maximum = limits.maximum_packet_size.and_then(|size| usize::try_from(size.get()).ok());
    match maximum {
        Some(maximum) if packet.length() > maximum => {
            Err(PublishError::PacketTooLarge { actual: packet.length(), maximum })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
