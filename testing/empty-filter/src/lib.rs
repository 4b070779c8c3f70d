//! A proxy-wasm filter that does nothing: the floor that `cargo xtask bench` compares postmqtt with.
//!
//! It exports what `src/dispatcher.rs` of postmqtt exports, no more and no less, because Envoy enters the VM for each callback
//! that it finds. It keeps no contexts, reads no configuration, and calls no function of its host.
#![allow(unsafe_code)]

use std::alloc::{self, Layout};
use std::ptr;

/// What a callback about a part of a request returns.
const CONTINUE: u32 = 0;
/// The answer to the configuration.
const ACCEPTED: u32 = 1;

// SAFETY (of every export below): the names and types are those of the ABI 0.2.1, and no other item of the module has them.

/// Says which version of the ABI this module has; never called.
#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    unsafe extern "C" {
        fn __wasm_call_ctors();
    }
    // SAFETY: the linker makes it; it is called once, before anything else.
    unsafe { __wasm_call_ctors() };
}

/// Memory for what a hostcall returns, of which there are none; null if there is none left.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    match Layout::array::<u8>(size) {
        // SAFETY: the layout is not empty.
        Ok(layout) if size != 0 => unsafe { alloc::alloc(layout) },
        _ => ptr::null_mut(),
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(_: u32, _: u32) {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(_: u32, _: usize) -> u32 {
    ACCEPTED
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(_: u32, _: usize, _: u32) -> u32 {
    CONTINUE
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(_: u32, _: usize, _: u32) -> u32 {
    CONTINUE
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(_: u32, _: usize) -> u32 {
    CONTINUE
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(_: u32) {}
