//! A steady load of small messages.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ureq::Agent;

use crate::error::{Error, Result};

/// Sends requests to one edge as one client.
#[derive(Clone)]
pub(super) struct Client {
    agent: Agent,
    url: String,
    token: String,
}

/// Requests a second.
const RATE: u32 = 50;

/// A message is published: 204, or 202 if the broker had no subscriber for it.
pub(super) const PUBLISHED: [u16; 2] = [202, 204];

const TIMEOUT: Duration = Duration::from_secs(20);

// === impl Client ===

impl Client {
    pub(super) fn new(port: u16, token: &str) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(TIMEOUT));
        Self {
            agent: config.build().into(),
            url: format!("http://127.0.0.1:{port}"),
            token: token.to_owned(),
        }
    }

    /// Posts, with a token, and gives the status.
    pub(super) fn post(&self, target: &str, fields: &[(&str, &str)], payload: &str) -> Result<u16> {
        let authorization = format!("Bearer {}", self.token);
        self.send(target, &[fields, &[("authorization", &authorization)]].concat(), payload)
    }

    /// Posts without a token, and gives the status.
    pub(super) fn send(&self, target: &str, fields: &[(&str, &str)], payload: &str) -> Result<u16> {
        let mut request = self.agent.post(format!("{}{target}", self.url));
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let answer = request.send(payload);
        answer.map(|answer| answer.status().as_u16()).map_err(|error| Error::new(format!("{error}.")))
    }

    /// Publishes 50 messages a second, each to a different topic, while `disturb` runs and for two seconds before and
    /// after. Returns the number of messages and the longest time that an answer took.
    ///
    /// # Errors
    /// Returns an error if `disturb` does, or if a message is not published.
    pub(super) fn keep_publishing(&self, disturb: impl FnOnce() -> Result<()>) -> Result<(usize, Duration)> {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (sender, outcomes) = mpsc::channel();
            let stop = &stop;
            scope.spawn(move || {
                let start = Instant::now();
                for number in 0_u32.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    std::thread::sleep(
                        (start + Duration::from_secs(1) * number / RATE)
                            .saturating_duration_since(Instant::now()),
                    );
                    let sender = sender.clone();
                    scope.spawn(move || {
                        let began = Instant::now();
                        let status =
                            self.post(&format!("/mqtt/messages?topic=devices%2Fload%2F{number}"), &[], "x");
                        // The receiver lives until every sender has gone.
                        let _ = sender.send((status, began.elapsed()));
                    });
                }
            });
            std::thread::sleep(Duration::from_secs(2));
            let disturbed = disturb();
            std::thread::sleep(Duration::from_secs(2));
            stop.store(true, Ordering::Relaxed);
            disturbed?;
            judge(outcomes.into_iter().collect())
        })
    }
}

fn judge(outcomes: Vec<(Result<u16>, Duration)>) -> Result<(usize, Duration)> {
    for (status, took) in &outcomes {
        match status {
            Ok(status) if PUBLISHED.contains(status) => {}
            Ok(status) => return Err(Error::new(format!("A request was answered {status} after {took:?}."))),
            Err(error) => return Err(Error::new(format!("A request failed after {took:?}: {error}"))),
        }
    }
    let slowest = outcomes.iter().map(|(_, took)| *took).max().unwrap_or_default();
    Ok((outcomes.len(), slowest))
}
