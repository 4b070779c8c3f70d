//! `demo-broker ADDRESS`: an MQTT broker for trying things out. It keeps everything in memory and accepts every client.
//!
//! The library is rmqtt; `docs/brokers.md` compares it with the others. Three of its defaults are changed here:
//!
//! - [`retained`]: messages are retained without a plugin
//! - [`publish`]: PUBACK 0x10 where there is no matching subscriber, and Message Expiry Intervals that are rounded up
//! - [`listener`]: no Message Expiry Interval is added to a message without one

mod listener;
mod publish;
mod retained;

use std::net::SocketAddr;
use std::process::ExitCode;

use rmqtt::context::ServerContext;
use rmqtt::server::MqttServer;

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(Ok(address)), None) = (arguments.next().map(|text| text.parse()), arguments.next()) else {
        eprintln!("usage: demo-broker ADDRESS, for example demo-broker 127.0.0.1:1883");
        return ExitCode::from(2);
    };
    if let Err(error) = run(address).await {
        eprintln!("error: the broker cannot listen on {address}: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

async fn run(address: SocketAddr) -> rmqtt::Result<()> {
    // A busy machine must not make the broker refuse connections, which is its default.
    let context = ServerContext::new().busy_check_enable(false).build().await;
    retained::install(&context).await;
    publish::install(&context).await;
    let listener = listener::bind(address)?;
    println!("listening on mqtt://{address}");
    MqttServer::new(context).listener(listener).build().run().await
}
