//! The command line: flags, each with an environment variable, and what they become.

mod broker_url;
mod units;

use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, ValueEnum};
use http_publish::{Profile, Rules};

use self::broker_url::BrokerUrl;
use self::units::{duration, size};
use crate::budget::InFlightLimits;
use crate::http::HttpConfig;
use crate::mqtt::config::{Credentials, MqttConfig, TlsFiles, TlsIdentity};

/// Publishes messages that come in as HTTP POST to an MQTT 5 broker; each answer is decided by the message's own PUBACK.
///
/// Every flag can be given as the environment variable that stands beside it; the flag wins.
/// A duration has a unit: 500ms, 10s, 2m. So may a size: 4096, 512KiB, 64MiB.
// Not Debug: it may hold a password.
#[derive(Parser)]
#[command(name = "postmqtt-bridge", version)]
pub struct Cli {
    #[command(flatten)]
    http: HttpArgs,
    #[command(flatten)]
    broker: BrokerArgs,
    #[command(flatten)]
    capacity: CapacityArgs,
    #[command(flatten)]
    log: LogArgs,
}

#[derive(Args)]
#[command(next_help_heading = "HTTP")]
struct HttpArgs {
    /// Where to listen, as IP address and port
    #[arg(long, env = "POSTMQTT_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8081", value_parser = address)]
    listen: SocketAddr,
    /// The path that messages are POSTed to
    #[arg(long, env = "POSTMQTT_PATH", value_name = "PATH", default_value = "/mqtt/messages", value_parser = path)]
    path: String,
    /// How large each part of a message may be: as with azure, aws, or whatever mqtt5 can carry
    #[arg(long, env = "POSTMQTT_LIMITS", value_name = "PROFILE", default_value = "azure", value_parser = profile)]
    limits: Profile,
    /// The largest payload, as a size [default: the profile's: azure 512KiB, aws 128KiB, mqtt5 256MiB]
    #[arg(long, env = "POSTMQTT_PAYLOAD_LIMIT", value_name = "SIZE", value_parser = size)]
    payload_limit: Option<u64>,
    /// The versions that a query's api-version may name, separated by commas [default: Azure's preview versions]
    #[arg(long, env = "POSTMQTT_API_VERSIONS", value_name = "VERSIONS", value_delimiter = ',')]
    api_versions: Option<Vec<String>>,
    /// How many connections may be open; more have to wait
    #[arg(long, env = "POSTMQTT_MAX_CONNECTIONS", value_name = "NUMBER", default_value = "4096")]
    max_connections: NonZeroUsize,
    /// How long an HTTP/1.1 connection may take to send the next request's head, the wait for it included
    #[arg(long, env = "POSTMQTT_IDLE_TIMEOUT", value_name = "DURATION", default_value = "75s", value_parser = duration)]
    idle_timeout: Duration,
    /// How long a payload may take to arrive
    #[arg(long, env = "POSTMQTT_BODY_TIMEOUT", value_name = "DURATION", default_value = "30s", value_parser = duration)]
    body_timeout: Duration,
    /// After SIGTERM or SIGINT: how long the requests under way may take to finish
    #[arg(long, env = "POSTMQTT_DRAIN_TIMEOUT", value_name = "DURATION", default_value = "15s", value_parser = duration)]
    drain_timeout: Duration,
}

