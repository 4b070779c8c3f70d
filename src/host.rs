//! The host: the few calls of the proxy-wasm ABI 0.2.1 that the filter makes, each a function that returns a `Result`.
//!
//! The SDK dispatches callbacks; its own hostcalls are not used, since they panic on a status they do not expect and on
//! bytes that are not UTF-8, and a panic here is the end of an Envoy worker's VM.
#![allow(unsafe_code)]

use std::ptr;

/// A hostcall failed; the number is the ABI's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HostError(pub(crate) u32);

/// The request's fields as one buffer, read in one crossing; the pairs borrow from it.
pub(crate) struct Fields(Vec<u8>);

/// A counter that the host keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counter(u32);

/// How loud a log line is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LogLevel {
    Info = 2,
    Error = 4,
}

const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
const INTERNAL_FAILURE: u32 = 10;
const REQUEST_HEADERS: u32 = 0;
const REQUEST_TRAILERS: u32 = 1;
const REQUEST_BODY: u32 = 0;
const PLUGIN_CONFIGURATION: u32 = 7;
const COUNTER: u32 = 0;
const NO_GRPC_STATUS: i32 = -1;

// SAFETY (of every call below): the declarations are those of the ABI 0.2.1, which passes lengths and pointers into this
// module's memory; the host reads what it is given during the call only. A buffer that it returns was allocated by the
// SDK's `proxy_on_memory_allocate`, with the size as its capacity, and belongs to the caller.
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

/// Writes a line to Envoy's log. A line that cannot be written is lost; there is nobody to tell.
pub(crate) fn log(level: LogLevel, text: &str) {
    // SAFETY: see the declarations.
    unsafe { proxy_log(level as u32, text.as_ptr(), text.len()) };
}

/// The plugin's configuration, of the `size` that was promised; empty where that is 0.
pub(crate) fn plugin_configuration(size: usize) -> Result<Vec<u8>, HostError> {
    if size == 0 {
        return Ok(Vec::new());
    }
    buffer(PLUGIN_CONFIGURATION, 0, size)
}

/// Every field of the request, doubles and pseudo-headers included.
pub(crate) fn request_fields() -> Result<Fields, HostError> {
    // SAFETY: see the declarations.
    let bytes =
        returned(|data, length| unsafe { proxy_get_header_map_pairs(REQUEST_HEADERS, data, length) })?;
    Fields::new(bytes.ok_or(HostError(NOT_FOUND))?)
}

/// Makes `value` the only value of a request's field.
pub(crate) fn set_request_field(name: &str, value: &str) -> Result<(), HostError> {
    // SAFETY: see the declarations.
    done(unsafe {
        proxy_replace_header_map_value(
            REQUEST_HEADERS,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    })
}

/// Removes every value of a request's field.
pub(crate) fn remove_request_field(name: &str) -> Result<(), HostError> {
    // SAFETY: see the declarations.
    done(unsafe { proxy_remove_header_map_value(REQUEST_HEADERS, name.as_ptr(), name.len()) })
}

/// Removes every value of a field behind the request's body.
pub(crate) fn remove_request_trailer(name: &str) -> Result<(), HostError> {
    // SAFETY: see the declarations.
    done(unsafe { proxy_remove_header_map_value(REQUEST_TRAILERS, name.as_ptr(), name.len()) })
}

/// Bytes of the request's body that the host holds now, as many as asked for.
pub(crate) fn request_body(start: usize, length: usize) -> Result<Vec<u8>, HostError> {
    buffer(REQUEST_BODY, start, length)
}

/// A property by its path; `None` where there is none, and where it is empty, which the host does not tell apart.
pub(crate) fn property(path: &[&str]) -> Result<Option<Vec<u8>>, HostError> {
    let path = path.join("\0");
    // SAFETY: see the declarations.
    let value =
        returned(|data, length| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, length) })?;
    Ok(value.filter(|value| !value.is_empty()))
}

/// The address of the peer that the request counts as coming from, without its port; empty where the host knows none.
pub(crate) fn source_address() -> Result<String, HostError> {
    let address = property(&["source", "address"])?.unwrap_or_default();
    let address = String::from_utf8(address).unwrap_or_default();
    let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
    Ok(host.trim_matches(['[', ']']).to_owned())
}

