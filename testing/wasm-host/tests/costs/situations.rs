//! The requests that are counted.

use http_publish::example;
use serde_json::json;
use wasm_host::{Fields, Host, Property, Request};

/// A request under a configuration, and the status that the filter answers with, if it answers.
pub(crate) struct Situation {
    pub(crate) name: &'static str,
    pub(crate) configuration: &'static str,
    pub(crate) request: Request,
    pub(crate) status: Option<u32>,
}

const OPEN: &str = r#"{"clientId": {"from": "none"}}"#;

/// As `envoy.yaml` has it: the client id from the token, and topics of the client's own.
const SHIPPED: &str = r#"{
    "clientId": { "from": "jwt", "metadataKey": "jwt", "claims": ["oid"] },
    "permissions": {
        "topicSpaces": [{ "name": "own", "templates": ["devices/${client.authenticationName}/#"] }],
        "permissionBindings": [{ "name": "all-own", "clientGroup": "$all", "topicSpace": "own" }]
    }
}"#;

/// Everything that a policy can ask for.
const FULL: &str = r#"{
    "clientId": { "from": "jwt" },
    "permissions": {
        "clientGroups": [{ "name": "devices", "conditions": [{ "claim": "kind", "equals": "device" }] }],
        "topicSpaces": [{ "name": "own", "templates": ["devices/${client.authenticationName}/#"] }],
        "permissionBindings": [{ "name": "devices-own", "clientGroup": "devices", "topicSpace": "own" }]
    },
    "routing": { "routes": [{ "filters": ["devices/#"], "cluster": "devices" }] },
    "enrichment": [{ "key": "client", "value": "${client.authenticationName}" }]
}"#;

/// The example of Azure's documentation, with the fields that Envoy and its clients add.
fn seed() -> Request {
    let start = Request::post(example::PATH_AND_QUERY);
    let request = example::HEADERS.iter().fold(start, |request, (name, value)| request.field(name, value));
    request
        .field("date", "Sun, 06 Nov 1994 08:49:37 GMT")
        .field("x-forwarded-proto", "https")
        .field("x-request-id", "55f4a7ee-b0b4-4d7f-8eb5-2edba2ced5d7")
        .field("content-length", "46")
}

pub(crate) fn situations() -> Vec<Situation> {
    let example = || seed().chunks([example::PAYLOAD, ""]);
    let minimal = || Request::post("/mqtt/messages?topic=devices/CXa-23112/a").body("1");
    let properties = vec![r#"{"name":"value"}"#; 100].join(",");
    let row = |name, configuration, request, status| Situation { name, configuration, request, status };
    vec![
        row("example, open", OPEN, example(), None),
        row("example, shipped", SHIPPED, example(), None),
        row("example, full policy", FULL, example(), None),
        row("minimal, open", OPEN, minimal(), None),
        row("minimal, shipped", SHIPPED, minimal(), None),
        row(
            "100 user properties, open",
            OPEN,
            minimal().field("mqtt-user-properties", format!("[{properties}]")),
            None,
        ),
        row(
            "16 KiB of text that is checked, open",
            OPEN,
            minimal().field("mqtt-payload-format-indicator", "1").body("x".repeat(16 * 1024)),
            None,
        ),
        row("another path, shipped", SHIPPED, Request::post("/elsewhere").body("1"), None),
        row(
            "dry run, shipped",
            SHIPPED,
            Request::post("/mqtt/messages?topic=devices/CXa-23112/a&dry-run=1"),
            Some(200),
        ),
        row(
            "refused, no token",
            r#"{"clientId": {"from": "jwt", "claims": ["missing"]}}"#,
            example(),
            Some(401),
        ),
        row(
            "refused, not permitted",
            SHIPPED,
            Request::post("/mqtt/messages?topic=devices/other/a").body("1"),
            Some(403),
        ),
        row(
            "refused, method",
            SHIPPED,
            Request::from_head(Fields::from_iter([(":method", "GET"), (":path", "/mqtt/messages?topic=a")])),
            Some(405),
        ),
        row(
            "refused, one violation",
            SHIPPED,
            seed().field("mqtt-message-expiry", "soon").body("1"),
            Some(400),
        ),
        row(
            "refused, every parameter",
            SHIPPED,
            Request::post("/mqtt/messages?topic=%2B&qos=9&retain=2&api-version=0&dry-run=x")
                .field("mqtt-response-topic", "#")
                .field("mqtt-correlation-data", "*")
                .field("mqtt-user-properties", "{")
                .field("mqtt-message-expiry", "soon")
                .field("mqtt-payload-format-indicator", "2")
                .field("content-length", "999999999")
                .body("1"),
            Some(400),
        ),
        row(
            "refused, payload too large",
            r#"{"clientId": {"from": "none"}, "limits": {"payloadBytes": 3}}"#,
            minimal().chunks(["ab", "cd"]),
            Some(413),
        ),
        row(
            "refused, payload that is not UTF-8",
            OPEN,
            minimal().field("mqtt-payload-format-indicator", "1").body(b"\xff"),
            Some(400),
        ),
    ]
}

/// Has `jwt_authn` leave what a token of an identity provider holds.
pub(crate) fn set_claims(host: &Host) {
    let claims = json!({
        "iss": "https://issuer.example", "aud": "mqtt", "sub": "CXa-23112", "oid": "CXa-23112", "kind": "device",
        "exp": 1_786_104_000, "iat": 1_754_568_000, "roles": ["publisher"],
    });
    host.set_property(
        &["metadata"],
        Some(Property::metadata(&json!({ "envoy.filters.http.jwt_authn": { "jwt": claims } }))),
    );
}
