//! `deploy/observability`: every query of the dashboard and of the alerts is about series that exist; and
//! `docs/operations.md` has all that there is.

use std::path::PathBuf;

use end_to_end::promql::Query;
use end_to_end::series::Series;
use end_to_end::{Edge, Request, deploy};
use serde_json::Value;
use xtask::repo;

/// A query, and where it stands.
struct Asked {
    place: String,
    query: String,
}

/// What stands in dashboards for a stretch of time.
const RATE_INTERVAL: &str = "$__rate_interval";

fn page() -> String {
    let path: PathBuf = repo::root().join("docs/operations.md");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn alerts() -> Vec<Value> {
    let file = deploy::piece("observability/alerts.yaml");
    let groups = file["groups"].as_array().expect("groups").iter();
    groups.flat_map(|group| group["rules"].as_array().expect("rules").clone()).collect()
}

/// Every query of both files.
fn queries() -> Vec<Asked> {
    let dashboard = deploy::piece("observability/dashboard.json");
    let mut asked = Vec::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().expect("a query").replace(RATE_INTERVAL, "5m");
            asked.push(Asked { place: format!("panel {}", panel["title"]), query });
        }
    }
    let of_alert = |alert: &Value| Asked {
        place: format!("alert {}", alert["alert"]),
        query: alert["expr"].as_str().expect("a query").to_owned(),
    };
    asked.extend(alerts().iter().map(of_alert));
    asked
}

/// What a query asks for and no series has.
fn missing(query: &Query, series: &[Series]) -> Vec<String> {
    let known = |label: &str| {
        let mut asked =
            series.iter().filter(|series| query.selectors.iter().any(|one| one.name == series.name));
        asked.any(|series| series.labels.contains_key(label))
    };
    let unknown = query.grouped_by.iter().filter(|label| !known(label));
    let unknown = unknown.map(|label| format!("no series has the label {label}"));
    query.selectors.iter().flat_map(|selector| selector.missing_in(series)).chain(unknown).collect()
}

#[test]
fn every_query_is_about_series_that_exist() {
    let edge = Edge::as_shipped("queried", |stack| stack);
    let requests = [
        (Request::publish("devices/a"), [202, 204]),
        (Request::publish("devices/a").and("&qos=0"), [202, 202]),
        (Request::publish("devices/a").and("&qos=2"), [400, 400]),
        (Request::publish("not/permitted"), [403, 403]),
        (Request::publish("devices/a").without_token(), [401, 401]),
        (Request::post("/elsewhere"), [404, 404]),
    ];
    for (request, expected) in requests {
        let answer = edge.send(request);
        assert!(expected.contains(&answer.status), "{answer:?}");
    }
    let series = edge.series();
    let missing: Vec<String> = queries()
        .iter()
        .flat_map(|asked| {
            let missing = missing(&Query::read(&asked.query), &series);
            missing.into_iter().map(|what| format!("{}: {what}", asked.place))
        })
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_metric_of_the_bridge_and_every_counter_of_the_filter_is_on_the_page() {
    let edge = Edge::start("documented", |stack| stack);
    let page = page();
    for Series { name, labels } in edge.series().iter().filter(|series| series.name.starts_with("postmqtt_"))
    {
        let family = ["_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end));
        let name = family.unwrap_or(name);
        assert!(page.contains(&format!("`{name}`")), "{name} is not on the page");
        for label in labels.keys().filter(|label| *label != "le") {
            assert!(page.contains(&format!("`{label}`")), "{label} of {name} is not on the page");
        }
    }
}

#[test]
fn every_alert_says_what_happens_how_bad_it_is_and_is_on_the_page() {
    let page = page();
    for alert in alerts() {
        let name = alert["alert"].as_str().expect("a name");
        assert!(page.contains(&format!("`{name}`")), "{name} is not on the page");
        assert!(alert["annotations"]["summary"].is_string(), "{name} has no summary");
        assert!(["critical", "warning"].map(Value::from).contains(&alert["labels"]["severity"]), "{name}");
    }
}
