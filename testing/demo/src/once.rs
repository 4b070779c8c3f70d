//! `cargo xtask demo --once`: publishes the documentation's example, and checks what an independent subscriber receives.

use std::time::Duration;

use rig::error::Context;
use rig::stack::Stack;
use rig::{Error, Result, example};
use rumqttc::v5::mqttbytes::v5::Publish;

use super::broker::Broker;
use super::message::text;
use super::subscriber::Subscriber;

/// Slow machines are slow.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn run(stack: &Stack, broker: &Broker, token: &str) -> Result<()> {
    let mut subscriber = Subscriber::connect(broker, example::TOPIC)?;
    println!("POST {}{}", stack.http_url(), example::PATH_AND_QUERY);
    let status = publish(&stack.http_url(), token).map_err(|error| error.with_log(stack.logs()))?;
    println!("{status}");
    let message = subscriber.receive().map_err(|error| error.with_log(stack.logs()))?;
    println!("\nwhat a subscriber received:");
    let properties = compare(&message);
    for property in &properties {
        println!("  {}: {}", property.name, property.received);
    }
    let wrong: Vec<String> = properties.iter().filter_map(Property::complaint).collect();
    if !wrong.is_empty() {
        return Err(Error::new(format!("The message did not arrive as it was sent: {}.", wrong.join("; "))));
    }
    println!("\nevery property arrived");
    Ok(())
}

/// One property as it was sent and as it came.
struct Property {
    name: &'static str,
    sent: String,
    received: String,
}

// === impl publishing ===

fn publish(base_url: &str, token: &str) -> Result<String> {
    let mut request = ureq::post(format!("{base_url}{}", example::PATH_AND_QUERY))
        .config()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .build()
        .header("Authorization", format!("Bearer {token}"));
    for (name, value) in example::HEADERS {
        request = request.header(name, value);
    }
    let mut response = request.send(example::PAYLOAD).context(|| "The request failed".to_owned())?;
    let status = response.status();
    if status.is_success() {
        return Ok(status.to_string());
    }
    let problem = response.body_mut().read_to_string().unwrap_or_default();
    Err(Error::new(format!("The edge answered {status}: {problem}")))
}

// === impl Property ===

fn compare(message: &Publish) -> Vec<Property> {
    let or_nothing = |value: Option<String>| value.unwrap_or_else(|| "(nothing)".to_owned());
    let properties = message.properties.clone().unwrap_or_default();
    let pairs = |pairs: Vec<(String, String)>| {
        pairs.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
    };
    let user_properties =
        example::USER_PROPERTIES.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let row = |name, sent: String, received: String| Property { name, sent, received };
    vec![
        row("Topic Name", example::TOPIC.to_owned(), text(&message.topic)),
        row("QoS", "1".to_owned(), (message.qos as u8).to_string()),
        row("RETAIN", "0".to_owned(), u8::from(message.retain).to_string()),
        row("Response Topic", example::RESPONSE_TOPIC.to_owned(), or_nothing(properties.response_topic)),
        row(
            "Correlation Data",
            text(example::CORRELATION_DATA),
            or_nothing(properties.correlation_data.map(|bytes| text(&bytes))),
        ),
        row("User Properties", pairs(user_properties), pairs(properties.user_properties)),
        row("Content Type", example::CONTENT_TYPE.to_owned(), or_nothing(properties.content_type)),
        row("Payload", text(example::PAYLOAD.as_bytes()), text(&message.payload)),
    ]
}

impl Property {
    fn complaint(&self) -> Option<String> {
        let Self { name, sent, received } = self;
        (sent != received).then(|| format!("{name} was {received} instead of {sent}"))
    }
}
