//! Programs that a user would type into a terminal.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};

use crate::eventually;

/// A running command; it is ended with this value.
#[derive(Debug)]
pub struct Terminal(Child);

// === impl Terminal ===

impl Terminal {
    /// Types a command line.
    ///
    /// # Panics
    /// Where there is no shell.
    #[must_use]
    pub fn type_in(line: &str) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec {line}")]).stdin(Stdio::null());
        Self(shell.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("a shell"))
    }

    /// What it printed, once it has ended with success.
    ///
    /// # Panics
    /// Where it does not.
    #[must_use]
    pub fn output(mut self) -> String {
        let status = eventually("the command to end", || self.0.try_wait().expect("a child to wait for"));
        let mut output = String::new();
        let read = self.0.stdout.as_mut().map(|stdout| stdout.read_to_string(&mut output));
        read.transpose().expect("text");
        assert!(status.success(), "{status}: {output}");
        output
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It has ended where it could.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
