//! The two ways into Envoy.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::tools::WasmToolchain;
use crate::{build, repo};

/// A way into Envoy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Filter {
    /// WebAssembly, in Envoy's virtual machine
    #[default]
    Wasm,
    /// A dynamic module, in Envoy's process
    Native,
}

/// The environment variable that says which filter stacks run: `wasm`, which is the default, or `native`.
pub const VARIABLE: &str = "POSTMQTT_FILTER";

// === impl Filter ===

impl Filter {
    /// What [`VARIABLE`] says.
    ///
    /// # Errors
    /// Returns an error if it is neither.
    pub fn of_this_run() -> Result<Self> {
        match std::env::var(VARIABLE).as_deref() {
            Err(_) | Ok("" | "wasm") => Ok(Self::Wasm),
            Ok("native") => Ok(Self::Native),
            Ok(other) => Err(Error::new(format!("{VARIABLE} is {other:?}: it can be wasm or native."))),
        }
    }

    /// Its name, as [`VARIABLE`] has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wasm => "wasm",
            Self::Native => "native",
        }
    }

    /// Builds it, and returns its path.
    ///
    /// # Errors
    /// Returns an error if it does not compile.
    pub fn build(self, toolchain: WasmToolchain) -> Result<PathBuf> {
        match self {
            Self::Wasm => build::filter(toolchain),
            Self::Native => build::native_filter(),
        }
    }

    /// Where it is once it is built.
    #[must_use]
    pub fn path(self) -> PathBuf {
        match self {
            Self::Wasm => repo::filter(),
            Self::Native => repo::native_filter(),
        }
    }
}
