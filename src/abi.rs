//! The few calls of the proxy-wasm ABI 0.2.1 that the filter makes, each a function that returns a `Result`.
//!
//! The Rust SDK of proxy-wasm is not used: its calls panic on a status they do not expect and on bytes that are not UTF-8,
//! and a panic ends the VM of an Envoy worker.
#![allow(unsafe_code)]

use std::alloc::{self, Layout};
use std::ptr;

use edge::pairs::{self, Pairs};
use edge::{HostError, LocalResponse};

/// A map of fields.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Map {
    RequestHeaders = 0,
    RequestTrailers = 1,
}

/// What is found at a property's path.
#[derive(Debug)]
pub(crate) enum Property {
    /// Nothing.
    Missing,
    /// A value without bytes.
    Empty,
    /// A value.
    Bytes(Vec<u8>),
}

/// A counter that the host keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counter(u32);

/// The level of a log line.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LogLevel {
    Info = 2,
    Error = 4,
}

#[derive(Clone, Copy, Debug)]
enum Buffer {
    RequestBody = 0,
    PluginConfiguration = 7,
}

const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
/// The status of a property that has no bytes.
pub(crate) const SERIALIZATION_FAILURE: u32 = 3;
const COUNTER: u32 = 0;
const NO_GRPC_STATUS: i32 = -1;

// SAFETY (of every call below): the declarations are those of the ABI 0.2.1, which passes lengths and pointers into this
// module's memory; the host reads what it is given during the call only. A buffer that it returns was allocated by
// [`allocate`], with the size as its capacity, and belongs to the caller.
#[cfg_attr(target_family = "wasm", link(wasm_import_module = "env"))]
unsafe extern "C" {
    fn proxy_log(level: u32, text: *const u8, length: usize) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, length: *mut usize) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_length: usize,
        value: *const u8,
        value_length: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_length: usize) -> u32;
    fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        max_length: usize,
        data: *mut *mut u8,
        length: *mut usize,
    ) -> u32;
    fn proxy_set_buffer_bytes(
        buffer: u32,
        start: usize,
        length: usize,
        data: *const u8,
        data_length: usize,
    ) -> u32;
    fn proxy_get_property(path: *const u8, path_length: usize, data: *mut *mut u8, length: *mut usize)
    -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_length: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_length: usize,
        body: *const u8,
        body_length: usize,
        fields: *const u8,
        fields_length: usize,
        grpc_status: i32,
    ) -> u32;
}

/// Memory for a buffer that a call returns; null if there is none left, or if none is asked for.
pub(crate) fn allocate(size: usize) -> *mut u8 {
    match Layout::array::<u8>(size) {
        // SAFETY: the layout is not empty. `Vec::from_raw_parts` frees it with the same layout.
        Ok(layout) if size != 0 => unsafe { alloc::alloc(layout) },
        _ => ptr::null_mut(),
    }
}

/// Writes a line to Envoy's log. A line that cannot be written is lost; there is no one to tell.
pub(crate) fn log(level: LogLevel, text: &str) {
    // SAFETY: see the declarations.
    unsafe { proxy_log(level as u32, text.as_ptr(), text.len()) };
}

/// The plugin's configuration, of the `size` that was promised; empty if that is 0.
pub(crate) fn plugin_configuration(size: usize) -> Result<Vec<u8>, HostError> {
    if size == 0 {
        return Ok(Vec::new());
    }
    buffer(Buffer::PluginConfiguration, size)
}

/// Every field of a map, repeated fields and pseudo-header fields included.
pub(crate) fn fields(map: Map) -> Result<Pairs<Vec<u8>>, HostError> {
    const CALL: &str = "proxy_get_header_map_pairs";
    // SAFETY: see the declarations.
    let bytes =
        returned(CALL, |data, length| unsafe { proxy_get_header_map_pairs(map as u32, data, length) })?;
    bytes.and_then(Pairs::new).ok_or(HostError { call: CALL, status: None })
}

