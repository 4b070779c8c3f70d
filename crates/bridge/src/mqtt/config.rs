//! How the bridge reaches its broker, and how it behaves towards it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Everything about the broker and the sessions with it.
#[derive(Clone, Debug)]
pub struct MqttConfig {
    /// Where the broker is.
    pub broker: BrokerAddress,
    /// Who the bridge is.
    pub credentials: Credentials,
    /// Whom it trusts and what it shows, where the broker is reached over TLS.
    pub tls: TlsFiles,
    /// What every Client Identifier of the bridge starts with.
    pub client_id_prefix: String,
    /// How many sessions of its own the bridge keeps with the broker; at least 1.
    pub sessions: usize,
    /// Over whose sessions messages are published.
    pub sessions_of: SessionsOf,
    /// How long a publisher waits for the PUBACK.
    pub publish_timeout: Duration,
    /// How long name resolution, TCP, TLS and CONNECT may take together.
    pub connect_timeout: Duration,
    /// The Keep Alive in seconds, at least 1.
    pub keep_alive: u16,
    /// For how many seconds the broker keeps a session without a connection.
    pub session_expiry_interval: u32,
}

/// Over whose sessions messages are published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SessionsOf {
    /// The bridge's own, which all clients share.
    #[default]
    Bridge,
    /// Each client's, under that client's id: the broker's own rules about the client apply. The bridge's own sessions
    /// then publish nothing, and only show whether the broker can be reached.
    Client(ClientSessions),
}

/// The sessions of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSessions {
    /// What stands before the client id in the Client Identifier; nothing, as a rule.
    pub prefix: String,
    /// How many there may be at a time, and so how many connections; at least 1.
    pub limit: usize,
    /// How long a session stays that nobody publishes over.
    pub idle_timeout: Duration,
    /// How many may be connecting at a time; at least 1.
    pub connects: usize,
}

/// Where a broker listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerAddress {
    /// What the connection is made of.
    pub transport: Transport,
    /// A name or an IP address, without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

/// What MQTT runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `mqtt://`
    Tcp,
    /// `mqtts://`
    Tls,
}

/// User Name and Password of the bridge. Their debug form shows neither.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The User Name.
    pub user_name: Option<String>,
    /// The Password.
    pub password: Option<String>,
}

/// PEM files for TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate authorities to trust, instead of the system's.
    pub ca: Option<PathBuf>,
    /// The bridge's own certificate and key, where the broker asks for one.
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

// === impl BrokerAddress ===

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.transport {
            Transport::Tcp => "mqtt",
            Transport::Tls => "mqtts",
        };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

// === impl Credentials ===

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(not shown)")
    }
}
