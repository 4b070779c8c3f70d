//! A broker in the same process, so that HTTP Publish can be tried with one command and any MQTT 5 client.
//!
//! It is not for production: it keeps nothing when the process ends, and lets everybody in.
//!
//! The library is rumqttd. What decided: every property of a PUBLISH arrives at an independent subscriber just as it was
//! sent, and none is added; a retained message is kept for late subscribers and cleared by an empty payload. Of the
//! others, mqtt5's broker adds a User Property `x-mqtt-client-id` to every message and cannot be told not to, and
//! rmqtt's, used as a library, keeps no retained messages and has half as many dependencies again. The price: this port
//! takes MQTT 5 clients only (`mosquitto_sub -V 5`).

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};

/// How much of each subscription's messages is kept for slow subscribers: so many segments of so many bytes.
const SEGMENTS: usize = 10;
const SEGMENT_BYTES: usize = 10 * 1024 * 1024;

/// The broker's thread needs a moment to listen.
const START_ATTEMPTS: u32 = 200;
const START_PAUSE: Duration = Duration::from_millis(10);

/// MQTT's own limit of a packet.
const MAXIMUM_PACKET_BYTES: usize = 268_435_455;

/// Starts the broker on threads of its own, which end with the process.
///
/// # Errors
///
/// Nobody can listen at the address.
pub fn start(address: SocketAddr) -> io::Result<()> {
    // The broker's own thread would log that the address is taken, and nobody would be told.
    drop(TcpListener::bind(address)?);
    let mut broker = Broker::new(config(address));
    thread::Builder::new().name("broker".to_owned()).spawn(move || {
        if let Err(error) = broker.start() {
            tracing::error!("the embedded broker has stopped: {error}");
        }
    })?;
    wait_until_it_accepts(address)?;
    tracing::info!("embedded broker listening on mqtt://{address}, for MQTT 5 clients");
    Ok(())
}

fn wait_until_it_accepts(address: SocketAddr) -> io::Result<()> {
    let mut attempts = START_ATTEMPTS;
    loop {
        match TcpStream::connect(address) {
            Ok(_) => return Ok(()),
            Err(error) if attempts == 0 => return Err(error),
            Err(_) => {
                attempts -= 1;
                thread::sleep(START_PAUSE);
            }
        }
    }
}

fn config(address: SocketAddr) -> Config {
    let server = ServerSettings {
        name: "broker-v5".to_owned(),
        listen: address,
        tls: None,
        next_connection_delay_ms: 1,
        connections: ConnectionSettings {
            connection_timeout_ms: 5_000,
            max_payload_size: MAXIMUM_PACKET_BYTES,
            max_inflight_count: 100,
            auth: None,
            external_auth: None,
            dynamic_filters: true,
        },
    };
    Config {
        router: RouterConfig {
            max_connections: 1_000,
            max_outgoing_packet_count: 200,
            max_segment_size: SEGMENT_BYTES,
            max_segment_count: SEGMENTS,
            ..RouterConfig::default()
        },
        v5: Some(HashMap::from([("v5".to_owned(), server)])),
        ..Config::default()
    }
}
