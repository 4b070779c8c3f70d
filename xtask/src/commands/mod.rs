//! One module a command.

pub(crate) mod bench;
pub(crate) mod chart;
pub(crate) mod demo;
pub(crate) mod fuzz;
pub(crate) mod imports;
pub(crate) mod instructions;
pub(crate) mod lint;
pub(crate) mod miri;
pub(crate) mod mix_versions;
pub(crate) mod schema;
pub(crate) mod soak;
pub(crate) mod test;

use rig::stack::end_all;
use rig::tools::{self, WasmToolchain};
use rig::{Error, Result};

/// Sets up a compiler for the filter, and says which.
pub(crate) fn wasm_toolchain() -> Result<WasmToolchain> {
    let toolchain = tools::wasm_toolchain()?;
    println!("wasm: {toolchain}");
    Ok(toolchain)
}

/// From here on, Ctrl-C ends every process that this one started, and this one.
pub(crate) fn end_on_ctrl_c() -> Result<()> {
    let end = || {
        end_all();
        std::process::exit(130);
    };
    ctrlc::set_handler(end).map_err(|error| Error::new(format!("Ctrl-C cannot be handled: {error}.")))
}
