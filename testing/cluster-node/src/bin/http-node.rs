//! `http-node HTTP MQTT`: RMQTT with its HTTP API, for `cargo xtask bench peers --rmqtt`. HTTP and MQTT are the addresses where it
//! listens. It keeps everything in memory and accepts every client.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use rmqtt::context::ServerContext;
use rmqtt::net::{Builder, Result};
use rmqtt::node::Node;
use rmqtt::server::MqttServer;

const USAGE: &str = "usage: http-node HTTP MQTT";

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let addresses: Vec<SocketAddr> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let [http, mqtt] = addresses[..] else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(http, mqtt).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(http: SocketAddr, mqtt: SocketAddr) -> Result<()> {
    // A busy machine must not make the broker refuse connections, which is its default.
    let context = ServerContext::new()
        .node(Node::new(1, 80.0, 90.0, Duration::from_secs(2)))
        .busy_check_enable(false)
        .plugins_config_map_add("rmqtt-http-api", format!("http_laddr = \"{http}\"\n"))
        .build()
        .await;
    // Before the API, which shows that it is ready.
    let listener =
        Builder::new().name("mqtt").laddr(mqtt).reuseaddr(Some(true)).nodelay(true).bind()?.tcp()?;
    rmqtt_http_api::register(&context, true, true).await?;
    MqttServer::new(context).listener(listener).build().run().await
}
