//! A compiler for wasm32-wasip1: the Rust toolchain in use with its target added, or else Debian's, which builds the
//! standard library from source (needed where rustup's download host is out of reach).

use std::fmt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::apt;
use crate::command;
use crate::error::Result;
use crate::repo;

/// The target of the filter.
pub(crate) const TARGET: &str = "wasm32-wasip1";

/// Which way the filter is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WasmToolchain {
    /// The toolchain that builds everything else, with the target's standard library installed.
    InUse,
    /// Debian's `rustc-web` and its sources of the standard library.
    Debian,
}

/// Debian's packages for the second way.
const PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src", "wasi-libc", "lld-22"];

/// How long a failed `rustup target add` is remembered.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// Finds a way to compile the filter, or sets one up, and prints which.
///
/// # Errors
/// Where the target cannot be added and Debian's packages cannot be installed.
pub fn wasm_toolchain() -> Result<WasmToolchain> {
    let toolchain = if target_is_installed() || add_target() {
        WasmToolchain::InUse
    } else {
        apt::ensure(
            PACKAGES,
            "to compile the filter, since `rustup target add wasm32-wasip1` does not work here",
        )?;
        WasmToolchain::Debian
    };
    println!("wasm: {toolchain}");
    Ok(toolchain)
}

fn target_is_installed() -> bool {
    let mut rustc = Command::new("rustc");
    let libraries = command::output(rustc.args(["--print", "target-libdir", "--target", TARGET]));
    let Ok(entries) = libraries.and_then(|path| read_names(path.trim().into())) else { return false };
    entries.iter().any(|name| name.starts_with("libstd-"))
}

fn read_names(directory: PathBuf) -> Result<Vec<String>> {
    use crate::error::Context;
    let entries =
        std::fs::read_dir(&directory).context(|| format!("{} cannot be read", directory.display()))?;
    Ok(entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}

/// Adds the target with rustup. A failure is remembered, so that a machine that cannot is not asked each time.
fn add_target() -> bool {
    let failed = repo::tools().join("rustup-target-add-failed");
    let age =
        failed.metadata().and_then(|found| found.modified()).map(|at| SystemTime::now().duration_since(at));
    if matches!(age, Ok(Ok(age)) if age < REMEMBERED) || command::find("rustup").is_none() {
        return false;
    }
    eprintln!("rustup target add {TARGET}");
    let added = command::output(Command::new("rustup").args(["target", "add", TARGET])).is_ok();
    if !added {
        // Only a hint for the next time: without it the next time asks again.
        let _ = std::fs::create_dir_all(repo::tools()).and_then(|()| std::fs::write(&failed, ""));
    }
    added && target_is_installed()
}

// === impl WasmToolchain ===

impl WasmToolchain {
    /// `cargo build` with this compiler; the target directory is one that it shares with no other compiler.
    #[must_use]
    pub fn cargo_build(self) -> Command {
        let mut cargo;
        match self {
            Self::InUse => {
                cargo = Command::new("cargo");
                cargo.arg("build");
            }
            Self::Debian => {
                cargo = Command::new("/usr/bin/cargo");
                cargo
                    .args(["build", "-Zbuild-std=std,panic_abort"])
                    .env("RUSTC", "/usr/bin/rustc")
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_TARGET_WASM32_WASIP1_LINKER", "wasm-ld-22")
                    .env(
                        "CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS",
                        "-Clink-self-contained=no -L/usr/lib/wasm32-wasi",
                    );
            }
        }
        // What a surrounding cargo or the user set for the host's compiler is not meant for this one.
        for variable in ["CARGO", "CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "RUSTC_WRAPPER", "RUSTDOC"] {
            cargo.env_remove(variable);
        }
        cargo.args(["--target", TARGET]).arg("--target-dir").arg(self.target_dir());
        cargo
    }

    /// Where this compiler's work goes.
    #[must_use]
    pub fn target_dir(self) -> PathBuf {
        repo::target().join(match self {
            Self::InUse => "wasm",
            Self::Debian => "wasm-debian",
        })
    }
}

impl fmt::Display for WasmToolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InUse => "this Rust toolchain, which has the target wasm32-wasip1",
            Self::Debian => {
                "Debian's rustc-web, which builds the standard library for wasm32-wasip1 from source"
            }
        })
    }
}
