//! Memory: what a request took, it gives back.

use serde_json::json;
use wasm_host::{Fault, Host, Request, Status};

use super::{configured, seed, set_claims};

/// How many requests the test sends; a soak sends more.
const REQUESTS_VARIABLE: &str = "POSTMQTT_SOAK_REQUESTS";
const REQUESTS: usize = 100_000;

/// By then every buffer has been as large as it will be.
const WARM: usize = 2_000;

const CONFIGURATION: &str = r#"{
    "clientId": { "from": "jwt" },
    "permissions": {
        "topicSpaces": [{ "name": "devices", "templates": ["devices/#", "a", "b"] }],
        "permissionBindings": [{ "name": "all", "clientGroup": "$all", "topicSpace": "devices" }]
    },
    "routing": { "routes": [{ "filters": ["devices/#"], "cluster": "devices" }] },
    "enrichment": [{ "key": "who", "value": "${client.authenticationName}" }]
}"#;

/// Requests of every fate: as they are mixed, one in four is the seed.
fn requests() -> Vec<Request> {
    let publish = || Request::post("/mqtt/messages?topic=a");
    let held = || publish().field("mqtt-payload-format-indicator", "1");
    let properties = format!("[{}]", vec![r#"{"name": "value"}"#; 200].join(","));
    vec![
        publish(),
        publish().field("mqtt-user-properties", &properties),
        held().chunks(["Gr\u{fc}\u{df}e", ""]),
        held().body(b"\xff"),
        held().body("x".repeat(16 * 1024)),
        Request::post("/mqtt/messages?topic=a&dry-run=1"),
        Request::post("/mqtt/messages?topic=%2B&qos=9"),
        Request::post("/mqtt/messages?topic=not/permitted"),
        Request::post("/elsewhere").field("x-mqtt-client-id", "root"),
        publish().field("mqtt-user-properties", format!("[{}]", "1,".repeat(1_000))),
        publish().field("content-length", "999999999"),
        (0..100).fold(publish(), |request, index| request.field(format!("x-{index}"), "value")),
    ]
}

fn send(host: &Host, requests: &[Request], index: usize) {
    let seed = &requests[0];
    let request = if index.is_multiple_of(4) { seed } else { &requests[index % requests.len()] };
    // Now and then something fails.
    if index.is_multiple_of(50) {
        let status = Status::InternalFailure as u32;
        host.watch_calls(&[Fault::Nth { index: index / 50 % 8, status }]);
    }
    host.send(request).unwrap();
    let _ = host.watched_calls();
}

#[test]
fn memory_stays_as_it_is_however_many_requests_come() {
    let count = std::env::var(REQUESTS_VARIABLE).map_or(REQUESTS, |count| count.parse().unwrap());
    let host = configured(CONFIGURATION);
    set_claims(&host, &json!({ "oid": "pump-7" }));
    let mut all = vec![seed()];
    all.extend(requests());

    (0..WARM).for_each(|index| send(&host, &all, index));
    let warm = host.memory_size();
    (0..count).for_each(|index| send(&host, &all, index));
    assert_eq!(host.memory_size(), warm, "after {count} requests");
}

#[test]
fn every_request_to_the_path_is_counted_once() {
    let host = configured(CONFIGURATION);
    set_claims(&host, &json!({ "oid": "pump-7" }));
    let all = requests();
    let is_ours = |request: &&Request| request.head().get(":path") != Some(b"/elsewhere");
    for (sent, request) in all.iter().filter(is_ours).enumerate() {
        host.send(request).unwrap();
        assert_eq!(host.metrics().values().sum::<u64>(), sent as u64 + 1, "{request:?}");
    }
}
