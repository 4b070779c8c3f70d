//! A scripted MQTT 5 broker for tests: it does what a real broker does only now and then.
//!
//! - [`ScriptedBroker`]: the test accepts each connection, and reads and writes every packet itself through a [`Peer`].
//! - [`AutomaticBroker`]: it answers by itself, as the Topic Name says, and records what it has seen.
//!
//! Packets are read by rumqttc's codec and written as bytes from the specification: nothing of mqtt-sessions is used.
//!
//! Every function panics where a test should fail.

#![forbid(unsafe_code)]

mod automatic;
mod packets;
mod peer;
mod scripted;

pub use automatic::{AutomaticBroker, Conduct, Copies, REASON_STRING, Seen};
pub use packets::{
    CONNACK, CONNACK_SESSION_PRESENT, connack_refused, connack_with_server_reference, disconnect,
    disconnect_with_server_reference, puback, suback, unsuback,
};
pub use peer::Peer;
pub use scripted::ScriptedBroker;

use std::time::Duration;

/// No step of a test takes longer than this, not even on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for something that has to happen.
///
/// # Panics
///
/// Panics if it does not happen within [`PATIENCE`].
pub async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it should have happened by now")
}
