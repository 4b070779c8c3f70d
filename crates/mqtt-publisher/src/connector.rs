//! From an address to a connection that the broker has accepted: name resolution, TCP, TLS, CONNECT, CONNACK.

use std::io;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::codec::connack::{ConnAck, SessionPresent};
use crate::codec::connect::{Connect, Start};
use crate::codec::{DecodeError, Incoming, TooLong, decode};
use crate::config::{Config, Transport};
use crate::error::PublishError;
use crate::reason_code::{BrokerReason, ReasonCode};
use crate::tls::{self, TlsError};

/// What a session accepts from its broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IncomingLimits {
    /// The largest packet in bytes.
    pub maximum_packet_size: u32,
    /// How many messages of QoS 1 may be unacknowledged at a time.
    pub receive_maximum: NonZeroU16,
}

/// A byte stream to the broker.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

/// Connects to a broker and logs in.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    config: Arc<Config>,
    limits: IncomingLimits,
}

/// A connection that the broker has accepted with CONNACK 0x00.
pub(crate) struct Accepted {
    pub(crate) stream: Box<dyn Io>,
    pub(crate) connack: ConnAck,
    /// Bytes that came after the CONNACK.
    pub(crate) received: BytesMut,
}

/// An attempt to connect failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("the broker cannot be reached")]
    Io(#[from] io::Error),
    #[error("no connection within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("the broker closed the connection before CONNACK")]
    Closed,
    #[error("the broker refused the connection with {0}")]
    Refused(BrokerReason),
    #[error(transparent)]
    Protocol(#[from] DecodeError),
    #[error("the User Name or Password cannot be sent")]
    Credentials(#[source] TooLong),
    #[error("the file with the Password cannot be read")]
    PasswordFile(#[source] io::Error),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

// === impl IncomingLimits ===

impl IncomingLimits {
    /// PUBACKs with a Reason String are far smaller. There is no PUBLISH to receive; a Receive Maximum of 0 would be a protocol
    /// error (MQTT 5.0, 3.1.2.11.3).
    pub(crate) const PUBLISHER: Self =
        Self { maximum_packet_size: 64 * 1024, receive_maximum: NonZeroU16::MIN };

    pub(crate) fn maximum_packet_bytes(self) -> usize {
        usize::try_from(self.maximum_packet_size).unwrap_or(usize::MAX)
    }
}

// === impl Io ===

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

// === impl Connector ===

impl Connector {
    /// Reads the TLS files, so that an invalid one is found at start.
    pub(crate) fn new(config: Arc<Config>, limits: IncomingLimits) -> Result<Self, TlsError> {
        match config.broker.transport {
            Transport::Tcp => {}
            Transport::Tls => drop(tls::configure(&config.tls)?),
        }
        Ok(Self { config, limits })
    }

    /// Connects and logs in, within the connect time-out.
    pub(crate) async fn connect(
        &self,
        client_identifier: &str,
        start: Start,
    ) -> Result<Accepted, ConnectError> {
        let packet = self.connect_packet(client_identifier, start)?;
        let attempt = async {
            let stream = self.open().await?;
            log_in(stream, &packet, self.limits.maximum_packet_bytes()).await
        };
        let time_limit = self.config.connect_timeout;
        let accepted = tokio::time::timeout(time_limit, attempt)
            .await
            .unwrap_or(Err(ConnectError::TimedOut(time_limit)))?;
        match (start, accepted.connack.session_present) {
            (Start::Clean, SessionPresent::Yes) => {
                Err(DecodeError::Protocol("Session Present after Clean Start").into())
            }
            _ => Ok(accepted),
        }
    }

    fn connect_packet(&self, client_identifier: &str, start: Start) -> Result<Vec<u8>, ConnectError> {
        let Config { credentials, keep_alive, session_expiry_interval, .. } = &*self.config;
        // A small file, at a connect: it blocks for less time than handing it to another thread takes.
        let password = credentials.read_password().map_err(ConnectError::PasswordFile)?;
        let connect = Connect {
            start,
            client_identifier,
            user_name: credentials.user_name.as_deref(),
            password: password.as_deref().map(str::as_bytes),
            keep_alive: *keep_alive,
            session_expiry_interval: *session_expiry_interval,
            maximum_packet_size: self.limits.maximum_packet_size,
            receive_maximum: self.limits.receive_maximum,
        };
        connect.encode().map_err(ConnectError::Credentials)
    }

    async fn open(&self) -> Result<Box<dyn Io>, ConnectError> {
        let broker = &self.config.broker;
        let stream = TcpStream::connect((broker.host.as_str(), broker.port)).await?;
        stream.set_nodelay(true)?;
        if broker.transport == Transport::Tcp {
            return Ok(Box::new(stream));
        }
        let files = self.config.tls.clone();
        let read = tokio::task::spawn_blocking(move || tls::configure(&files));
        let config = read.await.map_err(io::Error::other)??;
        let name = ServerName::try_from(broker.host.clone()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(config).connect(name, stream).await?;
        Ok(Box::new(stream))
    }
}

async fn log_in(
    mut stream: Box<dyn Io>,
    connect: &[u8],
    maximum_packet: usize,
) -> Result<Accepted, ConnectError> {
    stream.write_all(connect).await?;
    stream.flush().await?;
    let mut received = BytesMut::with_capacity(16 * 1024);
    loop {
        if let Some(decoded) = decode(&received, maximum_packet)? {
            received.advance(decoded.length);
            return match decoded.packet {
                Incoming::ConnAck(connack) if connack.reason.reason_code == ReasonCode::SUCCESS => {
                    Ok(Accepted { stream, connack, received })
                }
                Incoming::ConnAck(connack) => Err(ConnectError::Refused(connack.reason)),
                Incoming::Disconnect(disconnect) => Err(ConnectError::Refused(disconnect.reason)),
                Incoming::PubAck(_)
                | Incoming::PubRec(_)
                | Incoming::Publish(_)
                | Incoming::SubAck(_)
                | Incoming::UnsubAck(_)
                | Incoming::PingResp => Err(DecodeError::Protocol("the first packet is not CONNACK").into()),
            };
        }
        if stream.read_buf(&mut received).await? == 0 {
            return Err(ConnectError::Closed);
        }
    }
}

// === impl ConnectError ===

impl From<Arc<ConnectError>> for PublishError {
    /// The error of publishes that find no connection because of this one.
    fn from(error: Arc<ConnectError>) -> Self {
        match &*error {
            ConnectError::Refused(reason) => Self::ConnectionRefused(reason.clone()),
            ConnectError::Protocol(error) => Self::BrokerProtocol(*error),
            ConnectError::Io(_)
            | ConnectError::TimedOut(_)
            | ConnectError::Closed
            | ConnectError::Credentials(_)
            | ConnectError::PasswordFile(_)
            | ConnectError::Tls(_) => Self::BrokerUnavailable(error),
        }
    }
}
