//! One of the programs that are compared.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use rig::stack::Server;
use rig::{Error, Result, command};

use crate::h2load::H2load;
use crate::requests::Requests;

/// A program that publishes what it is sent over HTTP.
pub(super) struct Peer<'a> {
    pub(super) name: String,
    pub(super) server: &'a Server,
    pub(super) requests: Requests,
    /// The status of every answer.
    pub(super) due: u16,
    /// The port where its messages are received over MQTT.
    pub(super) broker: u16,
}

// === impl Peer ===

impl Peer<'_> {
    /// Sends one request until a subscriber receives this payload: an answer does not say that a message was published.
    pub(super) fn prove(&self, h2load: &H2load, subscriber: &Path, payload: &str) -> Result<()> {
        let mut subscribe = Command::new(subscriber);
        subscribe.args(["-h", "127.0.0.1", "-p", &self.broker.to_string(), "-q", "1", "-t", "#"]);
        // One message, within so many seconds.
        subscribe.args(["-C", "1", "-W", "60"]);
        let received = thread::spawn(move || command::output(&mut subscribe));
        while !received.is_finished() {
            // One before the subscription is not received. Since nothing subscribes otherwise, a bridge's answer is not the due one.
            let _ = h2load.send_all(&self.requests.one(), self.server.port, self.due);
            thread::sleep(Duration::from_millis(50));
        }
        let is_received = matches!(received.join(), Ok(Ok(message)) if message.trim_end() == payload);
        let not_received =
            || Error::new(format!("A subscriber does not receive what {} is sent.", self.name));
        is_received.then_some(()).ok_or_else(|| not_received().with_log(self.server.service.log_tail()))
    }

    /// Sends all requests, and returns how long it took and how much of that it had the processor.
    pub(super) fn send(&self, h2load: &H2load) -> Result<(Duration, Duration)> {
        let service = &self.server.service;
        let unknown = || Error::new("The system does not say how much processor time a program used.");
        let before = service.cpu_time().ok_or_else(unknown)?;
        let sent = h2load.send_all(&self.requests, self.server.port, self.due);
        let sent = sent.map_err(|error| error.with_log(service.log_tail()))?;
        let used = service.cpu_time().ok_or_else(unknown)?.saturating_sub(before);
        Ok((sent.elapsed, used))
    }
}
