//! The command line, and the checked [`Settings`] that it becomes.

mod args;
mod broker_url;
mod client_id_prefix;
mod invalid_setting;
mod plan;
mod replies;
mod retained;
mod sessions;
mod tls;
mod units;

use std::net::SocketAddr;

use clap::{Parser, Subcommand};
use http_publish::Rules;
use mqtt_sessions::budget::InFlightLimits;
use mqtt_sessions::config::{Config, Credentials, ServerReferences, Sessions, TlsFiles, TlsIdentity};
use mqtt_sessions::retained::ReadConfig;

pub use self::args::LogArgs;
pub(crate) use self::args::LogFormat;
use self::args::{BrokerArgs, CapacityArgs, HttpArgs, TraceArgs};
use self::broker_url::BrokerUrls;
use self::client_id_prefix::check_prefix;
pub use self::invalid_setting::InvalidSetting;
pub use self::plan::Plan;
use self::replies::ReplyArgs;
pub use self::replies::RequestSettings;
use self::retained::RetainedArgs;
use self::sessions::SessionArgs;
use self::tls::TlsArgs;
use crate::healthcheck::Healthcheck;
use crate::http::{HttpConfig, ListenerFiles};
use crate::idempotency::KeyLimits;
use crate::trace::OtlpEndpoint;

/// Accepts messages as HTTP POST requests and publishes them to an MQTT 5 broker. The PUBACK of each message decides its
/// answer.
///
/// Every flag has an environment variable, shown next to it. The flag takes precedence.
/// A duration has a unit and lasts at most a day: 500ms, 1.5s, 2m, 1h 30m.
/// A size is at most 1TiB and may have a unit, in any case: 4096, 512KiB (524,288 bytes), 512kB (512,000 bytes).
// Not Debug, because it may contain a password.
#[derive(Parser)]
#[command(name = "postmqtt-bridge", version = env!("POSTMQTT_VERSION"))]
pub struct Cli {
    #[command(subcommand)]
    subcommand: Option<Command>,
    /// Check the settings and the files that a bridge would read, print what it would do, and exit: with status 0, or with 2
    /// and an error
    #[arg(long)]
    check_config: bool,
    #[command(flatten)]
    http: HttpArgs,
    #[command(flatten)]
    tls: TlsArgs,
    #[command(flatten)]
    broker: BrokerArgs,
    #[command(flatten)]
    sessions: SessionArgs,
    #[command(flatten)]
    replies: ReplyArgs,
    #[command(flatten)]
    retained: RetainedArgs,
    #[command(flatten)]
    capacity: CapacityArgs,
    #[command(flatten)]
    traces: TraceArgs,
    #[command(flatten)]
    log: LogArgs,
}

/// What the program does instead of running a bridge.
#[derive(Subcommand)]
pub enum Command {
    /// Asks a running bridge whether it is ready, and exits with status 0 if it is
    Healthcheck(Healthcheck),
}

/// The settings of a bridge, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The files for TLS of that address. `None`: it has no TLS.
    pub tls: Option<ListenerFiles>,
    /// The address of health checks and metrics alone.
    pub admin_listen: Option<SocketAddr>,
    /// The rules for requests.
    pub rules: Rules,
    /// The limits of the HTTP server.
    pub http: HttpConfig,
    /// The brokers and the sessions with them.
    pub mqtt: Config,
    /// The limits of messages and bytes in flight.
    pub in_flight: InFlightLimits,
    /// How much of them one client may use. `None`: all.
    pub client_share: Option<InFlightLimits>,
    /// How requests wait for replies. `None`: none waits.
    pub requests: Option<RequestSettings>,
    /// How retained messages are read. `None`: they cannot be.
    pub retained: Option<ReadConfig>,
    /// The limits of Idempotency-Keys.
    pub keys: KeyLimits,
    /// The collector for spans, if there is one.
    pub otlp: Option<OtlpEndpoint>,
}

// === impl Cli ===

impl Cli {
    /// The subcommand, if one was given.
    #[must_use]
    pub const fn subcommand(&self) -> Option<&Command> {
        self.subcommand.as_ref()
    }

    /// Whether the settings are checked and nothing is started.
    #[must_use]
    pub const fn check_config(&self) -> bool {
        self.check_config
    }

