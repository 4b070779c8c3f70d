//! What a bridge with these settings does, for `--check-config`. Shows no secret.

use std::fmt;

use mqtt_sessions::config::{ClientLogin, ServerReferences, Sessions};

use super::Settings;

/// Displays what the bridge does, one sentence to a line.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a>(pub &'a Settings);

// === impl Plan ===

impl fmt::Display for Plan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings {
            tls,
            listen,
            admin_listen,
            rules,
            http,
            mqtt,
            in_flight,
            client_share,
            requests,
            retained,
            keys,
            otlp,
        } = self.0;
        let scheme = if tls.is_some() { "https" } else { "http" };
        writeln!(f, "Messages are accepted at {scheme}://{listen}{}.", rules.path)?;
        let (scheme, health) = admin_listen.map_or((scheme, *listen), |admin| ("http", admin));
        writeln!(f, "Health checks and metrics are answered at {scheme}://{health}.")?;
        let brokers = &mqtt.brokers;
        match &mqtt.sessions {
            Sessions::Shared(1) => writeln!(f, "Messages are published over one session with {brokers}.")?,
            Sessions::Shared(count) => {
                writeln!(f, "Messages are published over {count} sessions with {brokers}.")?;
            }
            Sessions::PerClient(clients) => {
                writeln!(f, "Each client has its own session with {brokers}.")?;
                writeln!(f, "At most {} clients have one at a time.", clients.limit)?;
                if clients.login == ClientLogin::Own {
                    writeln!(f, "It logs in with the client id and the client's bearer token.")?;
                }
            }
        }
        if brokers.only().is_none() {
            writeln!(f, "A session uses one of these brokers, and the next one while it cannot be reached.")?;
        }
        if mqtt.server_references == ServerReferences::Followed {
            writeln!(f, "A session goes to the server that its broker names.")?;
        }
        writeln!(
            f,
            "A payload has at most {} bytes; at most {} messages and {} bytes are in flight.",
            rules.limits.payload_bytes, in_flight.messages, in_flight.bytes
        )?;
        if let Some(share) = client_share {
            writeln!(
                f,
                "One client, or one topic of unnamed clients, has at most {} messages and {} bytes of them.",
                share.messages, share.bytes
            )?;
        }
        writeln!(f, "A PUBACK that has not arrived within {} s is 504.", http.publish_timeout.as_secs_f32())?;
        if let Some(retained) = retained {
            writeln!(f, "At most {} reads of retained messages are made at a time.", retained.connections)?;
        }
        if let Some(requests) = requests {
            let (seconds, topic) = (requests.longest_wait, &requests.replies.topic_prefix);
            writeln!(
                f,
                "A request with Prefer: wait waits for a reply below {topic} for at most {seconds} s."
            )?;
        }
        writeln!(f, "At most {} Idempotency-Keys are kept, for {} s.", keys.keys, keys.window.as_secs_f32())?;
        if otlp.is_some() {
            writeln!(f, "Spans are exported over OTLP/HTTP.")?;
        }
        Ok(())
    }
}
