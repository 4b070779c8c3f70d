//! One connection, from its CONNACK to its end.

use std::io;
use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::end::End;
use super::outbox::Outbox;
use super::submission::Submission;
use super::write_queue::WriteQueue;
use crate::codec::{DecodeError, Incoming, PINGREQ, decode, disconnect};
use crate::config::Config;
use crate::connector::{Accepted, IncomingLimits, Io};
use crate::keep_alive::{Due, KeepAlive};
use crate::turn::let_others_run;

/// A connection that exchanges packets.
pub(super) struct Connection<'a> {
    reader: ReadHalf<Box<dyn Io>>,
    writer: WriteHalf<Box<dyn Io>>,
    received: BytesMut,
    queue: WriteQueue,
    transport: Transport,
    keep_alive: KeepAlive,
    /// The session is renewed if a message is unacknowledged for this long.
    overdue_limit: Duration,
    /// The same if overdue messages leave too little of the Receive Maximum.
    overdue_limit_while_blocked: Duration,
    renewal: Renewal,
    outbox: &'a mut Outbox,
    submissions: &'a mut mpsc::UnboundedReceiver<Submission>,
}

/// Whether the transport buffers bytes itself, as TLS does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Flushed,
    MayBuffer,
}

/// Whether the session is about to be replaced by a new one: because of messages that the broker does not acknowledge, or to be
/// at another broker.
///
/// A Packet Identifier stays in use until its PUBACK or the end of the session (MQTT 5.0, 2.2.1). Only new messages wait, until
/// all others in flight are acknowledged: so none of them is sent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Renewal {
    None,
    /// The connection ends when no publisher waits for a PUBACK, or else at this time.
    Until(Instant),
    /// The session returns to another broker when nothing is in flight, or else tries again later than at this time.
    Returning(Instant),
}

/// What [`write_or_flush`] did.
enum Progress {
    /// It wrote a part of the queue.
    Written,
    /// The queue was empty, and the transport was flushed.
    Flushed,
}

/// How many submissions are received at a time.
const BATCH: usize = 256;

/// With fewer messages in flight than this, few are submitted together, and a turn of other tasks costs more than a system call
/// for each.
const MANY_IN_FLIGHT: usize = 8;

const MAXIMUM_PACKET: usize = IncomingLimits::PUBLISHER.maximum_packet_size as usize;

/// The space reserved for reading. A PUBACK has 4 to 6 bytes.
const READ_BYTES: usize = 16 * 1024;

/// The time limit for DISCONNECT, and for the broker to close the connection after it.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long to read from a connection that can no longer be written to.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(50);

/// How long a session that is renewed waits for the PUBACKs of messages that are not overdue, and one that returns for those of
/// all.
const RENEWAL_PATIENCE: Duration = Duration::from_secs(1);

// === impl Connection ===

impl<'a> Connection<'a> {
    pub(super) fn new(
        accepted: Accepted,
        config: &Config,
        outbox: &'a mut Outbox,
        submissions: &'a mut mpsc::UnboundedReceiver<Submission>,
    ) -> Self {
        let Accepted { stream, connack, received } = accepted;
        let (reader, writer) = tokio::io::split(stream);
        // With a Server Keep Alive of 0 the broker needs no PINGREQ. This side still has to detect a dead broker.
        let keep_alive =
            connack.server_keep_alive.filter(|seconds| *seconds > 0).unwrap_or(config.keep_alive);
        let keep_alive = Duration::from_secs(u64::from(keep_alive));
        Self {
            reader,
            writer,
            received,
            queue: WriteQueue::default(),
            transport: Transport::Flushed,
            keep_alive: KeepAlive::new(keep_alive, config.publish_timeout, Instant::now()),
            overdue_limit: config.overdue_limit.max(config.publish_timeout * 3 / 2),
            overdue_limit_while_blocked: config.publish_timeout * 3 / 2,
            renewal: Renewal::None,
            outbox,
            submissions,
        }
    }

