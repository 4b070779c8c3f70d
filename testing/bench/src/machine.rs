//! What a run was made with, in a sentence.

use std::fs;
use std::process::Command;

use rig::{Result, command, tools};

/// `Medians of N rounds; Envoy 1.40.0, 2 cores (AMD EPYC …), Linux 6.1.0.`
pub(super) fn describe(rounds: u32) -> Result<String> {
    let envoy = command::output(Command::new(tools::envoy()?).arg("--version"))?;
    let envoy = envoy_version(&envoy).unwrap_or("of an unknown version");
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu_model(&cpu).unwrap_or("an unknown processor");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = kernel.split('-').next().unwrap_or_default().trim();
    Ok(format!("Medians of {rounds} rounds; Envoy {envoy}, {cores} cores ({cpu}), Linux {kernel}."))
}

/// Reads `… version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`.
fn envoy_version(printed: &str) -> Option<&str> {
    printed.split("version:").nth(1)?.split('/').nth(1)
}

fn cpu_model(cpuinfo: &str) -> Option<&str> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_programs_and_the_kernel_print() {
        let printed = "\nenvoy  version: 9e55809/1.40.0/Clean/RELEASE/BoringSSL\n";
        assert_eq!(envoy_version(printed), Some("1.40.0"));
        let cpuinfo = "processor\t: 0\nmodel name\t: AMD EPYC\nflags\t: fpu\n";
        assert_eq!(cpu_model(cpuinfo), Some("AMD EPYC"));
    }
}
