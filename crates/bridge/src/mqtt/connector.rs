//! From an address to a logged-in connection: name resolution, TCP, TLS, CONNECT, CONNACK.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use http_publish::ReasonCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::codec::connack::ConnAck;
use super::codec::connect::Connect;
use super::codec::{DecodeError, Incoming, TooLong, decode};
use super::config::{BrokerAddress, MqttConfig, Transport};
use super::error::{BrokerReason, PublishError};
use super::tls::{self, TlsError};

/// The largest packet in bytes that the bridge takes from a broker; PUBACKs with a Reason String are far below it.
pub(super) const MAXIMUM_INCOMING_PACKET: u32 = 64 * 1024;

/// What a connection runs over.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

/// A broker, and all that is needed to get to it.
#[derive(Clone)]
pub(super) struct Connector {
    address: BrokerAddress,
    tls: Option<Arc<ClientConfig>>,
    timeout: Duration,
}

/// A connection on which the broker has said CONNACK 0x00.
pub(super) struct Connection {
    pub(super) stream: Box<dyn Io>,
    pub(super) connack: ConnAck,
    /// What came behind the CONNACK.
    pub(super) received: BytesMut,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ConnectError {
    /// The network or TLS did not get there.
    Unreachable(String),
    /// It took too long.
    TimedOut(Duration),
    /// The broker's CONNACK says no.
    Refused(BrokerReason),
    /// What listens there does not speak MQTT 5.
    Protocol(DecodeError),
    /// The User Name or Password is longer than MQTT can say.
    Credentials(TooLong),
}

// === impl Io ===

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

// === impl Connector ===

impl Connector {
    pub(super) fn new(config: &MqttConfig) -> Result<Self, TlsError> {
        let tls = match config.broker.transport {
            Transport::Tcp => None,
            Transport::Tls => Some(tls::client_config(&config.tls)?),
        };
        Ok(Self { address: config.broker.clone(), tls, timeout: config.connect_timeout })
    }

    /// Connects and logs in, within the connect time-out.
    pub(super) async fn connect(&self, connect: &Connect<'_>) -> Result<Connection, ConnectError> {
        let packet = connect.encode().map_err(ConnectError::Credentials)?;
        let attempt = async {
            let stream = self.open().await?;
            log_in(stream, &packet).await
        };
        tokio::time::timeout(self.timeout, attempt).await.unwrap_or(Err(ConnectError::TimedOut(self.timeout)))
    }

    async fn open(&self) -> io::Result<Box<dyn Io>> {
        let stream = TcpStream::connect((self.address.host.as_str(), self.address.port)).await?;
        stream.set_nodelay(true)?;
        let Some(config) = &self.tls else {
            return Ok(Box::new(stream));
        };
        let name = ServerName::try_from(self.address.host.clone()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(Arc::clone(config)).connect(name, stream).await?;
        Ok(Box::new(stream))
    }
}

async fn log_in(mut stream: Box<dyn Io>, connect: &[u8]) -> Result<Connection, ConnectError> {
    stream.write_all(connect).await?;
    stream.flush().await?;
    let mut received = BytesMut::with_capacity(16 * 1024);
    loop {
        if let Some(decoded) = decode(&received, MAXIMUM_INCOMING_PACKET as usize)? {
            received.advance(decoded.length);
            return match decoded.packet {
                Incoming::ConnAck(connack) if connack.reason_code == ReasonCode::SUCCESS => {
                    Ok(Connection { stream, connack, received })
                }
                Incoming::ConnAck(ConnAck { reason_code, reason_string, .. }) => {
                    Err(ConnectError::Refused(BrokerReason { reason_code, reason_string }))
                }
                Incoming::Disconnect(disconnect) => Err(ConnectError::Refused(BrokerReason {
                    reason_code: disconnect.reason_code,
                    reason_string: disconnect.reason_string,
                })),
                Incoming::PubAck(_) | Incoming::PingResp => {
                    Err(DecodeError::Protocol("the first packet is not CONNACK").into())
                }
            };
        }
        if stream.read_buf(&mut received).await? == 0 {
            return Err(ConnectError::Unreachable("the broker closed the connection at CONNECT".to_owned()));
        }
    }
}

// === impl ConnectError ===

impl ConnectError {
    /// What publishers are told while this is the state of things.
    pub(super) fn to_publish_error(&self) -> PublishError {
        match self {
            Self::Refused(reason) => PublishError::ConnectionRefused(reason.clone()),
            Self::Protocol(error) => PublishError::BrokerProtocol(error.to_string()),
            Self::Unreachable(_) | Self::TimedOut(_) | Self::Credentials(_) => {
                PublishError::BrokerUnavailable(self.to_string())
            }
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => f.write_str(why),
            Self::TimedOut(after) => write!(f, "no connection within {} ms", after.as_millis()),
            Self::Refused(reason) => write!(f, "the broker refused the connection with {reason}"),
            Self::Protocol(error) => write!(f, "{error}"),
            Self::Credentials(_) => f.write_str("User Name and Password have at most 65,535 bytes"),
        }
    }
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::Unreachable(error.to_string())
    }
}

impl From<DecodeError> for ConnectError {
    fn from(error: DecodeError) -> Self {
        Self::Protocol(error)
    }
}
