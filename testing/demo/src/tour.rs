//! `cargo xtask demo --tour`: plays a device that answers commands, and walks through what the API can do. Each step prints its
//! `curl` command, its answer, and what the device received; an answer that is not as expected ends the tour with an error.

use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rig::error::Context;
use rig::stack::Stack;
use rig::{Error, Result};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish, PublishProperties};
use rumqttc::v5::{Client, Event};
use ureq::http::Request;
use ureq::{Agent, http};

use super::broker::Broker;
use super::message::{described, text};

/// A request, and what is expected of it.
struct Step {
    title: &'static str,
    method: &'static str,
    target: &'static str,
    fields: &'static [(&'static str, &'static str)],
    body: &'static str,
    /// Of several, each is right: some brokers say that nothing subscribes to a topic.
    statuses: &'static [u16],
    /// How many messages the device receives.
    received: usize,
}

/// The device, and what it received.
struct Device {
    _client: Client,
    received: Receiver<Publish>,
}

/// Slow machines are slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// Long enough for a message that should not come.
const QUIET: Duration = Duration::from_millis(300);

const COMMANDS: &str = "devices/pump-7/command";

/// The fields of an answer that are shown.
const SHOWN: [&str; 7] = [
    "content-type",
    "preference-applied",
    "idempotent-replayed",
    "etag",
    "x-ms-mqtt-topic",
    "x-ms-mqtt-size",
    "mqtt-reason-code",
];

const STEPS: [Step; 8] = [
    Step {
        title: "A message: 204 is the broker's PUBACK",
        method: "POST",
        target: "/mqtt/messages?topic=devices%2Fpump-7%2Fcommand",
        fields: &[("Content-Type", "application/json")],
        body: r#"{"speed":3}"#,
        statuses: &[204],
        received: 1,
    },
    Step {
        title: "A command: the device's reply is the answer",
        method: "POST",
        target: "/mqtt/messages?topic=devices%2Fpump-7%2Fcommand",
        fields: &[("Content-Type", "application/json"), ("Prefer", "wait=10")],
        body: r#"{"speed":5}"#,
        statuses: &[200],
        received: 1,
    },
    Step {
        title: "A batch: one line of the answer for each message",
        method: "POST",
        target: "/mqtt/messages/batch?topic=devices%2Fpump-7%2Fcommand",
        fields: &[("Content-Type", "application/x-ndjson")],
        body: "{\"payload\":\"first\"}\n{\"payload\":\"second\"}\n",
        statuses: &[200],
        received: 2,
    },
    Step {
        title: "A message with a key",
        method: "POST",
        target: "/mqtt/messages?topic=devices%2Fpump-7%2Fcommand",
        fields: &[("Idempotency-Key", "order-4711")],
        body: "once",
        statuses: &[204],
        received: 1,
    },
    Step {
        title: "The same again, as a client retries: nothing is published, and the answer is the first one's",
        method: "POST",
        target: "/mqtt/messages?topic=devices%2Fpump-7%2Fcommand",
        fields: &[("Idempotency-Key", "order-4711")],
        body: "once",
        statuses: &[204],
        received: 0,
    },
    Step {
        title: "A retained message: set, though nothing subscribes to it",
        method: "POST",
        target: "/mqtt/messages?topic=devices%2Fpump-7%2Fstate&retain=1",
        fields: &[("Content-Type", "application/json")],
        body: r#"{"speed":5}"#,
        statuses: &[202, 204],
        received: 0,
    },
    Step {
        title: "Read",
        method: "GET",
        target: "/mqtt/retainedMessages/message?topic=devices%2Fpump-7%2Fstate",
        fields: &[],
        body: "",
        statuses: &[200],
        received: 0,
    },
    Step {
        title: "And cleared, with an empty message",
        method: "POST",
        target: "/mqtt/messages?topic=devices%2Fpump-7%2Fstate&retain=1",
        fields: &[],
        body: "",
        statuses: &[202, 204],
        received: 0,
    },
];

pub(super) fn run(stack: &Stack, broker: &Broker, token: &str) -> Result<()> {
    let device = Device::connect(broker)?;
    let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
    let agent = Agent::new_with_config(config);
    for (number, step) in STEPS.iter().enumerate() {
        println!("\n--- {}. {}\n\n{}\n", number + 1, step.title, step.curl(&stack.http_url()));
        step.send(&agent, &stack.http_url(), token).map_err(|error| error.with_log(stack.logs()))?;
        for message in device.received(step.received)? {
            println!("\nThe device received {}", described(&message));
        }
    }
    println!("\nThat was the tour.");
    Ok(())
}

