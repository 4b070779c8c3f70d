//! One module a command.

pub(crate) mod demo;
pub(crate) mod fuzz;
pub(crate) mod lint;
mod once;
pub(crate) mod schema;
pub(crate) mod soak;
pub(crate) mod test;

use xtask::Result;
use xtask::tools::{self, WasmToolchain};

/// Sets up a compiler for the filter, and says which.
pub(crate) fn wasm_toolchain() -> Result<WasmToolchain> {
    let toolchain = tools::wasm_toolchain()?;
    println!("wasm: {toolchain}");
    Ok(toolchain)
}
