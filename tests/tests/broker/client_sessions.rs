//! `--sessions-of client` and `deploy/client-sessions.yaml`: the broker's own rules about a client hold for what the client
//! publishes over HTTP.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use end_to_end::{Answer, Edge, Endpoint, Message, Protocol, Request, Subscriber, deploy, eventually, token};
use rig::stack::{Builder, Mosquitto};

/// A client writes below its own Client Identifier, and who asks may read everything.
const OWN_TOPICS: &str = "topic read #\npattern write clients/%c/#\n";

/// An edge that permits every topic, before bridges that publish over one session a client.
fn of_clients(name: &str, describe: impl FnOnce(Builder) -> Builder) -> Edge {
    let piece = deploy::piece("client-sessions.yaml");
    Edge::start(name, |stack| {
        let stack = stack.envoy_config(move |edge| deploy::put(edge, &piece));
        describe(stack.bridge_argument("--sessions-of=client"))
    })
}

/// A publish by this client.
fn publish_as(client: &str, topic: &str) -> Request {
    Request::publish(topic).token(&token::of_client(client))
}

fn expect_denied(answer: &Answer) {
    let problem = answer.expect_problem();
    assert_eq!((problem.status, problem.code.as_str()), (403, "NotAuthorized"), "{answer:?}");
    assert_eq!(problem.document["mqttReasonCode"], 135, "{:#}", problem.document);
}

/// A number of a bridge's.
fn number(edge: &Edge, bridge: usize, series: &str) -> u64 {
    let url = edge.stack().bridge_url(bridge);
    let address: SocketAddr = url.trim_start_matches("http://").parse().expect("an address");
    let request = Request::post("/metrics").method("GET").without_token();
    let metrics = Endpoint::plain("bridge", address, Protocol::Http1).send(request).text();
    let series = format!("postmqtt_bridge_{series} ");
    let value = metrics.lines().find_map(|line| line.strip_prefix(&series));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{series} in {metrics}"))
}

/// Waits until Envoy's table from hashes to bridges, which has 65,537 entries, has two of them.
fn both_are_well(edge: &Edge) {
    eventually("two bridges in the table", || {
        let most = edge.stat("cluster.mqtt_bridge.maglev_lb.max_entries_per_host");
        let healthy = edge.stat("cluster.mqtt_bridge.membership_healthy");
        (healthy == 2 && most == 65_537_u64.div_ceil(2)).then_some(())
    });
}

/// The bridge that each of the answered requests went to.
fn bridges(edge: &Edge, answers: &[Answer]) -> Vec<String> {
    eventually("all lines of the access log", || {
        let lines: BTreeMap<_, _> =
            edge.log_lines().map(|line| (line.text("requestId"), line.text("bridge"))).collect();
        answers.iter().map(|answer| lines.get(answer.request_id()).cloned()).collect()
    })
}

#[test]
fn the_brokers_rules_about_a_client_hold_for_what_it_publishes_over_http() {
    let edge = of_clients("acl", |stack| stack.mosquitto(Mosquitto::new().acl(OWN_TOPICS)));
    let subscriber = edge.subscribe_to(&["#"]);
    for protocol in Protocol::ALL {
        let at = edge.at(protocol);
        for (client, other) in [("A", "B"), ("B", "A"), ("urn:device:pump 7", "A")] {
            let (own, others) = (format!("clients/{client}/x"), format!("clients/{other}/x"));
            at.send(publish_as(client, &own).body("own")).expect_published(204);
            assert_eq!(subscriber.next(), Message::new(&own, "own"));
            expect_denied(&at.send(publish_as(client, &others).body("denied")));
            // Whom a client claims to be has no say.
            let claim = publish_as(client, &others).header("x-mqtt-client-id", other).body("denied");
            expect_denied(&at.send(claim));
        }
    }
    edge.send(publish_as("A", "clients/A/last").body("last")).expect_published(204);
    assert_eq!(subscriber.until(b"last"), [], "nothing that was denied has arrived");
}

#[test]
fn clients_publish_at_the_same_time_and_what_one_is_denied_costs_the_other_nothing() {
    const EACH: usize = 50;
    let edge = of_clients("together", |stack| stack.mosquitto(Mosquitto::new().acl(OWN_TOPICS)));
    let subscriber = edge.subscribe_to(&["clients/A/#"]);
    let begin = |client: &str, topic: &str, number: usize| {
        edge.at(Protocol::ALL[number % 4]).begin(publish_as(client, topic).body(number.to_string()))
    };
    let pending: Vec<_> = (0..EACH)
        .map(|number| (begin("A", "clients/A/x", number), begin("B", "clients/A/x", number)))
        .collect();
    for (own, denied) in pending {
        own.answer().expect_published(204);
        expect_denied(&denied.answer());
    }
    let received: BTreeSet<_> = subscriber.next_many(EACH).iter().map(Message::text).collect();
    assert_eq!(received, (0..EACH).map(|number| number.to_string()).collect());
    edge.send(publish_as("A", "clients/A/x").body("last")).expect_published(204);
    assert_eq!(subscriber.until(b"last"), []);
}

