//! `deploy/observability/dashboard.json`: a real Prometheus answers every query of it, and every panel shows what there is
//! to be seen; and `docs/operations.md` has every metric that is ours.

use std::collections::BTreeSet;

use end_to_end::prometheus::{Prometheus, Sample};
use end_to_end::{Device, Edge, Request, config, deploy, eventually, token};
use rig::stack::{EnvoyConfig, Mosquitto};
use rig::{Filter, repo};
use serde_json::{Value, json};

/// What Grafana puts where a query says how far back a rate looks.
const RATE_INTERVAL: (&str, &str) = ("$__rate_interval", "1m");

/// How many requests one client may send here.
const RATE: u32 = 20;

/// Each panel's title, and its legends that are over 0 after the requests below.
const SHOWN: [(&str, &[&str]); 18] = [
    ("Requests by the filter's outcome", &["InvalidQos", "NotPermitted", "Read", "Sent", "SentBatch"]),
    ("Answers by class", &["2xx", "4xx"]),
    ("Publishes by Reason Code", &["QoS 0, none", "QoS 1, 0", "QoS 1, 135", "QoS 1, 16"]),
    ("Refusals by the bridge, by code", &["NoRetainedMessage", "NotAuthorized"]),
    ("Latency of the broker", &["50 %", "95 %", "99 %"]),
    ("Latency at the edge", &["50 %", "95 %", "99 %"]),
    ("Sessions with the broker", &["configured", "connected"]),
    ("Messages under way", &["limit"]),
    ("Bytes under way", &["limit"]),
    ("Bridges that Envoy finds ready", &["all", "ready"]),
    ("Envoy to the bridges: what failed", &[]),
    ("Refused before the filter", &["no valid token", "over a rate"]),
    ("The filter started anew", &[]),
    // There are none here.
    ("Sessions of clients", &[]),
    ("Commands and their replies", &["limit", "replies: delivered"]),
    ("Idempotency-Keys", &["keys", "limit", "replays"]),
    ("Batches and reads of retained messages, at the edge", &["batches", "reads"]),
    ("Reads of retained messages by the bridge, by outcome", &["missing"]),
];

/// An edge that permits and limits, in front of a broker that does so too. A panel is about what Envoy counts of Wasm filters
/// alone.
fn edge(name: &str) -> Edge {
    let acl = "topic readwrite #\ntopic deny devices/forbidden\nuser device\ntopic readwrite #\n";
    let broker = Mosquitto::new().acl(acl);
    Edge::as_shipped(name, |stack| {
        demo::prepare(stack.mosquitto(broker)).filter(Filter::Wasm.path()).envoy_config(
            |edge: &mut EnvoyConfig| {
                config::rates(edge, RATE, 10_000);
                // How long it takes until a histogram has what was measured; 5 seconds where nothing is said.
                edge.value()["stats_flush_interval"] = json!("0.2s");
            },
        )
    })
}

/// The queries of a panel, with their legends.
fn queries(panel: &Value) -> Vec<(String, &str)> {
    let targets = panel["targets"].as_array().expect("targets").iter();
    let query =
        |target: &Value| target["expr"].as_str().expect("a query").replace(RATE_INTERVAL.0, RATE_INTERVAL.1);
    targets.map(|target| (query(target), target["legendFormat"].as_str().expect("a legend"))).collect()
}

/// A legend, with the labels that it asks for.
fn legend(format: &str, sample: &Sample) -> String {
    let named =
        |text: String, (label, value): (&String, &String)| text.replace(&format!("{{{{{label}}}}}"), value);
    let text = sample.labels.iter().fold(format.to_owned(), named);
    assert!(!text.contains("{{"), "{format} asks for a label that is not there: {sample:?}");
    text
}

