//! Retained messages.

use std::num::NonZeroU16;
use std::time::Duration;

use clap::Args;
use http_publish::Limits;
use mqtt_sessions::retained::ReadConfig;
use mqtt_sessions::subscriber::IncomingLimits;

use super::units::duration_or_none;

/// Reading retained messages.
#[derive(Args)]
#[command(next_help_heading = "Retained messages")]
pub(super) struct RetainedArgs {
    /// The maximum number of reads of retained messages at a time, each with its own connection to the broker. More wait. With
    /// 0, the paths of retained messages are 404
    #[arg(long, env = "POSTMQTT_RETAINED_READS", value_name = "NUMBER", default_value = "0")]
    retained_reads: u16,
    /// How long the broker has to send nothing before a read of retained messages is over, beside a PINGREQ that it has answered.
    /// 0s is enough for a broker that handles a session's packets in order
    #[arg(long, env = "POSTMQTT_RETAINED_QUIET", value_name = "DURATION", default_value = "100ms", value_parser = duration_or_none)]
    retained_quiet: Duration,
}

/// The room for the properties of a message beside its payload, in bytes.
const PROPERTIES: u64 = 256 * 1024;

/// How many messages the broker may send ahead of their PUBACKs. None is kept for the PUBACK, so this costs no memory.
const RECEIVE_MAXIMUM: NonZeroU16 = NonZeroU16::MAX;

// === impl RetainedArgs ===

impl RetainedArgs {
    /// `None`: retained messages cannot be read.
    pub(super) fn into_config(self, limits: &Limits, timeout: Duration) -> Option<ReadConfig> {
        let packet = limits.payload_bytes.saturating_add(PROPERTIES);
        (self.retained_reads > 0).then(|| ReadConfig {
            incoming: IncomingLimits {
                maximum_packet_size: u32::try_from(packet).unwrap_or(u32::MAX),
                receive_maximum: RECEIVE_MAXIMUM,
            },
            connections: usize::from(self.retained_reads),
            quiet: self.retained_quiet,
            timeout,
        })
    }
}
