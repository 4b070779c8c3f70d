//! A program that can be started, found ready, stopped and started again.

use std::fmt;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::process::{Process, lock};
use crate::error::{Error, Result};

/// A program of the stack: Envoy, a bridge, a broker.
pub struct Service {
    name: String,
    log: PathBuf,
    recipe: Box<dyn Fn() -> Command + Send + Sync>,
    ready: Ready,
    process: Mutex<Option<Process>>,
}

/// How a program tells that it is ready.
#[derive(Clone, Debug)]
pub(super) enum Ready {
    /// This address accepts connections.
    Accepts(SocketAddr),
    /// This URL answers 200.
    Answers(String),
}

/// Slow machines are slow; a program that fails ends, which is seen at once.
const PATIENCE: Duration = Duration::from_secs(120);

// === impl Service ===

impl Service {
    pub(super) fn new(
        name: impl Into<String>,
        directory: &Path,
        ready: Ready,
        recipe: impl Fn() -> Command + Send + Sync + 'static,
    ) -> Self {
        let name = name.into();
        let log = directory.join(format!("{name}.log"));
        Self { name, log, recipe: Box::new(recipe), ready, process: Mutex::new(None) }
    }

    /// Its name, which is also its log's.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Starts it, unless it is running, and waits until it is ready.
    ///
    /// # Errors
    /// Where it cannot be started, ends, or is not ready in time: with its log.
    pub fn start(&self) -> Result<()> {
        self.launch()?;
        self.wait_until_ready()
    }

    /// Starts it, unless it is running, and does not wait.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn launch(&self) -> Result<()> {
        if !self.is_running() {
            *lock(&self.process) = Some(Process::spawn((self.recipe)(), &self.log)?);
        }
        Ok(())
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    /// Where it is not running, ends, or is not ready in time: with its log.
    pub fn wait_until_ready(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ended = lock(&self.process).as_mut().map(Process::ended);
            match ended {
                None => return Err(Error::new(format!("{} is not running.", self.name))),
                Some(Some(status)) => return Err(self.failed(&format!("ended ({status})"))),
                Some(None) if self.ready.is_met() => return Ok(()),
                Some(None) if Instant::now() > deadline => return Err(self.failed("was not ready in time")),
                Some(None) => std::thread::sleep(Duration::from_millis(25)),
            }
        }
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(&self) {
        if let Some(process) = lock(&self.process).take() {
            process.stop();
        }
    }

    /// Ends it without asking, as a crash would.
    pub fn kill(&self) {
        drop(lock(&self.process).take());
    }

    /// [`stop`](Self::stop), then [`start`](Self::start).
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn restart(&self) -> Result<()> {
        self.stop();
        self.start()
    }

    /// Stops its clock: it holds its connections and says nothing, as a machine that hangs.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on after [`freeze`](Self::freeze).
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Sends it SIGHUP, at which many programs read their configuration again.
    pub fn reload(&self) {
        self.signal(Signal::HUP);
    }

    /// Whether it is running.
    #[must_use]
    pub fn is_running(&self) -> bool {
        lock(&self.process).as_mut().is_some_and(|process| process.ended().is_none())
    }

    /// Everything it has printed since the stack was started.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The end of its log.
    #[must_use]
    pub fn log_tail(&self) -> String {
        const LINES: usize = 60;
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }

    fn signal(&self, signal: Signal) {
        if let Some(process) = lock(&self.process).as_ref() {
            process.signal(signal);
        }
    }

    fn failed(&self, how: &str) -> Error {
        Error::new(format!("{} {how}; this is the end of its log:", self.name)).with_log(self.log_tail())
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("name", &self.name).field("running", &self.is_running()).finish()
    }
}

// === impl Ready ===

impl Ready {
    fn is_met(&self) -> bool {
        const TIMEOUT: Duration = Duration::from_secs(5);
        match self {
            Self::Accepts(address) => TcpStream::connect_timeout(address, TIMEOUT).is_ok(),
            Self::Answers(url) => {
                let request = ureq::get(url).config().timeout_global(Some(TIMEOUT)).build();
                request.call().is_ok_and(|response| response.status() == 200)
            }
        }
    }
}
