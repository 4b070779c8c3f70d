//! `deploy/observability/alerts.yaml`: promtool shows when each alert fires and when it does not (`alerts_test.yaml`), a
//! real Prometheus that these are series that it really scrapes, and that the alerts fire when parts really fail.

use std::process::Command;

use end_to_end::prometheus::{Alert, AlertState, Prometheus};
use end_to_end::{Edge, Request, deploy, eventually};
use rig::stack::Mosquitto;
use rig::{Filter, command, repo, tools};
use serde_json::{Value, json};

const RULES: &str = "observability/alerts.yaml";
const TESTS: &str = "observability/alerts_test.yaml";

/// The alerts of a file of rules.
fn alerts(rules: &mut Value) -> impl Iterator<Item = &mut Value> {
    let groups = rules["groups"].as_array_mut().expect("groups").iter_mut();
    groups.flat_map(|group| group["rules"].as_array_mut().expect("rules"))
}

/// The names of all alerts.
fn names() -> Vec<String> {
    let mut rules = deploy::piece(RULES);
    alerts(&mut rules).map(|alert| alert["alert"].as_str().expect("a name").to_owned()).collect()
}

/// What promtool's file has under a name, in each of its tests.
fn all<'a>(tests: &'a Value, member: &'a str) -> impl Iterator<Item = &'a Value> {
    let groups = tests["tests"].as_array().expect("tests").iter();
    groups.flat_map(move |group| group[member].as_array().expect("a list"))
}

/// The rules, with alerts that need not wait.
fn impatient() -> Value {
    let mut rules = deploy::piece(RULES);
    for alert in alerts(&mut rules).filter(|alert| alert.get("for").is_some()) {
        alert["for"] = json!("1s");
    }
    rules
}

/// The alerts that are firing, once it is exactly these.
fn wait_for_firing(prometheus: &Prometheus, expected: &[&str]) {
    eventually(&format!("these alerts, and no others: {expected:?}"), || {
        let alerts = prometheus.alerts();
        let firing = alerts.iter().filter(|alert| alert.state == AlertState::Firing);
        let firing: Vec<&str> = firing.map(|alert| alert.name.as_str()).collect();
        (!alerts.is_empty() && firing == expected).then_some(())
    });
}

#[test]
fn every_alert_fires_when_it_should_and_only_then() {
    let tests = deploy::piece(TESTS);
    let fires = |name: &str, whether: bool| {
        let mut of_alert = all(&tests, "alert_rule_test").filter(|test| test["alertname"] == name);
        of_alert.any(|test| test["exp_alerts"].as_array().is_some_and(|alerts| alerts.is_empty() != whether))
    };
    for name in names() {
        assert!(fires(&name, true), "{TESTS} does not show {name} firing");
        assert!(fires(&name, false), "{TESTS} does not show {name} quiet");
    }
    let mut promtool = Command::new(tools::promtool().unwrap_or_else(|error| panic!("{error}")));
    promtool.args(["test", "rules"]).arg(repo::root().join("deploy").join(TESTS));
    command::output(&mut promtool).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_alerts_are_quiet_while_all_is_well_and_fire_when_parts_are_gone() {
    // Some alerts are about what Envoy counts of Wasm filters alone.
    let edge =
        Edge::as_shipped("fired", |stack| stack.mosquitto(Mosquitto::new()).filter(Filter::Wasm.path()));
    let prometheus = Prometheus::start(&edge, &impatient());
    // For its first seconds, Prometheus has scraped nothing yet.
    wait_for_firing(&prometheus, &[]);
    let requests = [
        (Request::publish("devices/a"), 202),
        (Request::publish("devices/a").and("&qos=0"), 202),
        (Request::publish("devices/a").and("&qos=2"), 400),
        (Request::publish("devices/a").without_token(), 401),
    ];
    for (request, status) in requests {
        assert_eq!(edge.send(request).status, status);
    }
    // Between two scrapes the rules are evaluated.
    prometheus.wait_for_scrape();
    prometheus.wait_for_scrape();
    let quiet = |name| Alert { name, state: AlertState::Inactive, error: None };
    let all_quiet: Vec<Alert> = names().into_iter().map(quiet).collect();
    eventually("every alert to be quiet", || (prometheus.alerts() == all_quiet).then_some(()));

    let tests = deploy::piece(TESTS);
    for series in all(&tests, "input_series") {
        let series = series["series"].as_str().expect("a series");
        let (name, labels) = series.trim_end_matches('}').split_once('{').expect("a series with labels");
        let elsewhere = labels.split(',').filter(|label| !label.starts_with("instance="));
        let query = format!("{name}{{{}}}", elsewhere.collect::<Vec<_>>().join(","));
        assert!(!prometheus.query(&query).is_empty(), "{TESTS} is about {query}, which does not exist");
    }

    let stack = edge.stack();
    stack.broker().stop();
    let without_broker = [
        "PostmqttBridgeDisconnected",
        "PostmqttNoHealthyBridge",
        "PostmqttSessionsMissing",
        "PostmqttBridgeMissing",
    ];
    wait_for_firing(&prometheus, &without_broker);
    stack.bridge().stop();
    wait_for_firing(&prometheus, &["PostmqttNoBridge", "PostmqttNoHealthyBridge", "PostmqttBridgeMissing"]);
    stack.envoy().stop();
    wait_for_firing(&prometheus, &["PostmqttNoBridge", "PostmqttNoEdge"]);

    for service in [stack.broker(), stack.bridge(), stack.envoy()] {
        service.start().unwrap_or_else(|error| panic!("{error}"));
    }
    wait_for_firing(&prometheus, &[]);
}

/// The sections of the runbook: their names, and their text.
fn runbook() -> Vec<(String, String)> {
    let page = std::fs::read_to_string(repo::root().join("docs/runbook.md")).expect("the runbook");
    let sections = page.split("\n## ").skip(1);
    let section = |text: &str| {
        let (name, text) = text.split_once('\n').expect("a section with a text");
        (name.to_owned(), text.to_owned())
    };
    sections.map(section).collect()
}

#[test]
fn every_alert_says_what_happens_how_bad_it_is_and_has_its_section_of_the_runbook() {
    for alert in alerts(&mut deploy::piece(RULES)) {
        let name = alert["alert"].as_str().expect("a name");
        assert!(alert["annotations"]["summary"].is_string(), "{name} has no summary");
        assert!(["critical", "warning"].map(Value::from).contains(&alert["labels"]["severity"]), "{name}");
    }
    let sections: Vec<String> = runbook().into_iter().map(|(name, _)| name).collect();
    assert_eq!(sections, names(), "the sections of the runbook are the alerts, in their order");
    for (name, text) in runbook() {
        for part in ["- Look: ", "- Do: "] {
            assert!(text.contains(part), "{name} has no {part:?}");
        }
    }
}

#[test]
fn the_runbook_names_metrics_and_flags_that_exist() {
    let mut bridge = Command::new(repo::bridge());
    let help = command::output(bridge.arg("--help")).unwrap_or_else(|error| panic!("{error}"));
    let operations = std::fs::read_to_string(repo::root().join("docs/operations.md")).expect("the page");
    for (name, text) in runbook() {
        for code in text.split('`').skip(1).step_by(2) {
            if code.starts_with("--") {
                let flag = code.split_whitespace().next().unwrap_or(code);
                assert!(help.contains(flag), "{name}: {code}");
            }
            if code.starts_with("postmqtt_") {
                assert!(operations.contains(&format!("`{code}`")), "{name}: {code}");
            }
        }
    }
}
