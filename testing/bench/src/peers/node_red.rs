//! Node-RED with a flow from `http in` over a function to `mqtt out`.
//!
//! It promises less than a bridge: its flow answers 204 when the message is on its way, and not after the broker's PUBACK, which
//! `mqtt out` does not tell.

use std::fs;
use std::path::Path;
use std::process::Command;

use rig::error::Context;
use rig::stack::Server;
use rig::{Result, repo, tools};
use serde_json::{Value, json};

use crate::run::Run;

const DIRECTORY: &str = "bench/node-red";
/// What the function of the flow does.
const FUNCTION: &str = "\
const pairs = JSON.parse(Buffer.from(msg.req.headers['mqtt-user-properties'], 'base64').toString());
return {
    req: msg.req, res: msg.res, payload: msg.payload,
    topic: msg.req.query.topic,
    qos: Number(msg.req.headers['mqtt-qos']),
    retain: msg.req.headers['mqtt-retain'] === '1',
    responseTopic: decodeURIComponent(msg.req.headers['mqtt-response-topic']),
    correlationData: Buffer.from(msg.req.headers['mqtt-correlation-data'], 'base64'),
    contentType: msg.req.headers['content-type'],
    userProperties: Object.assign({}, ...pairs),
};";

/// Starts one before the broker at this port.
pub(super) fn start(run: &Run, broker: u16) -> Result<Server> {
    let (node, script) = (tools::node()?, tools::node_red()?);
    let directory = repo::run(DIRECTORY);
    let (flow, settings) = (directory.join("flow.json"), directory.join("settings.js"));
    let files = [flow.clone(), settings.clone()];
    let server = run.measured.program(DIRECTORY, "node-red", move |port| {
        let mut command = Command::new(&node);
        command.arg(&script).args(["--port", &port.to_string()]);
        command.arg("--userDir").arg(&directory).arg("--settings").arg(&settings).arg(&flow);
        command
    })?;
    let [flow, settings] = files;
    write(&flow, &json!(nodes(broker)).to_string())?;
    // Without its editor.
    write(
        &settings,
        "module.exports = { uiHost: '127.0.0.1', httpAdminRoot: false, diagnostics: { enabled: false } };\n",
    )?;
    server.service.start()?;
    Ok(server)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).context(|| format!("{} cannot be written", path.display()))
}

fn nodes(broker: u16) -> Vec<Value> {
    let node = |id: &str, kind: &str, wires: &[&str], more: Value| {
        // A node without a place on the page would be taken for a configuration.
        let mut node = json!({ "id": id, "type": kind, "z": "flow", "x": 0, "y": 0, "wires": [wires] });
        if let (Some(node), Some(more)) = (node.as_object_mut(), more.as_object()) {
            node.extend(more.clone());
        }
        node
    };
    vec![
        json!({ "id": "flow", "type": "tab", "label": "publish" }),
        json!({
            "id": "broker", "type": "mqtt-broker", "broker": "127.0.0.1", "port": broker.to_string(),
            "autoConnect": true, "protocolVersion": "5", "keepalive": "60", "cleansession": true,
        }),
        node("in", "http in", &["message"], json!({ "url": "/mqtt/messages", "method": "post" })),
        node("message", "function", &["out", "answer"], json!({ "func": FUNCTION, "outputs": 1 })),
        node("out", "mqtt out", &[], json!({ "topic": "", "qos": "", "retain": "", "broker": "broker" })),
        node("answer", "http response", &[], json!({ "statusCode": "204", "headers": {} })),
    ]
}
