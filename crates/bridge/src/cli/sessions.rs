//! The sessions that messages are published over.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::{Args, ValueEnum};
use mqtt_sessions::config::{ClientLogin, ClientSessions, Sessions};

use super::client_id_prefix::check_prefix;
use super::invalid_setting::InvalidSetting;
use super::units::{count, duration};

/// The sessions that messages are published over.
#[derive(Args)]
#[command(next_help_heading = "Sessions of clients")]
pub(super) struct SessionArgs {
    /// Whose sessions messages are published over
    #[arg(long, env = "POSTMQTT_SESSIONS_OF", value_name = "WHOSE", default_value = "bridge")]
    pub(super) sessions_of: Owner,
    /// The maximum number of sessions of clients, each with its own connection. Beyond it, the session that has been idle
    /// longest makes room
    #[arg(long, env = "POSTMQTT_CLIENT_SESSIONS_LIMIT", value_name = "NUMBER", default_value = "1000", value_parser = count)]
    client_sessions_limit: NonZeroUsize,
    /// A client's session is closed when the client has not published for this long
    #[arg(long, env = "POSTMQTT_CLIENT_SESSION_IDLE", value_name = "DURATION", default_value = "5m", value_parser = duration)]
    client_session_idle: Duration,
    /// The maximum number of sessions of clients that connect at the same time. The others wait
    #[arg(long, env = "POSTMQTT_CLIENT_CONNECTS_LIMIT", value_name = "NUMBER", default_value = "32", value_parser = count)]
    client_connects_limit: NonZeroUsize,
    /// The start of each client's Client Identifier, before the client id. For brokers to which the clients also connect
    /// themselves: the same Client Identifier would disconnect them [default: empty]
    #[arg(
        long,
        env = "POSTMQTT_CLIENT_SESSION_PREFIX",
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    client_session_prefix: String,
    /// How the sessions of clients log in
    #[arg(long, env = "POSTMQTT_CLIENT_PASSWORD", value_name = "WHICH", default_value = "bridge")]
    client_password: Which,
}

/// A Password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    /// With the User Name and Password of the bridge
    Bridge,
    /// With the client id as the User Name and the bearer token of the client's latest request as the Password. The edge
    /// has to pass Authorization on
    Token,
}

/// The owner of the sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Owner {
    /// The bridge: its sessions are shared by all clients
    Bridge,
    /// The client: its Client Identifier is the client id that the edge verified, so the broker's rules for that client
    /// apply
    Client,
}

// === impl SessionArgs ===

impl SessionArgs {
    pub(super) fn into_sessions(self, shared: NonZeroUsize) -> Result<Sessions, InvalidSetting> {
        check_prefix("--client-session-prefix", &self.client_session_prefix)?;
        if self.sessions_of == Owner::Bridge && self.client_password == Which::Token {
            let text = "expected --sessions-of client with --client-password token";
            return Err(InvalidSetting(text.to_owned()));
        }
        Ok(match self.sessions_of {
            Owner::Bridge => Sessions::Shared(shared.get()),
            Owner::Client => Sessions::PerClient(ClientSessions {
                prefix: self.client_session_prefix,
                limit: self.client_sessions_limit.get(),
                idle_timeout: self.client_session_idle,
                connects: self.client_connects_limit.get(),
                login: match self.client_password {
                    Which::Bridge => ClientLogin::Configured,
                    Which::Token => ClientLogin::Own,
                },
            }),
        })
    }
}
