//! `cargo xtask chart`: renders the plain manifests of `deploy/kubernetes` from the Helm chart.
//!
//! Rendering is done by Helm 4 itself, which the Python package helm-python-sdk brings as a library; objects are held
//! against the schemas of kubernetes-validate, strictly, so that a misspelt field is an error.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rig::error::Context;
use rig::{Error, Result, repo, tools};
use serde_json::{Value, json};

/// The version of Kubernetes that the objects are for; the chart's `kubeVersion` is the oldest.
const KUBERNETES: &str = "1.36";

/// The manifests with the chart's own values.
const BRIDGE: &str = "bridge.yaml";
/// All that the chart can make; for checks alone.
const EVERYTHING: &str = "everything";

/// What a run of chart.py says.
#[derive(serde::Deserialize)]
struct Report {
    complaints: Vec<String>,
    rendered: BTreeMap<String, String>,
    refused: BTreeMap<String, String>,
}

/// A set of values, by a name.
struct Case {
    name: &'static str,
    values: Value,
}

/// Writes the manifests.
pub(crate) fn run() -> Result<()> {
    let path = manifests();
    std::fs::write(&path, plain(&checked()?)?).context(|| format!("{} cannot be written", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

fn manifests() -> PathBuf {
    repo::root().join("deploy").join("kubernetes").join(BRIDGE)
}

/// Both sets of values, rendered and found right.
fn checked() -> Result<Report> {
    let config =
        std::fs::read_to_string(repo::envoy_yaml()).context(|| "envoy.yaml cannot be read".to_owned())?;
    let everything = json!({
        "broker": { "url": "mqtts://broker:8883", "username": "bridge", "password": "p", "tlsSecret": "broker-tls" },
        "bridge": {
            "arguments": ["--sessions", "4"],
            "env": [{ "name": "POSTMQTT_LOG", "value": "debug" }],
            "podAnnotations": { "a": "b" },
            "nodeSelector": { "a": "b" },
            "tolerations": [{ "operator": "Exists" }],
        },
        "imagePullSecrets": [{ "name": "registry" }],
        "autoscaling": { "enabled": true },
        "networkPolicy": {
            "from": [{ "namespaceSelector": { "matchLabels": { "a": "b" } } }],
            "metricsFrom": [{ "podSelector": { "matchLabels": { "app": "prometheus" } } }],
        },
        "serviceMonitor": { "enabled": true, "labels": { "release": "prometheus" } },
        "edge": {
            "enabled": true, "config": config, "jwks": "{}", "tlsSecret": "edge-tls",
            "service": { "type": "LoadBalancer", "annotations": { "a": "b" } },
        },
    });
    let report =
        render(&[Case { name: BRIDGE, values: json!({}) }, Case { name: EVERYTHING, values: everything }])?;
    let refused = report.refused.iter().map(|(name, reason)| format!("{name}: {reason}"));
    let complaints: Vec<String> = report.complaints.iter().cloned().chain(refused).collect();
    if complaints.is_empty() { Ok(report) } else { Err(Error::new(complaints.join("\n"))) }
}

fn plain(report: &Report) -> Result<String> {
    let rendered = report.rendered.get(BRIDGE).ok_or_else(|| Error::new("The chart makes nothing."))?;
    Ok(format!(
        "# The bridges with the values of the Helm chart, which `cargo xtask chart` rendered: change those, not this.\n\
         # The namespace `postmqtt` has to be there: kubectl create namespace postmqtt\n---\n{rendered}"
    ))
}

fn render(cases: &[Case]) -> Result<Report> {
    let chart = repo::root().join("deploy").join("helm").join("postmqtt");
    let cases: Vec<Value> =
        cases.iter().map(|case| json!({ "name": case.name, "values": case.values })).collect();
    let order = json!({ "chart": chart, "kubernetes": KUBERNETES, "cases": cases });
    let wrong = || "the chart cannot be rendered".to_owned();
    let mut python = Command::new(tools::helm()?);
    python.args(["-c", include_str!("chart.py")]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = python.spawn().context(wrong)?;
    // Dropped at the end of the statement, which is the end of Python's input.
    child
        .stdin
        .take()
        .map_or(Ok(()), |mut input| input.write_all(order.to_string().as_bytes()))
        .context(wrong)?;
    let output = child.wait_with_output().context(wrong)?;
    if !output.status.success() {
        return Err(Error::new("The chart cannot be rendered: what Python says is above."));
    }
    serde_json::from_slice(&output.stdout).context(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifests_are_what_the_chart_makes_and_what_kubernetes_takes() {
        let found = std::fs::read_to_string(manifests()).unwrap();
        assert!(found == plain(&checked().unwrap()).unwrap(), "run `cargo xtask chart`");
    }

    #[test]
    fn the_edge_has_envoy_yaml_but_for_the_places_of_the_bridges_and_the_filter() {
        let report = checked().unwrap();
        let shipped = std::fs::read_to_string(repo::envoy_yaml()).unwrap();
        let lines: Vec<&str> = report.rendered[EVERYTHING].lines().collect();
        let first = lines.iter().position(|line| line.trim() == shipped.lines().next().unwrap()).unwrap();
        let mut changed: Vec<&str> = Vec::new();
        for (rendered, shipped) in lines[first..].iter().zip(shipped.lines()) {
            if rendered.trim() != shipped.trim() {
                changed.push(rendered.trim());
            }
        }
        assert_eq!(
            changed,
            [
                "code: { local: { filename: /opt/postmqtt/plugin.wasm } } # HERE",
                "- endpoint: { address: { socket_address: { address: postmqtt-bridges.postmqtt.svc, port_value: 8081 } } }",
            ]
        );
    }

    #[test]
    fn the_schema_refuses_values_that_cannot_work() {
        let rows = [
            ("a broker of another protocol", json!({ "broker": { "url": "http://broker" } })),
            ("credentials in the URL", json!({ "broker": { "url": "mqtt://user:password@broker" } })),
            ("two passwords", json!({ "broker": { "password": "p", "passwordSecret": "s" } })),
            ("a misspelt value", json!({ "bridge": { "replica": 3 } })),
            ("an edge without a configuration", json!({ "edge": { "enabled": true } })),
            ("less time to end than it takes", json!({ "bridge": { "terminationGracePeriodSeconds": 5 } })),
        ];
        let cases: Vec<Case> = rows.into_iter().map(|(name, values)| Case { name, values }).collect();
        let report = render(&cases).unwrap();
        let accepted: Vec<&String> = report.rendered.keys().collect();
        assert!(accepted.is_empty(), "{accepted:?}");
        assert_eq!(report.refused.len(), cases.len());
    }
}
