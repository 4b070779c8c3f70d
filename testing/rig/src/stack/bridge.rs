//! postmqtt-bridge as the stack's upstream.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::service::{Ready, Service};

/// One bridge of the stack.
pub(super) struct Bridge {
    pub(super) program: PathBuf,
    pub(super) port: u16,
    /// The broker of the stack.
    pub(super) broker_port: u16,
    /// Whether this bridge starts that broker itself.
    pub(super) embeds_broker: bool,
    pub(super) arguments: Vec<String>,
}

// === impl Bridge ===

impl Bridge {
    pub(super) fn service(self, name: String, directory: &Path) -> Service {
        let ready = Ready::Answers(format!("http://127.0.0.1:{}/readyz", self.port));
        let listen = format!("127.0.0.1:{}", self.port);
        let broker = format!("127.0.0.1:{}", self.broker_port);
        Service::new(name, directory, ready, move || {
            let mut command = Command::new(&self.program);
            command.args(["--listen", &listen]);
            if self.embeds_broker {
                command.args(["--embedded-broker", &broker]);
            } else {
                command.args(["--broker", &format!("mqtt://{broker}")]);
            }
            command.args(&self.arguments);
            command
        })
    }
}
