//! HTTP Publish: turns an HTTP request into an MQTT 5 PUBLISH, or into a problem that names everything that is wrong.
//!
//! This crate is the protocol alone. It does no I/O, and depends on no proxy, HTTP library or MQTT client. The filter and
//! the bridge of postmqtt both call [`read()`], so that each rule exists once.
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
//! A [`RequestHead`] borrows the fields of a request. [`read()`] checks every rule and returns a [`Publish`], and
//! [`Publish::changes`] puts the fields into normal form. A [`PayloadCheck`] watches the payload while it streams. The
//! broker's answer is a [`ReasonCode`], and [`ReasonCode::to_publish_answer`] is the table that maps it to an HTTP status.

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod api_version;
mod ascii;
mod base64;
pub mod batch;
mod client_id;
mod code;
mod content_encoding;
mod content_type;
mod correlation_data;
mod dry_run;
pub mod example;
mod fault;
mod field;
mod head;
mod idempotency_key;
mod ignored;
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
mod received;
mod request_id;
mod retain;
mod retained;
mod rules;
mod topic;
mod unencoded;
mod user_properties;
mod utf8;
mod wait;

pub use api_version::ApiVersion;
pub use client_id::ClientId;
pub use code::{AtFault, Code};
pub use content_type::ContentType;
pub use correlation_data::CorrelationData;
pub use dry_run::{Decision, DryRun};
pub use field::{
    ADDED_PROPERTIES, CLIENT_ID, CLUSTER, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, CORRELATION_DATA,
    EDGE_ONLY, IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED, JUDGED_LINES, MESSAGE_EXPIRY, PATH,
    PAYLOAD_FORMAT_INDICATOR, PREFERENCE_APPLIED, QOS, REASON_CODE, REQUEST_ID, RESPONSE_TOPIC, RETAIN,
    USER_PROPERTIES,
};
pub use head::RequestHead;
pub use idempotency_key::IdempotencyKey;
pub use ignored::{Ignored, Known};
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
pub use received::ReceivedProperties;
pub use request_id::RequestId;
pub use retain::Retain;
pub use retained::{Page, RetainedRequest};
pub use rules::{Rules, UnknownParameters};
pub use topic::{ResponseTopic, TopicName};
pub use user_properties::UserProperties;
pub use utf8::Utf8Check;
pub use wait::{Wait, WithoutReply};

/// The example of the README is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
