//! A RabbitMQ with its management API and its MQTT plugin, for benchmarks.

use std::path::Path;
use std::process::Command;

use super::alone::{Core, Server, run_directory};
use super::ports;
use super::service::{Ready, Service};
use crate::error::{Context, Result};
use crate::tools::RabbitMqPrograms;

/// A running RabbitMQ. It ends when it is dropped.
#[derive(Debug)]
pub struct RabbitMq {
    /// The server, with the port of its management API.
    pub management: Server,
    /// Its port for MQTT.
    pub mqtt: u16,
    // In the order in which they end: the server first.
    _port_mapper: Service,
}

/// The ports of 127.0.0.1 where it listens.
#[derive(Clone, Copy)]
struct Listeners {
    management: u16,
    mqtt: u16,
    /// Other Erlang nodes, of which there are none.
    distribution: u16,
    port_mapper: u16,
}

// === impl RabbitMq ===

impl RabbitMq {
    /// Starts one on this core; it lets everybody in. The name is its directory's, where all that it writes is.
    ///
    /// # Errors
    /// Returns an error if it cannot be configured or started.
    pub fn start(programs: &RabbitMqPrograms, core: Core, name: &str) -> Result<Self> {
        let directory = run_directory(name)?;
        let listeners = Listeners::free()?;
        write(&directory.join("rabbitmq.conf"), &listeners.configuration())?;
        write(&directory.join("enabled_plugins"), "[rabbitmq_management,rabbitmq_mqtt].\n")?;
        // Without one, the server would start one that outlives it.
        let port_mapper = port_mapper(&programs.epmd, &directory, listeners.port_mapper);
        port_mapper.start()?;
        let service = server(&programs.server, &directory, listeners).on(core);
        service.start()?;
        let management = Server { service, port: listeners.management };
        Ok(Self { management, mqtt: listeners.mqtt, _port_mapper: port_mapper })
    }
}

fn port_mapper(program: &Path, directory: &Path, port: u16) -> Service {
    let program = program.to_path_buf();
    Service::new("epmd", directory, Ready::Accepts(ports::local(port)), move || {
        let mut command = Command::new(&program);
        command.args(["-port", &port.to_string(), "-address", "127.0.0.1"]);
        command
    })
}

/// Its MQTT plugin starts last.
fn server(program: &Path, directory: &Path, listeners: Listeners) -> Service {
    let (program, home) = (program.to_path_buf(), directory.to_path_buf());
    Service::new("rabbitmq", directory, Ready::Accepts(ports::local(listeners.mqtt)), move || {
        let mut command = Command::new(&program);
        // The system's own configuration is not read.
        command.env("RABBITMQ_CONF_ENV_FILE", "/dev/null");
        command.env("RABBITMQ_CONFIG_FILE", home.join("rabbitmq.conf"));
        command.env("RABBITMQ_ENABLED_PLUGINS_FILE", home.join("enabled_plugins"));
        command.env("RABBITMQ_MNESIA_BASE", home.join("data"));
        command.env("RABBITMQ_LOG_BASE", &home).env("RABBITMQ_LOGS", "-");
        command.env("RABBITMQ_NODENAME", "bench@localhost");
        command.env("RABBITMQ_DIST_PORT", listeners.distribution.to_string());
        let loopback = "-kernel inet_dist_use_interface {127,0,0,1}";
        command.env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", loopback);
        command.env("ERL_EPMD_PORT", listeners.port_mapper.to_string());
        // Where the secret of its Erlang nodes is made.
        command.env("HOME", &home);
        // The script then becomes the server, whose processor time is to be read, and does not wait for it.
        command.env("RUNNING_UNDER_SYSTEMD", "true");
        command
    })
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).context(|| format!("{} cannot be written", path.display()))
}

// === impl Listeners ===

impl Listeners {
    fn free() -> Result<Self> {
        Ok(Self {
            management: ports::free()?,
            mqtt: ports::free()?,
            distribution: ports::free()?,
            port_mapper: ports::free()?,
        })
    }

    fn configuration(self) -> String {
        let Self { management, mqtt, .. } = self;
        format!(
            "listeners.tcp = none\n\
             management.tcp.ip = 127.0.0.1\n\
             management.tcp.port = {management}\n\
             mqtt.listeners.tcp.1 = 127.0.0.1:{mqtt}\n\
             log.console.level = warning\n"
        )
    }
}
