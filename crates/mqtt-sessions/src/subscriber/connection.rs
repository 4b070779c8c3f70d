//! One connection of a subscriber, from its CONNACK to its end.

use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::error::SubscribeError;
use crate::codec::puback::PacketIdentifier;
use crate::codec::received::{ReceivedPublish, encode_puback};
use crate::codec::suback::SubAck;
use crate::codec::subscribe::Subscription;
use crate::codec::{DecodeError, Incoming, PINGREQ, decode, disconnect};
use crate::config::Config;
use crate::connector::{Accepted, IncomingLimits, Io};
use crate::keep_alive::{Due, KeepAlive};
use crate::reason_code::ReasonCode;
use crate::session::End;

/// A connection that receives messages.
pub(super) struct Connection<'a, F> {
    reader: ReadHalf<Box<dyn Io>>,
    writer: WriteHalf<Box<dyn Io>>,
    received: BytesMut,
    /// Bytes to be written.
    output: BytesMut,
    /// Whether the transport may hold bytes that are not sent yet, as TLS does.
    is_flushed: bool,
    maximum_packet: usize,
    keep_alive: KeepAlive,
    handler: &'a F,
}

/// How a connection, or the attempt to subscribe over it, ended.
#[derive(Debug)]
pub(super) enum Ended {
    Connection(End),
    Failed(SubscribeError),
}

/// What [`write_or_flush`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Written,
    Flushed,
}

/// The space reserved for reading.
const READ_BYTES: usize = 16 * 1024;

/// While more than this waits to be written, nothing is read: the broker does not read its PUBACKs.
const OUTPUT_BYTES: usize = 64 * 1024;

/// The time limit for DISCONNECT.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The Packet Identifier of the SUBSCRIBE. There is one at a time.
const SUBSCRIBE_IDENTIFIER: PacketIdentifier = PacketIdentifier::MIN;

/// Reason Codes from here on are failures (MQTT 5.0, 2.4).
const FIRST_FAILURE: ReasonCode = ReasonCode(0x80);

// === impl Connection ===

impl<'a, F: Fn(ReceivedPublish)> Connection<'a, F> {
    pub(super) fn new(accepted: Accepted, config: &Config, limits: IncomingLimits, handler: &'a F) -> Self {
        let Accepted { stream, connack, received } = accepted;
        let (reader, writer) = tokio::io::split(stream);
        let keep_alive =
            connack.server_keep_alive.filter(|seconds| *seconds > 0).unwrap_or(config.keep_alive);
        let keep_alive = Duration::from_secs(u64::from(keep_alive));
        Self {
            reader,
            writer,
            received,
            output: BytesMut::new(),
            is_flushed: true,
            maximum_packet: limits.maximum_packet_bytes(),
            keep_alive: KeepAlive::new(keep_alive, config.publish_timeout, Instant::now()),
            handler,
        }
    }

    /// Subscribes, and returns once the broker has granted it. Messages may come before the SUBACK (MQTT 5.0, 3.8.4).
    pub(super) async fn subscribe(
        &mut self,
        subscription: &Subscription,
        time_limit: Duration,
        closing: &CancellationToken,
    ) -> Result<(), Ended> {
        let Ok(packet) = subscription.encode(SUBSCRIBE_IDENTIFIER) else {
            return Err(DecodeError::Protocol("the Topic Filter is too long to be sent").into());
        };
        self.output.extend_from_slice(&packet);
        let suback = timeout(time_limit, self.exchange(closing))
            .await
            .unwrap_or(Err(Ended::Failed(SubscribeError::TimedOut(time_limit))))?;
        if suback.reason.reason_code.0 >= FIRST_FAILURE.0 {
            return Err(Ended::Failed(SubscribeError::Refused(suback.reason)));
        }
        Ok(())
    }

    /// Receives messages until the connection ends.
    pub(super) async fn receive(&mut self, closing: &CancellationToken) -> Ended {
        match self.exchange(closing).await {
            Ok(_) => DecodeError::Protocol("a SUBACK without a SUBSCRIBE").into(),
            Err(ended) => ended,
        }
    }

