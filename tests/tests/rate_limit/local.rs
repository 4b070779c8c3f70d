//! Rates: of one client, and of all together. What is refused is refused at once, and says when again.

use std::collections::BTreeMap;

use end_to_end::{Answer, Edge, Protocol, Recorder, Request, config, token};
use rig::stack::{EnvoyConfig, types};

/// An edge with these rates in front of a recorder.
fn limited(recorder: &Recorder, name: &str, client: u32, namespace: u32) -> Edge {
    recorder.edge_with(name, move |edge| config::rates(edge, client, namespace))
}

fn expect_throttled(answer: &Answer) {
    let problem = answer.expect_problem();
    assert_eq!((problem.status, problem.code.as_str()), (429, "RateExceeded"), "{answer:?}");
    assert_eq!(answer.header("retry-after"), Some("1"));
}

#[test]
fn a_client_over_its_rate_waits_while_the_others_go_on() {
    const LIMIT: usize = 7;
    let recorder = Recorder::start();
    let edge = limited(&recorder, "client", 7, 1_000);
    let [greedy, modest] = ["greedy", "modest"].map(token::of_client);
    let send = |client: &str, number: usize| {
        // Over every protocol of the one listener: the count is the client's, not a connection's.
        let protocol = Protocol::PLAIN[number % 2];
        edge.at(protocol).send(Request::publish("rate/a").token(client).body("counted"))
    };
    for number in 0..LIMIT {
        send(&greedy, number).expect_published(204);
    }
    for number in 0..2 * LIMIT {
        expect_throttled(&send(&greedy, number));
        if number < LIMIT {
            send(&modest, number).expect_published(204);
        }
    }
    expect_throttled(&send(&modest, 0));
    // Another token of the same client is not another client.
    let refreshed = token::with_claims([("oid", "greedy".into()), ("jti", "another".into())]);
    expect_throttled(&send(&refreshed, 0));
    assert_eq!(recorder.seen().len(), 2 * LIMIT, "what is refused does not leave");
}

#[test]
fn the_rate_of_the_namespace_holds_for_all_together_and_refused_clients_do_not_use_it_up() {
    let recorder = Recorder::start();
    let edge = limited(&recorder, "namespace", 5, 12);
    let mut statuses = BTreeMap::<u16, usize>::new();
    // One client far over its own limit takes 5 of the 12.
    for _ in 0..20 {
        let answer = edge.send(Request::publish("a").token(&token::of_client("greedy")));
        *statuses.entry(answer.status).or_default() += 1;
    }
    assert_eq!(statuses, BTreeMap::from([(204, 5), (429, 15)]));
    for number in 0..7 {
        let token = token::of_client(&format!("client-{number}"));
        edge.send(Request::publish("a").token(&token)).expect_published(204);
    }
    for number in 0..10 {
        let token = token::of_client(&format!("client-{number}"));
        expect_throttled(&edge.send(Request::publish("a").token(&token)));
    }
    assert_eq!(recorder.seen().len(), 12);
}

#[test]
fn what_has_no_valid_token_or_another_path_uses_nothing_up() {
    let recorder = Recorder::start();
    let edge = limited(&recorder, "strangers", 3, 4);
    for _ in 0..10 {
        assert_eq!(edge.send(Request::publish("a").without_token()).status, 401);
        assert_eq!(edge.send(Request::publish("a").token(&token::tampered())).status, 401);
        assert_eq!(edge.send(Request::post("/elsewhere")).status, 404);
        assert_eq!(edge.send(Request::post("/elsewhere").without_token()).status, 404);
    }
    // Malformed, not permitted, or a dry run: each of them costs the edge time.
    let token = token::of_client("busy");
    assert_eq!(edge.send(Request::publish("a/+").token(&token)).status, 403);
    assert_eq!(edge.send(Request::publish("a").token(&token).and("&dry-run=1")).status, 200);
    edge.send(Request::publish("a").token(&token)).expect_published(204);
    expect_throttled(&edge.send(Request::publish("a").token(&token)));
    edge.send(Request::publish("a")).expect_published(204);
    expect_throttled(&edge.send(Request::publish("a")));
}

#[test]
fn a_refused_request_is_logged_with_its_client_and_its_reason() {
    let recorder = Recorder::start();
    let edge = limited(&recorder, "logged", 1, 10);
    let request = Request::publish("log/a").token(&token::of_client("logged"));
    edge.send(request.clone()).expect_published(204);
    let answer = edge.send(request.header("x-mqtt-client-id", "somebody"));
    expect_throttled(&answer);
    let line = edge.log_line(&answer);
    let shown = ["authorizationPrincipal", "status", "reason"].map(|member| line.text(member));
    assert_eq!(shown, ["logged", "429", "local_rate_limited"]);
}

#[test]
fn the_rates_of_envoy_yaml_are_in_force_for_both_and_fill_up_again_within_the_retry_after() {
    let mut shipped = EnvoyConfig::load().expect("envoy.yaml");
    let mut count = 0;
    shipped.each(types::LOCAL_RATE_LIMIT, |limit| {
        let Some(namespace) = limit.get("token_bucket") else { return };
        count += 1;
        let client = &limit["descriptors"][0]["token_bucket"];
        for bucket in [namespace, client] {
            assert_eq!(bucket["max_tokens"], bucket["tokens_per_fill"]);
            assert_eq!(bucket["fill_interval"], "1s", "Retry-After says one second");
        }
        assert!(client["max_tokens"].as_u64() < namespace["max_tokens"].as_u64());
        for enabled in ["filter_enabled", "filter_enforced"] {
            assert_eq!(limit[enabled]["default_value"]["numerator"], 100);
        }
    });
    assert_eq!(count, 2, "one for each listener");
}
