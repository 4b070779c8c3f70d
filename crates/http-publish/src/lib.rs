//! HTTP Publish: an HTTP request becomes an MQTT 5 PUBLISH, or a problem that says everything that is wrong with it.
//!
//! This crate is the protocol and nothing else: no I/O, no proxy, no HTTP library, no MQTT client. The filter at the
//! edge and the bridge behind it both call [`read()`], so that a rule exists once.
//!
//! ```
//! use http_publish::{QoS, RequestHead, Rules, read};
//!
//! let head = RequestHead::from_fields([
//!     (&b":method"[..], &b"POST"[..]),
//!     (b":path", b"/mqtt/messages?topic=devices%2FCXa-23112%2Fprompt"),
//!     (b"mqtt-correlation-data", b"PlXCscK2wrbCuy8="),
//! ]);
//!
//! let rules = Rules::default();
//! let publish = read(&head, &rules)?;
//! assert_eq!(publish.topic_name.as_str(), "devices/CXa-23112/prompt");
//! assert_eq!(publish.qos, QoS::AtLeastOnce);
//! assert_eq!(publish.correlation_data.unwrap().as_bytes(), b">U\xc2\xb1\xc2\xb6\xc2\xb6\xc2\xbb/");
//! # Ok::<(), http_publish::Problem>(())
//! ```
//!
//! The way through the crate: [`RequestHead`] (what was sent) → [`read()`] (every rule) → [`Publish`] (what it means) →
//! [`Publish::changes`] (its one spelling). The payload streams by a [`PayloadCheck`]. What the broker said about a
//! message is a [`ReasonCode`], and [`ReasonCode::to_publish_answer`] is the one table that turns it into a status.

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod api_version;
mod base64;
mod client_id;
mod code;
mod content_type;
mod correlation_data;
mod dry_run;
pub mod example;
mod fault;
mod field;
mod head;
mod limits;
mod message_expiry;
mod mqtt_string;
mod normal_form;
mod payload;
mod payload_format;
mod percent;
mod problem;
mod publish;
mod purpose;
mod qos;
mod query;
mod read;
mod reason_code;
mod request_id;
mod retain;
mod rules;
mod topic;
mod user_properties;
mod utf8;

pub use api_version::ApiVersion;
pub use client_id::ClientId;
pub use code::{AtFault, Code};
pub use content_type::ContentType;
pub use correlation_data::CorrelationData;
pub use dry_run::{Decision, DryRun};
pub use field::{
    CLIENT_ID, CLUSTER, CONTENT_TYPE, CORRELATION_DATA, EDGE_ONLY, MESSAGE_EXPIRY, PATH,
    PAYLOAD_FORMAT_INDICATOR, QOS, REASON_CODE, REQUEST_ID, RESPONSE_TOPIC, RETAIN, USER_PROPERTIES,
};
pub use head::RequestHead;
pub use limits::{Limits, Profile};
pub use message_expiry::MessageExpiryInterval;
pub use mqtt_string::is_mqtt_string;
pub use normal_form::Change;
pub use payload::PayloadCheck;
pub use payload_format::PayloadFormatIndicator;
pub use problem::{Location, Problem, Violation};
pub use publish::Publish;
pub use purpose::Purpose;
pub use qos::QoS;
pub use read::read;
pub use reason_code::{Answer, ReasonCode};
pub use request_id::RequestId;
pub use retain::Retain;
pub use rules::Rules;
pub use topic::{ResponseTopic, TopicName};
pub use user_properties::UserProperties;
pub use utf8::Utf8Check;
