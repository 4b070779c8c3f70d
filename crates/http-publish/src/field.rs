//! The names of the header fields that HTTP Publish reads, writes or reserves for the edge. They are in lower case, as in
//! HTTP/2 (RFC 9113, 8.2.1).

/// The pseudo-header with path and query (RFC 9113, 8.3.1). Envoy has it for HTTP/1.1 requests too.
pub const PATH: &str = ":path";
/// The prefix of HTTP Publish's own fields.
pub(crate) const PREFIX: &[u8] = b"mqtt-";

/// The QoS, `0` or `1`. The query's `qos` takes precedence.
pub const QOS: &str = "mqtt-qos";
/// The RETAIN flag, `0` or `1`. The query's `retain` takes precedence.
pub const RETAIN: &str = "mqtt-retain";
/// The Response Topic, percent-encoded.
pub const RESPONSE_TOPIC: &str = "mqtt-response-topic";
/// The Correlation Data in Base64.
pub const CORRELATION_DATA: &str = "mqtt-correlation-data";
/// The User Properties: a JSON array of objects, in Base64 or as it is.
pub const USER_PROPERTIES: &str = "mqtt-user-properties";
/// The Content Type.
pub const CONTENT_TYPE: &str = "content-type";
/// The content codings of the payload (RFC 9110, 8.4); only `identity` is supported.
pub const CONTENT_ENCODING: &str = "content-encoding";
/// The Message Expiry Interval in seconds.
pub const MESSAGE_EXPIRY: &str = "mqtt-message-expiry";
/// The Payload Format Indicator, `0` or `1`.
pub const PAYLOAD_FORMAT_INDICATOR: &str = "mqtt-payload-format-indicator";
/// The number of bytes of the payload.
pub const CONTENT_LENGTH: &str = "content-length";
/// What tells a repeated request from a new one. See [`IdempotencyKey`](crate::IdempotencyKey).
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// In an answer: `true` if it is the answer to an earlier request with the same Idempotency-Key.
pub const IDEMPOTENT_REPLAYED: &str = "idempotent-replayed";
/// The id of a request in problems and logs.
pub const REQUEST_ID: &str = "x-request-id";
/// What a request prefers about its answer (RFC 7240, 2).
pub(crate) const PREFER: &str = "prefer";
/// In an answer: which preferences were applied (RFC 7240, 3).
pub const PREFERENCE_APPLIED: &str = "preference-applied";
/// In an answer: the Reason Code of the PUBACK, in decimal.
pub const REASON_CODE: &str = "mqtt-reason-code";

/// The percent-encoded client id (see [`ClientId`](crate::ClientId)), set by the edge.
pub const CLIENT_ID: &str = "x-mqtt-client-id";
/// The upstream cluster, for a route with `cluster_header`, set by the edge.
pub const CLUSTER: &str = "x-mqtt-cluster";
/// How many of the last User Properties the edge added, in decimal, set by the edge for a request with an Idempotency-Key:
/// a repeat of that request may have others.
pub const ADDED_PROPERTIES: &str = "x-mqtt-added-properties";

/// `1` if the edge has judged the lines of a batch, set by the edge: some of them may be refusals
/// ([`batch::read_refusal`](crate::batch::read_refusal)).
pub const JUDGED_LINES: &str = "x-mqtt-judged-lines";

/// The fields that only the edge may set. It removes them from every incoming request first.
pub const EDGE_ONLY: [&str; 4] = [CLIENT_ID, CLUSTER, ADDED_PROPERTIES, JUDGED_LINES];
