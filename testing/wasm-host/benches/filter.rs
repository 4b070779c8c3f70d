//! What the filter adds to a request: its `.wasm`, from the opening of the stream to its end in the access log.
//!
//! `cargo xtask build-filter && cargo bench -p wasm-host`. The code is wasmtime's, not that of Envoy's V8: the figures are
//! for comparing one version of the filter with another, and one request with another.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use http_publish::example;
use serde_json::json;
use wasm_host::{Filter, Host, Property, Request};

const OPEN: &str = r#"{"clientId": {"from": "none"}}"#;

/// What an edge in production is likely to have.
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

/// The example of Azure's documentation.
fn seed() -> Request {
    let start = Request::post(example::PATH_AND_QUERY);
    let request = example::HEADERS.iter().fold(start, |request, (name, value)| request.field(name, value));
    request
        .field("date", "Sun, 06 Nov 1994 08:49:37 GMT")
        .field("content-length", "46")
        .body(example::PAYLOAD)
}

/// Every part as large as it may be, none of them in normal form, and a payload that is held and checked.
fn large() -> Request {
    let pair = format!(r#"{{"{}":"{}"}}"#, "n".repeat(62), "v".repeat(62));
    let properties = format!("[{}]", vec![pair; 260].join(", "));
    Request::post(format!("/mqtt/messages?topic={}&qos=0&utm=1", "%61".repeat(256)))
        .field("mqtt-response-topic", "b/".repeat(128))
        .field("mqtt-correlation-data", "-_-_".repeat(85))
        .field("mqtt-user-properties", properties)
        .field("mqtt-message-expiry", "0060")
        .field("mqtt-payload-format-indicator", "1")
        .field("content-type", format!("text/plain; x=\"{}\"", "x".repeat(200)))
        .chunks("gr\u{fc}\u{df}e ".repeat(58_254).as_bytes().chunks(16 * 1024))
}

fn worker(filter: &Filter, configuration: &str) -> Host {
    let host = filter.start().unwrap();
    host.configure(configuration).unwrap();
    let claims = json!({ "oid": "CXa-23112", "kind": "device" });
    let token = json!({ "envoy.filters.http.jwt_authn": { "jwt": claims } });
    host.set_property(&["metadata"], Some(Property::metadata(&token)));
    host
}

fn filter(criterion: &mut Criterion) {
    let filter = Filter::find().unwrap_or_else(|reason| panic!("{reason}"));
    let mut group = criterion.benchmark_group("filter");
    let rows = [
        ("seed", OPEN, seed(), None),
        ("seed, full configuration", FULL, seed(), None),
        ("large", OPEN, large(), None),
        ("refusal", OPEN, seed().field("mqtt-message-expiry", "soon"), Some(400)),
        ("another path", OPEN, Request::post("/elsewhere"), None),
    ];
    for (name, configuration, request, expected) in rows {
        let host = worker(&filter, configuration);
        let outcome = host.send(&request).unwrap();
        assert_eq!(outcome.local_reply.map(|reply| reply.status), expected, "{name}");
        group.throughput(Throughput::Elements(1));
        group.bench_with_input(BenchmarkId::from_parameter(name), &request, |bencher, request| {
            bencher.iter(|| host.send(request).unwrap());
        });
    }
    group.finish();
}

/// What the host itself costs: a stream without a request.
fn host(criterion: &mut Criterion) {
    let filter = Filter::find().unwrap_or_else(|reason| panic!("{reason}"));
    let host = worker(&filter, OPEN);
    criterion.bench_function("host/stream without a request", |bencher| {
        bencher.iter(|| host.open().unwrap().close().unwrap());
    });
}

criterion_group!(benches, filter, host);
criterion_main!(benches);
