//! The callbacks, as Envoy defines them.

use std::cell::{RefCell, RefMut};
use std::ffi::c_char;
use std::ptr;

use envoy_module::abi::{
    Attribute, Body, ConfigInEnvoy, EnvoyBuffer, EnvoyHeader, FilterInEnvoy, HeaderMap, LogLevel,
    MetadataSource, MetricsResult, ModuleBuffer, ModuleHeader,
};
use envoy_module::hooks;

use crate::Fault;
use crate::config::Counters;
use crate::log::{LogLine, push};
use crate::stream::{Answer, State};

const SUCCESS: MetricsResult = MetricsResult::SUCCESS;
const METRIC_NOT_FOUND: MetricsResult = MetricsResult(1);
const FROZEN: MetricsResult = MetricsResult(3);
const HUGE: usize = usize::MAX;

/// # Safety
/// `filter` is a stream of this host.
unsafe fn stream<'a>(filter: FilterInEnvoy) -> RefMut<'a, State> {
    // SAFETY: the caller's promise.
    unsafe { &*filter.cast_const().cast::<RefCell<State>>() }.borrow_mut()
}

/// # Safety
/// `config` is a configuration of this host.
unsafe fn counters<'a>(config: *const RefCell<Counters>) -> RefMut<'a, Counters> {
    // SAFETY: the caller's promise.
    unsafe { &*config }.borrow_mut()
}

/// # Safety
/// The bytes are lent for the call.
unsafe fn bytes<'a>(ptr: *const c_char, length: usize) -> &'a [u8] {
    // SAFETY: the caller's promise.
    if ptr.is_null() { &[] } else { unsafe { std::slice::from_raw_parts(ptr.cast(), length) } }
}

/// # Safety
/// The bytes are lent for the call.
unsafe fn text(ptr: *const c_char, length: usize) -> String {
    // SAFETY: the caller's promise.
    String::from_utf8_lossy(unsafe { bytes(ptr, length) }).into_owned()
}

/// # Safety
/// There are `count` buffers, and their bytes are lent for the call.
unsafe fn texts(buffers: *mut ModuleBuffer, count: usize) -> Vec<String> {
    // SAFETY: the caller's promise.
    let one = |at| unsafe {
        let buffer = *buffers.add(at);
        text(buffer.ptr, buffer.length)
    };
    (0..count).map(one).collect()
}

const fn lend(bytes: &[u8]) -> EnvoyBuffer {
    EnvoyBuffer { ptr: bytes.as_ptr().cast(), length: bytes.len() }
}

