//! Publishes one message and prints the broker's answer.
//!
//! `cargo run -p mqtt-sessions --example publish -- 127.0.0.1 1883 pumps/7/state on`

use std::error::Error;

use mqtt_sessions::budget::{Budget, InFlightLimits};
use mqtt_sessions::config::{BrokerAddress, Config};
use mqtt_sessions::{Chain, Delivery, Message, Pool};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [host, port, topic, payload] = arguments.as_slice() else {
        return Err("usage: publish HOST PORT TOPIC PAYLOAD".into());
    };
    let pool = Pool::start(Config::new(BrokerAddress::tcp(host, port.parse()?)))?;
    let budget = Budget::new(InFlightLimits { messages: 100, bytes: 1024 * 1024 });
    let message = Message { content_type: Some("text/plain"), ..Message::new(topic, payload.clone()) };
    match pool.publish(&message, None, budget.admit()?).await {
        Ok(Delivery::Acknowledged(reason)) => println!("PUBACK with {reason}"),
        Ok(Delivery::Written) => println!("written"),
        Err(error) => println!("{}", Chain(&error)),
    }
    pool.close().await;
    Ok(())
}
