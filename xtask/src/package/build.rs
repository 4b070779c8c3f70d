//! Building the native parts of a release for an architecture.

use std::path::PathBuf;
use std::process::Command;

use oci_spec::image::Arch;
use rig::error::Context;
use rig::{Result, command, repo, tools};

/// What the native parts are built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Architecture {
    Amd64,
    Arm64,
}

// === impl Architecture ===

impl Architecture {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    pub(super) fn oci(self) -> Arch {
        match self {
            Self::Amd64 => Arch::Amd64,
            Self::Arm64 => Arch::ARM64,
        }
    }

    /// For the bridge: linked against nothing.
    pub(super) fn musl(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-unknown-linux-musl",
            Self::Arm64 => "aarch64-unknown-linux-musl",
        }
    }
}

/// Builds the bridge as a static program.
pub(super) fn bridge(architecture: Architecture) -> Result<PathBuf> {
    let target = architecture.musl();
    zigbuild("postmqtt-bridge", target)?;
    Ok(built(target).join("postmqtt-bridge"))
}

fn zigbuild(package: &str, target: &str) -> Result<()> {
    tools::rust_target(target)?;
    let program = tools::cargo_zigbuild()?;
    let mut cargo = Command::new(&program);
    cargo.args(["zigbuild", "--quiet", "--locked", "--release", "--package", package]);
    cargo.args(["--target", target]).arg("--target-dir").arg(directory());
    // It finds Zig as a module of the Python that is beside it.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = program.parent().map(PathBuf::from).into_iter().chain(std::env::split_paths(&path));
    cargo.env("PATH", std::env::join_paths(directories).context(|| "PATH cannot be extended".to_owned())?);
    // Paths of this machine are no part of a release.
    let root = repo::root();
    cargo.env("RUSTFLAGS", format!("--remap-path-prefix={}=. -Cstrip=debuginfo", root.display()));
    command::run(cargo.current_dir(root))
}

/// Kept apart from what tests compile, whose flags differ.
fn directory() -> PathBuf {
    repo::target().join("release-build")
}

fn built(target: &str) -> PathBuf {
    directory().join(target).join("release")
}
