//! The profile `observability` of docker-compose.yml: what its Prometheus sees.
//!
//! Its Grafana is not started: it is in no package archive, and its image cannot be made from one.

use serde_json::Value;

use super::expectation::{eventually, expect};
use super::project::Project;
use crate::error::{Context, Result};

/// Starts Prometheus, waits until it scrapes the edge and both bridges, and removes it.
pub(super) fn check(project: &Project<'_>) -> Result<()> {
    project.run(&["up", "--detach", "--no-recreate", "--scale", "bridge=2", "prometheus"])?;
    let base = format!("http://127.0.0.1:{}/api/v1", project.ports().prometheus);
    eventually("Prometheus scrapes the edge and both bridges", || {
        let up = get(&format!("{base}/query?query=sum%20by%20(job)(up)"));
        let up = up.unwrap_or_default();
        let count = |job: &str| {
            let mut samples = up["data"]["result"].as_array().into_iter().flatten();
            samples.find(|sample| sample["metric"]["job"] == job).map(|sample| sample["value"][1].clone())
        };
        Ok(count("postmqtt-edge") == Some("1".into()) && count("postmqtt-bridge") == Some("2".into()))
    })?;
    let rules = get(&format!("{base}/rules?type=alert"))?;
    let groups = rules["data"]["groups"].as_array().map_or(0, Vec::len);
    expect(groups > 0, || format!("Prometheus has no alerts: {rules}."))?;
    project.run(&["rm", "--stop", "--force", "prometheus"]).map(drop)
}

fn get(url: &str) -> Result<Value> {
    let mut response = ureq::get(url).call().context(|| "Prometheus does not answer".to_owned())?;
    let text =
        response.body_mut().read_to_string().context(|| "Prometheus' answer cannot be read".to_owned())?;
    serde_json::from_str(&text).context(|| "Prometheus' answer is not JSON".to_owned())
}
