//! What a trap does: a request in which the filter fails is refused, and the next ones are served.

use end_to_end::{Edge, Request};
use rig::repo;
use rig::stack::Mosquitto;

/// One worker, so that the request after a trap meets the VM that trapped.
fn edge() -> Edge {
    Edge::start("trap", |stack| {
        stack.mosquitto(Mosquitto::new()).filter(repo::trapping_filter()).envoy_concurrency(1)
    })
}

#[test]
fn a_request_that_ends_the_vm_is_refused_and_the_filter_comes_back() {
    let edge = edge();
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
