//! A policy that changes while requests run: the listeners come from a file, which is replaced.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use end_to_end::{Answer, Edge, Endpoint, Protocol, Request, block_on, config, eventually, spawn};
use rig::stack::EnvoyConfig;
use serde_json::{Value, json};

/// The file that Envoy takes its listeners from.
struct Listeners(PathBuf);

/// What a client that never stops has seen.
#[derive(Debug, Default)]
struct Seen {
    /// How many requests were published.
    published: usize,
    /// How many were not permitted.
    refused: usize,
}

// === impl Listeners ===

impl Listeners {
    /// An edge whose listeners come from a file, with these permissions.
    fn start(name: &str, permissions: Value) -> (Self, Edge) {
        let path = Edge::directory(name).join("listeners.json");
        let listeners = Self(path.clone());
        let edge = Edge::start(name, |stack| {
            stack.envoy_config(move |config| {
                config::set(config, "permissions", &permissions);
                let value = config.value();
                let mut listeners = value["static_resources"]["listeners"].take();
                for listener in listeners.as_array_mut().expect("listeners") {
                    listener["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
                }
                let resources = json!({ "resources": listeners });
                std::fs::write(&path, resources.to_string()).expect("the listeners can be written");
                value["static_resources"]["listeners"] = json!([]);
                let source = json!({ "path_config_source": { "path": path }, "resource_api_version": "V3" });
                value["dynamic_resources"] = json!({ "lds_config": source });
            })
        });
        (listeners, edge)
    }

    /// Replaces the file by one in which a field of the filter's configuration is another.
    fn set(&self, field: &str, value: &Value) {
        let text = std::fs::read_to_string(&self.0).expect("the listeners can be read");
        let mut config = EnvoyConfig::load().expect("envoy.yaml");
        *config.value() = serde_json::from_str(&text).expect("the listeners are JSON");
        config.filter(|filter| {
            // What an attempt before this one may have left.
            filter.as_object_mut().expect("an object").remove("permisions");
            filter[field] = value.clone();
        });
        let new = self.0.with_extension("new");
        std::fs::write(&new, config.value().to_string()).expect("the listeners can be written");
        std::fs::rename(new, &self.0).expect("the file can be replaced");
    }
}

/// Permits everybody these topics.
fn permits(templates: &[&str]) -> Value {
    json!({
        "topicSpaces": [{ "name": "space", "templates": templates }],
        "permissionBindings": [{ "name": "binding", "clientGroup": "$all", "topicSpace": "space" }],
    })
}

fn status(edge: &Edge, topic: &str) -> u16 {
    edge.send(Request::publish(topic).and("&qos=0")).status
}

/// Publishes until it is told to stop, on connections that it keeps for as long as it may. A topic that each policy
/// permits is permitted at all times; one of another is permitted or not; nothing else ever happens.
async fn publish_without_end(endpoint: Endpoint, stop: Arc<AtomicBool>) -> Seen {
    let mut seen = Seen::default();
    let mut connection = endpoint.connect().await;
    while !stop.load(Ordering::SeqCst) {
        for topic in ["both/a", "old/a", "new/a"] {
            let request = Request::publish(topic).and("&qos=0").body("payload");
            let answer = loop {
                match connection.send(request.clone()).await {
                    Ok(answer) => break answer,
                    // The edge had ended the connection between two requests: this one was not sent.
                    Err(error) if error.is_closed() || error.is_canceled() => {
                        connection = endpoint.connect().await;
                    }
                    Err(error) => panic!("a request is lost at {endpoint:?}: {error:?}"),
                }
            };
            seen.count(topic, &answer);
            if answer.header("connection") == Some("close") {
                connection = endpoint.connect().await;
            }
        }
    }
    seen
}

// === impl Seen ===

impl Seen {
    fn count(&mut self, topic: &str, answer: &Answer) {
        match answer.status {
            202 => self.published += 1,
            403 if topic != "both/a" => {
                assert_eq!(answer.expect_problem().code, "NotPermitted");
                self.refused += 1;
            }
            status => panic!("{topic} is answered {status}: {}", answer.text()),
        }
    }
}

#[test]
fn a_new_policy_counts_without_a_request_lost_and_a_wrong_one_is_refused_as_a_whole() {
    let (listeners, edge) = Listeners::start("hot", permits(&["both/#", "old/#"]));
    assert_eq!((status(&edge, "old/a"), status(&edge, "new/a")), (202, 403));

    let stop = Arc::new(AtomicBool::new(false));
    let clients =
        Protocol::ALL.map(|protocol| spawn(publish_without_end(edge.at(protocol), Arc::clone(&stop))));
    for round in 0..3 {
        listeners.set("permissions", &permits(&["both/#", "new/#"]));
        eventually("the new policy", || (status(&edge, "new/a") == 202).then_some(()));
        assert_eq!((status(&edge, "old/a"), status(&edge, "both/a")), (403, 202), "{round}");
        listeners.set("permissions", &permits(&["both/#", "old/#"]));
        eventually("the old policy", || (status(&edge, "old/a") == 202).then_some(()));
        assert_eq!((status(&edge, "new/a"), status(&edge, "both/a")), (403, 202), "{round}");
    }

    let wrong = [
        ("permisions", permits(&["#"]), "permisions: unknown field `permisions`"),
        ("permissions", json!({ "topicSpaces": [] }), "permissions: missing field `permissionBindings`"),
        ("permissions", permits(&["a/#/b"]), "topic space \"space\""),
        ("permissions", json!(null), "permissions: invalid type: null"),
    ];
    for (number, (field, value, complaint)) in wrong.into_iter().enumerate() {
        let rejected = u64::try_from(number).expect("a small number") + 1;
        listeners.set(field, &value);
        eventually("Envoy to refuse it", || {
            (edge.stat("listener_manager.lds.update_rejected") == rejected).then_some(())
        });
        let log = edge.stack().envoy().log();
        assert!(log.contains(&format!("the configuration is wrong: {complaint}")), "{complaint} in {log}");
        // Not one bit of it counts.
        assert_eq!((status(&edge, "old/a"), status(&edge, "new/a"), status(&edge, "x")), (202, 403, 403));
    }
    listeners.set("permissions", &permits(&["both/#", "new/#"]));
    eventually("the new policy", || (status(&edge, "new/a") == 202).then_some(()));

    stop.store(true, Ordering::SeqCst);
    for client in clients {
        let seen = block_on(client).expect("no request is lost");
        assert!(seen.published > 0 && seen.refused > 0, "{seen:?}");
    }
}
