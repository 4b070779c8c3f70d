//! `mqtt://[user[:password]@]host[:port]`, one or several. Error messages do not show the URL, because it may contain a password.

use hyper::Uri;
use mqtt_sessions::config::{BrokerAddress, Brokers, Credentials, Transport};
use percent_encoding::percent_decode_str;

use super::invalid_setting::InvalidSetting;

/// The brokers and the credentials for all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BrokerUrls {
    pub(super) brokers: Brokers,
    pub(super) credentials: Credentials,
}

/// The address of a broker, and the credentials of its URL.
#[derive(Clone, Debug, PartialEq, Eq)]
struct BrokerUrl {
    address: BrokerAddress,
    credentials: Option<Credentials>,
}

// === impl BrokerUrls ===

impl BrokerUrls {
    /// Reads a list. Without any URL, it is a broker on this machine.
    pub(super) fn parse(texts: &[String]) -> Result<Self, InvalidSetting> {
        let urls = texts.iter().map(|text| BrokerUrl::parse(text)).collect::<Result<Vec<_>, _>>()?;
        let mut named = urls.iter().filter_map(|url| url.credentials.as_ref());
        let credentials = named.next().cloned().unwrap_or_default();
        if named.any(|others| *others != credentials) {
            return Err(InvalidSetting(
                "--broker: expected the same user and password in every URL that has them".to_owned(),
            ));
        }
        let mut addresses = urls.into_iter().map(|url| url.address);
        let first = addresses.next().unwrap_or_else(|| BrokerAddress::tcp("127.0.0.1", 1883));
        Ok(Self { brokers: Brokers::new(first, addresses), credentials })
    }
}

// === impl BrokerUrl ===

impl BrokerUrl {
    fn parse(text: &str) -> Result<Self, InvalidSetting> {
        Self::read(text).ok_or_else(|| {
            InvalidSetting(
                "--broker: expected mqtt://[user[:password]@]host[:port] or mqtts://…, with special characters in \
                 user and password percent-encoded, or several of these separated by commas"
                    .to_owned(),
            )
        })
    }

    fn read(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let transport = match uri.scheme_str()? {
            "mqtt" => Transport::Tcp,
            "mqtts" => Transport::Tls,
            _ => return None,
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return None;
        }
        let authority = uri.authority()?;
        let (user_information, host_and_port) = match authority.as_str().rsplit_once('@') {
            Some((user_information, host_and_port)) => (Some(user_information), host_and_port),
            None => (None, authority.as_str()),
        };
        let port = match (authority.port_u16(), host_and_port.strip_prefix(authority.host())) {
            (Some(port), _) if port > 0 => port,
            (None, Some("")) => transport.default_port(),
            _ => return None,
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return None;
        }
        let credentials = match user_information {
            None => None,
            Some(text) => Some(credentials(text)?),
        };
        Some(Self { address: BrokerAddress { transport, host: host.to_owned(), port }, credentials })
    }
}

fn credentials(text: &str) -> Option<Credentials> {
    let (user_name, password) = match text.split_once(':') {
        Some((user_name, password)) => (user_name, Some(decode(password)?)),
        None => (text, None),
    };
    Some(Credentials { user_name: Some(decode(user_name)?), password, password_file: None })
}

fn decode(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_url_names_a_host_and_may_name_port_user_and_password() {
        let rows = [
            ("mqtt://broker", Some(("mqtt://broker:1883", None, None))),
            ("mqtt://broker/", Some(("mqtt://broker:1883", None, None))),
            ("mqtts://broker.example", Some(("mqtts://broker.example:8883", None, None))),
            ("mqtt://127.0.0.1:1884", Some(("mqtt://127.0.0.1:1884", None, None))),
            ("mqtt://[::1]:1884", Some(("mqtt://[::1]:1884", None, None))),
            ("mqtt://[::1]", Some(("mqtt://[::1]:1883", None, None))),
            ("mqtt://user@broker", Some(("mqtt://broker:1883", Some("user"), None))),
            ("mqtt://user:pass@broker:99", Some(("mqtt://broker:99", Some("user"), Some("pass")))),
            ("mqtt://user:p%40%3A%2F@broker", Some(("mqtt://broker:1883", Some("user"), Some("p@:/")))),
            ("mqtt://user:a:b@broker", Some(("mqtt://broker:1883", Some("user"), Some("a:b")))),
            ("http://broker", None),
            ("broker:1883", None),
            ("broker", None),
            ("mqtt://", None),
            ("mqtt://:1883", None),
            ("mqtt://broker:0", None),
            ("mqtt://broker:99999", None),
            ("mqtt://broker:x", None),
            ("mqtt://broker/path", None),
            ("mqtt://broker?clean=1", None),
            ("mqtt://user:%ff@broker", None),
            ("", None),
        ];
        for (given, expected) in rows {
            let read = BrokerUrl::parse(given).ok();
            let read = read.as_ref().map(|url| {
                let credentials = url.credentials.as_ref();
                let user_name = credentials.and_then(|credentials| credentials.user_name.as_deref());
                let password = credentials.and_then(|credentials| credentials.password.as_deref());
                (url.address.to_string(), user_name, password)
            });
            let expected = expected.map(|(address, user, password)| (address.to_owned(), user, password));
            assert_eq!(read, expected, "{given:?}");
        }
    }

    #[test]
    fn several_brokers_have_the_same_user_and_password() {
        let rows: &[(&[&str], Option<(&str, Option<&str>)>)] = &[
            (&[], Some(("mqtt://127.0.0.1:1883", None))),
            (&["mqtt://a", "mqtts://b:1"], Some(("mqtt://a:1883, mqtts://b:1", None))),
            (&["mqtt://a", "mqtt://me:p@b"], Some(("mqtt://a:1883, mqtt://b:1883", Some("me")))),
            (&["mqtt://me:p@a", "mqtt://me:p@b"], Some(("mqtt://a:1883, mqtt://b:1883", Some("me")))),
            (&["mqtt://me:p@a", "mqtt://me:q@b"], None),
            (&["mqtt://me@a", "mqtt://you@b"], None),
            (&["mqtt://a", ""], None),
            (&["mqtt://a", "b"], None),
        ];
        for (given, expected) in rows {
            let texts: Vec<_> = given.iter().map(|text| (*text).to_owned()).collect();
            let read = BrokerUrls::parse(&texts).ok();
            let read =
                read.as_ref().map(|urls| (urls.brokers.to_string(), urls.credentials.user_name.as_deref()));
            let expected = expected.map(|(brokers, user)| (brokers.to_owned(), user));
            assert_eq!(read, expected, "{given:?}");
        }
    }

    #[test]
    fn an_invalid_broker_url_is_not_shown() {
        let error = BrokerUrl::parse("http://user:secret@broker").unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