// === impl Step ===

impl Step {
    fn curl(&self, base_url: &str) -> String {
        let mut command = format!("curl -i -X {} '{base_url}{}'", self.method, self.target);
        command.push_str(" \\\n  -H \"Authorization: Bearer $TOKEN\"");
        for (name, value) in self.fields {
            command.push_str(&format!(" -H '{name}: {value}'"));
        }
        if self.method == "POST" {
            let body = self.body.replace('\n', "\\n");
            let quote = if body == self.body { "" } else { "$" };
            command.push_str(&format!(" --data-raw {quote}'{body}'"));
        }
        command
    }

    /// Sends the request and prints its answer.
    fn send(&self, agent: &Agent, base_url: &str, token: &str) -> Result<()> {
        let mut request = Request::builder()
            .method(self.method)
            .uri(format!("{base_url}{}", self.target))
            .header("Authorization", format!("Bearer {token}"));
        for (name, value) in self.fields {
            request = request.header(*name, *value);
        }
        let failed = || "The request failed".to_owned();
        let mut response = if self.method == "GET" {
            agent.run(request.body(()).context(failed)?).context(failed)?
        } else {
            agent.run(request.body(self.body).context(failed)?).context(failed)?
        };
        print_head(&response);
        let body = response.body_mut().read_to_string().context(|| "The answer cannot be read".to_owned())?;
        if !body.is_empty() {
            println!("\n{}", body.trim_end());
        }
        if self.statuses.contains(&response.status().as_u16()) {
            return Ok(());
        }
        Err(Error::new(format!(
            "The answer was {} instead of one of {:?}.",
            response.status(),
            self.statuses
        )))
    }
}

fn print_head<B>(response: &http::Response<B>) {
    println!("{}", response.status());
    for name in SHOWN {
        if let Some(value) = response.headers().get(name) {
            println!("{name}: {}", text(value.as_bytes()));
        }
    }
}

// === impl Device ===

impl Device {
    /// Subscribes to its commands, and answers those that ask for it.
    fn connect(broker: &Broker) -> Result<Self> {
        let (client, mut connection) = Client::new(broker.options()?, 100);
        client.subscribe(COMMANDS, QoS::AtLeastOnce).context(|| "Subscribing failed".to_owned())?;
        let (sender, received) = channel();
        let (subscribed, confirmed) = channel();
        let answering = client.clone();
        thread::spawn(move || {
            while let Ok(Ok(event)) = connection.recv() {
                let is_wanted = match event {
                    Event::Incoming(Packet::SubAck(_)) => subscribed.send(()).is_ok(),
                    Event::Incoming(Packet::Publish(command)) => {
                        answer(&answering, &command);
                        sender.send(command).is_ok()
                    }
                    _ => true,
                };
                if !is_wanted {
                    return;
                }
            }
        });
        confirmed.recv_timeout(PATIENCE).context(|| "The broker does not answer the device".to_owned())?;
        Ok(Self { _client: client, received })
    }

    /// This number of messages, and no more.
    fn received(&self, count: usize) -> Result<Vec<Publish>> {
        let missing = || "The device received nothing in time".to_owned();
        let messages: Result<Vec<_>> =
            (0..count).map(|_| self.received.recv_timeout(PATIENCE).context(missing)).collect();
        match self.received.recv_timeout(QUIET) {
            Ok(message) => Err(Error::new(format!("The device also received {}", described(&message)))),
            Err(_) => messages,
        }
    }
}

/// Publishes the reply to a command, if it asks for one (MQTT 5.0, 4.10.1).
fn answer(client: &Client, command: &Publish) {
    let asked = command.properties.clone().unwrap_or_default();
    let Some(topic) = asked.response_topic else { return };
    let properties = PublishProperties {
        correlation_data: asked.correlation_data,
        content_type: Some("application/json".to_owned()),
        ..PublishProperties::default()
    };
    let reply = format!("{{\"done\":{}}}", text(&command.payload));
    // The caller waits in vain then, which the tour says.
    let _ = client.try_publish_with_properties(topic, QoS::AtLeastOnce, false, reply, properties);
}