    /// How the bridge logs.
    #[must_use]
    pub const fn log(&self) -> &LogArgs {
        &self.log
    }

    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// Returns an error if a setting is invalid.
    pub fn into_settings(self) -> Result<Settings, InvalidSetting> {
        let Self {
            http,
            tls,
            broker,
            sessions,
            replies,
            retained,
            capacity,
            traces,
            log: _,
            subcommand: _,
            check_config: _,
        } = self;
        let rules = http.rules()?;
        let in_flight = InFlightLimits {
            messages: capacity.in_flight_limit.get(),
            bytes: usize::try_from(capacity.in_flight_bytes).unwrap_or(usize::MAX),
        };
        Ok(Settings {
            listen: http.listen,
            tls: tls.into_files(),
            admin_listen: http.admin_listen,
            requests: replies.into_settings(&rules.limits),
            retained: retained.into_config(&rules.limits, broker.publish_timeout),
            rules,
            http: HttpConfig {
                max_connections: http.max_connections.get(),
                backlog: u32::from(http.backlog.get()),
                idle_timeout: http.idle_timeout,
                body_timeout: http.body_timeout,
                publish_timeout: broker.publish_timeout,
                lame_duck: http.lame_duck,
                drain_timeout: http.drain_timeout,
                trace_context: traces.trace_context,
            },
            in_flight,
            client_share: share(in_flight, capacity.client_share),
            keys: KeyLimits {
                window: capacity.idempotency_window,
                keys: capacity.idempotency_keys.get(),
                bytes: usize::try_from(capacity.idempotency_bytes).unwrap_or(usize::MAX),
            },
            otlp: traces.otlp_endpoint,
            mqtt: broker.into_config(sessions.into_sessions(capacity.sessions)?)?,
        })
    }
}

/// The share of a client, `None` if it is all.
fn share(InFlightLimits { messages, bytes }: InFlightLimits, percent: u8) -> Option<InFlightLimits> {
    let part = |whole: usize| (whole / 100 * usize::from(percent)) + whole % 100 * usize::from(percent) / 100;
    (percent < 100).then(|| InFlightLimits { messages: part(messages).max(1), bytes: part(bytes) })
}

// === impl HttpArgs ===

impl HttpArgs {
    fn rules(&self) -> Result<Rules, InvalidSetting> {
        let mut rules = Rules {
            path: self.path.clone(),
            retained_path: self.retained_path.clone(),
            limits: self.limits.limits(),
            ..Rules::default()
        };
        if !rules.has_distinct_paths() {
            let expected = "expected another path for --retained-path than for messages and batches";
            return Err(InvalidSetting(expected.to_owned()));
        }
        if let Some(bytes) = self.payload_limit {
            rules.limits.payload_bytes = bytes;
        }
        if let Some(versions) = &self.api_versions {
            rules.api_versions.clone_from(versions);
        }
        Ok(rules)
    }
}

// === impl BrokerArgs ===

impl BrokerArgs {
    fn into_config(self, sessions: Sessions) -> Result<Config, InvalidSetting> {
        let BrokerUrls { brokers, credentials } = BrokerUrls::parse(&self.broker)?;
        let credentials = Credentials {
            user_name: self.username.or(credentials.user_name),
            password: self.password.or(credentials.password),
            password_file: self.password_file,
        };
        let password = credentials
            .read_password()
            .map_err(|error| InvalidSetting(format!("--password-file cannot be read: {error}")))?;
        for (name, text) in [("User Name", &credentials.user_name), ("Password", &password)] {
            if text.as_ref().is_some_and(|text| text.len() > usize::from(u16::MAX)) {
                return Err(InvalidSetting(format!("expected a {name} of at most 65535 bytes")));
            }
        }
        check_prefix("--client-id-prefix", &self.client_id_prefix)?;
        let identity = self.broker_cert_file.zip(self.broker_key_file);
        Ok(Config {
            brokers,
            server_references: if self.follow_server_reference {
                ServerReferences::Followed
            } else {
                ServerReferences::Ignored
            },
            broker_return: Some(self.broker_return).filter(|interval| !interval.is_zero()),
            credentials,
            tls: TlsFiles {
                ca: self.broker_ca_file,
                identity: identity.map(|(certificate, key)| TlsIdentity { certificate, key }),
            },
            client_id_prefix: self.client_id_prefix,
            sessions,
            publish_timeout: self.publish_timeout,
            overdue_limit: self.overdue_limit,
            connect_timeout: self.connect_timeout,
            keep_alive: self.keep_alive.get(),
            session_expiry_interval: self.session_expiry,
        })
    }
}

#[cfg(test)]
mod tests;
