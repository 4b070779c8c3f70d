//! Debian's packages: installed where this user may, named in one sentence where not.

use std::process::{Command, Stdio};

use crate::command;
use crate::error::{Error, Result};

/// Installs packages unless they are there, saying so first. `purpose` completes "System packages are needed …".
pub(super) fn ensure(packages: &[&str], purpose: &str) -> Result<()> {
    if all_installed(packages) {
        return Ok(());
    }
    let names = packages.join(" ");
    let Some(privilege) = privilege() else {
        return Err(Error::new(format!(
            "System packages are needed {purpose}: install {names} with the system's package manager (on Debian and \
             Ubuntu: `sudo apt-get install -y --no-install-recommends {names}`), then try again."
        )));
    };
    eprintln!("apt-get install {names}: needed {purpose}");
    let apt = |arguments: &[&str]| {
        let words = [privilege, &["apt-get", "-qq"], arguments].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).env("DEBIAN_FRONTEND", "noninteractive");
        command::output(&mut command).map(drop)
    };
    let wanted = [&["install", "-y", "--no-install-recommends"], packages].concat();
    // The lists of a new machine are empty or old; a machine in use is spared the update.
    apt(&wanted).or_else(|_| apt(&["update"]).and_then(|()| apt(&wanted)))
}

fn all_installed(packages: &[&str]) -> bool {
    let query = Command::new("dpkg-query").args(["-W", "-f=${db:Status-Status}\n"]).args(packages).output();
    query.is_ok_and(|output| {
        output.status.success()
            && String::from_utf8_lossy(&output.stdout).lines().all(|state| state == "installed")
    })
}

/// The words that go before apt-get, or `None` where this user may not install.
fn privilege() -> Option<&'static [&'static str]> {
    command::find("apt-get")?;
    if rustix::process::geteuid().is_root() {
        return Some(&[]);
    }
    let sudo = Command::new("sudo").args(["-n", "true"]).stdin(Stdio::null()).stderr(Stdio::null()).status();
    sudo.is_ok_and(|status| status.success()).then_some(&["sudo", "-n"])
}