#[derive(Args)]
#[command(next_help_heading = "MQTT broker")]
struct BrokerArgs {
    /// The broker: mqtt://[user[:password]@]host[:1883], or mqtts://…[:8883] over TLS
    /// [default: mqtt://127.0.0.1:1883, or the embedded broker]
    #[arg(long, env = "POSTMQTT_BROKER", value_name = "URL", hide_env_values = true)]
    broker: Option<String>,
    /// Start a broker for MQTT 5 clients in this process, to try things out, on this IP address and port
    #[cfg(feature = "embedded-broker")]
    #[arg(long, env = "POSTMQTT_EMBEDDED_BROKER", value_name = "ADDRESS", value_parser = address)]
    embedded_broker: Option<SocketAddr>,
    /// The User Name of the bridge
    #[arg(long, env = "POSTMQTT_USERNAME", value_name = "NAME")]
    username: Option<String>,
    /// The Password of the bridge; a file or the environment keeps it out of the process list
    #[arg(long, env = "POSTMQTT_PASSWORD", value_name = "PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// A file with the Password of the bridge; a line break at its end is not part of it
    #[arg(long, env = "POSTMQTT_PASSWORD_FILE", value_name = "FILE", conflicts_with = "password")]
    password_file: Option<PathBuf>,
    /// A PEM file with the certificate authorities to trust instead of the system's
    #[arg(long, env = "POSTMQTT_BROKER_CA_FILE", value_name = "FILE")]
    broker_ca_file: Option<PathBuf>,
    /// A PEM file with the bridge's certificate chain, for a broker that asks for one
    #[arg(long, env = "POSTMQTT_BROKER_CERT_FILE", value_name = "FILE", requires = "broker_key_file")]
    broker_cert_file: Option<PathBuf>,
    /// A PEM file with the key of that certificate
    #[arg(long, env = "POSTMQTT_BROKER_KEY_FILE", value_name = "FILE", requires = "broker_cert_file")]
    broker_key_file: Option<PathBuf>,
    /// What each Client Identifier of the bridge starts with; chance and a number follow
    #[arg(long, env = "POSTMQTT_CLIENT_ID_PREFIX", value_name = "TEXT", default_value = "postmqtt")]
    client_id_prefix: String,
    /// How long name resolution, TCP, TLS and MQTT's CONNECT may take together
    #[arg(long, env = "POSTMQTT_CONNECT_TIMEOUT", value_name = "DURATION", default_value = "5s", value_parser = duration)]
    connect_timeout: Duration,
    /// How long to wait for a message's PUBACK
    #[arg(long, env = "POSTMQTT_PUBLISH_TIMEOUT", value_name = "DURATION", default_value = "10s", value_parser = duration)]
    publish_timeout: Duration,
    /// The Keep Alive in seconds, 1 to 65535
    #[arg(long, env = "POSTMQTT_KEEP_ALIVE", value_name = "SECONDS", default_value = "30")]
    keep_alive: NonZeroU16,
    /// For how many seconds the broker keeps a session whose connection was cut
    #[arg(long, env = "POSTMQTT_SESSION_EXPIRY", value_name = "SECONDS", default_value = "60")]
    session_expiry: u32,
}

#[derive(Args)]
#[command(next_help_heading = "Capacity")]
struct CapacityArgs {
    /// How many sessions to keep with the broker; one topic always goes over the same
    #[arg(long, env = "POSTMQTT_SESSIONS", value_name = "NUMBER", default_value = "2")]
    sessions: NonZeroUsize,
    /// How many messages may be under way; more are answered 503
    #[arg(long, env = "POSTMQTT_IN_FLIGHT_LIMIT", value_name = "NUMBER", default_value = "10000")]
    in_flight_limit: NonZeroUsize,
    /// How many bytes of messages may be under way, as a size; more are answered 503
    #[arg(long, env = "POSTMQTT_IN_FLIGHT_BYTES", value_name = "SIZE", default_value = "256MiB", value_parser = size)]
    in_flight_bytes: u64,
}

/// How the bridge logs.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Logs (to stderr)")]
pub struct LogArgs {
    /// How a log line looks
    #[arg(long, env = "POSTMQTT_LOG_FORMAT", value_name = "FORMAT", default_value = "plain")]
    pub(crate) log_format: LogFormat,
    /// What is logged: error, warn, info, debug or trace, also by module: info,postmqtt_bridge::mqtt=debug
    #[arg(long, env = "POSTMQTT_LOG", value_name = "LEVELS", default_value = "info")]
    pub(crate) log: String,
}

/// A form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Plain,
    /// One JSON object a line.
    Json,
}

/// Everything that the bridge has to know, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// By which rules requests are judged.
    pub rules: Rules,
    /// What the HTTP server allows.
    pub http: HttpConfig,
    /// The broker and the sessions with it.
    pub mqtt: MqttConfig,
    /// How much may be under way.
    pub in_flight: InFlightLimits,
    /// Where a broker is to run inside the process.
    #[cfg(feature = "embedded-broker")]
    pub embedded_broker: Option<SocketAddr>,
}

/// A setting that cannot be used: one sentence that says what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSetting(String);

// === impl Cli ===

impl Cli {
    /// How the bridge logs.
    #[must_use]
    pub const fn log(&self) -> &LogArgs {
        &self.log
    }