/// Makes `value` the only value of a field.
pub(crate) fn replace_field(map: Map, name: &str, value: &str) -> Result<(), HostError> {
    // SAFETY: see the declarations.
    done("proxy_replace_header_map_value", unsafe {
        proxy_replace_header_map_value(map as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

/// Removes every value of a field.
pub(crate) fn remove_field(map: Map, name: &str) -> Result<(), HostError> {
    // SAFETY: see the declarations.
    done("proxy_remove_header_map_value", unsafe {
        proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len())
    })
}

/// The first `size` bytes of the request's body that the host shows now.
pub(crate) fn request_body(size: usize) -> Result<Vec<u8>, HostError> {
    buffer(Buffer::RequestBody, size)
}

/// Puts `data` in the place of the request's body as the host has it now, which has at most `size` bytes.
pub(crate) fn replace_request_body(size: usize, data: &[u8]) -> Result<(), HostError> {
    // SAFETY: see the declarations.
    done("proxy_set_buffer_bytes", unsafe {
        proxy_set_buffer_bytes(Buffer::RequestBody as u32, 0, size, data.as_ptr(), data.len())
    })
}

/// A property by its path.
pub(crate) fn property(path: &[&str]) -> Result<Property, HostError> {
    let path = path.join("\0");
    let mut data = ptr::null_mut();
    let mut length = 0;
    // SAFETY: see the declarations.
    match unsafe { proxy_get_property(path.as_ptr(), path.len(), &raw mut data, &raw mut length) } {
        NOT_FOUND => Ok(Property::Missing),
        OK if data.is_null() || length == 0 => Ok(Property::Empty),
        // SAFETY: see the declarations.
        OK => Ok(Property::Bytes(unsafe { Vec::from_raw_parts(data, length, length) })),
        status => Err(HostError { call: "proxy_get_property", status: Some(status) }),
    }
}

/// Defines a counter of that name, which all workers share.
pub(crate) fn define_counter(name: &str) -> Result<Counter, HostError> {
    let mut id = 0;
    // SAFETY: see the declarations.
    done("proxy_define_metric", unsafe {
        proxy_define_metric(COUNTER, name.as_ptr(), name.len(), &raw mut id)
    })?;
    Ok(Counter(id))
}

/// Adds one to a counter.
pub(crate) fn increment(counter: Counter) -> Result<(), HostError> {
    // SAFETY: see the declarations.
    done("proxy_increment_metric", unsafe { proxy_increment_metric(counter.0, 1) })
}

/// Answers the request here.
pub(crate) fn send_local_response(response: &LocalResponse<'_>) -> Result<(), HostError> {
    let LocalResponse { status, details, fields, body } = response;
    let fields = pairs::serialize(fields);
    // SAFETY: see the declarations.
    done("proxy_send_local_response", unsafe {
        proxy_send_local_response(
            u32::from(*status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            fields.as_ptr(),
            fields.len(),
            NO_GRPC_STATUS,
        )
    })
}

// === impl Property ===

impl Property {
    /// The bytes, if there is at least one.
    pub(crate) fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Missing | Self::Empty => None,
            Self::Bytes(bytes) => Some(bytes),
        }
    }
}

fn buffer(buffer: Buffer, length: usize) -> Result<Vec<u8>, HostError> {
    const CALL: &str = "proxy_get_buffer_bytes";
    // SAFETY: see the declarations.
    let bytes =
        returned(CALL, |data, size| unsafe { proxy_get_buffer_bytes(buffer as u32, 0, length, data, size) })?;
    bytes.filter(|bytes| bytes.len() == length).ok_or(HostError { call: CALL, status: None })
}

fn done(call: &'static str, status: u32) -> Result<(), HostError> {
    if status == OK { Ok(()) } else { Err(HostError { call, status: Some(status) }) }
}

/// Takes over the buffer that a call returns through its two out-parameters.
fn returned(
    name: &'static str,
    call: impl FnOnce(*mut *mut u8, *mut usize) -> u32,
) -> Result<Option<Vec<u8>>, HostError> {
    let mut data = ptr::null_mut();
    let mut length = 0;
    match call(&raw mut data, &raw mut length) {
        // SAFETY: see the declarations.
        OK if !data.is_null() => Ok(Some(unsafe { Vec::from_raw_parts(data, length, length) })),
        OK | NOT_FOUND => Ok(None),
        status => Err(HostError { call: name, status: Some(status) }),
    }
}
