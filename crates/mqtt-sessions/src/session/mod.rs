//! One MQTT session: a task that owns the connection, and a handle that submits messages to it.
//!
//! A session outlives its connections. When one is lost, the task reconnects, resumes the session and sends what was not
//! acknowledged again with DUP; publishers see a delay. While the broker cannot be reached, publishes fail at once: nothing
//! is queued for an absent broker.
//!
//! The parts, from the handle to the socket: `handle` submits a message, `reconnect` is the state machine that owns the
//! session, `outbox` holds its messages across connections, `connection` exchanges packets until the connection ends.

mod availability;
mod connection;
mod end;
mod handle;
mod homecoming;
mod lifecycle;
mod options;
mod outbox;
mod reconnect;
mod reply;
mod status;
mod submission;
mod write_queue;

pub(crate) use end::{End, EvictionReason};
pub(crate) use handle::Session;
pub(crate) use lifecycle::{Admission, Event, Kind, Lifecycle, Retirement};
pub(crate) use options::SessionOptions;
pub use reply::LatePubAck;
pub(crate) use reply::Pending;
pub(crate) use status::Status;
pub(crate) use submission::Submission;
