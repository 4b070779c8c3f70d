//! `cargo xtask imports`: what the filter's `.wasm` asks of its host, to hold against what a host's documentation says.

use rig::error::Context;
use rig::{Result, build, tools};
use wasmparser::{Parser, Payload};

/// Prints one line for each function: its module, a space, its name.
pub(crate) fn run() -> Result<()> {
    let path = build::filter(tools::wasm_toolchain()?)?;
    let wasm = std::fs::read(&path).context(|| format!("{} cannot be read", path.display()))?;
    for import in imports(&wasm)? {
        println!("{import}");
    }
    Ok(())
}

/// The names of all imports, in order.
fn imports(wasm: &[u8]) -> Result<Vec<String>> {
    let wrong = || "the filter is no WebAssembly module".to_owned();
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let Payload::ImportSection(section) = payload.context(wrong)? else { continue };
        for import in section.into_imports() {
            let import = import.context(wrong)?;
            names.push(format!("{} {}", import.module, import.name));
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_listed_in_order() {
        // (module (import "env" "b" (func)) (import "env" "a" (func)))
        let wasm = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x02\x11\x02\x03env\x01b\0\0\x03env\x01a\0\0";
        assert_eq!(imports(wasm).unwrap(), ["env a", "env b"]);
    }
}
