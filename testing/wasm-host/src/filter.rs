//! A filter's code: compiled once, started once for each worker.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

use wasmtime::{Config, Engine, InstancePre, Linker, Module};

use crate::world::World;
use crate::{Host, Trap, hostcalls};

/// A compiled filter.
#[derive(Clone)]
pub struct Filter {
    code: InstancePre<World>,
}

/// The code cannot be used: a sentence that says why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusableFilter(String);

/// The variable that names the filter's `.wasm`.
pub const FILTER_VARIABLE: &str = "POSTMQTT_WASM";

// === impl Filter ===

impl Filter {
    /// Compiles a filter's `.wasm`.
    ///
    /// # Errors
    /// Returns an error if it is not WebAssembly, or has an import that this host does not have.
    pub fn compile(wasm: &[u8]) -> Result<Self, UnusableFilter> {
        Self::compile_with(&Config::new(), wasm)
    }

    /// Compiles a filter's `.wasm` so that [`Host::operations`] counts what it executes, which makes it slower.
    ///
    /// # Errors
    /// As [`compile`](Self::compile).
    pub fn compile_counted(wasm: &[u8]) -> Result<Self, UnusableFilter> {
        Self::compile_with(Config::new().consume_fuel(true), wasm)
    }

    fn compile_with(config: &Config, wasm: &[u8]) -> Result<Self, UnusableFilter> {
        let unusable = |error: wasmtime::Error| UnusableFilter(format!("the filter is unusable: {error:#}"));
        let engine = Engine::new(config).map_err(unusable)?;
        let module = Module::new(&engine, wasm).map_err(unusable)?;
        let mut linker = Linker::new(&engine);
        hostcalls::link(&mut linker).map_err(unusable)?;
        linker.instantiate_pre(&module).map(|code| Self { code }).map_err(unusable)
    }

    /// Compiles the `.wasm` that [`FILTER_VARIABLE`] names, else the one that `cargo xtask build-filter` made.
    ///
    /// # Errors
    /// Returns an error if there is none, and as [`compile`](Self::compile) does.
    pub fn find() -> Result<Self, UnusableFilter> {
        Self::compile(&Self::read()?)
    }

    /// The bytes of the `.wasm` that [`find`](Self::find) compiles.
    ///
    /// # Errors
    /// Returns an error if there is none.
    pub fn read() -> Result<Vec<u8>, UnusableFilter> {
        read("postmqtt.wasm")
    }

    /// The bytes of the filter as the compiler wrote it: the `.wasm` that [`FILTER_VARIABLE`] names, else the one that
    /// `cargo xtask build-filter` keeps beside the smaller one that wasm-opt makes of it.
    ///
    /// # Errors
    /// Returns an error if there is none.
    pub fn read_compiled() -> Result<Vec<u8>, UnusableFilter> {
        read("postmqtt.compiled.wasm")
    }

    /// Starts a virtual machine with a root context, as each of Envoy's workers does.
    ///
    /// # Errors
    /// Where the filter traps, or refuses to start.
    pub fn start(&self) -> Result<Host, Trap> {
        Host::start(&self.code)
    }
}

fn read(name: &str) -> Result<Vec<u8>, UnusableFilter> {
    let path = env::var_os(FILTER_VARIABLE).map_or_else(|| built(name), PathBuf::from);
    std::fs::read(&path).map_err(|error| {
        let path = path.display();
        UnusableFilter(format!(
            "{path} cannot be read ({error}): run `cargo xtask build-filter`, or name a filter's .wasm in \
             {FILTER_VARIABLE}"
        ))
    })
}

fn built(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |given| root.join(given));
    target.join(name)
}

impl fmt::Debug for Filter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Filter").finish_non_exhaustive()
    }
}

// === impl UnusableFilter ===

impl fmt::Display for UnusableFilter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for UnusableFilter {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_that_cannot_be_used_is_refused_with_a_reason() {
        let with_import = |module: &str, name: &str| {
            let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
            let import = [&[1][..], &text(module), &text(name), &[0, 0]].concat();
            let length = [u8::try_from(import.len()).unwrap()];
            let (types, imports) = (&[1, 4, 1, 0x60, 0, 0][..], [&[2][..], &length, &import].concat());
            [&b"\0asm\x01\0\0\0"[..], types, &imports].concat()
        };
        let rows: &[(&[u8], &str)] = &[
            (b"not wasm", "the filter is unusable"),
            (&with_import("env", "proxy_fly"), "env::proxy_fly"),
            (&with_import("env", "proxy_log"), "incompatible import type for `env::proxy_log`"),
        ];
        for (given, expected) in rows {
            let reason = Filter::compile(given).unwrap_err().to_string();
            assert!(reason.contains(expected), "{reason}");
        }
    }
}
