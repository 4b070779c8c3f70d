//! `cargo xtask demo`: the whole path on this machine, for a newcomer to try.

mod broker;
mod message;
mod once;
mod ready;
mod subscriber;
mod tour;

use std::thread;

use rig::dev::token::Token;
use rig::error::Context;
use rig::stack::{Builder, EnvoyConfig, Stack, end_on_ctrl_c, port_is_free};
use rig::{Error, Filter, Result, build, repo, tools};
use serde_json::json;

use self::broker::Broker;
use self::ready::Audience;
use self::subscriber::Subscriber;

/// What `demo` is told.
#[derive(clap::Args)]
pub struct Demo {
    /// The edge's port
    #[arg(long, default_value_t = 8080, value_name = "PORT")]
    http_port: u16,
    /// The edge's port for TLS
    #[arg(long, default_value_t = 8443, value_name = "PORT")]
    https_port: u16,
    /// The port of the demonstration's broker
    #[arg(long, default_value_t = 1883, value_name = "PORT")]
    mqtt_port: u16,
    /// The port of Envoy's administration
    #[arg(long, default_value_t = 9901, value_name = "PORT")]
    admin_port: u16,
    /// Which filter Envoy runs
    #[arg(long, value_enum, default_value_t)]
    filter: Filter,
    /// Your own broker instead of the demonstration's: mqtt://user:password@host:1883, or mqtts://…
    #[arg(
        long,
        env = "POSTMQTT_DEMO_BROKER",
        value_name = "URL",
        hide_env_values = true,
        conflicts_with = "mqtt_port"
    )]
    broker: Option<String>,
    /// Prints each message to this topic filter as a subscriber sees it, with its properties. By default: #, and with --broker
    /// nothing
    #[arg(long, value_name = "FILTER", num_args = 0..=1, default_missing_value = EVERYTHING)]
    watch: Option<String>,
    /// Publishes one message, shows what a subscriber received, and ends: with success only if all of it arrived
    #[arg(long)]
    once: bool,
    /// Plays a device and walks through publish, command and reply, batch, retry and retained messages, and ends
    #[arg(long, conflicts_with_all = ["once", "watch"])]
    tour: bool,
}

/// The topic filter of every topic.
const EVERYTHING: &str = "#";

/// Long enough for an afternoon.
const TOKEN_LIFETIME: i64 = 24 * 60 * 60;

// === impl Demo ===

impl Demo {
    /// Runs until Ctrl-C, or, with `--once`, until one message has arrived, or with `--tour`, until the tour is over.
    ///
    /// # Errors
    /// Returns an error if a port is in use, a program cannot be built or started, or the message does not arrive as it was sent.
    pub fn run(self) -> Result<()> {
        self.check_ports()?;
        let broker = self.broker()?;
        let watched = self.watched();
        if self.once || self.tour || watched.is_some() {
            // What the subscriber cannot do is said before anything is built.
            broker.options()?;
        }
        let stack = self.start(&broker)?;
        let token = Token { expires_in: TOKEN_LIFETIME, ..Token::default() }.sign()?;
        if self.once {
            return once::run(&stack, &broker, &token);
        }
        if self.tour {
            return tour::run(&stack, &broker, &token);
        }
        if let Some(filter) = watched {
            watch(&broker, filter)?;
        }
        let path = stack.directory().join("token");
        std::fs::write(&path, token).context(|| format!("{} cannot be written", path.display()))?;
        let audience = watched.map_or(Audience::Elsewhere, Audience::Here);
        println!("\n{}\n", ready::text(&stack.http_url(), &path, &broker.shown(), audience));
        stack.wait()
    }

    fn broker(&self) -> Result<Broker> {
        self.broker.as_deref().map_or_else(|| Ok(Broker::demonstration(self.mqtt_port)), Broker::parse)
    }

