//! The few calls of WASI that the standard library makes: no files, no arguments, no environment.

use wasmtime::{Caller, Linker};

use crate::guest::{Done, Guest, hostcall};
use crate::world::World;
use crate::{LogLevel, LogLine};

const MODULE: &str = "wasi_snapshot_preview1";
const SUCCESS: u32 = 0;
const BAD_DESCRIPTOR: u32 = 8;
const FAULT: u32 = 21;
const STANDARD_STREAMS: std::ops::RangeInclusive<u32> = 1..=2;

/// Adds every import.
pub(super) fn link(linker: &mut Linker<World>) -> wasmtime::Result<()> {
    linker.func_wrap(MODULE, "environ_get", |_: u32, _: u32| SUCCESS)?;
    linker.func_wrap(MODULE, "environ_sizes_get", two_zeros)?;
    linker.func_wrap(MODULE, "args_get", |_: u32, _: u32| SUCCESS)?;
    linker.func_wrap(MODULE, "args_sizes_get", two_zeros)?;
    linker.func_wrap(MODULE, "fd_write", |caller: Caller<'_, World>, descriptor, list, count, written| {
        if !STANDARD_STREAMS.contains(&descriptor) {
            return Ok(BAD_DESCRIPTOR);
        }
        errno(hostcall(caller, "fd_write", |guest| fd_write(guest, list, count, written)))
    })?;
    linker.func_wrap(MODULE, "proc_exit", |code: u32| -> wasmtime::Result<()> {
        Err(wasmtime::Error::msg(format!("the filter exits with code {code}")))
    })?;
    Ok(())
}

fn two_zeros(caller: Caller<'_, World>, first: u32, second: u32) -> wasmtime::Result<u32> {
    errno(hostcall(caller, "sizes_get", |guest| {
        guest.write_word(first, 0)?;
        guest.write_word(second, 0)
    }))
}

/// The standard streams are the log, as in Envoy.
fn fd_write(guest: &mut Guest<'_, '_>, list: u32, count: u32, written: u32) -> Done {
    let mut text = Vec::new();
    for index in 0..count {
        let entry = list.saturating_add(index.saturating_mul(8));
        let (at, length) = (guest.read_word(entry)?, guest.read_word(entry.saturating_add(4))?);
        text.extend(guest.read(at, length)?);
    }
    let text_length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let text = String::from_utf8_lossy(&text).into_owned();
    guest.world().log.push(LogLine { level: LogLevel::Error, text });
    guest.write_word(written, text_length)
}

fn errno(status: wasmtime::Result<u32>) -> wasmtime::Result<u32> {
    status.map(|status| if status == 0 { SUCCESS } else { FAULT })
}