// SAFETY (of every callback below): the filter passes its own stream or configuration, and lends bytes for the call. It is
// the filter's promises that are tested here, under Miri.

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_log(level: LogLevel, message: ModuleBuffer) {
    let text = unsafe { text(message.ptr, message.length) };
    push(LogLine { level, text });
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_filter_config_define_counter(
    config: ConfigInEnvoy,
    name: ModuleBuffer,
    label_names: *mut ModuleBuffer,
    label_names_length: usize,
    id: *mut usize,
) -> MetricsResult {
    let mut counters = unsafe { counters(config.cast_const().cast()) };
    if counters.refuses {
        return FROZEN;
    }
    let definition = unsafe { (text(name.ptr, name.length), texts(label_names, label_names_length)) };
    counters.defined.push(definition);
    unsafe { id.write(counters.defined.len() - 1) };
    SUCCESS
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_filter_config_increment_counter(
    config: ConfigInEnvoy,
    id: usize,
    label_values: *mut ModuleBuffer,
    label_values_length: usize,
    value: u64,
) -> MetricsResult {
    let labels = unsafe { texts(label_values, label_values_length) };
    let added = unsafe { counters(config.cast_const().cast()) }.add(id, &labels, value);
    added.map_or(METRIC_NOT_FOUND, |()| SUCCESS)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_filter_increment_counter(
    filter: FilterInEnvoy,
    id: usize,
    label_values: *mut ModuleBuffer,
    label_values_length: usize,
    value: u64,
) -> MetricsResult {
    let stream = unsafe { stream(filter) };
    if stream.fault == Some(Fault::NoCounter) {
        return METRIC_NOT_FOUND;
    }
    let labels = unsafe { texts(label_values, label_values_length) };
    let added = unsafe { counters(stream.counters) }.add(id, &labels, value);
    added.map_or(METRIC_NOT_FOUND, |()| SUCCESS)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_get_headers_size(
    filter: FilterInEnvoy,
    map: HeaderMap,
) -> usize {
    let stream = unsafe { stream(filter) };
    assert_eq!(map, HeaderMap::REQUEST);
    match stream.fault {
        Some(Fault::NoFields) => 0,
        Some(Fault::TooManyFields) => HUGE,
        _ => stream.fields.len(),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_get_headers(
    filter: FilterInEnvoy,
    map: HeaderMap,
    fields: *mut EnvoyHeader,
) -> bool {
    let stream = unsafe { stream(filter) };
    assert_eq!(map, HeaderMap::REQUEST);
    if matches!(stream.fault, Some(Fault::NoHead | Fault::NoFields | Fault::TooManyFields)) {
        return false;
    }
    for (at, (name, value)) in stream.fields.iter().enumerate() {
        let mut field = EnvoyHeader {
            key_ptr: name.as_ptr().cast(),
            key_length: name.len(),
            value_ptr: value.as_ptr().cast(),
            value_length: value.len(),
        };
        if at + 1 == stream.fields.len() {
            match stream.fault {
                Some(Fault::FieldLeftOut) => continue,
                Some(Fault::NullName) => field.key_ptr = ptr::null(),
                Some(Fault::NullValue) => field.value_ptr = ptr::null(),
                Some(Fault::HugeValue) => field.value_length = HUGE,
                _ => {}
            }
        }
        unsafe { fields.add(at).write(field) };
    }
    true
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_set_header(
    filter: FilterInEnvoy,
    map: HeaderMap,
    key: ModuleBuffer,
    value: ModuleBuffer,
) -> bool {
    let mut stream = unsafe { stream(filter) };
    if stream.fault == Some(Fault::FieldNotSet) {
        return false;
    }
    let State { fields, trailers, .. } = &mut *stream;
    let fields = match map {
        HeaderMap::REQUEST => fields,
        HeaderMap::REQUEST_TRAILERS => match trailers {
            Some(trailers) => trailers,
            None => return false,
        },
        HeaderMap(other) => panic!("the filter changes the map {other}"),
    };
    let name = unsafe { bytes(key.ptr, key.length) };
    fields.retain(|(field, _)| field != name);
    if !value.ptr.is_null() {
        fields.push((name.to_vec(), unsafe { bytes(value.ptr, value.length) }.to_vec()));
    }
    // Pointers into the map are dangling from here on.
    *fields = std::mem::take(fields).into_iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    true
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_send_response(
    filter: FilterInEnvoy,
    status: u32,
    fields: *mut ModuleHeader,
    fields_length: usize,
    body: ModuleBuffer,
    details: ModuleBuffer,
) {
    let pair = |at| unsafe {
        let field = *fields.add(at);
        (text(field.key_ptr, field.key_length), text(field.value_ptr, field.value_length))
    };
    let answer = Answer {
        status,
        fields: (0..fields_length).map(pair).collect(),
        body: unsafe { bytes(body.ptr, body.length) }.to_vec(),
        details: unsafe { text(details.ptr, details.length) },
    };
    let mut stream = unsafe { stream(filter) };
    stream.answers += 1;
    stream.answer = Some(answer);
    drop(stream);
    // Envoy tells every filter of a local answer, and sends it through those that see responses, before it returns.
    let details = EnvoyBuffer { ptr: details.ptr, length: details.length };
    let null = ptr::null();
    hooks::envoy_dynamic_module_on_http_filter_local_reply(filter, null, status, details, false);
    hooks::envoy_dynamic_module_on_http_filter_response_headers(filter, null, false);
    hooks::envoy_dynamic_module_on_http_filter_response_body(filter, null, true);
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_get_body_size(
    filter: FilterInEnvoy,
    body: Body,
) -> usize {
    let stream = unsafe { stream(filter) };
    stream.chunks(body).iter().map(Vec::len).sum()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_get_body_chunks_size(
    filter: FilterInEnvoy,
    body: Body,
) -> usize {
    let stream = unsafe { stream(filter) };
    if stream.fault == Some(Fault::TooManyChunks) { HUGE } else { stream.chunks(body).len() }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_get_body_chunks(
    filter: FilterInEnvoy,
    body: Body,
    chunks: *mut EnvoyBuffer,
) -> bool {
    let stream = unsafe { stream(filter) };
    if stream.fault == Some(Fault::NoBody) {
        return false;
    }
    let held = stream.chunks(body);
    for (at, chunk) in held.iter().enumerate() {
        let mut lent = lend(chunk);
        if at + 1 == held.len() {
            match stream.fault {
                Some(Fault::NullChunk) => lent.ptr = ptr::null(),
                Some(Fault::HugeChunk) => lent.length = HUGE,
                Some(Fault::ShortChunk) => lent.length -= 1,
                _ => {}
            }
        }
        unsafe { chunks.add(at).write(lent) };
    }
    true
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_drain_body(
    filter: FilterInEnvoy,
    body: Body,
    bytes: usize,
) -> bool {
    let mut stream = unsafe { stream(filter) };
    if stream.fault == Some(Fault::BodyNotDrained) {
        return false;
    }
    let chunks = stream.chunks_mut(body);
    let rest = chunks.concat().split_off(bytes.min(chunks.iter().map(Vec::len).sum()));
    // Pointers into the body are dangling from here on.
    *chunks = vec![rest];
    true
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_append_body(
    filter: FilterInEnvoy,
    body: Body,
    data: ModuleBuffer,
) -> bool {
    let mut stream = unsafe { stream(filter) };
    if stream.fault == Some(Fault::BodyNotAppended) {
        return false;
    }
    let data = unsafe { bytes(data.ptr, data.length) }.to_vec();
    stream.chunks_mut(body).push(data);
    true
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_get_metadata_keys_count(
    filter: FilterInEnvoy,
    source: MetadataSource,
    namespace: ModuleBuffer,
) -> usize {
    assert_eq!(source, MetadataSource::DYNAMIC);
    assert_eq!(unsafe { text(namespace.ptr, namespace.length) }, "envoy.filters.http.jwt_authn");
    unsafe { stream(filter) }.metadata_keys
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_get_filter_state_bytes(
    filter: FilterInEnvoy,
    key: ModuleBuffer,
    value: *mut EnvoyBuffer,
) -> bool {
    let stream = unsafe { stream(filter) };
    let Some(found) = stream.filter_state.get(unsafe { bytes(key.ptr, key.length) }) else { return false };
    let mut lent = lend(found);
    if stream.fault == Some(Fault::NullFilterState) {
        lent.ptr = ptr::null();
    }
    unsafe { value.write(lent) };
    true
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_filter_get_attribute_string(
    filter: FilterInEnvoy,
    attribute: Attribute,
    value: *mut EnvoyBuffer,
) -> bool {
    let stream = unsafe { stream(filter) };
    let Some((_, found)) = stream.attributes.iter().find(|(known, _)| *known == attribute) else {
        return false;
    };
    let mut lent = lend(found);
    if stream.fault == Some(Fault::HugeAttribute) {
        lent.length = HUGE;
    }
    unsafe { value.write(lent) };
    true
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_clear_route_cache(filter: FilterInEnvoy) {
    unsafe { stream(filter) }.routes_chosen_anew += 1;
}

// === impl State ===

impl State {
    fn chunks_mut(&mut self, body: Body) -> &mut Vec<Vec<u8>> {
        match body {
            Body::RECEIVED_REQUEST => &mut self.received,
            Body::BUFFERED_REQUEST => &mut self.held,
            Body(other) => panic!("the filter changes the body {other}"),
        }
    }

    fn chunks(&self, body: Body) -> &[Vec<u8>] {
        match body {
            Body::RECEIVED_REQUEST => &self.received,
            Body::BUFFERED_REQUEST => &self.held,
            Body(other) => panic!("the filter reads the body {other}"),
        }
    }
}
