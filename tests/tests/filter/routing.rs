//! Where messages go: to the cluster that the topic chooses, and there to the bridge that is the topic's.

use std::collections::BTreeMap;

use end_to_end::{Edge, Protocol, Request, config, eventually};
use serde_json::json;

/// An edge whose topics under `alarms` go to a cluster of this port.
fn routed(name: &str, port: u16) -> Edge {
    Edge::start(name, |stack| {
        stack.envoy_config(move |edge| {
            config::add_cluster(edge, "alarm_bridge", &[port]);
            let routes = json!([
                { "filters": ["alarms/#", "+/alarm"], "cluster": "alarm_bridge" },
                { "filters": ["lost/#"], "cluster": "nowhere" },
            ]);
            config::set(edge, "routing", &json!({ "routes": routes }));
        })
    })
}

#[test]
fn two_bridges_on_two_brokers_each_get_the_topics_that_are_theirs() {
    let other = Edge::start("alarms", |stack| stack);
    let edge = routed("two-brokers", other.bridge(Protocol::Http2).address().port());
    let [here, there] = [&edge, &other].map(|edge| edge.subscribe_to(&["#"]));
    let rows = [
        ("alarms", true),
        ("alarms/1/2", true),
        ("7/alarm", true),
        ("/alarm", true),
        ("7/8/alarm", false),
        ("Alarms/1", false),
        ("alarm", false),
        ("%61larms/1", false),
        ("devices/7", false),
    ];
    for protocol in Protocol::ALL {
        for (topic, is_alarm) in rows {
            // What a client wishes has no say, not even that the filter's header is there.
            for wish in ["", "alarm_bridge", "mqtt_bridge", "nowhere"] {
                let request = Request::publish(topic).header("x-mqtt-cluster", wish).body("routed");
                edge.at(protocol).send(request).expect_published(204);
                let received = if is_alarm { there.next() } else { here.next() };
                assert_eq!(received.topic, topic, "{wish:?} over {protocol:?}");
            }
        }
    }
    edge.send(Request::publish("alarms").body("last")).expect_published(204);
    edge.send(Request::publish("last").body("last")).expect_published(204);
    assert_eq!((here.until(b"last"), there.until(b"last")), (vec![], vec![]));
}

#[test]
fn a_dry_run_shows_the_cluster_and_one_that_does_not_exist_is_503() {
    let edge = routed("clusters", 1);
    for (topic, cluster) in [("alarms/1", json!("alarm_bridge")), ("lost/1", json!("nowhere"))] {
        let answer = edge.send(Request::publish(topic).and("&dry-run=1"));
        let shown: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!(shown["cluster"], cluster);
    }
    for topic in ["lost/1", "alarms/1"] {
        let problem = edge.send(Request::publish(topic)).expect_problem();
        assert_eq!((problem.status, problem.code.as_str()), (503, "BridgeUnavailable"), "{topic}");
    }
    edge.send(Request::publish("found/1").and("&qos=0")).expect_published(202);
}

/// Publishes to each topic in two spellings, over two protocols; the bridge that both came to, of each topic.
fn bridge_of_each<'a>(edge: &Edge, topics: &'a [String]) -> BTreeMap<&'a str, String> {
    let mut sent = Vec::new();
    for (topic, protocol) in topics.iter().zip(Protocol::ALL.into_iter().cycle()) {
        let spelt = format!("/mqtt/messages?unknown=1&qos=0&topic={topic}");
        for (request, protocol) in
            [(Request::publish(topic).and("&qos=0"), protocol), (Request::post(spelt), Protocol::Http1)]
        {
            let answer = edge.at(protocol).send(request);
            answer.expect_published(202);
            sent.push((topic.as_str(), answer.request_id().to_owned()));
        }
    }
    let mut bridges = BTreeMap::new();
    let logged: BTreeMap<String, String> = eventually("all lines of the access log", || {
        let lines: BTreeMap<_, _> =
            edge.log_lines().map(|line| (line.text("requestId"), line.text("bridge"))).collect();
        sent.iter().all(|(_, id)| lines.contains_key(id)).then_some(lines)
    });
    for (topic, id) in &sent {
        let bridge = &logged[id];
        let known = bridges.entry(*topic).or_insert_with(|| bridge.clone());
        assert_eq!(known, bridge, "{topic} has two bridges");
    }
    bridges
}

#[test]
fn a_topic_keeps_its_bridge_and_the_loss_of_a_bridge_moves_only_its_topics() {
    let edge = Edge::start("hashed", |stack| stack.bridges(3));
    let topics: Vec<_> = (0..60).map(|number| format!("hashed/{number}")).collect();
    let bridges = || bridge_of_each(&edge, &topics);
    // The table from hashes to bridges has 65,537 entries, which those that are well share evenly.
    let healthy = |count: u64| {
        eventually("a table of the bridges that are well", || {
            let most = edge.stat("cluster.mqtt_bridge.maglev_lb.max_entries_per_host");
            (most == 65_537_u64.div_ceil(count)).then_some(())
        });
    };

    healthy(3);
    let before = bridges();
    let lost = edge.stack().bridge_url(2).trim_start_matches("http://").to_owned();
    let share = before.values().filter(|bridge| **bridge == lost).count();
    assert!((5..=40).contains(&share), "{share} of 60 topics at one of three bridges");

    edge.stack().bridges()[2].kill();
    healthy(2);
    let without = bridges();
    let moved: Vec<_> =
        topics.iter().filter(|topic| before[topic.as_str()] != without[topic.as_str()]).collect();
    assert!(moved.iter().all(|topic| before[topic.as_str()] == lost), "others moved too: {moved:?}");
    assert_eq!(moved.len(), share);

    edge.stack().bridges()[2].start().expect("the bridge starts again");
    healthy(3);
    assert_eq!(bridges(), before);
}
