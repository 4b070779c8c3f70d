//! The filter with no more of Envoy's options than a control plane sets: what Envoy Gateway writes is `name`, `vm_config`,
//! `configuration` and `fail_open`. And what an upstream then sees of a request that is not sent: never all of it.

use end_to_end::{Body, Edge, Protocol, Recorder, Request};
use rig::stack::EnvoyConfig;
use rig::stack::types::{HTTP_CONNECTION_MANAGER, WASM};
use serde_json::{Value, json};

const FORMAT: &str = "mqtt-payload-format-indicator";

/// An edge as Envoy Gateway would configure the filter, without another that holds payloads; its upstream records, over this
/// version of HTTP.
fn edge(name: &str, recorder: &Recorder, upstream: Protocol) -> Edge {
    recorder.edge_with(&format!("{name}-{upstream:?}"), move |config| {
        config.each(WASM, |wasm| {
            let given = wasm["config"].take();
            wasm["config"] = json!({
                "name": given["name"],
                "vm_config": given["vm_config"],
                "configuration": given["configuration"],
                "fail_open": false,
            });
        });
        config.each(HTTP_CONNECTION_MANAGER, |manager| {
            if let Some(filters) = manager["http_filters"].as_array_mut() {
                filters.retain(|filter| filter["name"] != "short_payloads");
            }
        });
        if upstream == Protocol::Http1 {
            over_http1(config);
        }
    })
}

fn over_http1(config: &mut EnvoyConfig) {
    config.bridges(|cluster| {
        let options = &mut cluster["typed_extension_protocol_options"];
        options["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]["explicit_http_config"] =
            json!({ "http_protocol_options": {} });
        cluster["health_checks"][0]["http_health_check"]["codec_client_type"] = json!("HTTP1");
    });
}

/// The bodies that came whole.
fn whole(recorder: &Recorder) -> Vec<Vec<u8>> {
    recorder.take().into_iter().filter_map(|request| request.body).collect()
}

#[test]
fn a_text_that_is_not_utf8_is_refused_before_the_upstream_has_all_of_it() {
    for upstream in [Protocol::Http1, Protocol::Http2] {
        let recorder = Recorder::start();
        let edge = edge("text", &recorder, upstream);
        let text = |body| Request::publish("text").header(FORMAT, "1").with_body(body);
        let large = [vec![b'x'; 200_000], b"\xff".to_vec()].concat();
        let refused = [
            Body::sized(&b"\xff"[..]),
            Body::sized(&b"cut short \xe4\xb8"[..]),
            Body::sized(large.clone()),
            Body::chunked([&b"a"[..], b"\xff"]),
            Body::chunked([&b"cut short \xe4"[..], b"\xb8"]),
            Body::chunked(large.chunks(9_000).map(<[u8]>::to_vec)),
        ];
        for protocol in Protocol::ALL {
            for body in &refused {
                let problem = edge.at(protocol).send(text(body.clone())).expect_problem();
                let at = format!("{body:?} over {protocol:?} to {upstream:?}");
                assert_eq!((problem.status, problem.code.as_str()), (400, "PayloadNotUtf8"), "{at}");
            }
            for body in [Body::sized("Gr\u{fc}\u{df}e"), Body::chunked(["Gr\u{fc}", "\u{df}e"])] {
                edge.at(protocol).send(text(body)).expect_published(204);
                assert_eq!(whole(&recorder), ["Gr\u{fc}\u{df}e".as_bytes()], "{protocol:?} to {upstream:?}");
            }
            edge.at(protocol).send(text(Body::sized(""))).expect_published(204);
            assert_eq!(whole(&recorder), [b""], "{protocol:?} to {upstream:?}");
        }
    }
}

#[test]
fn a_dry_run_is_answered_before_the_upstream_has_all_of_it_and_says_there_that_it_is_one() {
    for upstream in [Protocol::Http1, Protocol::Http2] {
        let recorder = Recorder::start();
        let edge = edge("dry-run", &recorder, upstream);
        for protocol in Protocol::ALL {
            for (body, size) in [
                (Body::sized(""), 0),
                (Body::sized("shown"), 5),
                (Body::sized(vec![b'x'; 200_000]), 200_000),
                (Body::chunked(["sh", "own"]), 5),
            ] {
                let at = format!("{body:?} over {protocol:?} to {upstream:?}");
                let request = Request::publish("shown").and("&dry-run=1").header(FORMAT, "1").with_body(body);
                let answer = edge.at(protocol).send(request);
                assert_eq!(answer.status, 200, "{at}");
                let shown: Value = serde_json::from_slice(&answer.body).expect("JSON");
                assert_eq!(shown["publish"]["payloadBytes"], json!(size), "{at}");
            }
            // Another one over the same way, so that the ones before have come to their end.
            edge.at(protocol).send(Request::publish("last").body("last")).expect_published(204);
            let left = recorder.take();
            let (last, dry) = left.split_last().expect("the last one");
            assert_eq!(last.body.as_deref(), Some(&b"last"[..]));
            for request in dry {
                assert_eq!(request.body, None, "{request:?}");
                assert!(request.target.ends_with("&dry-run=1"), "{request:?}");
            }
        }
    }
}

#[test]
fn a_refusal_on_the_way_costs_the_upstream_a_stream_and_nothing_else() {
    for upstream in [Protocol::Http1, Protocol::Http2] {
        let recorder = Recorder::start();
        let edge = edge("reset", &recorder, upstream);
        for _ in 0..6 {
            let body = Body::chunked([&b"a"[..], b"\xff"]);
            let request = Request::publish("text").header(FORMAT, "1").with_body(body);
            let answer = edge.at(Protocol::Http2).send(request);
            assert_eq!(answer.status, 400);
            let line = edge.log_line(&answer);
            assert_eq!(line.text("reason"), "postmqtt{PayloadNotUtf8}");
            assert_eq!(line.text("flags"), "-", "it is not the upstream's fault");
        }
        let stat = |name: &str| edge.stat(&format!("cluster.mqtt_bridge.{name}"));
        // The stream was reset here, or given up before it had a connection.
        let streams = stat("upstream_rq_total") + stat("upstream_rq_cancelled");
        assert_eq!(streams, 6, "to {upstream:?}: none was tried again");
        for name in [
            "upstream_rq_retry",
            "upstream_rq_rx_reset",
            "upstream_rq_4xx",
            "upstream_rq_5xx",
            "upstream_rq_active",
            "outlier_detection.ejections_enforced_total",
        ] {
            assert_eq!(stat(name), 0, "{name} to {upstream:?}");
        }
    }
}
