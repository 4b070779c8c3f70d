//! Requests and replies over a bare MQTT client (rumqttc): what a bridge is compared with.
//!
//! `request_reply device PORT` answers what is published to `bench/command`, until it is ended. Once it can, it prints `subscribed`.
//! `request_reply client PORT WAITING COUNT` makes COUNT round trips, WAITING at a time, and prints what they took.

use std::collections::HashMap;
use std::error::Error;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish, PublishProperties};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};

const COMMAND: &str = "bench/command";
const REPLIES: &str = "bench/replies";
const PAYLOAD: [u8; 256] = [b'x'; 256];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["device", port] => device(port.parse()?).await,
        ["client", port, waiting, count] => client(port.parse()?, waiting.parse()?, count.parse()?).await,
        _ => Err("expected device PORT, or client PORT WAITING COUNT".into()),
    }
}

async fn device(port: u16) -> Result<(), Box<dyn Error>> {
    let (client, mut events) = connect("bench-device", port, COMMAND).await?;
    println!("subscribed");
    loop {
        let command = next(&mut events).await?;
        let asked = command.properties.unwrap_or_default();
        let Some(topic) = asked.response_topic else { continue };
        publish(&client, &topic, asked.correlation_data, None)?;
    }
}

async fn client(port: u16, waiting: usize, count: usize) -> Result<(), Box<dyn Error>> {
    let (client, mut events) = connect("bench-client", port, REPLIES).await?;
    let mut started: HashMap<u64, Instant> = HashMap::new();
    let mut latencies = Vec::with_capacity(count);
    let mut sent: u64 = 0;
    let start = Instant::now();
    while latencies.len() < count {
        while started.len() < waiting && (sent as usize) < count {
            let data = Bytes::copy_from_slice(&sent.to_be_bytes());
            publish(&client, COMMAND, Some(data), Some(REPLIES.to_owned()))?;
            started.insert(sent, Instant::now());
            sent += 1;
        }
        let reply = next(&mut events).await?;
        let data = reply.properties.and_then(|properties| properties.correlation_data);
        let key = data.and_then(|data| data[..].try_into().ok()).map(u64::from_be_bytes);
        if let Some(start) = key.and_then(|key| started.remove(&key)) {
            latencies.push(start.elapsed());
        }
    }
    let elapsed = start.elapsed();
    latencies.sort_unstable();
    let p99 = latencies[(count * 99 / 100).min(count - 1)];
    let rate = count as f64 / elapsed.as_secs_f64();
    println!(
        "{rate:.0} round trips a second, p99 {:.2} ms, {:.1} µs of processor time each",
        p99.as_secs_f64() * 1e3,
        cpu_time()?.as_secs_f64() * 1e6 / count as f64
    );
    Ok(())
}

async fn connect(name: &str, port: u16, filter: &str) -> Result<(AsyncClient, EventLoop), Box<dyn Error>> {
    let mut options = MqttOptions::new(name, "127.0.0.1", port);
    options.set_outgoing_inflight_upper_limit(u16::MAX);
    let mut network = rumqttc::NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    let (client, mut events) = AsyncClient::new(options, 100_000);
    client.subscribe(filter, QoS::AtLeastOnce).await?;
    while !matches!(events.poll().await?, Event::Incoming(Packet::SubAck(_))) {}
    Ok((client, events))
}

async fn next(events: &mut EventLoop) -> Result<Publish, Box<dyn Error>> {
    loop {
        if let Event::Incoming(Packet::Publish(publish)) = events.poll().await? {
            return Ok(publish);
        }
    }
}

fn publish(
    client: &AsyncClient,
    topic: &str,
    correlation_data: Option<Bytes>,
    response_topic: Option<String>,
) -> Result<(), Box<dyn Error>> {
    let properties = PublishProperties { correlation_data, response_topic, ..PublishProperties::default() };
    client.try_publish_with_properties(topic, QoS::AtLeastOnce, false, PAYLOAD.to_vec(), properties)?;
    Ok(())
}

/// The processor time that this process, which has one thread, has used.
fn cpu_time() -> Result<Duration, Box<dyn Error>> {
    let schedstat = std::fs::read_to_string("/proc/self/schedstat")?;
    let nanoseconds = schedstat.split_whitespace().next().unwrap_or_default().parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}
