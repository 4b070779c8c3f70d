//! What a failure of the filter does: the request in which it fails is refused, and the next ones are served.

use std::path::PathBuf;

use end_to_end::{Edge, Protocol, Request};
use rig::repo;
use rig::stack::Mosquitto;

/// One worker, so that the request after a trap meets the filter that trapped.
fn edge(name: &str, filter: PathBuf) -> Edge {
    Edge::start(name, |stack| stack.mosquitto(Mosquitto::new()).filter(filter).envoy_concurrency(1))
}

#[test]
fn a_request_that_ends_the_vm_is_refused_and_the_filter_comes_back() {
    let edge = edge("wasm", repo::trapping_filter());
    let topic = edge.topic("trap");
    let subscriber = edge.subscribe();
    for round in 1..=3 {
        let refused = edge.send(Request::publish(&topic).header("x-postmqtt-trap", "1").body("never"));
        assert_eq!(refused.status, 503, "{refused:?}");
        assert_eq!(refused.expect_problem().code, "EdgeUnavailable");
        assert!(refused.header("retry-after").is_some());
        assert_eq!(edge.log_line(&refused).text("reason"), "wasm_fail_stream");

        // Until the VM is back, what comes is refused too; nothing passes by it.
        let wildcard = end_to_end::eventually("a filter that judges again", || {
            let answer = edge.send(Request::publish(&topic).and("/%2B").body("never"));
            assert!(matches!(answer.status, 403 | 503), "{answer:?}");
            (answer.status == 403).then_some(answer)
        });
        assert_eq!(wildcard.expect_problem().code, "TopicWildcard");
        assert_eq!(edge.stat("wasm.postmqtt.vm_reload_success"), round);
    }
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
}

#[test]
fn a_request_that_panics_the_native_filter_is_refused_and_envoy_lives() {
    let edge = edge("native", repo::trapping_native_filter());
    let topic = edge.topic("trap");
    let subscriber = edge.subscribe();
    for round in 1..=3 {
        for protocol in Protocol::ALL {
            let trap = Request::publish(&topic).header("x-postmqtt-trap", "1").body("never");
            let refused = edge.at(protocol).send(trap);
            assert_eq!(refused.status, 500, "{refused:?}");
            assert_eq!(refused.expect_problem().code, "EdgeFailure");
            assert_eq!(edge.log_line(&refused).text("reason"), "postmqtt{EdgeFailure}");
        }
        // The very next request meets a filter that judges, and one that publishes.
        let wildcard = edge.send(Request::publish(&topic).and("/%2B").body("never"));
        assert_eq!(wildcard.expect_problem().code, "TopicWildcard");
        edge.send(Request::publish(&topic).body(format!("round {round}"))).expect_published(204);
    }
    let published = edge.published_until_now(&subscriber, &topic);
    let payloads: Vec<_> = published.iter().map(|message| message.payload.as_slice()).collect();
    assert_eq!(payloads, [b"round 1", b"round 2", b"round 3"]);
    assert!(edge.stack().envoy().log().contains("postmqtt: the filter panicked"));
    assert_eq!(edge.stat("dynamicmodulescustom.postmqtt_requests.outcome.EdgeFailure"), 12);
}
