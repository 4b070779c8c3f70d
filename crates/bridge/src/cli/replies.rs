//! The replies that requests wait for.

use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};

use clap::Args;
use http_publish::Limits;
use mqtt_sessions::budget::InFlightLimits;
use mqtt_sessions::replies::RepliesConfig;
use mqtt_sessions::subscriber::IncomingLimits;

use super::units::{count, size, topic_prefix};

/// Requests that wait for a reply.
#[derive(Args)]
#[command(next_help_heading = "Request and response")]
pub(super) struct ReplyArgs {
    /// The longest wait of a request with Prefer: wait=N, in seconds. A longer one is cut to it; with 0, none waits
    #[arg(long, env = "POSTMQTT_REPLY_WAIT", value_name = "SECONDS", default_value = "30", value_parser = clap::value_parser!(u32).range(..=3600))]
    reply_wait: u32,
    /// The first levels of the Response Topic, to which the bridge subscribes. A level with random characters follows
    #[arg(long, env = "POSTMQTT_REPLY_TOPIC", value_name = "TOPIC", default_value = "postmqtt/replies", value_parser = topic_prefix)]
    reply_topic: String,
    /// The maximum number of requests that wait for a reply. More are answered 503
    #[arg(long, env = "POSTMQTT_WAITING_LIMIT", value_name = "NUMBER", default_value = "10000", value_parser = count)]
    waiting_limit: NonZeroUsize,
    /// The maximum size of all heads of requests that wait for a reply, and of all replies that are not passed on yet. Further
    /// requests are answered 503, and further replies are dropped, and their requests answered 503
    #[arg(long, env = "POSTMQTT_REPLY_BYTES", value_name = "SIZE", default_value = "64MiB", value_parser = size)]
    reply_bytes: u64,
}

/// How requests wait for replies.
#[derive(Clone, Debug)]
pub struct RequestSettings {
    /// The longest wait in seconds.
    pub longest_wait: NonZeroU32,
    /// The replies.
    pub replies: RepliesConfig,
}

/// The room for the properties of a message beside its payload, in bytes. 64 KiB of User Properties fit, the longest field.
const PROPERTIES: u64 = 256 * 1024;

/// How many replies the broker may send ahead of their PUBACKs. None is kept for the PUBACK, so this costs no memory.
const RECEIVE_MAXIMUM: NonZeroU16 = NonZeroU16::MAX;

// === impl ReplyArgs ===

impl ReplyArgs {
    /// `None`: no request waits.
    pub(super) fn into_settings(self, limits: &Limits) -> Option<RequestSettings> {
        let longest_wait = NonZeroU32::new(self.reply_wait)?;
        let packet = limits.payload_bytes.saturating_add(PROPERTIES);
        let incoming = IncomingLimits {
            maximum_packet_size: u32::try_from(packet).unwrap_or(u32::MAX),
            receive_maximum: RECEIVE_MAXIMUM,
        };
        let bytes = usize::try_from(self.reply_bytes).unwrap_or(usize::MAX);
        let waiting = InFlightLimits { messages: self.waiting_limit.get(), bytes };
        Some(RequestSettings {
            longest_wait,
            replies: RepliesConfig { topic_prefix: self.reply_topic, incoming, waiting },
        })
    }
}
