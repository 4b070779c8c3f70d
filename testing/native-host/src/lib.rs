//! A small Envoy: it defines the callbacks of the dynamic modules' ABI, and calls the filter's hooks.
//!
//! It keeps Envoy's promises about memory and no more: bytes that it lent are freed as soon as the ABI allows, so that Miri
//! finds a use of them. With a [`Fault`] it breaks one of its other promises, as no Envoy should.
//!
//! ```
//! use native_host::{Config, Step, Stream};
//!
//! let config = Config::load(r#"{"clientId": {"from": "none"}}"#).unwrap();
//! let mut stream = Stream::open(&config);
//! stream.field(":method", "POST").field(":path", "/mqtt/messages?topic=a%62");
//! assert_eq!(stream.head(true), Step::Continues);
//! assert_eq!(stream.value(":path").as_deref(), Some("/mqtt/messages?topic=ab"));
//! ```

#![allow(unsafe_code)]

mod callbacks;
mod config;
mod fault;
mod log;
mod stream;

pub use config::Config;
pub use fault::Fault;
pub use log::{LogLine, take_log};
pub use stream::{Answer, Step, Stream};
