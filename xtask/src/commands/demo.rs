//! `cargo xtask demo`: the whole path on this machine, for a newcomer to try.

use rig::dev::token::Token;
use rig::stack::{Stack, port_is_free};
use rig::{Error, Filter, Result, build, example, repo, tools};

use super::{end_on_ctrl_c, once, wasm_toolchain};

/// What `demo` is told.
#[derive(clap::Args)]
pub(crate) struct Demo {
    /// The edge's port
    #[arg(long, default_value_t = 8080, value_name = "PORT")]
    http_port: u16,
    /// The edge's port for TLS
    #[arg(long, default_value_t = 8443, value_name = "PORT")]
    https_port: u16,
    /// The broker's port
    #[arg(long, default_value_t = 1883, value_name = "PORT")]
    mqtt_port: u16,
    /// The port of Envoy's administration
    #[arg(long, default_value_t = 9901, value_name = "PORT")]
    admin_port: u16,
    /// Which filter Envoy runs
    #[arg(long, value_enum, default_value_t)]
    filter: Filter,
    /// Publishes one message, shows what a subscriber received, and ends: with success only if all of it arrived
    #[arg(long)]
    once: bool,
}

/// Long enough for an afternoon.
const TOKEN_LIFETIME: i64 = 24 * 60 * 60;

// === impl Demo ===

impl Demo {
    pub(crate) fn run(self) -> Result<()> {
        self.check_ports()?;
        let stack = self.start()?;
        let token = Token { expires_in: TOKEN_LIFETIME, ..Token::default() }.sign()?;
        if self.once {
            return once::run(&stack, &token);
        }
        println!("ready: paste this into another terminal (Ctrl-C here ends everything)\n");
        println!("{}\n", example::curl(&stack.http_url(), &token));
        println!("To see what arrives: mosquitto_sub -V 5 -p {} -t '#' -F '%t %q %P %p'", stack.mqtt_port());
        stack.wait()
    }

    /// A port in use is said at once, not after minutes of building.
    fn check_ports(&self) -> Result<()> {
        let ports = [
            ("--http-port", self.http_port),
            ("--https-port", self.https_port),
            ("--mqtt-port", self.mqtt_port),
            ("--admin-port", self.admin_port),
        ];
        match ports.iter().find(|(_, port)| !port_is_free(*port)) {
            None => Ok(()),
            Some((flag, port)) => Err(Error::new(format!(
                "Port {port} of 127.0.0.1 is in use: end the program that listens there, or choose another port with {flag}."
            ))),
        }
    }

    fn start(&self) -> Result<Stack> {
        // What may be missing is fetched before anything is built.
        let toolchain = wasm_toolchain()?;
        println!("envoy: {}", repo::shown(&tools::envoy()?));
        println!("building the filter (the first time takes a minute or two)");
        println!("filter: {}", repo::shown(&self.filter.build(toolchain)?));
        println!("building the bridge (the first time takes a few minutes)");
        println!("bridge: {}", repo::shown(&build::bridge()?));
        end_on_ctrl_c()?;
        let stack = Stack::builder("demo")
            .filter(self.filter.path())
            .http_port(self.http_port)
            .https_port(self.https_port)
            .mqtt_port(self.mqtt_port)
            .admin_port(self.admin_port)
            .start()?;
        println!("broker: mqtt://127.0.0.1:{} (inside the bridge)", stack.mqtt_port());
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
