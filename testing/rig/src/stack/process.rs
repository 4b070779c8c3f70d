//! One child process with a process group of its own: it ends when its [`Process`] is dropped, and when this process
//! ends in whatever way.

use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::command;
use crate::error::{Context, Error, Result};

/// A running child.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    group: Pid,
}

/// How long a child may take to end after a polite request.
const GRACE: Duration = Duration::from_secs(10);

/// The groups that are running, for [`end_on_ctrl_c`].
static RUNNING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// From here on, Ctrl-C ends every process that this one started, and this one.
///
/// # Errors
/// Returns an error if Ctrl-C is handled already.
pub fn end_on_ctrl_c() -> Result<()> {
    let end = || {
        end_all();
        std::process::exit(130);
    };
    ctrlc::set_handler(end).map_err(|error| Error::new(format!("Ctrl-C cannot be handled: {error}.")))
}

/// Ends every process that this one started, at once: for the way out that runs no destructors.
fn end_all() {
    for group in lock(&RUNNING).iter() {
        // Gone already is as good.
        let _ = kill_process_group(*group, Signal::KILL);
    }
}

// === impl Process ===

impl Process {
    /// Starts a program whose output is appended to the log.
    pub(super) fn spawn(mut command: Command, log: &Path) -> Result<Self> {
        let line = command::line(&command);
        let file = OpenOptions::new().create(true).append(true).open(log);
        let file = file.context(|| format!("{} cannot be written", log.display()))?;
        let twin = file.try_clone().context(|| format!("{} cannot be written", log.display()))?;
        command.stdin(Stdio::null()).stdout(file).stderr(twin).process_group(0);
        let child = spawn_from_lasting_thread(command).context(|| format!("`{line}` cannot be started"))?;
        let group = Pid::from_child(&child);
        lock(&RUNNING).push(group);
        Ok(Self { child, group })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks it to end and waits; where it does not end in time, it is killed.
    pub(super) fn stop(mut self) {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + GRACE;
        while self.ended().is_none() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a signal to the whole group.
    pub(super) fn signal(&self, signal: Signal) {
        // It may be gone already; `ended` tells.
        let _ = kill_process_group(self.group, signal);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        // Nothing can be done about a child that cannot be waited for.
        let _ = self.child.wait();
        lock(&RUNNING).retain(|group| *group != self.group);
    }
}

// === impl spawning ===

type Spawned = std::io::Result<Child>;

/// Spawns from one thread that lives as long as this process: the kernel's "signal me when my parent dies" means the
/// thread that spawned, and a test's thread ends before the stack that it started for others.
fn spawn_from_lasting_thread(mut command: Command) -> Result<Child> {
    static SPAWNER: OnceLock<Sender<(Command, Sender<Spawned>)>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, orders) = channel::<(Command, Sender<Spawned>)>();
        std::thread::spawn(move || {
            for (mut command, answer) in orders {
                // Who ordered is waiting; were it gone, the child would end with this process.
                let _ = answer.send(command.spawn());
            }
        });
        sender
    });
    die_with_parent(&mut command);
    let (answer, child) = channel();
    let lost = || Error::new("The thread that starts processes is gone.");
    spawner.send((command, answer)).map_err(|_| lost())?;
    child.recv().map_err(|_| lost())?.context(|| "The program cannot be run".to_owned())
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "std offers no other hook between fork and exec")]
fn die_with_parent(command: &mut Command) {
    let parent = rustix::process::getpid();
    let prepare = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died before the request was made.
        if rustix::process::getppid() != Some(parent) {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe work is allowed; these are two system calls, and no
    // allocation.
    unsafe { command.pre_exec(prepare) };
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_command: &mut Command) {}

/// What a panicking thread left behind is still right: it is changed in single steps.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
