//! Packets that are lost below TCP: nftables drops them, in a network namespace of this process alone.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

/// Set in the process that runs in its own network namespace.
const INSIDE: &str = "POSTMQTT_SOAK_NAMESPACE";

/// Drops packets to and from a port of this namespace, until it is dropped itself.
pub(crate) struct Loss(());

/// Continues in a new network namespace, with a loopback interface and nothing else, if the machine permits one and has
/// nftables. Otherwise returns and says why.
pub(crate) fn enter_namespace() {
    if can_be_dropped() {
        return;
    }
    // What is lost here is lost for the processes of this run alone.
    let setup = "ip link set lo up && nft list ruleset > /dev/null";
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--net", "sh", "-c", script]);
        command
    };
    let reason = match unshare(setup).stdin(Stdio::null()).output() {
        Err(error) => format!("unshare: {error}"),
        Ok(output) if !output.status.success() => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Ok(_) => {
            let program = std::env::current_exe().expect("this program's path");
            let script = format!("{setup} && exec \"$0\"");
            // It returns only if it fails.
            unshare(&script).arg(program).env(INSIDE, "1").exec().to_string()
        }
    };
    println!("no packets are lost below TCP in this run: {}", reason.replace('\n', ", "));
}

/// Whether this process is in its own network namespace.
pub(crate) fn can_be_dropped() -> bool {
    std::env::var_os(INSIDE).is_some()
}

// === impl Loss ===

impl Loss {
    /// Drops the packets of both directions that meet this condition of nftables; all, if it is empty.
    pub(crate) fn start(port: u16, condition: &str) -> Self {
        assert!(can_be_dropped(), "rules are added in this process's own namespace only");
        let drop = |field: &str| format!("  tcp {field} {port} {condition} drop\n");
        let rules = drop("dport") + &drop("sport");
        nft(&format!(
            "table inet loss {{\n chain input {{\n  type filter hook input priority 0\n{rules} }}\n}}\n"
        ));
        Self(())
    }
}

impl Drop for Loss {
    fn drop(&mut self) {
        nft("delete table inet loss\n");
    }
}

fn nft(script: &str) {
    let mut nft = Command::new("nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn().expect("nft");
    nft.stdin.take().expect("a pipe").write_all(script.as_bytes()).expect("nft reads");
    let status = nft.wait().expect("nft");
    assert!(status.success(), "nft: {status}, {script}");
}