    /// Runs until the connection ends. `stop` ends it, with the reason; once it is ready, no more submissions are received.
    /// `homeward` waits until the session should return to another broker, and may be called again.
    pub(super) async fn run<H: Future<Output = ()>>(
        mut self,
        stop: impl Future<Output = End>,
        homeward: impl Fn() -> H,
    ) -> End {
        let end = match self.exchange(pin!(stop), homeward).await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        let end = match end {
            End::Eof | End::Io(_) => self.drain().await.unwrap_or(end),
            end => end,
        };
        match &end {
            End::Closed => self.disconnect(&disconnect::GOODBYE).await,
            End::Evicted(_) | End::Renewed | End::Returning => {
                self.disconnect(&disconnect::GOODBYE).await;
                self.wait_for_close().await;
            }
            End::Protocol(error) => self.disconnect(&disconnect::encode(error.reason_code())).await,
            End::Eof | End::Io(_) | End::Disconnected(_) | End::Silent | End::Stalled => {}
        }
        end
    }

    async fn exchange<H: Future<Output = ()>>(
        &mut self,
        mut stop: Pin<&mut impl Future<Output = End>>,
        homeward: impl Fn() -> H,
    ) -> Result<std::convert::Infallible, End> {
        // It starts empty, because most of many sessions are quiet.
        let mut batch = Vec::new();
        let mut timer = Box::pin(sleep_until(Instant::now()));
        let mut returning = pin!(homeward());
        self.decode_received()?;
        loop {
            match self.renewal {
                Renewal::Until(_) if !self.outbox.is_puback_awaited() => return Err(End::Renewed),
                Renewal::Returning(_) if self.is_idle() => return Err(End::Returning),
                Renewal::None | Renewal::Until(_) | Renewal::Returning(_) => {}
            }
            let now = Instant::now();
            self.outbox.fill(&mut self.queue, now);
            self.received.reserve(READ_BYTES);
            // A timer that fires too early is harmless; one that fires too late is not.
            let due = self.next_tick(now);
            if due < timer.deadline() {
                timer.as_mut().reset(due);
            }
            tokio::select! {
                biased;
                // First: traffic must not delay time-outs.
                () = &mut timer => {
                    self.tick()?;
                    timer.as_mut().reset(self.next_tick(Instant::now()));
                }
                progress = write_or_flush(&mut self.writer, &mut self.queue), if self.has_output() => {
                    match progress? {
                        Progress::Written => {
                            self.transport = Transport::MayBuffer;
                            self.keep_alive.sent(Instant::now());
                        }
                        Progress::Flushed => {
                            self.transport = Transport::Flushed;
                            self.outbox.written(self.queue.flushed());
                        }
                    }
                }
                read = self.reader.read_buf(&mut self.received) => {
                    if read? == 0 {
                        return Err(End::Eof);
                    }
                    self.keep_alive.received(Instant::now());
                    self.decode_received()?;
                }
                count = self.submissions.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        return Err(End::Closed);
                    }
                    // More are likely then: those of tasks that are ready are written with these.
                    if self.outbox.unacknowledged() >= MANY_IN_FLIGHT {
                        let_others_run().await;
                        while batch.len() < BATCH && let Ok(submission) = self.submissions.try_recv() {
                            batch.push(submission);
                        }
                    }
                    for submission in batch.drain(..) {
                        self.outbox.submit(submission);
                    }
                }
                end = &mut stop => return Err(end),
                () = &mut returning, if self.renewal == Renewal::None => {
                    returning.set(homeward());
                    self.outbox.close_intake();
                    self.renewal = Renewal::Returning(Instant::now() + RENEWAL_PATIENCE);
                }
            }
        }
    }

    /// Whether nothing is in flight, overdue or to be written. What is not sent waits for the next connection.
    fn is_idle(&self) -> bool {
        self.outbox.unacknowledged() == 0 && self.outbox.is_resent() && !self.has_output()
    }

    fn has_output(&self) -> bool {
        self.transport == Transport::MayBuffer || !self.queue.is_empty()
    }

    /// Decodes what the broker had sent before the connection broke: PUBACKs, and perhaps a DISCONNECT that says why.
    async fn drain(&mut self) -> Option<End> {
        loop {
            if let Err(end) = self.decode_received() {
                return Some(end);
            }
            self.received.reserve(READ_BYTES);
            match timeout(DRAIN_TIMEOUT, self.reader.read_buf(&mut self.received)).await {
                Ok(Ok(count)) if count > 0 => {}
                _ => return None,
            }
        }
    }

    fn decode_received(&mut self) -> Result<(), End> {
        while let Some(decoded) = decode(&self.received, MAXIMUM_PACKET)? {
            self.received.advance(decoded.length);
            match decoded.packet {
                Incoming::PubAck(puback) => self.outbox.acknowledge(puback),
                Incoming::PubRec(packet_identifier) => {
                    let error = DecodeError::Protocol("PUBREC for a message of QoS 1");
                    self.outbox.violated(packet_identifier, error);
                }
                Incoming::PingResp => {}
                Incoming::Disconnect(disconnect) => return Err(End::Disconnected(disconnect)),
                Incoming::Publish(_) | Incoming::SubAck(_) | Incoming::UnsubAck(_) => {
                    return Err(DecodeError::Protocol("a packet that a publisher does not receive").into());
                }
                Incoming::ConnAck(_) => return Err(DecodeError::Protocol("a second CONNACK").into()),
            }
        }
        Ok(())
    }

    /// Does what is due.
    fn tick(&mut self) -> Result<(), End> {
        let now = Instant::now();
        self.outbox.expire(now);
        self.queue.expire(now);
        match self.renewal {
            Renewal::None if self.stalled().is_some_and(|at| at <= now) => {
                self.outbox.close_intake();
                self.renewal = Renewal::Until(now + RENEWAL_PATIENCE);
            }
            Renewal::Until(until) if until <= now => return Err(End::Stalled),
            Renewal::Returning(until) if until <= now => {
                self.outbox.open_intake();
                self.renewal = Renewal::None;
            }
            Renewal::None | Renewal::Until(_) | Renewal::Returning(_) => {}
        }
        match self.keep_alive.due(now, self.owing()) {
            Due::At(_) => Ok(()),
            Due::Dead => Err(End::Silent),
            Due::Ping => {
                self.queue.push_bytes(&PINGREQ);
                self.keep_alive.pinged(now);
                Ok(())
            }
        }
    }

    /// When [`tick`](Self::tick) has something to do next.
    fn next_tick(&self, now: Instant) -> Instant {
        let keep_alive = match self.keep_alive.due(now, self.owing()) {
            Due::At(at) => at,
            Due::Ping | Due::Dead => now,
        };
        let renewal = match self.renewal {
            Renewal::None => self.stalled(),
            Renewal::Until(until) | Renewal::Returning(until) => Some(until),
        };
        let others = [renewal, self.outbox.next_deadline(), self.queue.next_deadline()];
        others.into_iter().flatten().fold(keep_alive, Instant::min)
    }

    /// When the session is renewed because a message was not acknowledged.
    fn stalled(&self) -> Option<Instant> {
        let limit = if self.outbox.is_blocked_by_overdue() {
            self.overdue_limit_while_blocked
        } else {
            self.overdue_limit
        };
        Some(self.outbox.oldest_written()? + limit)
    }

    /// Since when the broker owes a PUBACK, or has not read what is sent to it.
    fn owing(&self) -> Option<Instant> {
        let unread = self.has_output().then(|| self.keep_alive.last_sent());
        unread.into_iter().chain(self.outbox.oldest_written()).min()
    }

    /// Writes what is queued and a DISCONNECT, and shuts down the sending side.
    async fn disconnect(&mut self, packet: &[u8]) {
        self.queue.push_bytes(packet);
        let disconnected = async {
            self.writer.write_all_buf(&mut self.queue).await?;
            self.writer.shutdown().await
        };
        if let Ok(Err(error)) = timeout(DISCONNECT_TIMEOUT, disconnected).await {
            tracing::debug!("DISCONNECT could not be sent: {error}");
        }
    }

    /// Waits until the broker has closed the connection, so that the client's next connection does not take it over.
    async fn wait_for_close(&mut self) {
        let closed = async {
            while self.reader.read_buf(&mut self.received).await.is_ok_and(|count| count > 0) {
                self.received.clear();
            }
        };
        // If the broker leaves it open, this side closes it.
        let _ = timeout(DISCONNECT_TIMEOUT, closed).await;
    }
}

/// Writes from the queue, or flushes if it is empty. Cancel safe.
async fn write_or_flush(writer: &mut WriteHalf<Box<dyn Io>>, queue: &mut WriteQueue) -> io::Result<Progress> {
    if queue.is_empty() {
        writer.flush().await?;
        return Ok(Progress::Flushed);
    }
    match writer.write_buf(queue).await? {
        0 => Err(io::Error::new(io::ErrorKind::WriteZero, "the socket accepts no more bytes")),
        _ => Ok(Progress::Written),
    }
}
