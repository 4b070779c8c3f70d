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

    /// For the module, which is loaded into an Envoy that is linked against glibc.
    pub(super) fn glibc(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }
}

/// The oldest glibc that the module runs with: that of RHEL 8, older than that of every image of Envoy.
const GLIBC: &str = "2.28";

/// Builds the bridge as a static program.
pub(super) fn bridge(architecture: Architecture) -> Result<PathBuf> {
    let target = architecture.musl();
    zigbuild("postmqtt-bridge", "release", target, target)?;
    Ok(directory().join(target).join("release").join("postmqtt-bridge"))
}

/// Builds the module that Envoy loads.
pub(super) fn module(architecture: Architecture) -> Result<PathBuf> {
    let target = architecture.glibc();
    zigbuild("postmqtt-envoy-module", "native", target, &format!("{target}.{GLIBC}"))?;
    Ok(directory().join(target).join("native").join("libenvoy_module.so"))
}

fn zigbuild(package: &str, profile: &str, target: &str, target_with_libc: &str) -> Result<()> {
    tools::rust_target(target)?;
    let program = tools::cargo_zigbuild()?;
    let mut cargo = Command::new(&program);
    cargo.args(["zigbuild", "--quiet", "--locked", "--profile", profile, "--package", package]);
    cargo.args(["--target", target_with_libc]).arg("--target-dir").arg(directory());
    // It finds Zig as a module of the Python that is beside it.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = program.parent().map(PathBuf::from).into_iter().chain(std::env::split_paths(&path));
    cargo.env("PATH", std::env::join_paths(directories).context(|| "PATH cannot be extended".to_owned())?);
    let mut rustflags = rig::build::anonymous_paths();
    rustflags.push("-Cstrip=debuginfo".to_owned());
    cargo.env("CARGO_ENCODED_RUSTFLAGS", rustflags.join("\x1f"));
    command::run(cargo.current_dir(repo::root()))
}

/// Kept apart from what tests compile, whose flags differ.
fn directory() -> PathBuf {
    repo::target().join("release-build")
}
