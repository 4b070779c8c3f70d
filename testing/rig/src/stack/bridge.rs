//! postmqtt-bridge as the stack's upstream.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::service::{Ready, Service};

/// One bridge of the stack.
pub(super) struct Bridge {
    pub(super) program: PathBuf,
    pub(super) port: u16,
    pub(super) broker_url: String,
    pub(super) arguments: Vec<String>,
}

// === impl Bridge ===

impl Bridge {
    pub(super) fn service(self, name: String, directory: &Path) -> Service {
        let ready = Ready::Answers(format!("http://127.0.0.1:{}/readyz", self.port));
        let listen = format!("127.0.0.1:{}", self.port);
        Service::new(name, directory, ready, move || {
            let mut command = Command::new(&self.program);
            command.args(["--listen", &listen]);
            // Not an argument: the URL may hold a password, and every user of the machine can read arguments.
            command.env("POSTMQTT_BROKER", &self.broker_url);
            command.args(&self.arguments);
            command
        })
    }
}
