//! The broker that the demonstration publishes to, as an MQTT client reaches it.

use percent_encoding::percent_decode_str;
use rig::{Error, Result};
use rumqttc::v5::MqttOptions;
use ureq::http::Uri;

/// A broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broker {
    /// `mqtt://…` or `mqtts://…`, as the bridge's `--broker` takes it; it may hold a password.
    pub(super) url: String,
    host: String,
    port: u16,
    transport: Transport,
    credentials: Option<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Tcp,
    Tls,
}

// === impl Broker ===

impl Broker {
    /// The demonstration's own, on this port of 127.0.0.1.
    pub(super) fn demonstration(port: u16) -> Self {
        Self {
            url: format!("mqtt://127.0.0.1:{port}"),
            host: "127.0.0.1".to_owned(),
            port,
            transport: Transport::Tcp,
            credentials: None,
        }
    }

    /// Reads `mqtt://[user[:password]@]host[:port]` or `mqtts://…`.
    ///
    /// # Errors
    /// Returns an error if it is neither. The error does not show the URL.
    pub(super) fn parse(url: &str) -> Result<Self> {
        Self::read(url).ok_or_else(|| {
            Error::new(
                "--broker: expected mqtt://[user[:password]@]host[:port] or mqtts://…, with special characters in user and \
                 password percent-encoded.",
            )
        })
    }

    fn read(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let (transport, default_port) = match uri.scheme_str()? {
            "mqtt" => (Transport::Tcp, 1883),
            "mqtts" => (Transport::Tls, 8883),
            _ => return None,
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return None;
        }
        let authority = uri.authority()?;
        let (credentials, host_and_port) = match authority.as_str().rsplit_once('@') {
            None => (None, authority.as_str()),
            Some((user_information, host_and_port)) => {
                let (user, password) = user_information.split_once(':').unwrap_or((user_information, ""));
                (Some((decoded(user)?, decoded(password)?)), host_and_port)
            }
        };
        let port = match (authority.port_u16(), host_and_port.strip_prefix(authority.host())) {
            (Some(port), _) if port > 0 => port,
            (None, Some("")) => default_port,
            _ => return None,
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        (!host.is_empty()).then(|| Self { url: url.to_owned(), host, port, transport, credentials })
    }

    /// `mqtt://host:port`, without the credentials.
    pub(super) fn shown(&self) -> String {
        let scheme = match self.transport {
            Transport::Tcp => "mqtt",
            Transport::Tls => "mqtts",
        };
        format!("{scheme}://{}:{}", self.host, self.port)
    }

    /// How a subscriber connects.
    ///
    /// # Errors
    /// Returns an error if the broker wants TLS, which the demonstration's subscriber does not speak.
    pub(super) fn options(&self) -> Result<MqttOptions> {
        if self.transport == Transport::Tls {
            return Err(Error::new(
                "--watch and --once subscribe without TLS: give --broker the broker's mqtt:// port, or leave them out.",
            ));
        }
        let client_id = format!("postmqtt-demo-{}", std::process::id());
        let mut options = MqttOptions::new(client_id, self.host.as_str(), self.port);
        options.set_max_packet_size(Some(u32::MAX));
        if let Some((user, password)) = &self.credentials {
            options.set_credentials(user.as_str(), password.as_str());
        }
        Ok(options)
    }
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_url_names_a_host_and_may_name_port_user_and_password() {
        let rows = [
            ("mqtt://broker", Some(("mqtt://broker:1883", None))),
            ("mqtts://broker", Some(("mqtts://broker:8883", None))),
            ("mqtt://127.0.0.1:1884/", Some(("mqtt://127.0.0.1:1884", None))),
            ("mqtt://user@broker", Some(("mqtt://broker:1883", Some(("user", ""))))),
            ("mqtt://user:p%40ss@broker:99", Some(("mqtt://broker:99", Some(("user", "p@ss"))))),
            ("http://broker", None),
            ("mqtt://broker/", Some(("mqtt://broker:1883", None))),
            ("mqtt://broker/path", None),
            ("mqtt://broker?clean=1", None),
            ("mqtt://broker:0", None),
            ("mqtt://broker:x", None),
            ("mqtt://broker:99999", None),
            ("broker:1883", None),
            ("mqtt://user:%ff@broker", None),
            ("", None),
        ];
        for (given, expected) in rows {
            let broker = Broker::parse(given).ok();
            let read = broker.as_ref().map(|broker| {
                let credentials = broker.credentials.as_ref();
                (broker.shown(), credentials.map(|(user, password)| (user.as_str(), password.as_str())))
            });
            assert_eq!(read, expected.map(|(shown, credentials)| (shown.to_owned(), credentials)), "{given}");
        }
    }

    #[test]
    fn an_invalid_broker_url_is_not_shown() {
        let error = Broker::parse("http://user:secret@broker").unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
