//! The example of Azure Event Grid's documentation of HTTP Publish: the request of its cURL tutorial, and the message
//! that it stands for. (The documentation prints the Correlation Data garbled; its Base64 is the truth.)

/// The Topic Name.
pub const TOPIC: &str = "devices/CXa-23112/prompt";

/// The Response Topic.
pub const RESPONSE_TOPIC: &str = "devices/CXa-23112/reply";

/// The Correlation Data's bytes.
pub const CORRELATION_DATA: &[u8] = b">U\xc2\xb1\xc2\xb6\xc2\xb6\xc2\xbb/";

/// The User Properties, in order.
pub const USER_PROPERTIES: [(&str, &str); 2] =
    [("Urgency", "alert"), ("RequestId", "55f4a7ee-b0b4-4d7f-8eb5-2edba2ced5d7")];

/// The Content Type.
pub const CONTENT_TYPE: &str = "text/plain;charset=UTF-8";

/// The payload.
pub const PAYLOAD: &str = "Please accept terms of licensing and agreement";

/// Path and query of the request.
pub const PATH_AND_QUERY: &str =
    "/mqtt/messages?topic=devices%2FCXa-23112%2Fprompt&api-version=2025-02-15-preview";

/// The headers of the request, without the token.
pub const HEADERS: [(&str, &str); 6] = [
    ("mqtt-qos", "1"),
    ("mqtt-retain", "0"),
    ("mqtt-response-topic", "devices%2FCXa-23112%2Freply"),
    ("mqtt-correlation-data", "PlXCscK2wrbCuy8="),
    (
        "mqtt-user-properties",
        "W3siVXJnZW5jeSI6ImFsZXJ0In0seyJSZXF1ZXN0SWQiOiI1NWY0YTdlZS1iMGI0LTRkN2YtOGViNS0yZWRiYTJjZWQ1ZDcifV0=",
    ),
    ("Content-Type", CONTENT_TYPE),
];

/// The request as a command for a terminal.
#[must_use]
pub fn curl(base_url: &str, token: &str) -> String {
    let mut lines = vec![format!("curl -i -X POST \"{base_url}{PATH_AND_QUERY}\"")];
    lines.push(format!("-H \"Authorization: Bearer {token}\""));
    lines.extend(HEADERS.iter().map(|(name, value)| format!("-H \"{name}: {value}\"")));
    lines.push(format!("--data-raw \"{PAYLOAD}\""));
    lines.join(" \\\n  ")
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn the_request_says_what_the_message_holds() {
        let header = |name| HEADERS.iter().find(|(given, _)| *given == name).unwrap().1;
        let properties = STANDARD.decode(header("mqtt-user-properties")).unwrap();
        let [urgency, id] = USER_PROPERTIES;
        let expected =
            format!(r#"[{{"{}":"{}"}},{{"{}":"{}"}}]"#, urgency.0, urgency.1, id.0, id.1).into_bytes();
        assert_eq!(properties, expected);
        assert_eq!(STANDARD.decode(header("mqtt-correlation-data")).unwrap(), CORRELATION_DATA);
        assert_eq!(header("mqtt-response-topic").replace("%2F", "/"), RESPONSE_TOPIC);
        assert!(PATH_AND_QUERY.contains(&TOPIC.replace('/', "%2F")));
    }
}