    /// Checks what no single flag can check.
    ///
    /// # Errors
    ///
    /// A setting cannot be used.
    pub fn into_settings(self) -> Result<Settings, InvalidSetting> {
        let Self { http, broker, capacity, log: _ } = self;
        Ok(Settings {
            listen: http.listen,
            rules: http.rules(),
            http: HttpConfig {
                max_connections: http.max_connections.get(),
                idle_timeout: http.idle_timeout,
                body_timeout: http.body_timeout,
                publish_timeout: broker.publish_timeout,
                drain_timeout: http.drain_timeout,
            },
            in_flight: InFlightLimits {
                messages: capacity.in_flight_limit.get(),
                bytes: usize::try_from(capacity.in_flight_bytes).unwrap_or(usize::MAX),
            },
            #[cfg(feature = "embedded-broker")]
            embedded_broker: broker.embedded_broker,
            mqtt: broker.into_config(capacity.sessions.get())?,
        })
    }
}

// === impl HttpArgs ===

impl HttpArgs {
    fn rules(&self) -> Rules {
        let mut rules = Rules { path: self.path.clone(), limits: self.limits.limits(), ..Rules::default() };
        if let Some(bytes) = self.payload_limit {
            rules.limits.payload_bytes = bytes;
        }
        if let Some(versions) = &self.api_versions {
            rules.api_versions.clone_from(versions);
        }
        rules
    }
}

// === impl BrokerArgs ===

impl BrokerArgs {
    fn into_config(self, sessions: usize) -> Result<MqttConfig, InvalidSetting> {
        let url = self.broker.as_deref().map(BrokerUrl::parse).transpose()?;
        let BrokerUrl { address, credentials } = url.unwrap_or_else(|| self.default_broker());
        let password = match &self.password_file {
            Some(file) => Some(password_from(file)?),
            None => self.password,
        };
        let credentials = Credentials {
            user_name: self.username.or(credentials.user_name),
            password: password.or(credentials.password),
        };
        for (name, text) in [("User Name", &credentials.user_name), ("Password", &credentials.password)] {
            if text.as_ref().is_some_and(|text| text.len() > usize::from(u16::MAX)) {
                return Err(InvalidSetting(format!("expected a {name} of at most 65535 bytes")));
            }
        }
        if self.client_id_prefix.len() > MAX_PREFIX_BYTES || self.client_id_prefix.contains(char::is_control)
        {
            return Err(InvalidSetting(format!(
                "--client-id-prefix: expected at most {MAX_PREFIX_BYTES} bytes without control characters"
            )));
        }
        let identity = self.broker_cert_file.zip(self.broker_key_file);
        Ok(MqttConfig {
            broker: address,
            credentials,
            tls: TlsFiles {
                ca: self.broker_ca_file,
                identity: identity.map(|(certificate, key)| TlsIdentity { certificate, key }),
            },
            client_id_prefix: self.client_id_prefix,
            sessions,
            publish_timeout: self.publish_timeout,
            connect_timeout: self.connect_timeout,
            keep_alive: self.keep_alive.get(),
            session_expiry_interval: self.session_expiry,
        })
    }

    #[cfg(feature = "embedded-broker")]
    fn default_broker(&self) -> BrokerUrl {
        self.embedded_broker.map_or_else(BrokerUrl::local, BrokerUrl::at)
    }

    #[cfg(not(feature = "embedded-broker"))]
    fn default_broker(&self) -> BrokerUrl {
        BrokerUrl::local()
    }
}

/// Longer ones would leave too little of what some brokers take as a Client Identifier.
const MAX_PREFIX_BYTES: usize = 100;

// === impl InvalidSetting ===

impl std::fmt::Display for InvalidSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidSetting {}

fn password_from(file: &std::path::Path) -> Result<String, InvalidSetting> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| InvalidSetting(format!("--password-file: {}: {error}", file.display())))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "expected an IP address and a port, such as 0.0.0.0:8081 or [::1]:8081".to_owned())
}

fn path(text: &str) -> Result<String, String> {
    let fits =
        text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#".contains(&byte));
    let reserved = matches!(text, "/healthz" | "/readyz");
    if fits && !reserved {
        return Ok(text.to_owned());
    }
    Err("expected a path such as /mqtt/messages: visible ASCII without ? and #, not /healthz or /readyz"
        .to_owned())
}

fn profile(text: &str) -> Result<Profile, String> {
    Profile::from_name(text).ok_or_else(|| "expected azure, aws or mqtt5".to_owned())
}

#[cfg(test)]
mod tests;
