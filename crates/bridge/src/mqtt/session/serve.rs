//! One connection, from its CONNACK to its end: reads and writes as much as there is at a time.

use std::io;
use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::end::End;
use super::keep_alive::{Due, KeepAlive};
use super::outbox::{Outbox, Submission};
use super::write_queue::WriteQueue;
use crate::mqtt::codec::{DecodeError, Incoming, PINGREQ, decode, disconnect};
use crate::mqtt::config::MqttConfig;
use crate::mqtt::connector::{Connection, Io, MAXIMUM_INCOMING_PACKET};

/// Serves one connection.
pub(super) struct Serve<'a> {
    reader: ReadHalf<Box<dyn Io>>,
    writer: WriteHalf<Box<dyn Io>>,
    received: BytesMut,
    queue: WriteQueue,
    /// Whether bytes were written that the transport may still hold back.
    unflushed: bool,
    keep_alive: KeepAlive,
    /// A message may be unacknowledged for so long before the connection is made anew.
    stall: Duration,
    outbox: &'a mut Outbox,
    submissions: &'a mut mpsc::UnboundedReceiver<Submission>,
}

/// What [`push_out`] has done.
enum Pushed {
    /// It wrote some of the queue.
    Written,
    /// The queue was empty, and now the transport holds nothing back either.
    Flushed,
}

/// How many submissions are taken at a time.
const BATCH: usize = 256;

/// The room that is kept for reading; a PUBACK has 4 to 6 bytes.
const READ_BYTES: usize = 16 * 1024;

/// How long the last packet may take.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long to listen on a connection that can no longer be written to.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_millis(50);

/// However short the publish time-out is, a broker may be slow for so long.
const SHORTEST_STALL: Duration = Duration::from_secs(30);

// === impl Serve ===

impl<'a> Serve<'a> {
    pub(super) fn new(
        connection: Connection,
        config: &MqttConfig,
        outbox: &'a mut Outbox,
        submissions: &'a mut mpsc::UnboundedReceiver<Submission>,
    ) -> Self {
        let Connection { stream, connack, received } = connection;
        let (reader, writer) = tokio::io::split(stream);
        // A broker that sets 0 wants no PINGREQ; this side still wants to know whether it lives.
        let keep_alive =
            connack.server_keep_alive.filter(|seconds| *seconds > 0).unwrap_or(config.keep_alive);
        let keep_alive = Duration::from_secs(u64::from(keep_alive));
        Self {
            reader,
            writer,
            received,
            queue: WriteQueue::default(),
            unflushed: false,
            keep_alive: KeepAlive::new(keep_alive, config.publish_timeout, Instant::now()),
            stall: (config.publish_timeout * 3).max(SHORTEST_STALL),
            outbox,
            submissions,
        }
    }

    /// Runs until the connection ends; `stop` ends it, and says why.
    ///
    /// From the moment that `stop` is ready, no submission is taken any more.
    pub(super) async fn run(mut self, stop: impl Future<Output = End>) -> End {
        let end = match self.exchange(pin!(stop)).await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        let end = match end {
            End::Cut(_) => self.read_the_rest().await.unwrap_or(end),
            end => end,
        };
        match &end {
            End::Closed => self.say_goodbye(&disconnect::GOODBYE).await,
            End::LetGo(_) => {
                self.say_goodbye(&disconnect::GOODBYE).await;
                self.wait_for_the_end().await;
            }
            End::Protocol(error) => self.say_goodbye(&disconnect::encode(error.reason_code())).await,
            End::Cut(_) | End::Disconnected(_) | End::Silent | End::Stalled => {}
        }
        end
    }

