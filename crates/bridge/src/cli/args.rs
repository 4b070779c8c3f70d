//! The flags with their environment variables, units and defaults.

use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use http_publish::Profile;

use crate::trace::OtlpEndpoint;

use super::units::{
    backlog, count, duration, duration_or_none, keep_alive, percentage, session_expiry, sessions, size,
};

/// The HTTP side.
#[derive(Args)]
#[command(next_help_heading = "HTTP")]
pub(super) struct HttpArgs {
    /// The IP address and port to listen on
    #[arg(long, env = "POSTMQTT_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8081", value_parser = address)]
    pub(super) listen: SocketAddr,
    /// The path of POST requests with messages
    #[arg(long, env = "POSTMQTT_PATH", value_name = "PATH", default_value = "/mqtt/messages", value_parser = path)]
    pub(super) path: String,
    /// The path of the list of retained messages; /message follows for a single one
    #[arg(long, env = "POSTMQTT_RETAINED_PATH", value_name = "PATH", default_value = "/mqtt/retainedMessages", value_parser = path)]
    pub(super) retained_path: String,
    /// The size limits of a message: those of azure, of aws, or of the mqtt5 protocol
    #[arg(long, env = "POSTMQTT_LIMITS", value_name = "PROFILE", default_value = "azure", value_parser = profile)]
    pub(super) limits: Profile,
    /// The maximum size of a payload [default: by --limits: azure 512KiB, aws 128KiB, mqtt5 256MiB]
    #[arg(long, env = "POSTMQTT_PAYLOAD_LIMIT", value_name = "SIZE", value_parser = size)]
    pub(super) payload_limit: Option<u64>,
    /// The accepted values of the query parameter api-version, separated by commas [default: Azure's preview versions]
    #[arg(long, env = "POSTMQTT_API_VERSIONS", value_name = "VERSIONS", value_delimiter = ',')]
    pub(super) api_versions: Option<Vec<String>>,
    /// The IP address and port of health checks and metrics alone, which are answered there also when --max-connections is
    /// reached [default: --listen answers them]
    #[arg(long, env = "POSTMQTT_ADMIN_LISTEN", value_name = "ADDRESS", value_parser = address)]
    pub(super) admin_listen: Option<SocketAddr>,
    /// The maximum number of open connections. More wait in the listen queue
    #[arg(long, env = "POSTMQTT_MAX_CONNECTIONS", value_name = "NUMBER", default_value = "4096", value_parser = count)]
    pub(super) max_connections: NonZeroUsize,
    /// The length of the listen queue, at most 65535. Connections beyond it time out. Linux also limits it with the sysctl
    /// net.core.somaxconn
    #[arg(long, env = "POSTMQTT_BACKLOG", value_name = "NUMBER", default_value = "1024", value_parser = backlog)]
    pub(super) backlog: NonZeroU16,
    /// The time limit for the head of the next request on an HTTP/1.1 connection, including the wait for it
    #[arg(long, env = "POSTMQTT_IDLE_TIMEOUT", value_name = "DURATION", default_value = "75s", value_parser = duration)]
    pub(super) idle_timeout: Duration,
    /// The time limit for a payload
    #[arg(long, env = "POSTMQTT_BODY_TIMEOUT", value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub(super) body_timeout: Duration,
    /// How long connections are accepted after SIGTERM or SIGINT, while /readyz is 503 already. Longer than the interval of
    /// the load balancer's health checks; 0s for none
    #[arg(long, env = "POSTMQTT_LAME_DUCK", value_name = "DURATION", default_value = "3s", value_parser = duration_or_none)]
    pub(super) lame_duck: Duration,
    /// The time limit for requests in progress after that. Those that are left are answered 503
    #[arg(long, env = "POSTMQTT_DRAIN_TIMEOUT", value_name = "DURATION", default_value = "15s", value_parser = duration)]
    pub(super) drain_timeout: Duration,
}

