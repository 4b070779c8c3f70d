//! Server Reference (MQTT 5.0, 4.11): the other servers that a broker sends its clients to.

use crate::broker::{BrokerAddress, Transport};
use crate::reason_code::{BrokerReason, ReasonCode};

/// Whether sessions go to the server that their broker names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerReferences {
    /// They use the configured brokers alone.
    #[default]
    Ignored,
    /// They follow it. The broker decides which host receives the User Name and the Password. The transport stays the same, so
    /// that nothing is sent unencrypted that was encrypted before.
    Followed,
}

/// The broker's wish that the client uses another server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redirection<'a> {
    reference: &'a str,
}

// === impl Redirection ===

impl<'a> Redirection<'a> {
    /// `None`: the Reason Code is neither Use another server nor Server moved, or no server is named.
    pub(crate) fn from_broker(reason: &BrokerReason, reference: Option<&'a str>) -> Option<Self> {
        match reason.reason_code {
            ReasonCode::USE_ANOTHER_SERVER | ReasonCode::SERVER_MOVED => Some(Self { reference: reference? }),
            _ => None,
        }
    }

    /// The first server that can be read: `host`, `host:port`, `address:port` or `[IPv6 address]:port`. Servers are separated
    /// by spaces. `None`: none can be read.
    pub(crate) fn target(&self, transport: Transport) -> Option<BrokerAddress> {
        self.reference.split(' ').find_map(|server| read(server, transport))
    }
}

fn read(server: &str, transport: Transport) -> Option<BrokerAddress> {
    let (host, port) = match server.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => server.find(':').map_or((server, ""), |colon| server.split_at(colon)),
    };
    let port = match port.strip_prefix(':') {
        Some(digits) => digits.parse().ok().filter(|port| *port > 0)?,
        None if port.is_empty() => transport.default_port(),
        None => return None,
    };
    let is_host_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    let fits = !host.is_empty() && host.len() <= 253 && host.bytes().all(is_host_byte);
    fits.then(|| BrokerAddress { transport, host: host.to_owned(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_server_that_can_be_read_is_the_target() {
        // The first rows are the examples of MQTT 5.0, 4.11.
        let rows = [
            ("myserver.xyz.org", Some("mqtts://myserver.xyz.org:8883")),
            ("myserver.xyz.org:8883", Some("mqtts://myserver.xyz.org:8883")),
            ("10.10.151.22:8883", Some("mqtts://10.10.151.22:8883")),
            ("[fe80::9610:3eff:fe1c]:1883", Some("mqtts://[fe80::9610:3eff:fe1c]:1883")),
            ("a:1 b:2", Some("mqtts://a:1")),
            ("mqtt://a:1 b:2", Some("mqtts://b:2")),
            ("a:0 a:x a:99999 [::1 [::1]1 b", Some("mqtts://b:8883")),
            ("::1", None),
            ("user@a", None),
            ("a/b", None),
            (" ", None),
            ("", None),
        ];
        for (given, expected) in rows {
            let target = Redirection { reference: given }.target(Transport::Tls);
            assert_eq!(target.map(|target| target.to_string()).as_deref(), expected, "{given:?}");
        }
    }

    #[test]
    fn only_use_another_server_and_server_moved_redirect() {
        for (code, expected) in [(0x9C, true), (0x9D, true), (0x88, false), (0x00, false)] {
            let reason = BrokerReason { reason_code: ReasonCode(code), reason_string: None };
            assert_eq!(Redirection::from_broker(&reason, Some("a")).is_some(), expected, "{code:#x}");
            assert_eq!(Redirection::from_broker(&reason, None), None);
        }
    }
}
