//! `bare-client PORT IN_FLIGHT COUNT`: publishes COUNT messages with QoS 1 to a broker, IN_FLIGHT at a time, over one connection
//! with rumqttc. Prints how long that took until the last PUBACK, and the processor time that it took, in nanoseconds.
//!
//! The messages are those that a bridge publishes of the documentation's example with 256 bytes.

use std::time::Instant;

use baselines::{Error, argument};
use bytes::Bytes;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PublishProperties};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};

const TOPICS: u32 = 32;
const PAYLOAD: [u8; 256] = [b'a'; 256];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let port = argument(1, "a port")?;
    let in_flight: u16 = argument(2, "a number of messages in flight")?;
    let count: u32 = argument(3, "a number of messages")?;

    let mut options = MqttOptions::new("bare-client", "127.0.0.1", port);
    options.set_outgoing_inflight_upper_limit(in_flight);
    let mut network = rumqttc::NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    let (client, mut events) = AsyncClient::new(options, usize::from(in_flight));
    while !matches!(events.poll().await?, Event::Incoming(Packet::ConnAck(_))) {}

    let (start, cpu_before) = (Instant::now(), cpu_nanoseconds()?);
    let (mut sent, mut acknowledged) = (0, 0);
    while acknowledged < count {
        while sent < count && sent - acknowledged < u32::from(in_flight) {
            publish(&client, sent)?;
            sent += 1;
        }
        if let Event::Incoming(Packet::PubAck(_)) = events.poll().await? {
            acknowledged += 1;
        }
    }
    println!("{} {}", start.elapsed().as_nanos(), cpu_nanoseconds()? - cpu_before);
    Ok(())
}

fn publish(client: &AsyncClient, number: u32) -> Result<(), Error> {
    let device = format!("devices/CXa-{}", number % TOPICS);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let properties = PublishProperties {
        response_topic: Some(format!("{device}/reply")),
        correlation_data: Some(Bytes::from_static(b">U\xc2\xb1\xc2\xb6\xc2\xb6\xc2\xbb/")),
        user_properties: vec![
            pair("Urgency", "alert"),
            pair("RequestId", "55f4a7ee-b0b4-4d7f-8eb5-2edba2ced5d7"),
        ],
        content_type: Some("text/plain;charset=UTF-8".to_owned()),
        ..PublishProperties::default()
    };
    let topic = format!("{device}/prompt");
    client.try_publish_with_properties(topic, QoS::AtLeastOnce, false, PAYLOAD.to_vec(), properties)?;
    Ok(())
}

/// What this program's only thread has used (Linux's `schedstat`).
fn cpu_nanoseconds() -> Result<u64, Error> {
    let schedstat = std::fs::read_to_string("/proc/self/schedstat")?;
    Ok(schedstat.split(' ').next().unwrap_or_default().parse()?)
}
