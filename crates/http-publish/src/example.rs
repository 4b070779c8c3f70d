//! The example in Azure Event Grid's documentation of HTTP Publish: the request of its cURL tutorial, and the message that
//! it publishes. The documentation prints the Correlation Data with wrong characters; the Base64 next to it is right.

/// The Topic Name.
pub const TOPIC: &str = "devices/CXa-23112/prompt";

/// The Response Topic.
pub const RESPONSE_TOPIC: &str = "devices/CXa-23112/reply";

/// The Correlation Data, decoded.
pub const CORRELATION_DATA: &[u8] = b">U\xc2\xb1\xc2\xb6\xc2\xb6\xc2\xbb/";

/// The User Properties, in order.
pub const USER_PROPERTIES: [(&str, &str); 2] =
    [("Urgency", "alert"), ("RequestId", "55f4a7ee-b0b4-4d7f-8eb5-2edba2ced5d7")];

/// The Content Type.
pub const CONTENT_TYPE: &str = "text/plain;charset=UTF-8";

/// The payload.
pub const PAYLOAD: &str = "Please accept terms of licensing and agreement";

/// The path and query of the request.
pub const PATH_AND_QUERY: &str =
    "/mqtt/messages?topic=devices%2FCXa-23112%2Fprompt&api-version=2025-02-15-preview";

/// The header fields of the request, without the token, `Date` and `Content-Length`.
pub const HEADERS: [(&str, &str); 6] = [
    ("mqtt-qos", "1"),
    ("mqtt-retain", "0"),
    ("mqtt-response-topic", "devices%2FCXa-23112%2Freply"),
    ("mqtt-correlation-data", "PlXCscK2wrbCuy8="),
    (
        "mqtt-user-properties",
        "W3siVXJnZW5jeSI6ImFsZXJ0In0seyJSZXF1ZXN0SWQiOiI1NWY0YTdlZS1iMGI0LTRkN2YtOGViNS0yZWRiYTJjZWQ1ZDcifV0=",
    ),
    ("content-type", CONTENT_TYPE),
];
