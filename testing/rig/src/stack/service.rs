//! A program that can be started, found ready, stopped and started again.

use std::fmt;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::alone::Core;
use super::process::{Process, lock};
use crate::error::{Context, Error, Result};

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
pub(crate) enum Ready {
    /// This address accepts connections.
    Accepts(SocketAddr),
    /// This Unix socket accepts connections.
    Listens(PathBuf),
    /// This URL answers 200.
    Answers(String),
}

/// Slow machines are slow; a program that fails ends, which is seen at once.
const PATIENCE: Duration = Duration::from_secs(120);

// === impl Service ===

impl Service {
    pub(crate) fn new(
        name: impl Into<String>,
        directory: &Path,
        ready: Ready,
        recipe: impl Fn() -> Command + Send + Sync + 'static,
    ) -> Self {
        let name = name.into();
        let log = directory.join(format!("{name}.log"));
        Self { name, log, recipe: Box::new(recipe), ready, process: Mutex::new(None) }
    }

    /// Keeps it on a core, from its next start on.
    pub(super) fn on(self, core: Core) -> Self {
        let recipe = self.recipe;
        Self { recipe: Box::new(move || core.pin(&recipe())), ..self }
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
    fn wait_until_ready(&self) -> Result<()> {
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

    /// How much memory it has now, in KiB (Linux's `VmRSS`); `None` where it is not running.
    #[must_use]
    pub fn resident_memory(&self) -> Option<u64> {
        let id = lock(&self.process).as_ref()?.id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    }

    /// How long its threads have had a processor, since it was started (Linux's `schedstat`, which counts nanoseconds);
    /// `None` where it is not running, or the system does not say.
    #[must_use]
    pub fn cpu_time(&self) -> Option<Duration> {
        let id = lock(&self.process).as_ref()?.id();
        let threads = std::fs::read_dir(format!("/proc/{id}/task")).ok()?;
        let of_thread = |thread: std::fs::DirEntry| {
            let schedstat = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
            schedstat.split(' ').next()?.parse().ok()
        };
        // A thread that ended between the listing and the reading is left out.
        let times: Vec<u64> = threads.flatten().filter_map(of_thread).collect();
        (!times.is_empty()).then(|| Duration::from_nanos(times.iter().sum()))
    }

    /// Empties its log, for a run that would fill the disk with it.
    ///
    /// # Errors
    /// Where the log cannot be written.
    pub fn empty_log(&self) -> Result<()> {
        // It is opened for appending: what is printed next stands at its start.
        std::fs::File::create(&self.log).context(|| format!("{} cannot be emptied", self.log.display()))?;
        Ok(())
    }

    /// Everything it has printed since the stack was started, or its log was emptied.
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
            Self::Listens(socket) => UnixStream::connect(socket).is_ok(),
            Self::Answers(url) => {
                let request = ureq::get(url).config().timeout_global(Some(TIMEOUT)).build();
                request.call().is_ok_and(|response| response.status() == 200)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::repo;

    /// A shell script as a service that is ready while `listener` lives.
    fn script(name: &str, script: &'static str, listener: &TcpListener) -> Service {
        let directory = repo::run("xtask-service-tests");
        std::fs::create_dir_all(&directory).unwrap();
        let ready = Ready::Accepts(listener.local_addr().unwrap());
        let service = Service::new(name, &directory, ready, move || {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            command
        });
        let _ = std::fs::remove_file(&service.log);
        service
    }

    fn listener() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").unwrap()
    }

    fn wait_for<T>(mut found: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = found() {
                return found;
            }
            assert!(Instant::now() < deadline, "it did not happen in time");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn what_ends_before_it_is_ready_is_an_error_with_its_log() {
        let address = listener().local_addr().unwrap();
        let mut service = script("ends", "echo no such option; exit 3", &listener());
        service.ready = Ready::Accepts(address);
        let error = service.start().unwrap_err().to_string();
        assert!(error.contains("ends ended (exit status: 3)") && error.contains("no such option"), "{error}");
    }

    #[test]
    fn a_stopped_service_starts_again_and_appends_to_its_log() {
        let listener = listener();
        let service = script("restarts", "echo started; exec sleep 1000", &listener);
        service.start().unwrap();
        assert!(service.is_running());
        wait_for(|| (service.log() == "started\n").then_some(()));
        service.restart().unwrap();
        wait_for(|| (service.log() == "started\nstarted\n").then_some(()));
        service.kill();
        assert!(!service.is_running());
    }

    #[test]
    fn its_log_starts_anew_where_it_was_emptied() {
        let listener = listener();
        let service = script("empties", "echo one; exec sleep 1000", &listener);
        service.start().unwrap();
        wait_for(|| (service.log() == "one\n").then_some(()));
        service.empty_log().unwrap();
        assert_eq!(service.log(), "");
        service.restart().unwrap();
        wait_for(|| (service.log() == "one\n").then_some(()));
    }

    #[test]
    fn its_processor_time_grows_while_it_works_and_ends_with_it() {
        let listener = listener();
        let service = script("works", "while :; do :; done", &listener);
        assert_eq!(service.cpu_time(), None);
        service.start().unwrap();
        let before = service.cpu_time().unwrap();
        wait_for(|| (service.cpu_time().unwrap() > before).then_some(()));
        service.kill();
        assert_eq!(service.cpu_time(), None);
    }

    #[test]
    fn its_children_end_with_it() {
        let listener = listener();
        let service = script("family", "sleep 1000 & echo $!; wait", &listener);
        service.start().unwrap();
        let child = wait_for(|| service.log().trim().parse::<i32>().ok());
        drop(service);
        // A killed process is a zombie until its parent reaps it.
        wait_for(|| match std::fs::read_to_string(format!("/proc/{child}/stat")) {
            Ok(stat) => stat.contains(") Z ").then_some(()),
            Err(_) => Some(()),
        });
    }

    #[test]
    fn it_outlives_the_thread_that_started_it() {
        let listener = listener();
        let service = script("outlives", "exec sleep 1000", &listener);
        std::thread::scope(|scope| scope.spawn(|| service.start().unwrap()).join().unwrap());
        std::thread::sleep(Duration::from_millis(200));
        assert!(service.is_running());
    }
}
