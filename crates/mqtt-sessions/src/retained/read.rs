//! One read: a connection from its CONNACK to DISCONNECT.

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
use crate::codec::subscribe::Subscription;
use crate::codec::{DecodeError, Incoming, PINGREQ, decode, disconnect};
use crate::connector::{Accepted, Io};
use crate::reason_code::ReasonCode;
use crate::subscriber::SubscribeError;

/// A read that is under way.
pub(super) struct Read<F> {
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
    /// Nothing: the read is over.
    Over,
}

const SUBSCRIBE_IDENTIFIER: PacketIdentifier = PacketIdentifier::MIN;

/// Reason Codes from here on are failures (MQTT 5.0, 2.4).
const FIRST_FAILURE: ReasonCode = ReasonCode(0x80);

/// The space reserved for reading.
const READ_BYTES: usize = 16 * 1024;

/// The time limit for DISCONNECT.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

// === impl Read ===

impl<F: FnMut(ReceivedPublish) -> ControlFlow<()>> Read<F> {
    pub(super) fn new(accepted: Accepted, config: ReadConfig, on_message: F) -> Self {
        let Accepted { stream, received, .. } = accepted;
        Self { stream, received, config, on_message, phase: Phase::Granted }
    }

    pub(super) async fn run(&mut self, topic_filter: &str) -> Result<(), ReadError> {
        let packet = Subscription::new(topic_filter).encode(SUBSCRIBE_IDENTIFIER);
        let packet = packet.map_err(|_| DecodeError::Protocol("the Topic Filter is too long to be sent"))?;
        self.send(&packet).await?;
        loop {
            self.handle_received().await?;
            self.received.reserve(READ_BYTES);
            let reading = self.stream.read_buf(&mut self.received);
            let count = match self.phase {
                Phase::Over => return Ok(()),
                Phase::Granted | Phase::Answered { .. } => reading.await?,
                Phase::Quiet(until) => match timeout_at(until, reading).await {
                    Ok(count) => count?,
                    Err(_) => return Ok(()),
                },
            };
            if count == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
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

    /// Handles the whole packets that were received, and sends what answers them at once.
    async fn handle_received(&mut self) -> Result<(), ReadError> {
        let maximum = self.config.incoming.maximum_packet_bytes();
        let mut output = Vec::new();
        while self.phase != Phase::Over
            && let Some(decoded) = decode(&self.received, maximum)?
        {
            self.received.advance(decoded.length);
            self.handle(decoded.packet, &mut output)?;
        }
        self.send(&output).await?;
        Ok(())
    }

    fn handle(&mut self, packet: Incoming, output: &mut Vec<u8>) -> Result<(), ReadError> {
        match (packet, self.phase) {
            (Incoming::Publish(message), _) => self.receive(*message, output),
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
    fn receive(&mut self, message: ReceivedPublish, output: &mut Vec<u8>) {
        if let Some(packet_identifier) = message.packet_identifier {
            output.extend_from_slice(&encode_puback(packet_identifier));
        }
        if !message.is_retained {
            return;
        }
        if (self.on_message)(message).is_break() {
            self.phase = Phase::Over;
            return;
        }
        match self.phase {
            Phase::Answered { .. } => self.phase = Phase::Answered { has_received: true },
            Phase::Quiet(_) => self.ping(output),
            Phase::Granted | Phase::Over => {}
        }
    }

    fn ping(&mut self, output: &mut Vec<u8>) {
        output.extend_from_slice(&PINGREQ);
        self.phase = Phase::Answered { has_received: false };
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }
}
