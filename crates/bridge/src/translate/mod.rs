//! Between HTTP Publish and the MQTT publisher, which know nothing of each other.
//!
//! `message`: what is published. `answer`: what its outcome means for the client.
//! `reply`: what answers a request that waited for it.

mod answer;
mod message;
mod reply;

pub(crate) use answer::{Published, answer, problem};
pub use message::message;
pub(crate) use reply::{Replied, replied, retained, unexpected, unreadable};