    /// Sends DISCONNECT if the broker may still read it.
    pub(super) async fn close(mut self, ended: &Ended) {
        match ended {
            Ended::Connection(End::Protocol(error)) => {
                self.output.extend_from_slice(&disconnect::encode(error.reason_code()));
            }
            Ended::Connection(End::Closed) | Ended::Failed(_) => {
                self.output.extend_from_slice(&disconnect::GOODBYE);
            }
            Ended::Connection(_) => return,
        }
        let disconnected = async {
            self.writer.write_all_buf(&mut self.output).await?;
            self.writer.shutdown().await
        };
        if let Ok(Err(error)) = timeout(DISCONNECT_TIMEOUT, disconnected).await {
            tracing::debug!("DISCONNECT could not be sent: {error}");
        }
    }

    /// Exchanges packets until a SUBACK arrives.
    async fn exchange(&mut self, closing: &CancellationToken) -> Result<SubAck, Ended> {
        let mut closed = pin!(closing.cancelled());
        let mut timer = pin!(sleep_until(Instant::now()));
        loop {
            if let Some(suback) = self.decode_received()? {
                return Ok(suback);
            }
            let due = match self.keep_alive.due(Instant::now(), None) {
                Due::At(at) => at,
                Due::Dead => return Err(Ended::Connection(End::Silent)),
                Due::Ping => {
                    self.output.extend_from_slice(&PINGREQ);
                    self.keep_alive.pinged(Instant::now());
                    continue;
                }
            };
            self.received.reserve(READ_BYTES);
            // A timer that fires too early is harmless; one that fires too late is not.
            if due < timer.deadline() {
                timer.as_mut().reset(due);
            }
            tokio::select! {
                biased;
                () = &mut closed => return Err(Ended::Connection(End::Closed)),
                () = &mut timer => timer.as_mut().reset(due),
                written = write_or_flush(&mut self.writer, &mut self.output), if self.has_output() => {
                    self.is_flushed = written? == Progress::Flushed;
                    self.keep_alive.sent(Instant::now());
                }
                read = self.reader.read_buf(&mut self.received), if self.output.len() <= OUTPUT_BYTES => {
                    if read? == 0 {
                        return Err(Ended::Connection(End::Eof));
                    }
                    self.keep_alive.received(Instant::now());
                }
            }
        }
    }

    fn has_output(&self) -> bool {
        !self.is_flushed || !self.output.is_empty()
    }

    /// Handles what was received, up to a SUBACK.
    fn decode_received(&mut self) -> Result<Option<SubAck>, Ended> {
        while let Some(decoded) = decode(&self.received, self.maximum_packet)? {
            self.received.advance(decoded.length);
            match decoded.packet {
                Incoming::Publish(message) => {
                    let packet_identifier = message.packet_identifier;
                    (self.handler)(*message);
                    if let Some(packet_identifier) = packet_identifier {
                        self.output.extend_from_slice(&encode_puback(packet_identifier));
                    }
                }
                Incoming::SubAck(suback) if suback.packet_identifier == SUBSCRIBE_IDENTIFIER => {
                    return Ok(Some(suback));
                }
                Incoming::PingResp => {}
                Incoming::Disconnect(disconnect) => {
                    return Err(Ended::Connection(End::Disconnected(disconnect)));
                }
                Incoming::ConnAck(_) => return Err(DecodeError::Protocol("a second CONNACK").into()),
                Incoming::PubAck(_) | Incoming::PubRec(_) | Incoming::SubAck(_) | Incoming::UnsubAck(_) => {
                    return Err(DecodeError::Protocol("an answer to a packet that was not sent").into());
                }
            }
        }
        Ok(None)
    }
}

/// Writes from the output, or flushes if there is none. Cancel safe.
async fn write_or_flush(writer: &mut WriteHalf<Box<dyn Io>>, output: &mut BytesMut) -> io::Result<Progress> {
    if output.is_empty() {
        writer.flush().await?;
        return Ok(Progress::Flushed);
    }
    match writer.write_buf(output).await? {
        0 => Err(io::Error::new(io::ErrorKind::WriteZero, "the socket accepts no more bytes")),
        _ => Ok(Progress::Written),
    }
}

// === impl Ended ===

impl From<DecodeError> for Ended {
    fn from(error: DecodeError) -> Self {
        Self::Connection(End::Protocol(error))
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Connection(End::Io(error))
    }
}
