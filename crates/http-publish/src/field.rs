//! The names of the HTTP fields that HTTP Publish reads, writes or keeps for the edge. Lower case, as HTTP/2 demands.

/// The pseudo-header of HTTP/2 that holds path and query; Envoy gives HTTP/1.1 requests one too.
pub const PATH: &str = ":path";
/// Quality of Service, `0` or `1`; the query's `qos` wins over it.
pub const QOS: &str = "mqtt-qos";
/// The RETAIN flag, `0` or `1`; the query's `retain` wins over it.
pub const RETAIN: &str = "mqtt-retain";
/// The Response Topic, percent-encoded.
pub const RESPONSE_TOPIC: &str = "mqtt-response-topic";
/// The Correlation Data, Base64.
pub const CORRELATION_DATA: &str = "mqtt-correlation-data";
/// The User Properties, Base64 of a JSON array of objects.
pub const USER_PROPERTIES: &str = "mqtt-user-properties";
/// The Content Type.
pub const CONTENT_TYPE: &str = "content-type";
/// The Message Expiry Interval, seconds.
pub const MESSAGE_EXPIRY: &str = "mqtt-message-expiry";
/// The Payload Format Indicator, `0` or `1`.
pub const PAYLOAD_FORMAT_INDICATOR: &str = "mqtt-payload-format-indicator";
/// What names a request in problems and logs.
pub const REQUEST_ID: &str = "x-request-id";
/// In an answer: the Reason Code of the message's PUBACK, decimal.
pub const REASON_CODE: &str = "mqtt-reason-code";

/// Set by the edge alone: who publishes, percent-encoded (see [`ClientId`](crate::ClientId)).
pub const CLIENT_ID: &str = "x-mqtt-client-id";
/// Set by the edge alone: the upstream cluster that a route with `cluster_header` sends the request to.
pub const CLUSTER: &str = "x-mqtt-cluster";

/// The fields that only the edge may set: they are removed from every incoming request before anything is decided.
pub const EDGE_ONLY: [&str; 2] = [CLIENT_ID, CLUSTER];
