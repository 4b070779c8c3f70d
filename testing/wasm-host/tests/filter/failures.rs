//! Hostcalls that fail: each one that the filter makes, with each status, known to the ABI or not.

use serde_json::json;
use wasm_host::{ConfigurationError, Fault, Fields, Host, Outcome, Property, Request, Status};

use super::{OPEN, code, configured, is_sent, seed, set_claims, start, status};

/// A situation in which the filter makes some of its calls.
struct Situation {
    name: &'static str,
    configuration: &'static str,
    request: Request,
}

/// Everything that a configuration can have the filter do.
const EVERYTHING: &str = r#"{
    "clientId": { "from": "jwt", "claims": ["oid", "sub"] },
    "permissions": {
        "clientGroups": [{ "name": "pumps", "conditions": [
            { "claim": "kind", "equals": "pump" },
            { "claim": "roles", "contains": "publisher" },
            { "claim": "suspended", "exists": false }
        ]}],
        "topicSpaces": [{ "name": "devices", "templates": ["devices/${client.attributes.device}/#"] }],
        "permissionBindings": [{ "name": "pumps-devices", "clientGroup": "pumps", "topicSpace": "devices" }]
    },
    "routing": { "routes": [{ "filters": ["devices/#"], "cluster": "devices" }] },
    "enrichment": [
        { "key": "from", "value": "${source.address}" },
        { "key": "who", "value": "${client.authenticationName}" },
        { "key": "kind", "value": "${client.attributes.kind}" }
    ]
}"#;

const CERTIFICATE: &str = r#"{"clientId": {"from": "certificate"}}"#;

/// Statuses that no version of the ABI knows.
const UNKNOWN: [u32; 4] = [13, 255, 0x0001_0000, u32::MAX];

fn situations() -> Vec<Situation> {
    let held = || seed().field("mqtt-payload-format-indicator", "1");
    let row = |name, configuration, request| Situation { name, configuration, request };
    vec![
        row("the seed", OPEN, seed()),
        row("a request that has to be rewritten", OPEN, Request::post("/mqtt/messages?qos=0&topic=a/b&x=1")),
        row(
            "fields that only the edge may set",
            OPEN,
            seed().field("x-mqtt-client-id", "me").field("x-mqtt-cluster", "c"),
        ),
        row("a payload that is checked", OPEN, held().chunks(["Gr\u{fc}", "\u{df}e", ""])),
        row("trailers", OPEN, seed().trailers(Fields::from_iter([("x-mqtt-client-id", "me")]))),
        row("a dry run", OPEN, Request::post("/mqtt/messages?topic=a&dry-run=1").body("x")),
        row("a refusal", OPEN, Request::post("/mqtt/messages?topic=a&qos=2")),
        row(
            "a payload that is too large",
            r#"{"clientId": {"from": "none"}, "limits": {"payloadBytes": 3}}"#,
            Request::post("/mqtt/messages?topic=a").chunks(["ab", "cd", "ef"]),
        ),
        row("another path", OPEN, Request::post("/elsewhere").field("x-mqtt-client-id", "me")),
        row("all of the policy", EVERYTHING, held()),
        row("a certificate", CERTIFICATE, seed()),
    ]
}

/// A worker in which all that the situations ask for is there.
fn worker(configuration: &str) -> Host {
    let host = configured(configuration);
    let claims = json!({
        "oid": "pump-7", "sub": "somebody else", "kind": "pump", "roles": ["publisher"], "device": "CXa-23112"
    });
    set_claims(&host, &claims);
    host.set_property(&["source", "address"], Some("192.0.2.1:4711".into()));
    for path in [["connection", "uri_san_peer_certificate"], ["filter_state", "postmqtt.peer_uri_sans"]] {
        host.set_property(&path, Some(Property::from("spiffe://pump/7")));
    }
    host
}

fn send_with(host: &Host, request: &Request, faults: &[Fault]) -> (Outcome, Vec<&'static str>) {
    host.watch_calls(faults);
    let outcome = host.send(request).unwrap();
    (outcome, host.watched_calls())
}

/// Whether a call that fails so is none of the request's business.
///
/// There is no one to tell of a line or a count that is lost. A property that is not found is one that is not there, and a
/// claim that cannot be given by its path is looked for in the whole metadata.
fn is_answer(call: &str, failure: u32) -> bool {
    match call {
        "proxy_log" | "proxy_increment_metric" => true,
        "proxy_get_property" => {
            [Status::NotFound, Status::SerializationFailure].map(|status| status as u32).contains(&failure)
        }
        _ => false,
    }
}

fn failures() -> impl Iterator<Item = u32> {
    Status::FAILURES.map(|status| status as u32).into_iter().chain(UNKNOWN)
}

#[test]
fn without_failures_each_situation_ends_as_it_should() {
    let rows = [
        ("the seed", None),
        ("a request that has to be rewritten", None),
        ("fields that only the edge may set", None),
        ("a payload that is checked", None),
        ("trailers", None),
        ("a dry run", Some(200)),
        ("a refusal", Some(400)),
        ("a payload that is too large", Some(413)),
        ("another path", None),
        ("all of the policy", None),
        ("a certificate", None),
    ];
    for (situation, (name, expected)) in situations().iter().zip(rows) {
        let outcome = worker(situation.configuration).send(&situation.request).unwrap();
        assert_eq!((situation.name, status(&outcome)), (name, expected));
        assert_eq!(is_sent(&outcome), expected.is_none(), "{name}");
    }
}

#[test]
fn a_request_of_which_a_hostcall_failed_is_answered_here_or_stays() {
    let mut violations = Vec::new();
    for situation in situations() {
        let host = worker(situation.configuration);
        let (whole, calls) = send_with(&host, &situation.request, &[]);
        for (index, call) in calls.iter().enumerate() {
            for failure in failures().filter(|&failure| !is_answer(call, failure)) {
                let fault = Fault::Nth { index, status: failure };
                let (outcome, _) = send_with(&host, &situation.request, &[fault]);
                let answer = outcome.local_reply.as_ref().map(code);
                if is_sent(&outcome) || !matches!(answer.as_deref(), None | Some("EdgeFailure")) {
                    let name = situation.name;
                    violations
                        .push(format!("{name}: {call} (call {index}) fails with {failure}: {answer:?}"));
                }
            }
        }
        let (again, _) = send_with(&host, &situation.request, &[]);
        assert_eq!(again, whole, "{}: failures leave nothing behind", situation.name);
    }
    assert_eq!(violations, [""; 0]);
}

#[test]
fn a_configuration_of_which_a_hostcall_failed_is_refused() {
    let host = start();
    host.watch_calls(&[]);
    host.configure(EVERYTHING).unwrap();
    let calls = host.watched_calls();
    let mut violations = Vec::new();
    for (index, call) in calls.iter().enumerate() {
        for failure in failures().filter(|&failure| !is_answer(call, failure)) {
            let host = start();
            host.watch_calls(&[Fault::Nth { index, status: failure }]);
            match host.configure(EVERYTHING) {
                Err(ConfigurationError::Refused(_)) => {}
                other => violations.push(format!("{call} (call {index}) fails with {failure}: {other:?}")),
            }
        }
    }
    assert_eq!(violations, [""; 0]);
}
