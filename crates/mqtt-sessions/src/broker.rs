//! The addresses of brokers.

use std::fmt;
use std::iter::once;
use std::sync::Arc;

/// The address of a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerAddress {
    /// TCP or TLS.
    pub transport: Transport,
    /// A host name or an IP address, without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

/// The transport of MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `mqtt://`
    Tcp,
    /// `mqtts://`
    Tls,
}

/// One broker or several, such as the nodes of a cluster. The order says which one a session tries next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brokers {
    first: BrokerAddress,
    others: Arc<[BrokerAddress]>,
}

// === impl BrokerAddress ===

impl BrokerAddress {
    /// A broker that is reached over TCP.
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self { transport: Transport::Tcp, host: host.into(), port }
    }

    /// A broker that is reached over TLS.
    pub fn tls(host: impl Into<String>, port: u16) -> Self {
        Self { transport: Transport::Tls, host: host.into(), port }
    }
}

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

// === impl Transport ===

impl Transport {
    /// The port that IANA has registered for it: 1883, or 8883 for TLS.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Tcp => 1883,
            Self::Tls => 8883,
        }
    }
}

// === impl Brokers ===

impl Brokers {
    /// A list that starts with `first`.
    pub fn new(first: BrokerAddress, others: impl IntoIterator<Item = BrokerAddress>) -> Self {
        Self { first, others: others.into_iter().collect() }
    }

    /// The number of brokers, at least 1.
    #[must_use]
    pub fn count(&self) -> usize {
        1 + self.others.len()
    }

    /// The brokers in their order.
    pub fn iter(&self) -> impl Iterator<Item = &BrokerAddress> {
        once(&self.first).chain(&*self.others)
    }

    /// The broker, if there is only one.
    #[must_use]
    pub fn only(&self) -> Option<&BrokerAddress> {
        if self.others.is_empty() { Some(&self.first) } else { None }
    }

    /// The broker at this place, counted from 0. There is none after the last; the first stands in for it.
    pub(crate) fn at(&self, place: usize) -> &BrokerAddress {
        self.iter().nth(place).unwrap_or(&self.first)
    }
}

impl From<BrokerAddress> for Brokers {
    fn from(address: BrokerAddress) -> Self {
        Self::new(address, [])
    }
}

impl fmt::Display for Brokers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        self.others.iter().try_for_each(|broker| write!(f, ", {broker}"))
    }
}