    async fn exchange(
        &mut self,
        mut stop: Pin<&mut impl Future<Output = End>>,
    ) -> Result<std::convert::Infallible, End> {
        // It grows to what comes at a time: of many sessions, most are quiet.
        let mut batch = Vec::new();
        let mut timer = Box::pin(sleep_until(Instant::now()));
        self.decode_received()?;
        loop {
            self.outbox.fill(&mut self.queue, Instant::now());
            self.received.reserve(READ_BYTES);
            tokio::select! {
                biased;
                pushed = push_out(&mut self.writer, &mut self.queue), if self.unflushed || !self.queue.is_empty() => {
                    match pushed? {
                        Pushed::Written => {
                            self.unflushed = true;
                            self.keep_alive.sent(Instant::now());
                        }
                        Pushed::Flushed => {
                            self.unflushed = false;
                            self.outbox.written(self.queue.flushed());
                        }
                    }
                }
                read = self.reader.read_buf(&mut self.received) => {
                    if read? == 0 {
                        return Err(End::Cut("the broker closed the connection".to_owned()));
                    }
                    self.keep_alive.received(Instant::now());
                    self.decode_received()?;
                }
                count = self.submissions.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        return Err(End::Closed);
                    }
                    for submission in batch.drain(..) {
                        self.outbox.submit(submission);
                    }
                    // An armed timer that rings early is harmless; one that rings late is not.
                    if let Some(deadline) = self.outbox.next_deadline().filter(|at| *at < timer.deadline()) {
                        timer.as_mut().reset(deadline);
                    }
                }
                () = &mut timer => {
                    let next = self.tick()?;
                    timer.as_mut().reset(next);
                }
                end = &mut stop => return Err(end),
            }
        }
    }

    /// After a cut: what the broker had sent before it (PUBACKs, and perhaps a DISCONNECT that tells why) still counts.
    async fn read_the_rest(&mut self) -> Option<End> {
        loop {
            if let Err(end) = self.decode_received() {
                return Some(end);
            }
            self.received.reserve(READ_BYTES);
            match timeout(LAST_WORDS_TIMEOUT, self.reader.read_buf(&mut self.received)).await {
                Ok(Ok(count)) if count > 0 => {}
                _ => return None,
            }
        }
    }

    fn decode_received(&mut self) -> Result<(), End> {
        while let Some(decoded) = decode(&self.received, MAXIMUM_INCOMING_PACKET as usize)? {
            self.received.advance(decoded.length);
            match decoded.packet {
                Incoming::PubAck(puback) => self.outbox.acknowledge(puback),
                Incoming::PingResp => {}
                Incoming::Disconnect(disconnect) => return Err(disconnect.into()),
                Incoming::ConnAck(_) => return Err(DecodeError::Protocol("a second CONNACK").into()),
            }
        }
        Ok(())
    }

    /// Does what is due, and says when to come back.
    fn tick(&mut self) -> Result<Instant, End> {
        let now = Instant::now();
        self.outbox.expire(now);
        let stalled = self.outbox.oldest_written().map(|written| written + self.stall);
        if stalled.is_some_and(|at| at <= now) {
            return Err(End::Stalled);
        }
        let keep_alive = match self.keep_alive.due(now, self.outbox.outstanding()) {
            Due::At(at) => at,
            Due::Dead => return Err(End::Silent),
            Due::Ping => {
                self.queue.push_bytes(&PINGREQ);
                self.keep_alive.pinged(now);
                now
            }
        };
        Ok([stalled, self.outbox.next_deadline()].into_iter().flatten().fold(keep_alive, Instant::min))
    }

    /// Writes a last packet behind what is queued, and closes the socket in good order.
    async fn say_goodbye(&mut self, packet: &[u8]) {
        self.queue.push_bytes(packet);
        let goodbye = async {
            self.writer.write_all_buf(&mut self.queue).await?;
            self.writer.shutdown().await
        };
        if let Ok(Err(error)) = timeout(GOODBYE_TIMEOUT, goodbye).await {
            tracing::debug!("the connection broke at DISCONNECT: {error}");
        }
    }

    /// Waits until the broker has closed the connection too, so that the client's next one does not meet it there.
    async fn wait_for_the_end(&mut self) {
        let end = async {
            while self.reader.read_buf(&mut self.received).await.is_ok_and(|count| count > 0) {
                self.received.clear();
            }
        };
        // A broker that leaves it open has it closed by this side.
        let _ = timeout(GOODBYE_TIMEOUT, end).await;
    }
}

/// Writes from the queue, or flushes where it is empty. Nothing is lost when this is dropped while it waits.
async fn push_out(writer: &mut WriteHalf<Box<dyn Io>>, queue: &mut WriteQueue) -> io::Result<Pushed> {
    if queue.is_empty() {
        writer.flush().await?;
        return Ok(Pushed::Flushed);
    }
    match writer.write_buf(queue).await? {
        0 => Err(io::Error::new(io::ErrorKind::WriteZero, "the socket takes no more bytes")),
        _ => Ok(Pushed::Written),
    }
}
