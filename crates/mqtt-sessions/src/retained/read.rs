//! One read: a connection from its CONNACK to DISCONNECT.
//!
//! The subscription ends with an UNSUBSCRIBE, and the read with its UNSUBACK: from then on the broker adds nothing that matches (MQTT
//! 5.0, 3.10.4), so that what is published after a read is answered as if there had been none. A DISCONNECT alone would leave it open
//! when the subscription ends.

use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::ReadConfig;
use super::error::ReadError;
use crate::codec::puback::PacketIdentifier;
use crate::codec::received::{ReceivedPublish, encode_puback};
use crate::codec::subscribe::{Subscription, encode_unsubscribe};
use crate::codec::{DecodeError, Incoming, PINGREQ, decode, disconnect};
use crate::connector::{Accepted, Io};
use crate::reason_code::ReasonCode;
use crate::subscriber::SubscribeError;

/// A read that is under way.
pub(super) struct Read<'a, F> {
    topic_filter: &'a str,
    stream: Box<dyn Io>,
    received: BytesMut,
    config: ReadConfig,
    on_message: F,
    phase: Phase,
}

/// What the read waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The SUBACK.
    Granted,
    /// The PINGRESP. Whether retained messages have come since the PINGREQ.
    Answered { has_received: bool },
    /// The end of the quiet time.
    Quiet(Instant),
    /// The UNSUBACK, at most until this time. All messages were read.
    Unsubscribed(Instant),
    /// Nothing: the read is over.
    Over,
}

/// The Packet Identifier of SUBSCRIBE and UNSUBSCRIBE. There is one at a time.
const PACKET_IDENTIFIER: PacketIdentifier = PacketIdentifier::MIN;

const TOO_LONG: DecodeError = DecodeError::Protocol("the Topic Filter is too long to be sent");

/// Reason Codes from here on are failures (MQTT 5.0, 2.4).
const FIRST_FAILURE: ReasonCode = ReasonCode(0x80);

/// The space reserved for reading.
const READ_BYTES: usize = 16 * 1024;

/// The time limit for UNSUBACK.
const UNSUBACK_TIMEOUT: Duration = Duration::from_secs(1);

/// The time limit for DISCONNECT.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

// === impl Read ===

impl<'a, F: FnMut(ReceivedPublish) -> ControlFlow<()>> Read<'a, F> {
    pub(super) fn new(topic_filter: &'a str, accepted: Accepted, config: ReadConfig, on_message: F) -> Self {
        let Accepted { stream, received, .. } = accepted;
        Self { topic_filter, stream, received, config, on_message, phase: Phase::Granted }
    }

    pub(super) async fn run(&mut self) -> Result<(), ReadError> {
        let packet = Subscription::new(self.topic_filter).encode(PACKET_IDENTIFIER);
        self.send(&packet.map_err(|_| TOO_LONG)?).await?;
        while self.phase != Phase::Over {
            let step = self.step().await;
            if step.is_err() && matches!(self.phase, Phase::Unsubscribed(_)) {
                // All messages were read.
                return Ok(());
            }
            step?;
        }
        Ok(())
    }

    /// Waits for packets and handles them, or for the end of the phase.
    async fn step(&mut self) -> Result<(), ReadError> {
        self.received.reserve(READ_BYTES);
        let reading = self.stream.read_buf(&mut self.received);
        let read = match self.phase {
            Phase::Over => return Ok(()),
            Phase::Granted | Phase::Answered { .. } => Some(reading.await?),
            Phase::Quiet(until) | Phase::Unsubscribed(until) => {
                timeout_at(until, reading).await.ok().transpose()?
            }
        };
        let mut output = Vec::new();
        match (read, self.phase) {
            (Some(0), _) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            (Some(_), _) => self.handle_received(&mut output)?,
            (None, Phase::Unsubscribed(_)) => self.phase = Phase::Over,
            (None, _) => self.unsubscribe(&mut output)?,
        }
        Ok(self.send(&output).await?)
    }

    /// Sends DISCONNECT.
    pub(super) async fn close(mut self) {
        let disconnected = async {
            self.send(&disconnect::GOODBYE).await?;
            self.stream.shutdown().await
        };
        // The broker may have gone.
        let _ = timeout(DISCONNECT_TIMEOUT, disconnected).await;
    }

    /// Handles the whole packets that were received.
    fn handle_received(&mut self, output: &mut Vec<u8>) -> Result<(), ReadError> {
        let maximum = self.config.incoming.maximum_packet_bytes();
        while self.phase != Phase::Over
            && let Some(decoded) = decode(&self.received, maximum)?
        {
            self.received.advance(decoded.length);
            self.handle(decoded.packet, output)?;
        }
        Ok(())
    }

    fn handle(&mut self, packet: Incoming, output: &mut Vec<u8>) -> Result<(), ReadError> {
        match (packet, self.phase) {
            // What is not acknowledged bounds what the broker still sends.
            (Incoming::Publish(_), Phase::Unsubscribed(_)) => {}
            (Incoming::Publish(message), _) => self.receive(*message, output)?,
            (Incoming::SubAck(suback), Phase::Granted) => {
                if suback.reason.reason_code.0 >= FIRST_FAILURE.0 {
                    return Err(SubscribeError::Refused(suback.reason).into());
                }
                self.ping(output);
            }
            (Incoming::PingResp, Phase::Answered { has_received: true }) => self.ping(output),
            (Incoming::PingResp, Phase::Answered { has_received: false }) => {
                self.phase = Phase::Quiet(Instant::now() + self.config.quiet);
            }
            (Incoming::PingResp, _) => {}
            // If it names a failure, the subscription ends with the connection.
            (Incoming::UnsubAck(_), Phase::Unsubscribed(_)) => self.phase = Phase::Over,
            (Incoming::Disconnect(disconnect), _) => {
                return Err(io::Error::other(format!(
                    "the broker sent DISCONNECT with {}",
                    disconnect.reason
                ))
                .into());
            }
            _ => return Err(DecodeError::Protocol("a packet that a read does not expect").into()),
        }
        Ok(())
    }

    /// A message that is not retained was published during the read.
    fn receive(&mut self, message: ReceivedPublish, output: &mut Vec<u8>) -> Result<(), ReadError> {
        if let Some(packet_identifier) = message.packet_identifier {
            output.extend_from_slice(&encode_puback(packet_identifier));
        }
        if !message.is_retained {
            return Ok(());
        }
        if (self.on_message)(message).is_break() {
            return self.unsubscribe(output);
        }
        match self.phase {
            Phase::Answered { .. } => self.phase = Phase::Answered { has_received: true },
            Phase::Quiet(_) => self.ping(output),
            Phase::Granted | Phase::Unsubscribed(_) | Phase::Over => {}
        }
        Ok(())
    }

    fn ping(&mut self, output: &mut Vec<u8>) {
        output.extend_from_slice(&PINGREQ);
        self.phase = Phase::Answered { has_received: false };
    }

    fn unsubscribe(&mut self, output: &mut Vec<u8>) -> Result<(), ReadError> {
        let packet = encode_unsubscribe(self.topic_filter, PACKET_IDENTIFIER);
        output.extend_from_slice(&packet.map_err(|_| TOO_LONG)?);
        self.phase = Phase::Unsubscribed(Instant::now() + UNSUBACK_TIMEOUT);
        Ok(())
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }
}