/// The broker and the sessions with it.
#[derive(Args)]
#[command(next_help_heading = "MQTT broker")]
pub(super) struct BrokerArgs {
    /// The broker: mqtt://user:password@host:1883, or mqtts://user:password@host:8883 over TLS. User, password and port are
    /// optional. Several, separated by commas, are the nodes of one cluster: the sessions are spread over them, and use the
    /// next one while theirs cannot be reached. They get the same User Name and Password [default: mqtt://127.0.0.1:1883]
    #[arg(long, env = "POSTMQTT_BROKER", value_name = "URLS", value_delimiter = ',', hide_env_values = true)]
    pub(super) broker: Vec<String>,
    /// Follow a broker that names another server (CONNACK or DISCONNECT 0x9C or 0x9D with a Server Reference), at most three
    /// times in a row. That server gets the User Name and the Password. The transport, TLS or not, stays the same
    #[arg(long, env = "POSTMQTT_FOLLOW_SERVER_REFERENCE")]
    pub(super) follow_server_reference: bool,
    /// How long a session stays at another broker than it started at before it looks whether that one can be used again, and
    /// returns. Each session returns at a moment of its own choice in the second half of this time, without a failed request;
    /// 0s for never
    #[arg(long, env = "POSTMQTT_BROKER_RETURN", value_name = "DURATION", default_value = "5m", value_parser = duration_or_none)]
    pub(super) broker_return: Duration,
    /// The User Name of the bridge
    #[arg(long, env = "POSTMQTT_USERNAME", value_name = "NAME")]
    pub(super) username: Option<String>,
    /// The Password of the bridge. A file or the environment keeps it out of the process list
    #[arg(long, env = "POSTMQTT_PASSWORD", value_name = "PASSWORD", hide_env_values = true)]
    pub(super) password: Option<String>,
    /// A file with the Password of the bridge, read at each connect and on SIGHUP. A line break at its end is ignored
    #[arg(long, env = "POSTMQTT_PASSWORD_FILE", value_name = "FILE", conflicts_with = "password")]
    pub(super) password_file: Option<PathBuf>,
    /// A PEM file with the trusted certificate authorities. The TLS files are read at each connect and on
    /// SIGHUP. If they cannot be used then, those that were read before stay in use [default: the system's]
    #[arg(long, env = "POSTMQTT_BROKER_CA_FILE", value_name = "FILE")]
    pub(super) broker_ca_file: Option<PathBuf>,
    /// A PEM file with the bridge's certificate chain, for a broker that requests one
    #[arg(long, env = "POSTMQTT_BROKER_CERT_FILE", value_name = "FILE", requires = "broker_key_file")]
    pub(super) broker_cert_file: Option<PathBuf>,
    /// A PEM file with the private key of that certificate
    #[arg(long, env = "POSTMQTT_BROKER_KEY_FILE", value_name = "FILE", requires = "broker_cert_file")]
    pub(super) broker_key_file: Option<PathBuf>,
    /// The start of each Client Identifier of the bridge. Random characters and a number follow
    #[arg(long, env = "POSTMQTT_CLIENT_ID_PREFIX", value_name = "TEXT", default_value = "postmqtt")]
    pub(super) client_id_prefix: String,
    /// The time limit for the name resolution of a broker, and for TCP, TLS and CONNECT together at each of its addresses
    #[arg(long, env = "POSTMQTT_CONNECT_TIMEOUT", value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub(super) connect_timeout: Duration,
    /// The time limit for the PUBACK of a message
    #[arg(long, env = "POSTMQTT_PUBLISH_TIMEOUT", value_name = "DURATION", default_value = "10s", value_parser = duration)]
    pub(super) publish_timeout: Duration,
    /// How long a message may be without a PUBACK, at least 1.5 times --publish-timeout, after which its session is replaced by
    /// a new one. Its Packet Identifier and its part of the Receive Maximum are in use until then
    #[arg(long, env = "POSTMQTT_OVERDUE_LIMIT", value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub(super) overdue_limit: Duration,
    /// The Keep Alive in seconds, 1 to 65535
    #[arg(long, env = "POSTMQTT_KEEP_ALIVE", value_name = "SECONDS", default_value = "30", value_parser = keep_alive)]
    pub(super) keep_alive: NonZeroU16,
    /// How long the broker keeps a session without a connection, in seconds
    #[arg(long, env = "POSTMQTT_SESSION_EXPIRY", value_name = "SECONDS", default_value = "60", value_parser = session_expiry)]
    pub(super) session_expiry: u32,
}

