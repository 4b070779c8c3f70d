//! Over whose sessions messages are published: the flags, and what becomes of them.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::InvalidSetting;
use super::units::{count, duration};
use crate::mqtt::config::{ClientSessions, SessionsOf};

/// Whose sessions they are.
#[derive(Args)]
#[command(next_help_heading = "Sessions of clients")]
pub(super) struct SessionArgs {
    /// Over whose sessions messages are published
    #[arg(long, env = "POSTMQTT_SESSIONS_OF", value_name = "WHOSE", default_value = "bridge")]
    pub(super) sessions_of: Whose,
    /// How many clients may have a session at a time, each with a connection of its own; of more, who has not published
    /// for longest makes room
    #[arg(long, env = "POSTMQTT_CLIENT_SESSIONS_LIMIT", value_name = "NUMBER", default_value = "1000", value_parser = count)]
    client_sessions_limit: NonZeroUsize,
    /// How long the session of a client stays that does not publish
    #[arg(long, env = "POSTMQTT_CLIENT_SESSION_IDLE", value_name = "DURATION", default_value = "5m", value_parser = duration)]
    client_session_idle: Duration,
    /// How many sessions of clients may be connecting at a time; the others wait for their turn
    #[arg(long, env = "POSTMQTT_CLIENT_CONNECTS_LIMIT", value_name = "NUMBER", default_value = "32", value_parser = count)]
    client_connects_limit: NonZeroUsize,
    /// What stands before the client id in the Client Identifier of its session; for brokers to which the clients are
    /// connected themselves, since under the same Client Identifier they would be thrown out [default: nothing]
    #[arg(
        long,
        env = "POSTMQTT_CLIENT_SESSION_PREFIX",
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    client_session_prefix: String,
}

/// Over whose sessions messages are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Whose {
    /// The bridge's, shared by all clients
    Bridge,
    /// One of each client, whose Client Identifier is the client id that the edge verified: the broker's own rules about
    /// the client apply
    Client,
}

// === impl SessionArgs ===

impl SessionArgs {
    pub(super) fn into_config(self) -> Result<SessionsOf, InvalidSetting> {
        super::check_prefix("--client-session-prefix", &self.client_session_prefix)?;
        Ok(match self.sessions_of {
            Whose::Bridge => SessionsOf::Bridge,
            Whose::Client => SessionsOf::Client(ClientSessions {
                prefix: self.client_session_prefix,
                limit: self.client_sessions_limit.get(),
                idle_timeout: self.client_session_idle,
                connects: self.client_connects_limit.get(),
            }),
        })
    }
}
