//! A broker in the same process, to try HTTP Publish with one command and any MQTT 5 client.
//!
//! It is not for production: it persists nothing, and has no authentication.
//!
//! The library is rumqttd, because it passes every property of a PUBLISH on unchanged and adds none, and because it supports
//! retained messages. mqtt5's broker adds a User Property `x-mqtt-client-id` to every message; rmqtt as a library has no
//! retained messages, and half as many dependencies again. The drawback: the port accepts MQTT 5 clients only
//! (`mosquitto_sub -V 5`).

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};

/// The buffer for slow subscribers, for each subscription: the number of segments and their size in bytes.
const SEGMENTS: usize = 10;
const SEGMENT_BYTES: usize = 10 * 1024 * 1024;

/// How often and at which interval to check whether the broker accepts connections.
const START_ATTEMPTS: u32 = 200;
const START_PAUSE: Duration = Duration::from_millis(10);

/// The largest Remaining Length of MQTT.
const MAXIMUM_PACKET_BYTES: usize = 268_435_455;

/// Starts the broker on its own threads, which end with the process.
///
/// # Errors
///
/// Returns an error if the address cannot be listened on.
pub fn start(address: SocketAddr) -> io::Result<()> {
    // The broker's thread would only log that the address is in use.
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