/// Limits.
#[derive(Args)]
#[command(next_help_heading = "Capacity")]
pub(super) struct CapacityArgs {
    /// The number of shared sessions with the broker. Messages of one topic use the same session. With sessions of clients
    /// there is one shared session, which publishes nothing and shows whether the broker can be reached
    #[arg(long, env = "POSTMQTT_SESSIONS", value_name = "NUMBER", default_value = "2", value_parser = sessions)]
    pub(super) sessions: NonZeroUsize,
    /// The maximum number of messages in flight. More are answered 503
    #[arg(long, env = "POSTMQTT_IN_FLIGHT_LIMIT", value_name = "NUMBER", default_value = "10000", value_parser = count)]
    pub(super) in_flight_limit: NonZeroUsize,
    /// The maximum size of all messages in flight together. More are answered 503
    #[arg(long, env = "POSTMQTT_IN_FLIGHT_BYTES", value_name = "SIZE", default_value = "256MiB", value_parser = size)]
    pub(super) in_flight_bytes: u64,
    /// How much of both one client may use; one topic, if the edge does not name the client. 1% to 100%. More is answered 429
    #[arg(long, env = "POSTMQTT_CLIENT_SHARE", value_name = "PERCENT", default_value = "50%", value_parser = percentage)]
    pub(super) client_share: u8,
    /// How long the outcome of a message with an Idempotency-Key is kept for repeats of its request
    #[arg(long, env = "POSTMQTT_IDEMPOTENCY_WINDOW", value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub(super) idempotency_window: Duration,
    /// The maximum number of Idempotency-Keys. The oldest outcome makes room for a new key
    #[arg(long, env = "POSTMQTT_IDEMPOTENCY_KEYS", value_name = "NUMBER", default_value = "100000", value_parser = count)]
    pub(super) idempotency_keys: NonZeroUsize,
    /// The maximum memory of all Idempotency-Keys together
    #[arg(long, env = "POSTMQTT_IDEMPOTENCY_BYTES", value_name = "SIZE", default_value = "32MiB", value_parser = size)]
    pub(super) idempotency_bytes: u64,
}

/// Traces.
#[derive(Args)]
#[command(next_help_heading = "Traces")]
pub(super) struct TraceArgs {
    /// Pass the W3C trace context of a request on, in the User Properties traceparent and tracestate. User Properties that a
    /// client sends under these names are dropped
    #[arg(long, env = "POSTMQTT_TRACE_CONTEXT")]
    pub(super) trace_context: bool,
    /// Export a span for each publish to this collector, over OTLP/HTTP. OpenTelemetry's environment variables set the rest,
    /// such as OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER and OTEL_RESOURCE_ATTRIBUTES
    #[arg(long, env = "POSTMQTT_OTLP_ENDPOINT", value_name = "URL", value_parser = OtlpEndpoint::parse)]
    pub(super) otlp_endpoint: Option<OtlpEndpoint>,
}

/// How the bridge logs.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Logs (to stderr)")]
pub struct LogArgs {
    /// The format of log lines
    #[arg(long, env = "POSTMQTT_LOG_FORMAT", value_name = "FORMAT", default_value = "plain")]
    pub(crate) log_format: LogFormat,
    /// The log level: error, warn, info, debug or trace, also by module: info,mqtt_sessions=debug
    #[arg(long, env = "POSTMQTT_LOG", value_name = "LEVELS", default_value = "info")]
    pub(crate) log: String,
}

/// A format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Plain,
    /// One JSON object per line
    Json,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "expected an IP address and a port, such as 0.0.0.0:8081 or [::1]:8081".to_owned())
}

fn path(text: &str) -> Result<String, String> {
    let fits =
        text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#".contains(&byte));
    let reserved = matches!(text, "/healthz" | "/readyz" | "/metrics");
    if fits && !reserved {
        return Ok(text.to_owned());
    }
    Err("expected a path such as /mqtt/messages: visible ASCII without ? and #, not /healthz, /readyz or /metrics"
        .to_owned())
}

fn profile(text: &str) -> Result<Profile, String> {
    Profile::from_name(text).ok_or_else(|| "expected azure, aws or mqtt5".to_owned())
}
