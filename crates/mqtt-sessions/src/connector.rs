//! From the brokers of a configuration to a connection that one of them has accepted: name resolution, TCP, TLS, CONNECT,
//! CONNACK.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::broker::{BrokerAddress, Transport};
use crate::codec::connack::{ConnAck, SessionPresent};
use crate::codec::connect::{Connect, Start};
use crate::codec::disconnect::{Disconnect, GOODBYE};
use crate::codec::{DecodeError, Incoming, TooLong, decode};
use crate::config::Config;
use crate::error::{Chain, PublishError};
use crate::last_good::LastGood;
use crate::login::Password;
use crate::outages::Outages;
use crate::reason_code::{BrokerReason, ReasonCode};
use crate::route::{Destination, Route, Turn};
use crate::server_reference::Redirection;
use crate::tls::{self, TlsError};

/// With which User Name and Password.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Login<'a> {
    /// Those of the configuration.
    Configured,
    Own {
        user_name: &'a str,
        password: &'a Password,
    },
}

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
    outages: Arc<Outages>,
    password: Arc<LastGood<Option<String>>>,
    tls: Arc<LastGood<Arc<ClientConfig>>>,
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
    #[error("the broker refused the connection with {reason}")]
    Refused { reason: BrokerReason, server_reference: Option<String> },
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
        let connector = Self {
            outages: Arc::new(Outages::new(&config.brokers)),
            password: Arc::new(LastGood::new("the file with the Password")),
            tls: Arc::new(LastGood::new("the TLS files")),
            config,
            limits,
        };
        if connector.uses_tls() {
            connector.tls.update(tls::configure(&connector.config.tls))?;
        }
        Ok(connector)
    }

    /// Reads the files that each connect reads. What cannot be used stays as it was.
    pub(crate) fn reload(&self) {
        // Without a value from before, the next connect says what is wrong.
        let _ = self.password.update(self.config.credentials.read_password());
        if self.uses_tls() {
            let _ = self.tls.update(tls::configure(&self.config.tls));
        }
    }

    /// Whether a file could not be used when it was read last.
    pub(crate) fn has_stale_files(&self) -> bool {
        self.password.is_stale() || self.tls.is_stale()
    }

    fn uses_tls(&self) -> bool {
        self.config.brokers.iter().any(|broker| broker.transport == Transport::Tls)
    }

    /// The route of a session, which starts at the broker that its number leads to.
    pub(crate) fn route(&self, number: usize) -> Route {
        Route::new(self.config.brokers.clone(), self.config.server_references, number)
    }

    /// Connects and logs in at the broker that `route` leads to or, if that fails, at the next ones, each once.
    ///
    /// Returns the error of a broker that refused the connection, if there was one: it says more than that of another broker
    /// that could not be reached.
    pub(crate) async fn connect(
        &self,
        client_identifier: &str,
        login: Login<'_>,
        start: Start,
        route: &mut Route,
    ) -> Result<Accepted, ConnectError> {
        let packet = self.connect_packet(client_identifier, login, start)?;
        let mut untried = self.config.brokers.count();
        let mut kept: Option<ConnectError> = None;
        loop {
            let error = match self.connect_to_broker(&packet, start, route).await {
                Ok(accepted) => {
                    self.outages.ended(route.destination());
                    return Ok(accepted);
                }
                Err(error) => error,
            };
            if let Some(redirection) = error.redirection()
                && route.redirect(&redirection) == Turn::Taken
            {
                continue;
            }
            self.outages.began(route.destination(), &error);
            if let Destination::Configured(_) = route.destination() {
                untried -= 1;
            }
            route.advance();
            let telling = match kept {
                Some(earlier) if earlier.is_answer() => earlier,
                _ => error,
            };
            if untried == 0 {
                return Err(telling);
            }
            kept = Some(telling);
        }
    }

    /// Whether the broker that `route` leads to accepts a session under this Client Identifier, which is ended at once.
    pub(crate) async fn probe(&self, client_identifier: &str, route: &mut Route) -> bool {
        let Ok(packet) = self.connect_packet(client_identifier, Login::Configured, Start::Clean) else {
            return false;
        };
        let Ok(Accepted { mut stream, .. }) = self.connect_to_broker(&packet, Start::Clean, route).await
        else {
            return false;
        };
        let goodbye = async {
            stream.write_all(&GOODBYE).await?;
            Ok(stream.shutdown().await?)
        };
        self.in_time(goodbye).await.is_ok()
    }

    /// Tries the addresses of the broker that `route` leads to, each within the connect time-out.
    async fn connect_to_broker(
        &self,
        packet: &[u8],
        start: Start,
        route: &mut Route,
    ) -> Result<Accepted, ConnectError> {
        let broker = route.broker().clone();
        let name = (broker.host.as_str(), broker.port);
        let resolved = self.in_time(async { Ok(lookup_host(name).await?.collect()) }).await?;
        self.connect_to_addresses(&broker, route.order(resolved), packet, start, route).await
    }

    async fn connect_to_addresses(
        &self,
        broker: &BrokerAddress,
        addresses: Vec<SocketAddr>,
        packet: &[u8],
        start: Start,
        route: &mut Route,
    ) -> Result<Accepted, ConnectError> {
        let mut last = ConnectError::Io(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        for address in addresses {
            let attempt = async {
                let stream = self.open(broker, address).await?;
                log_in(stream, packet, start, self.limits.maximum_packet_bytes()).await
            };
            last = match self.in_time(attempt).await {
                Ok(accepted) => {
                    route.connected(address);
                    return Ok(accepted);
                }
                Err(error) if error.redirection().is_some() => return Err(error),
                Err(error) => error,
            };
            tracing::debug!("no connection to {broker} at {address}: {}", Chain(&last));
        }
        Err(last)
    }

    async fn in_time<T>(
        &self,
        attempt: impl Future<Output = Result<T, ConnectError>>,
    ) -> Result<T, ConnectError> {
        let time_limit = self.config.connect_timeout;
        timeout(time_limit, attempt).await.unwrap_or(Err(ConnectError::TimedOut(time_limit)))
    }

    fn connect_packet(
        &self,
        client_identifier: &str,
        login: Login<'_>,
        start: Start,
    ) -> Result<Vec<u8>, ConnectError> {
        let Config { credentials, keep_alive, session_expiry_interval, .. } = &*self.config;
        let configured;
        let (user_name, password) = match login {
            Login::Own { user_name, password } => (Some(user_name), Some(password.as_bytes())),
            Login::Configured => {
                // A small file, at a connect: it blocks for less time than handing it to another thread takes.
                let read = credentials.read_password();
                configured = self.password.update(read).map_err(ConnectError::PasswordFile)?;
                (credentials.user_name.as_deref(), configured.as_deref().map(str::as_bytes))
            }
        };
        let connect = Connect {
            start,
            client_identifier,
            user_name,
            password,
            keep_alive: *keep_alive,
            session_expiry_interval: *session_expiry_interval,
            maximum_packet_size: self.limits.maximum_packet_size,
            receive_maximum: self.limits.receive_maximum,
        };
        connect.encode().map_err(ConnectError::Credentials)
    }

    async fn open(&self, broker: &BrokerAddress, address: SocketAddr) -> Result<Box<dyn Io>, ConnectError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        if broker.transport == Transport::Tcp {
            return Ok(Box::new(stream));
        }
        let files = self.config.tls.clone();
        let read = tokio::task::spawn_blocking(move || tls::configure(&files));
        let config = self.tls.update(read.await.map_err(io::Error::other)?)?;
        let name = ServerName::try_from(broker.host.clone()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(config).connect(name, stream).await?;
        Ok(Box::new(stream))
    }
}

