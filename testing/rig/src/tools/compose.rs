//! docker-compose, which checks a compose file without an engine.

use std::process::Command;

use super::apt;
use crate::command;
use crate::error::Result;

/// The command that checks and runs compose files: Docker's plugin, or the program of its own, found or installed.
///
/// # Errors
/// Where both are missing and cannot be installed.
pub fn docker_compose() -> Result<Command> {
    let plugin = Command::new("docker").args(["compose", "version"]).output();
    if plugin.is_ok_and(|output| output.status.success()) {
        let mut docker = Command::new("docker");
        docker.arg("compose");
        return Ok(docker);
    }
    if command::find("docker-compose").is_none() {
        apt::ensure(&["docker-compose"], "to check docker-compose.yml")?;
    }
    Ok(Command::new("docker-compose"))
}
