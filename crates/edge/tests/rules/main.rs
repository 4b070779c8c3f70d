//! The rules of the filter, with a host in memory.

mod batch;
mod fake_host;
mod head;
mod host_failures;
mod identity;
mod payload;
mod policy;
mod retained;

use edge::Config;

/// Every client may publish everything.
const OPEN: &str = r#"{"clientId": {"from": "none"}}"#;

fn config(json: &str) -> Config {
    Config::from_json(json.as_bytes()).expect("a valid configuration")
}
