//! Between HTTP Publish and the MQTT publisher, which know nothing of each other.
//!
//! `message`: what is published. `answer`: what its outcome means for the client.

mod answer;
mod message;

pub(crate) use answer::{Published, answer, problem};
pub use message::message;
