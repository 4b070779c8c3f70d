//! A real Prometheus that scrapes an edge and its bridges as `docs/operations.md` says.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{SystemTime, UNIX_EPOCH};

use rig::{repo, stack};
use serde_json::{Value, json};

use crate::{Edge, Endpoint, Protocol, Request, eventually, percent_encoded};

/// The Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    process: stack::Prometheus,
    /// How many edges and bridges it scrapes.
    targets: usize,
}

/// What a query gives for one set of labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The labels; the name of a metric is `__name__`.
    pub labels: BTreeMap<String, String>,
    /// The number.
    pub value: f64,
}

/// An alert, as Prometheus sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alert {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub state: AlertState,
    /// What went wrong when its expression was evaluated last.
    pub error: Option<String>,
}

/// Where an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertState {
    /// Its expression is not true.
    Inactive,
    /// It is true, but not yet for long enough.
    Pending,
    /// It is to be sent.
    Firing,
}

/// How often Prometheus scrapes and evaluates here.
const INTERVAL: &str = "1s";

// === impl Prometheus ===

impl Prometheus {
    /// Starts one that scrapes this edge and its bridges and evaluates these rules, and waits until it has scraped all.
    ///
    /// # Panics
    /// Where the page has no configuration for it, or Prometheus does not take it.
    #[must_use]
    pub fn start(edge: &Edge, rules: &Value) -> Self {
        let directory = edge.stack().directory();
        // JSON is YAML.
        std::fs::write(directory.join("alerts.yaml"), rules.to_string()).expect("the rules can be written");
        let bridges = edge.stack().bridges().len();
        let bridges: Vec<String> = (0..bridges).map(|index| edge.stack().bridge_url(index)).collect();
        let mut configuration = page_configuration();
        put(&mut configuration, "bridge:8081", &bridges);
        put(&mut configuration, "envoy:9902", &[edge.stack().stats_url()]);
        configuration["global"] = json!({
            "scrape_interval": INTERVAL,
            "scrape_timeout": INTERVAL,
            "evaluation_interval": INTERVAL,
        });
        configuration["rule_files"] = json!(["alerts.yaml"]);
        let process = stack::Prometheus::start(directory, &configuration.to_string());
        let process = process.unwrap_or_else(|error| panic!("{error}"));
        let prometheus = Self { process, targets: bridges.len() + 1 };
        prometheus.wait_for_scrape();
        prometheus
    }

    /// Waits until everything was scraped once more, so that what has happened until now is known.
    ///
    /// # Panics
    /// Where something cannot be scraped.
    pub fn wait_for_scrape(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs_f64();
        let query = format!("timestamp(up == 1) > {now:.3}");
        eventually("Prometheus to scrape", || (self.query(&query).len() == self.targets).then_some(()));
    }

    /// Evaluates a query, as of now.
    ///
    /// # Panics
    /// Where Prometheus does not take it.
    #[must_use]
    pub fn query(&self, query: &str) -> Vec<Sample> {
        let data = self.get(&format!("/api/v1/query?query={}", percent_encoded(query)));
        assert_eq!(data["resultType"], "vector", "{query}");
        data["result"].as_array().expect("samples").iter().map(Sample::read).collect()
    }

    /// All alerts, each as it was evaluated last; empty until all have been.
    ///
    /// # Panics
    /// Where Prometheus does not tell.
    #[must_use]
    pub fn alerts(&self) -> Vec<Alert> {
        let data = self.get("/api/v1/rules?type=alert");
        let groups = data["groups"].as_array().expect("groups").iter();
        let rules = groups.flat_map(|group| group["rules"].as_array().expect("rules"));
        rules.map(Alert::read).collect::<Option<_>>().unwrap_or_default()
    }

    fn get(&self, target: &str) -> Value {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.process.port()));
        let request = Request::post(target).method("GET").without_token();
        let answer = Endpoint::plain("prometheus", address, Protocol::Http1).send(request);
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        let mut document: Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!(document["status"], "success", "{target}: {document}");
        document["data"].take()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- prometheus\n{}", self.process.service().log_tail());
        }
    }
}

// === impl Sample ===

impl Sample {
    fn read(value: &Value) -> Self {
        let labels = value["metric"].as_object().expect("labels").iter();
        let labels = labels.map(|(name, value)| (name.clone(), value.as_str().expect("a label").to_owned()));
        let number = value["value"][1].as_str().expect("a number");
        Self { labels: labels.collect(), value: number.parse().expect("a number") }
    }
}

// === impl Alert ===

impl Alert {
    /// `None` where it has not been evaluated yet.
    fn read(rule: &Value) -> Option<Self> {
        let error = match rule["health"].as_str().expect("a rule's health") {
            "unknown" => return None,
            "ok" => None,
            _ => Some(rule["lastError"].to_string()),
        };
        let state = match rule["state"].as_str().expect("a rule's state") {
            "inactive" => AlertState::Inactive,
            "pending" => AlertState::Pending,
            "firing" => AlertState::Firing,
            unknown => panic!("what is {unknown}"),
        };
        Some(Self { name: rule["name"].as_str().expect("a rule's name").to_owned(), state, error })
    }
}

/// The configuration that the page prints.
fn page_configuration() -> Value {
    let page = std::fs::read_to_string(repo::root().join("docs/operations.md")).expect("the page");
    let blocks = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut printed = blocks.filter(|block| block.starts_with("scrape_configs:"));
    let (Some(one), None) = (printed.next(), printed.next()) else {
        panic!("the page prints one configuration for Prometheus")
    };
    serde_saphyr::from_str(one).expect("YAML")
}

/// Puts these URLs' addresses in the place of an example's.
fn put(configuration: &mut Value, example: &str, urls: &[String]) {
    let addresses: Vec<&str> = urls.iter().map(|url| url.trim_start_matches("http://")).collect();
    let jobs = configuration["scrape_configs"].as_array_mut().expect("jobs").iter_mut();
    let targets = jobs.map(|job| &mut job["static_configs"][0]["targets"]);
    let mut places: Vec<&mut Value> = targets.filter(|targets| **targets == json!([example])).collect();
    let [place] = &mut places[..] else { panic!("one job scrapes {example}") };
    **place = json!(addresses);
}
