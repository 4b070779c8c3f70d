//! RabbitMQ's management API, which publishes to an exchange.
//!
//! It opens a connection and a channel inside the server for each message, and answers when the server has confirmed the message.

use rig::example;
use rig::stack::RabbitMq;
use rig::{Result, tools};
use serde_json::{Map, json};

use crate::requests::Requests;
use crate::run::Run;
use crate::workload::Workload;

/// The exchange that subscribers over MQTT are bound to, in the virtual host `/`.
const TARGET: &str = "/api/exchanges/%2F/amq.topic/publish";

/// Of the user `guest`, whose password is `guest`, and who may come from this machine only.
const AUTHORIZATION: &str = "Basic Z3Vlc3Q6Z3Vlc3Q=";

/// Starts one, and tells its version.
pub(super) fn start(run: &Run) -> Result<(RabbitMq, String)> {
    let programs = tools::rabbitmq()?;
    let rabbitmq = RabbitMq::start(&programs, run.measured, "bench/rabbitmq")?;
    Ok((rabbitmq, programs.version))
}

/// The same messages as those of the workload, except that all have one topic: it is in the body, and h2load sends only one.
pub(super) fn requests(workload: &Workload) -> Requests {
    let user_properties = example::USER_PROPERTIES.map(|(name, value)| (name.to_owned(), value.into()));
    let message = json!({
        // MQTT's levels are AMQP's words.
        "routing_key": example::TOPIC.replace('/', "."),
        "payload": workload.payload(),
        "payload_encoding": "string",
        "properties": {
            // Persistent, which QoS 1 becomes in RabbitMQ.
            "delivery_mode": 2,
            "reply_to": example::RESPONSE_TOPIC,
            "correlation_id": String::from_utf8_lossy(example::CORRELATION_DATA),
            "content_type": example::CONTENT_TYPE,
            "headers": Map::from_iter(user_properties),
        },
    });
    Requests {
        name: "to RabbitMQ's management API".to_owned(),
        count: workload.requests,
        connections: workload.connections,
        protocol: workload.protocol(),
        targets: vec![TARGET.to_owned()],
        headers: vec![
            ("authorization", AUTHORIZATION.to_owned()),
            ("content-type", "application/json".to_owned()),
        ],
        payload: message.to_string(),
    }
}