async fn log_in(
    mut stream: Box<dyn Io>,
    connect: &[u8],
    start: Start,
    maximum_packet: usize,
) -> Result<Accepted, ConnectError> {
    stream.write_all(connect).await?;
    stream.flush().await?;
    let mut received = BytesMut::with_capacity(16 * 1024);
    loop {
        if let Some(decoded) = decode(&received, maximum_packet)? {
            received.advance(decoded.length);
            return match decoded.packet {
                Incoming::ConnAck(connack) if connack.reason.reason_code != ReasonCode::SUCCESS => {
                    let ConnAck { reason, server_reference, .. } = connack;
                    Err(ConnectError::Refused { reason, server_reference })
                }
                Incoming::ConnAck(ConnAck { session_present: SessionPresent::Yes, .. })
                    if start == Start::Clean =>
                {
                    Err(DecodeError::Protocol("Session Present after Clean Start").into())
                }
                Incoming::ConnAck(connack) => Ok(Accepted { stream, connack, received }),
                Incoming::Disconnect(Disconnect { reason, server_reference }) => {
                    Err(ConnectError::Refused { reason, server_reference })
                }
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

impl ConnectError {
    /// Whether the broker was reached and answered.
    const fn is_answer(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Protocol(_))
    }

    /// The broker's wish that another server is used.
    fn redirection(&self) -> Option<Redirection<'_>> {
        match self {
            Self::Refused { reason, server_reference } => {
                Redirection::from_broker(reason, server_reference.as_deref())
            }
            _ => None,
        }
    }
}

impl From<Arc<ConnectError>> for PublishError {
    /// The error of publishes that find no connection because of this one.
    fn from(error: Arc<ConnectError>) -> Self {
        match &*error {
            ConnectError::Refused { reason, .. } => Self::ConnectionRefused(reason.clone()),
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

#[cfg(test)]
mod tests {
    use scripted_broker::{CONNACK, ScriptedBroker, soon};

    use super::*;

    #[tokio::test]
    async fn each_address_of_a_broker_has_its_own_connect_time_out() {
        let silent = [ScriptedBroker::start().await, ScriptedBroker::start().await];
        let broker = ScriptedBroker::start().await;
        let addresses = [silent[0].address(), silent[1].address(), broker.address()];

        let name = BrokerAddress::tcp("broker.example", 1883);
        let config = Config { connect_timeout: Duration::from_millis(200), ..Config::new(name.clone()) };
        let connector = Connector::new(Arc::new(config), IncomingLimits::PUBLISHER).unwrap();
        let mut route = connector.route(0);
        let packet = connector.connect_packet("c", Login::Configured, Start::Clean).unwrap();
        let connecting =
            connector.connect_to_addresses(&name, addresses.to_vec(), &packet, Start::Clean, &mut route);
        let (connected, _peer) = soon(async { tokio::join!(connecting, broker.accept(CONNACK)) }).await;
        assert!(connected.is_ok());
    }
}
