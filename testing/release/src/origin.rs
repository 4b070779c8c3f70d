//! Which source a release is made from.

use std::process::Command;

use rig::error::Context;
use rig::{Error, Result, command, repo};

use super::image::Origin;

// === impl Origin ===

impl Origin {
    /// Reads the commit that the work tree is at.
    pub(super) fn of_work_tree() -> Result<Self> {
        let date = "--date=format-local:%Y-%m-%dT%H:%M:%SZ";
        let commit = git(&["log", "-1", date, "--format=%H %cd %ct"])?;
        let [hash, created, seconds] = commit.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err(Error::new("git does not say which commit this is."));
        };
        let is_clean = git(&["status", "--porcelain"])?.trim().is_empty();
        Ok(Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: if is_clean { hash.to_owned() } else { format!("{hash}-dirty") },
            created: created.to_owned(),
            seconds: seconds.parse().context(|| "git does not say when this commit was made".to_owned())?,
        })
    }
}

fn git(arguments: &[&str]) -> Result<String> {
    let mut git = Command::new("git");
    command::output(git.args(arguments).env("TZ", "UTC").current_dir(repo::root()))
}