    /// The topic filter to subscribe to. What passes through another's broker is watched only on demand.
    fn watched(&self) -> Option<&str> {
        let default = if self.broker.is_none() { Some(EVERYTHING) } else { None };
        self.watch.as_deref().or(default)
    }

    /// A port in use is said at once, not after minutes of building.
    fn check_ports(&self) -> Result<()> {
        let ports = [
            ("--http-port", self.http_port),
            ("--https-port", self.https_port),
            ("--mqtt-port", self.mqtt_port),
            ("--admin-port", self.admin_port),
        ];
        let needed = |flag: &str| flag != "--mqtt-port" || self.broker.is_none();
        match ports.iter().find(|(flag, port)| needed(flag) && !port_is_free(*port)) {
            None => Ok(()),
            Some((flag, port)) => Err(Error::new(format!(
                "Port {port} of 127.0.0.1 is in use: end the program that listens there, or choose another port with {flag}."
            ))),
        }
    }

    fn start(&self, broker: &Broker) -> Result<Stack> {
        // What may be missing is fetched before anything is built.
        let toolchain = tools::wasm_toolchain()?;
        println!("envoy: {}", repo::shown(&tools::envoy()?));
        println!("building the filter (the first time takes a minute or two)");
        println!("filter: {}", repo::shown(&self.filter.build(toolchain)?));
        println!("building the bridge (the first time takes a few minutes)");
        println!("bridge: {}", repo::shown(&build::bridge()?));
        let mut stack = prepare(Stack::builder("demo"))
            .filter(self.filter.path())
            .http_port(self.http_port)
            .https_port(self.https_port)
            .admin_port(self.admin_port);
        if self.broker.is_some() {
            stack = stack.foreign_broker_at(broker.url.as_str());
        } else {
            println!("building the broker");
            println!("broker: {}", repo::shown(&build::demo_broker()?));
            stack = stack.mqtt_port(self.mqtt_port);
        }
        end_on_ctrl_c()?;
        let stack = stack.start()?;
        println!("broker: {}", broker.shown());
        println!("bridge: {}", stack.bridge_url(0));
        println!(
            "edge: {} and {}, administration {}",
            stack.http_url(),
            stack.https_url(),
            stack.admin_url()
        );
        Ok(stack)
    }
}

/// What the demonstration has beside what is shipped: a client may read the retained messages of the topics that it may
/// publish to.
#[must_use]
pub fn prepare(stack: Builder) -> Builder {
    stack.bridge_argument("--retained-reads=4").envoy_config(permit_reading)
}

fn permit_reading(config: &mut EnvoyConfig) {
    config.filter(|filter| {
        let Some(bindings) = filter["permissions"]["permissionBindings"].as_array_mut() else { return };
        let reading = bindings.iter().cloned().map(|mut binding| {
            binding["name"] = json!(format!("{}-read", binding["name"].as_str().unwrap_or_default()));
            binding["permission"] = json!("subscriber");
            binding
        });
        let reading: Vec<_> = reading.collect();
        bindings.extend(reading);
    });
}

/// Walks through the tour, on a [prepared](prepare) stack with the demonstration's broker.
///
/// # Errors
/// Returns an error if an answer is not as expected, or the device does not receive what it should.
pub fn tour(stack: &Stack, token: &str) -> Result<()> {
    tour::run(stack, &Broker::demonstration(stack.mqtt_port()), token)
}

/// Subscribes, and prints what arrives from then on.
fn watch(broker: &Broker, filter: &str) -> Result<()> {
    let subscriber = Subscriber::connect(broker, filter)?;
    thread::spawn(move || subscriber.receive_all(|message| println!("{}\n", message::described(message))));
    Ok(())
}

/// Publishes the documentation's example through a stack with the demonstration's broker, and checks what a subscriber
/// receives.
///
/// # Errors
/// Returns an error if the message is refused, or does not arrive as it was sent.
pub fn publish_once(stack: &Stack, token: &str) -> Result<()> {
    once::run(stack, &Broker::demonstration(stack.mqtt_port()), token)
}
