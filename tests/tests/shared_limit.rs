//! The shared limit of `deploy/rate-limit`, as its file has it, but for the address.

use end_to_end::{Edge, Request, config, deploy};
use xtask::stack::EnvoyConfig;

#[test]
fn the_shared_limit_is_asked_for_and_without_an_answer_messages_go_on() {
    let edge = Edge::start("global", |stack| {
        stack.envoy_config(|edge: &mut EnvoyConfig| {
            let mut piece = deploy::piece("rate-limit/global.yaml");
            piece["clusters"][0]["load_assignment"]["endpoints"] = config::endpoints(&[1]);
            deploy::put(edge, &piece);
        })
    });
    let answer = edge.send(Request::publish("a").and("&qos=0"));
    answer.expect_published(202);
    assert_eq!(edge.stat("cluster.mqtt_bridge.ratelimit.error"), 1);
    assert_eq!(edge.send(Request::post("/elsewhere")).status, 404);
    assert_eq!(edge.stat("cluster.mqtt_bridge.ratelimit.error"), 1);
}
