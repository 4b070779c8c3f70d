//! The exports: what Envoy calls, and which of this module's contexts each call is about.
//!
//! Only callbacks that do something are exported, since Envoy enters the VM for each one that it finds: there is none about
//! responses, logs or timers, nor for the start of the VM or the end of a context before its deletion. A call about a
//! context that does not exist, or from within another call, stops the request that it is about.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use edge::Flow;

use crate::setup::Setup;
use crate::stream::Stream;

/// Every context of a worker's VM.
#[derive(Default)]
struct Worker {
    /// One for each configuration that is in use; `None` until it was read.
    roots: Vec<(u32, Option<Rc<Setup>>)>,
    streams: HashMap<u32, Stream, BuildHasherDefault<IdHasher>>,
}

/// Spreads the host's consecutive ids over the bits that a map looks at. Clients do not choose them.
#[derive(Default)]
struct IdHasher(u64);

/// What a callback about a part of a request returns.
const CONTINUE: u32 = 0;
const PAUSE: u32 = 1;

thread_local! {
    static WORKER: RefCell<Worker> = RefCell::default();
}

// === impl Worker ===

impl Worker {
    fn create(&mut self, id: u32, parent: u32) {
        if parent == 0 {
            self.roots.push((id, None));
            return;
        }
        let setup = self.roots.iter().find(|(root, _)| *root == parent).and_then(|(_, setup)| setup.clone());
        self.streams.insert(id, Stream::new(setup));
    }

    fn configure(&mut self, id: u32, size: usize) -> bool {
        let Some((_, setup)) = self.roots.iter_mut().find(|(root, _)| *root == id) else { return false };
        *setup = Setup::read(size).map(Rc::new);
        setup.is_some()
    }

    fn delete(&mut self, id: u32) {
        if self.streams.remove(&id).is_none() {
            self.roots.retain(|(root, _)| *root != id);
        }
    }
}

fn with_worker<T>(otherwise: T, act: impl FnOnce(&mut Worker) -> T) -> T {
    WORKER.with(|worker| match worker.try_borrow_mut() {
        Ok(mut worker) => act(&mut worker),
        Err(_) => otherwise,
    })
}

fn with_stream(id: u32, act: impl FnOnce(&mut Stream) -> Flow) -> u32 {
    let flow = with_worker(Flow::Stop, |worker| worker.streams.get_mut(&id).map_or(Flow::Stop, act));
    match flow {
        Flow::Continue => CONTINUE,
        Flow::Hold | Flow::Stop => PAUSE,
    }
}

// === impl IdHasher ===

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u32(byte.into()));
    }

    fn write_u32(&mut self, id: u32) {
        // 2^64 divided by the golden ratio (Knuth, The Art of Computer Programming, 6.4).
        self.0 = (self.0 ^ u64::from(id)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

// === The exports ===

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

/// Memory for what a hostcall returns, which takes it over; null if there is none left.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    crate::abi::allocate(size)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(id: u32, parent: u32) {
    with_worker((), |worker| worker.create(id, parent));
}

/// 0 makes Envoy refuse to start, or to take the new configuration.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(id: u32, size: usize) -> u32 {
    u32::from(with_worker(false, |worker| worker.configure(id, size)))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(id: u32, _: usize, end_of_stream: u32) -> u32 {
    with_stream(id, |stream| stream.on_request_headers(end_of_stream != 0))
}

/// `size` is that of the bytes which came with this call, and of those which are held.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(id: u32, size: usize, end_of_stream: u32) -> u32 {
    with_stream(id, |stream| stream.on_request_body(size, end_of_stream != 0))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(id: u32, _: usize) -> u32 {
    with_stream(id, Stream::on_request_trailers)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(id: u32) {
    with_worker((), |worker| worker.delete(id));
}