#[test]
fn every_panel_shows_what_has_happened() {
    let edge = edge("queried");
    let _subscriber = edge.subscribe_to(&["devices/heard"]);
    let prometheus = Prometheus::start(&edge, &json!({}));
    // A histogram of Envoy's begins with the first request; what follows is what a rate sees.
    assert_eq!(edge.send(Request::publish("devices/heard")).status, 204);
    eventually("Envoy's histogram", || {
        let query = r#"envoy_http_downstream_rq_time_count{envoy_http_conn_manager_prefix="edge"} > 0"#;
        prometheus.query(query).pop()
    });
    let _device = Device::new(edge.stack().mqtt_port(), "devices/command", |command| {
        command.response_topic.iter().map(|_| command.reply("done")).collect()
    });
    let keyed = || Request::publish("devices/heard").header("idempotency-key", "a");
    let batch = Request::post("/mqtt/messages/batch?topic=devices%2Fheard");
    let read = Request::post("/mqtt/retainedMessages/message?topic=devices%2Fheard").method("GET");
    let requests = [
        (Request::publish("devices/command").header("prefer", "wait=20"), 200),
        (keyed(), 204),
        (keyed(), 204),
        (batch.body("{}"), 200),
        (read, 404),
        (Request::publish("devices/heard"), 204),
        (Request::publish("devices/unheard"), 202),
        (Request::publish("devices/heard").and("&qos=0"), 202),
        (Request::publish("devices/heard").and("&qos=2"), 400),
        (Request::publish("devices/forbidden"), 403),
        (Request::publish("not/permitted"), 403),
        (Request::publish("devices/heard").without_token(), 401),
        (Request::post("/elsewhere"), 404),
    ];
    for (request, status) in requests {
        let answer = edge.send(request);
        assert_eq!(answer.status, status, "{answer:?}");
    }
    let greedy = token::of_client("greedy");
    for number in 0..=RATE {
        let answer = edge.send(Request::publish("devices/heard").token(&greedy));
        assert_eq!(answer.status, if number < RATE { 204 } else { 429 }, "{answer:?}");
    }
    let increased =
        r#"increase(envoy_http_downstream_rq_time_count{envoy_http_conn_manager_prefix="edge"}[1m]) > 20"#;
    eventually("the rate of Envoy's histogram", || prometheus.query(increased).pop());
    prometheus.wait_for_scrape();
    // The bridge may still be counting the last message when it is scraped.
    let idle = "sum(postmqtt_bridge_in_flight_messages) == 0";
    eventually("a scrape of an idle bridge", || prometheus.query(idle).pop());

    let dashboard = deploy::piece("observability/dashboard.json");
    let panels = dashboard["panels"].as_array().expect("panels");
    let titles: Vec<_> = panels.iter().map(|panel| panel["title"].as_str().expect("a title")).collect();
    assert_eq!(titles, SHOWN.map(|(title, _)| title));
    for (panel, (title, expected)) in panels.iter().zip(SHOWN) {
        let mut shown = BTreeSet::new();
        for (query, format) in queries(panel) {
            let samples = prometheus.query(&query);
            assert!(!samples.is_empty(), "{title}: no data for {query}");
            for sample in samples {
                assert!(sample.value.is_finite(), "{title}: {query} is {sample:?}");
                if sample.value > 0.0 {
                    shown.insert(legend(format, &sample));
                }
            }
        }
        assert_eq!(shown.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{title}");
    }
}

#[test]
fn every_metric_of_the_bridge_and_every_counter_of_the_filter_is_on_the_page() {
    let page = std::fs::read_to_string(repo::root().join("docs/operations.md")).expect("the page");
    let prometheus_adds = ["__name__", "instance", "job", "le"];
    let edge = edge("documented");
    let ours = Prometheus::start(&edge, &json!({})).query(r#"{__name__=~"postmqtt_.+"}"#);
    for job in ["postmqtt-bridge", "postmqtt-edge"] {
        assert!(ours.iter().any(|sample| sample.labels["job"] == job), "nothing of {job}");
    }
    for Sample { labels, .. } in ours {
        let name = &labels["__name__"];
        let family = ["_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end));
        let name = family.unwrap_or(name);
        assert!(page.contains(&format!("`{name}`")), "{name} is not on the page");
        for label in labels.keys().filter(|label| !prometheus_adds.contains(&label.as_str())) {
            assert!(page.contains(&format!("`{label}`")), "{label} of {name} is not on the page");
        }
    }
}
