//! Which brokers, how to log in, and over which sessions to publish.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

pub use crate::broker::{BrokerAddress, Brokers, Transport};
pub use crate::server_reference::ServerReferences;

/// Everything that a [`Pool`](crate::Pool) is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The brokers: one, or the nodes of a cluster. A session uses one at a time.
    pub brokers: Brokers,
    /// Whether sessions go to the server that a broker names.
    pub server_references: ServerReferences,
    /// How long a shared session stays at another broker than it started at before it looks whether that one can be used again,
    /// and returns. `None`: it stays until it loses its connection.
    pub broker_return: Option<Duration>,
    /// User Name and Password, for every broker.
    pub credentials: Credentials,
    /// The files for TLS, used with [`Transport::Tls`]. They are read at each connect; what was read before is
    /// used if they cannot be.
    pub tls: TlsFiles,
    /// The start of the Client Identifier of each shared session. Random characters and a number follow.
    pub client_id_prefix: String,
    /// The sessions that messages are published over.
    pub sessions: Sessions,
    /// How long a publisher waits for the PUBACK.
    pub publish_timeout: Duration,
    /// How long a message may be without a PUBACK, at least one and a half publish time-outs: then the session is replaced
    /// by a new one, because the Packet Identifier cannot be released otherwise.
    pub overdue_limit: Duration,
    /// The time limit for the name resolution of a broker, and for TCP, TLS and CONNECT together at each of its addresses.
    pub connect_timeout: Duration,
    /// The Keep Alive in seconds, at least 1.
    pub keep_alive: u16,
    /// How long the broker keeps a session without a connection, in seconds.
    pub session_expiry_interval: u32,
}

/// The sessions that messages are published over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// This number of sessions, at least 1, shared by all messages. Messages of one topic use the same session.
    Shared(usize),
    /// One session for each client, under the client's own Client Identifier, so that the broker's rules for that client
    /// apply. One shared session remains; it publishes nothing and shows whether the broker can be reached.
    PerClient(ClientSessions),
}

/// The sessions of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSessions {
    /// The start of each Client Identifier, before the client id. Usually empty.
    pub prefix: String,
    /// The maximum number of sessions, and so of connections; at least 1.
    pub limit: usize,
    /// A session is closed when its client has not published for this long.
    pub idle_timeout: Duration,
    /// How many sessions may be connecting at the same time; at least 1.
    pub connects: usize,
    /// How the sessions log in.
    pub login: ClientLogin,
}

/// How the sessions of clients log in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientLogin {
    /// With the User Name and Password of the configuration.
    #[default]
    Configured,
    /// With the client's id as the User Name, and the Password that came with its latest message. A connection that exists is
    /// not made again because of another Password.
    Own,
}

/// User Name and Password, each at most 65,535 bytes. The `Debug` form shows neither.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The User Name.
    pub user_name: Option<String>,
    /// The Password.
    pub password: Option<String>,
    /// A file with the Password, which replaces [`password`](Self::password). It is read at each connect, so that the
    /// Password can change; what was read before is used if it cannot be read. A line break at its end is ignored.
    pub password_file: Option<PathBuf>,
}

/// PEM files for TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate authorities to trust. `None`: the system's.
    pub ca: Option<PathBuf>,
    /// The client certificate, for a broker that requests one.
    pub identity: Option<TlsIdentity>,
}

/// A certificate and its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsIdentity {
    /// The certificate chain, leaf first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

// === impl Config ===

impl Config {
    /// Two shared sessions without credentials; 10 s for a PUBACK, 30 s until a session without one is replaced, and 5 s to
    /// connect; five minutes until a session returns to its first broker; a Keep Alive of 30 s and a Session Expiry Interval of
    /// 60 s. Server References are ignored.
    #[must_use]
    pub fn new(brokers: impl Into<Brokers>) -> Self {
        Self {
            brokers: brokers.into(),
            server_references: ServerReferences::default(),
            broker_return: Some(Duration::from_secs(300)),
            credentials: Credentials::default(),
            tls: TlsFiles::default(),
            client_id_prefix: "mqtt-sessions".to_owned(),
            sessions: Sessions::Shared(2),
            publish_timeout: Duration::from_secs(10),
            overdue_limit: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            keep_alive: 30,
            session_expiry_interval: 60,
        }
    }
}

// === impl ClientSessions ===

impl Default for ClientSessions {
    /// Up to 1000 sessions without a prefix, closed after five idle minutes; 32 connect at the same time.
    fn default() -> Self {
        Self {
            prefix: String::new(),
            limit: 1000,
            idle_timeout: Duration::from_secs(300),
            connects: 32,
            login: ClientLogin::default(),
        }
    }
}

// === impl Credentials ===

impl Credentials {
    /// The Password, from its file if there is one.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read, or is not UTF-8.
    pub fn read_password(&self) -> io::Result<Option<String>> {
        let Some(file) = &self.password_file else { return Ok(self.password.clone()) };
        let text = std::fs::read_to_string(file)?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        Ok(Some(line.strip_suffix('\r').unwrap_or(line).to_owned()))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(redacted)")
    }
}
