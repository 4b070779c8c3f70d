//! Binaryen's wasm-opt, which makes a `.wasm` smaller.

use std::path::PathBuf;

use super::npm::Npm;
use crate::error::Result;

const NPM: Npm = Npm { package: "binaryen", version: "132.0.0", program: "wasm-opt" };

/// The program `wasm-opt`, fetched unless it is there.
///
/// # Errors
/// Returns an error if it cannot be fetched.
pub fn wasm_opt() -> Result<PathBuf> {
    NPM.ensure()
}
