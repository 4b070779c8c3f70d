//! Bytes that cross the boundary: the module's lent to Envoy for one call, Envoy's lent to the module for one hook.

use std::ffi::c_char;
use std::ptr;

use crate::abi::{EnvoyBuffer, ModuleBuffer};

/// For a callback that takes "none" as a null pointer.
pub(crate) const NONE: ModuleBuffer = ModuleBuffer { ptr: ptr::null(), length: 0 };

/// A place for a callback to write to.
pub(crate) const EMPTY: EnvoyBuffer = EnvoyBuffer { ptr: ptr::null(), length: 0 };

/// Lends bytes to Envoy. A slice's pointer is never null, so an empty one is not "none".
pub(crate) const fn to_envoy(bytes: &[u8]) -> ModuleBuffer {
    ModuleBuffer { ptr: bytes.as_ptr().cast(), length: bytes.len() }
}

/// Borrows bytes from Envoy; `None` if they cannot be: a null pointer with a length, or more than an address space holds.
///
/// # Safety
/// If the pointer is not null, `length` bytes from it stay readable and unchanged for `'a`.
pub(crate) const unsafe fn from_envoy<'a>(ptr: *const c_char, length: usize) -> Option<&'a [u8]> {
    if length == 0 {
        return Some(&[]);
    }
    if ptr.is_null() || length > isize::MAX.unsigned_abs() {
        return None;
    }
    // SAFETY: the pointer is not null and the length is in bounds; the caller promises the rest.
    Some(unsafe { std::slice::from_raw_parts(ptr.cast(), length) })
}

/// [`from_envoy`], of a buffer.
///
/// # Safety
/// As there.
pub(crate) const unsafe fn buffer<'a>(buffer: EnvoyBuffer) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    unsafe { from_envoy(buffer.ptr, buffer.length) }
}
