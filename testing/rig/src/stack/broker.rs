//! The broker of a stack.

use std::path::Path;
use std::process::Command;

use super::mosquitto::Mosquitto;
use super::ports;
use super::service::{Ready, Service};
use crate::error::Result;
use crate::repo;

/// Which broker the bridges publish to.
pub(super) enum Broker {
    /// This repository's `demo-broker`.
    Demonstration,
    Mosquitto(Mosquitto),
    /// One that the stack neither starts nor ends, at this URL.
    Foreign(String),
}

// === impl Broker ===

impl Broker {
    /// Where the bridges find it; `port` is the port of a broker that the stack starts.
    pub(super) fn url(&self, port: u16) -> String {
        match self {
            Self::Demonstration | Self::Mosquitto(_) => format!("mqtt://127.0.0.1:{port}"),
            Self::Foreign(url) => url.clone(),
        }
    }

    /// The broker as a program of the stack; `None` if it is foreign.
    ///
    /// # Errors
    /// Returns an error if Mosquitto cannot be found or configured.
    pub(super) fn service(&self, directory: &Path, port: u16) -> Result<Option<Service>> {
        match self {
            Self::Demonstration => Ok(Some(demonstration(directory, port))),
            Self::Mosquitto(mosquitto) => mosquitto.service(directory, port).map(Some),
            Self::Foreign(_) => Ok(None),
        }
    }
}

fn demonstration(directory: &Path, port: u16) -> Service {
    let address = ports::local(port);
    Service::new("demo-broker", directory, Ready::Accepts(address), move || {
        let mut command = Command::new(repo::demo_broker());
        command.arg(address.to_string());
        command
    })
}
