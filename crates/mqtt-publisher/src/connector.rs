//! From an address to a connection that the broker has accepted: name resolution, TCP, TLS, CONNECT, CONNACK.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::codec::connack::{ConnAck, SessionPresent};
use crate::codec::connect::{Connect, Start};
use crate::codec::{DecodeError, Incoming, TooLong, decode};
use crate::config::{Config, Transport};
use crate::error::PublishError;
use crate::reason_code::{BrokerReason, ReasonCode};
use crate::tls::{self, TlsError};

/// The largest packet in bytes that is accepted from a broker. PUBACKs with a Reason String are far smaller.
pub(crate) const MAXIMUM_INCOMING_PACKET: u32 = 64 * 1024;

/// A byte stream to the broker.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

/// Connects to a broker and logs in.
#[derive(Clone)]
pub(crate) struct Connector {
    config: Arc<Config>,
    tls: Option<Arc<ClientConfig>>,
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
}

// === impl Io ===

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

// === impl Connector ===

impl Connector {
    /// Reads the TLS files, so that an invalid one is found at start.
    pub(crate) fn new(config: Arc<Config>) -> Result<Self, TlsError> {
        let tls = match config.broker.transport {
            Transport::Tcp => None,
            Transport::Tls => Some(tls::configure(&config.tls)?),
        };
        Ok(Self { config, tls })
    }

    /// Connects and logs in, within the connect time-out.
    pub(crate) async fn connect(
        &self,
        client_identifier: &str,
        start: Start,
    ) -> Result<Accepted, ConnectError> {
        let packet = self.connect_packet(client_identifier, start).map_err(ConnectError::Credentials)?;
        let attempt = async {
            let stream = self.open().await?;
            log_in(stream, &packet).await
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

    fn connect_packet(&self, client_identifier: &str, start: Start) -> Result<Vec<u8>, TooLong> {
        let Config { credentials, keep_alive, session_expiry_interval, .. } = &*self.config;
        let connect = Connect {
            start,
            client_identifier,
            user_name: credentials.user_name.as_deref(),
            password: credentials.password.as_deref().map(str::as_bytes),
            keep_alive: *keep_alive,
            session_expiry_interval: *session_expiry_interval,
            maximum_packet_size: MAXIMUM_INCOMING_PACKET,
        };
        connect.encode()
    }

    async fn open(&self) -> io::Result<Box<dyn Io>> {
        let broker = &self.config.broker;
        let stream = TcpStream::connect((broker.host.as_str(), broker.port)).await?;
        stream.set_nodelay(true)?;
        let Some(config) = &self.tls else {
            return Ok(Box::new(stream));
        };
        let name = ServerName::try_from(broker.host.clone()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(Arc::clone(config)).connect(name, stream).await?;
        Ok(Box::new(stream))
    }
}

async fn log_in(mut stream: Box<dyn Io>, connect: &[u8]) -> Result<Accepted, ConnectError> {
    stream.write_all(connect).await?;
    stream.flush().await?;
    let mut received = BytesMut::with_capacity(16 * 1024);
    loop {
        if let Some(decoded) = decode(&received, MAXIMUM_INCOMING_PACKET as usize)? {
            received.advance(decoded.length);
            return match decoded.packet {
                Incoming::ConnAck(connack) if connack.reason.reason_code == ReasonCode::SUCCESS => {
                    Ok(Accepted { stream, connack, received })
                }
                Incoming::ConnAck(connack) => Err(ConnectError::Refused(connack.reason)),
                Incoming::Disconnect(disconnect) => Err(ConnectError::Refused(disconnect.reason)),
                Incoming::PubAck(_) | Incoming::PubRec(_) | Incoming::PingResp => {
                    Err(DecodeError::Protocol("the first packet is not CONNACK").into())
                }
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
            | ConnectError::Credentials(_) => Self::BrokerUnavailable(error),
        }
    }
}