/// A counter of that name, which all workers share.
pub(crate) fn define_counter(name: &str) -> Result<Counter, HostError> {
    let mut id = 0;
    // SAFETY: see the declarations.
    done(unsafe { proxy_define_metric(COUNTER, name.as_ptr(), name.len(), &raw mut id) })?;
    Ok(Counter(id))
}

/// Answers the request here. `details` is what `%RESPONSE_CODE_DETAILS%` shows.
pub(crate) fn send_local_response(
    status: u16,
    details: &str,
    fields: &[(&str, &str)],
    body: &[u8],
) -> Result<(), HostError> {
    let fields = serialize(fields);
    // SAFETY: see the declarations.
    done(unsafe {
        proxy_send_local_response(
            u32::from(status),
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

// === impl Counter ===

impl Counter {
    /// Adds one. A count that is lost harms no request.
    pub(crate) fn increment(self) {
        // SAFETY: see the declarations.
        unsafe { proxy_increment_metric(self.0, 1) };
    }
}

// === impl Fields ===

impl Fields {
    /// Takes a buffer that adds up: what could not be read to its end would go on unchecked.
    fn new(bytes: Vec<u8>) -> Result<Self, HostError> {
        let fields = Self(bytes);
        let count = word(&fields.0, 0).unwrap_or_default();
        if count == 0 || fields.iter().count() != count {
            return Err(HostError(INTERNAL_FAILURE));
        }
        Ok(fields)
    }

    /// Names and values. The host writes a count, then both lengths of every pair, then the bytes, each text with a NUL
    /// behind it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let count = word(&self.0, 0).unwrap_or_default();
        let mut lengths_at = WORD;
        let mut text_at = WORD.saturating_add(count.saturating_mul(2 * WORD));
        (0..count).map_while(move |_| {
            let name_end = text_at.checked_add(word(&self.0, lengths_at)?)?;
            let value_end = name_end.checked_add(1)?.checked_add(word(&self.0, lengths_at + WORD)?)?;
            let pair = (self.0.get(text_at..name_end)?, self.0.get(name_end + 1..value_end)?);
            lengths_at += 2 * WORD;
            text_at = value_end.checked_add(1)?;
            Some(pair)
        })
    }
}

/// The ABI's integers: 32 bits, little-endian.
const WORD: usize = 4;

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk::<WORD>()?;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

/// Writes pairs as [`Fields::iter`] reads them.
fn serialize(pairs: &[(&str, &str)]) -> Vec<u8> {
    let length_of = |text: &str| u32::try_from(text.len()).unwrap_or_default().to_le_bytes();
    let mut bytes = u32::try_from(pairs.len()).unwrap_or_default().to_le_bytes().to_vec();
    for (name, value) in pairs {
        bytes.extend(length_of(name));
        bytes.extend(length_of(value));
    }
    for (name, value) in pairs {
        for text in [name, value] {
            bytes.extend(text.as_bytes());
            bytes.push(0);
        }
    }
    bytes
}

fn buffer(buffer: u32, start: usize, length: usize) -> Result<Vec<u8>, HostError> {
    // SAFETY: see the declarations.
    let bytes = returned(|data, size| unsafe { proxy_get_buffer_bytes(buffer, start, length, data, size) })?;
    bytes.filter(|bytes| bytes.len() == length).ok_or(HostError(NOT_FOUND))
}

fn done(status: u32) -> Result<(), HostError> {
    if status == OK { Ok(()) } else { Err(HostError(status)) }
}

/// Takes over the buffer that a hostcall returns through its two out-parameters.
fn returned(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Option<Vec<u8>>, HostError> {
    let mut data = ptr::null_mut();
    let mut length = 0;
    match call(&raw mut data, &raw mut length) {
        // SAFETY: see the declarations.
        OK if !data.is_null() => Ok(Some(unsafe { Vec::from_raw_parts(data, length, length) })),
        OK | NOT_FOUND => Ok(None),
        status => Err(HostError(status)),
    }
}
