//! RMQTT's HTTP API (`rmqtt-http-api`), which publishes to the broker itself.
//!
//! It answers when the message is in the queues of its subscribers, in memory, and also if it could not be put there.

use std::process::Command;

use rig::stack::{Server, free_port};
use rig::{Result, build, example};
use serde_json::json;

use crate::requests::Requests;
use crate::run::Run;
use crate::workload::Workload;

/// Starts one, and tells its port for MQTT.
pub(super) fn start(run: &Run) -> Result<(Server, u16)> {
    let program = build::http_node()?;
    let mqtt = free_port()?;
    let server = run.measured.program("bench/rmqtt", "rmqtt", move |port| {
        let mut command = Command::new(&program);
        command.args([port, mqtt].map(|port| format!("127.0.0.1:{port}")));
        command
    })?;
    server.service.start()?;
    Ok((server, mqtt))
}

/// All have one topic, as [to RabbitMQ](super::rabbitmq::requests). The API has no place for the other properties.
pub(super) fn requests(workload: &Workload) -> Requests {
    let message = json!({ "topic": example::TOPIC, "payload": workload.payload(), "qos": 1 });
    Requests {
        name: "to RMQTT's HTTP API".to_owned(),
        count: workload.requests,
        connections: workload.connections,
        protocol: workload.protocol(),
        targets: vec!["/api/v1/mqtt/publish".to_owned()],
        headers: vec![("content-type", "application/json".to_owned())],
        payload: message.to_string(),
    }
}
