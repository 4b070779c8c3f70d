//! MQTT 5 sessions that publish or subscribe: each publish returns the PUBACK of that very message.
//!
//! A [`Pool`] keeps sessions with a broker, or with the nodes of a cluster. [`Pool::publish`] sends a [`Message`] and returns its [`Delivery`], with the
//! Reason Code and the Reason String that the broker sent; or a [`PublishError`], which says whether the message may have
//! been published nevertheless. The crate publishes with QoS 0 and 1. A [`Subscriber`](subscriber::Subscriber)
//! receives messages, over a session that publishes nothing.
//!
//! ```no_run
//! use mqtt_sessions::budget::{Budget, InFlightLimits};
//! use mqtt_sessions::config::{BrokerAddress, Config};
//! use mqtt_sessions::{Delivery, Message, Pool, ReasonCode};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::start(Config::new(BrokerAddress::tcp("broker.example", 1883)))?;
//! let budget = Budget::new(InFlightLimits { messages: 1000, bytes: 64 * 1024 * 1024 });
//!
//! let message = Message { content_type: Some("text/plain"), ..Message::new("pumps/7/state", "on") };
//! match pool.publish(&message, None, budget.admit()?).await? {
//!     Delivery::Written => println!("QoS 0: written to the socket"),
//!     Delivery::Acknowledged(reason) if reason.reason_code == ReasonCode::SUCCESS => println!("published"),
//!     Delivery::Acknowledged(reason) => println!("the broker answered {reason}"),
//! }
//! pool.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # What it guarantees
//!
//! - The messages of one topic arrive in the order in which they were published ([`pool`]).
//! - A lost connection is replaced, the session is resumed, and what was not acknowledged is sent again with DUP. While the
//!   broker cannot be reached, publishes fail at once; nothing is queued for it.
//! - The broker's Receive Maximum, Maximum QoS, Retain Available and Maximum Packet Size are respected: a message that the
//!   broker would reject fails alone, without costing the connection.
//! - Every publish ends within the publish time-out, and memory is bounded by a [`budget`]. A message whose publisher was
//!   answered at the time-out holds no memory and is not sent again. A PUBACK that comes later can be waited for
//!   ([`LatePubAck`]).
//! - Messages that the broker never acknowledges do not hold up the others: their topic may use a quarter of the Receive
//!   Maximum, and the session is replaced by a new one after the [overdue limit](config::Config::overdue_limit).
//! - A message at which the broker closes the connection is found and given up; the others are sent again.
//! - No input from the broker makes the decoder ([`codec`]) panic.
//!
//! # The path of a message
//!
//! The publisher's task encodes it (`codec`), and chooses a session by its topic (`pool`) or by its client ([`clients`]).
//! The session's task (`session`) queues it, writes it when the broker has room, and answers the publisher when the PUBACK
//! arrives.

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod backoff;
mod broker;
pub mod budget;
pub mod clients;
pub mod codec;
pub mod config;
mod connector;
mod delivery;
mod error;
mod keep_alive;
mod last_good;
mod login;
mod message;
mod outages;
mod placement;
pub mod pool;
mod reason_code;
pub mod replies;
mod report;
pub mod retained;
mod route;
mod server_reference;
mod session;
mod shared;
mod shares;
mod submitted;
pub mod subscriber;
mod tally;
mod tls;
mod turn;

pub use delivery::Delivery;
pub use error::{Chain, Loss, Overload, PublishError};
pub use message::{Message, PayloadFormat, QoS, Retain};
pub use pool::Pool;
pub use reason_code::{BrokerReason, ReasonCode};
pub use route::Destination;
pub use session::LatePubAck;
pub use submitted::Submitted;
pub use tally::Tally;
pub use tls::{FileError, TlsError};