#[test]
fn each_client_has_one_of_two_bridges_and_no_session_is_taken_over() {
    const CLIENTS: usize = 20;
    let edge = of_clients("two-bridges", |stack| stack.mosquitto(Mosquitto::new()).bridges(2));
    both_are_well(&edge);
    let mut used = BTreeSet::new();
    for client in 0..CLIENTS {
        let client = format!("client-{client}");
        let answers: Vec<_> = (0..12)
            .map(|number| {
                let request = publish_as(&client, &format!("topic/{number}"));
                // Were the hash of what came in, these would scatter.
                let request = request.header("x-mqtt-client-id", number.to_string());
                let answer = edge.at(Protocol::ALL[number % 4]).send(request);
                answer.expect_published(202);
                answer
            })
            .collect();
        let bridges: BTreeSet<_> = bridges(&edge, &answers).into_iter().collect();
        assert_eq!(bridges.len(), 1, "{client}: {bridges:?}");
        used.extend(bridges);
    }
    assert_eq!(used.len(), 2, "{used:?}");
    let sum = |series: &str| number(&edge, 0, series) + number(&edge, 1, series);
    assert_eq!(sum("client_sessions_connected"), CLIENTS as u64);
    assert_eq!(sum("client_connects_total{outcome=\"accepted\"}"), CLIENTS as u64);
    assert_eq!(sum("client_disconnects_total{reason=\"taken_over\"}"), 0);
}

#[test]
fn clients_of_a_lost_bridge_move_to_the_other_and_back_without_a_fight() {
    const CLIENTS: usize = 10;
    let edge = of_clients("lost-bridge", |stack| stack.mosquitto(Mosquitto::new()).bridges(2));
    let all_publish = || {
        for client in 0..CLIENTS {
            let request = publish_as(&format!("client-{client}"), "topic");
            edge.send(request).expect_published(202);
        }
    };
    both_are_well(&edge);
    all_publish();
    let moving = number(&edge, 1, "client_sessions_connected");
    assert!(moving > 0, "each bridge has some of {CLIENTS} clients");
    edge.stack().bridges()[1].kill();
    eventually("the other to be the only one", || {
        (edge.stat("cluster.mqtt_bridge.membership_healthy") == 1).then_some(())
    });
    all_publish();
    assert_eq!(number(&edge, 0, "client_sessions_connected"), CLIENTS as u64);

    // The broker throws the first bridge out of the sessions that go back, and it leaves them.
    edge.stack().bridges()[1].start().expect("the bridge starts again");
    both_are_well(&edge);
    all_publish();
    // Mosquitto before 2.0.15 cuts the connection without a word.
    let thrown_out = |bridge: usize| -> u64 {
        let reasons = ["taken_over", "lost"].into_iter();
        reasons
            .map(|reason| number(&edge, bridge, &format!("client_disconnects_total{{reason=\"{reason}\"}}")))
            .sum()
    };
    eventually("the first bridge to have lost them", || (thrown_out(0) == moving).then_some(()));
    all_publish();
    assert_eq!(number(&edge, 0, "client_connects_total{outcome=\"accepted\"}"), CLIENTS as u64);
    assert_eq!(number(&edge, 1, "client_connects_total{outcome=\"accepted\"}"), moving);
    assert_eq!(thrown_out(1), 0);
}

#[test]
fn where_clients_have_no_id_the_edge_is_at_fault() {
    let edge = of_clients("nobody", |stack| {
        stack.envoy_config(|edge| {
            end_to_end::config::set(edge, "clientId", &serde_json::json!({ "from": "none" }));
        })
    });
    let problem = edge.send(Request::publish("topic")).expect_problem();
    assert_eq!((problem.status, problem.code.as_str()), (500, "UnidentifiedClient"));
}

#[test]
fn a_client_that_is_connected_itself_and_the_bridge_take_the_session_over_only_when_they_use_it() {
    let edge = of_clients("rival", |stack| stack.mosquitto(Mosquitto::new()));
    let topic = edge.topic("a");
    let subscriber = edge.subscribe();
    // Mosquitto 2.0.11 closes a connection that is taken over without DISCONNECT 0x8E.
    let ended = || {
        let reasons = ["taken_over", "lost"].into_iter();
        reasons
            .map(|reason| number(&edge, 0, &format!("client_disconnects_total{{reason=\"{reason}\"}}")))
            .sum::<u64>()
    };
    edge.send(publish_as("rival", &topic).body("1")).expect_published(204);
    for round in 1..=2_u64 {
        let _itself = Subscriber::under("rival", edge.stack().mqtt_port(), &["own/#"]);
        eventually("the bridge to lose the session", || (ended() == round).then_some(()));
        edge.send(publish_as("rival", &topic).body((round + 1).to_string())).expect_published(204);
    }
    let connects = number(&edge, 0, "client_connects_total{outcome=\"accepted\"}");
    assert_eq!((ended(), connects), (2, 3), "the bridge takes it back only when the client publishes");
    let received: Vec<_> = subscriber.next_many(3).iter().map(Message::text).collect();
    assert_eq!(received, ["1", "2", "3"]);
}
