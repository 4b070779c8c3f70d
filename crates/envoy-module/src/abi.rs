//! Envoy's C ABI for dynamic modules, version 0.2.0: the declarations that the module uses, and no others.
//!
//! Source: `source/extensions/dynamic_modules/abi/abi.h` of Envoy. What holds for all of it:
//!
//! - A buffer that Envoy passes or writes ([`EnvoyBuffer`], [`EnvoyHeader`]) belongs to Envoy. It is valid until the hook
//!   returns, or until a callback changes the same map, body, metadata or filter state, whichever is first.
//! - A buffer that the module passes ([`ModuleBuffer`], [`ModuleHeader`]) belongs to the module. Envoy reads it during the
//!   call and copies what it keeps.
//! - All hooks of one stream run on one worker thread, never two at a time. Hooks of a configuration run on the main thread;
//!   its streams use it from several workers at once.
//! - Envoy checks no pointer, and neither side may unwind into the other.

use std::ffi::{c_char, c_void};

/// The version that [`envoy_dynamic_module_on_program_init`](crate::hooks::envoy_dynamic_module_on_program_init) returns.
///
/// Envoy loads a module of any version, and logs a warning if it is not its own. Only a function that it lacks, or that the
/// module lacks, keeps it from loading; what a function of the same name takes is for its version to promise.
pub const ABI_VERSION: &std::ffi::CStr = c"v0.2.0";

/// A `DynamicModuleHttpFilterConfig`. Envoy's; valid until the configuration's destroy hook.
pub type ConfigInEnvoy = *mut c_void;
/// A `DynamicModuleHttpFilter`, one for each stream. Envoy's; valid until the filter's destroy hook.
pub type FilterInEnvoy = *mut c_void;
/// What the module returned for a configuration. The module's; Envoy passes it back until the destroy hook, which frees it.
pub type ConfigInModule = *const c_void;
/// What the module returned for a stream. The module's; Envoy passes it back until the destroy hook, which frees it.
pub type FilterInModule = *const c_void;

/// Bytes of Envoy's. The pointer may be null where the length is 0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct EnvoyBuffer {
    /// The first byte.
    pub ptr: *const c_char,
    /// Bytes.
    pub length: usize,
}

/// Bytes of the module's. A null pointer means "none" where a callback says so, and else an empty buffer.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ModuleBuffer {
    /// The first byte.
    pub ptr: *const c_char,
    /// Bytes.
    pub length: usize,
}

/// A field of one of Envoy's header maps, in place.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct EnvoyHeader {
    /// The first byte of the name, which is in lower case.
    pub key_ptr: *const c_char,
    /// Bytes of the name.
    pub key_length: usize,
    /// The first byte of the value, which may be any bytes.
    pub value_ptr: *const c_char,
    /// Bytes of the value.
    pub value_length: usize,
}

/// A field for a local answer.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ModuleHeader {
    /// The first byte of the name.
    pub key_ptr: *const c_char,
    /// Bytes of the name.
    pub key_length: usize,
    /// The first byte of the value.
    pub value_ptr: *const c_char,
    /// Bytes of the value.
    pub value_length: usize,
}

/// A C enum of the ABI, of which only the values used are named. Envoy may pass others.
macro_rules! c_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $number:literal,)+ }) => {
        $(#[$doc])*
        #[repr(transparent)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(pub u32);

        impl $name {
            $($(#[$value_doc])* pub const $value: Self = Self($number);)+
        }
    };
}

c_enum! {
    /// How important a log line is.
    LogLevel {
        /// For the operator to know.
        INFO = 2,
        /// For the operator to act on.
        ERROR = 4,
    }
}

c_enum! {
    /// A header map of a stream.
    HeaderMap {
        /// The request's fields and pseudo-fields.
        REQUEST = 0,
        /// The request's trailers.
        REQUEST_TRAILERS = 1,
    }
}

c_enum! {
    /// A body of a stream.
    Body {
        /// What the current body hook was called for; empty in other hooks.
        RECEIVED_REQUEST = 0,
        /// What earlier hooks had Envoy hold back.
        BUFFERED_REQUEST = 1,
    }
}

c_enum! {
    /// Where metadata is.
    MetadataSource {
        /// The stream's dynamic metadata, which filters before this one wrote.
        DYNAMIC = 0,
    }
}

c_enum! {
    /// An attribute of a stream.
    Attribute {
        /// `source.address`.
        SOURCE_ADDRESS = 24,
        /// `connection.uri_san_peer_certificate`: the first URI SAN.
        URI_SAN_PEER_CERTIFICATE = 37,
    }
}

c_enum! {
    /// What became of a call about a metric.
    MetricsResult {
        /// It was done.
        SUCCESS = 0,
    }
}

c_enum! {
    /// What Envoy does with a head.
    HeadersStatus {
        /// The next filter gets it.
        CONTINUE = 0,
        /// It waits, and what comes of the body goes to this filter.
        STOP_ITERATION = 1,
    }
}

c_enum! {
    /// What Envoy does with a part of a body.
    BodyStatus {
        /// The next filter gets it, with all that was held.
        CONTINUE = 0,
        /// It is held; more than the connection's buffer limit is answered 413 by Envoy.
        STOP_ITERATION_AND_BUFFER = 1,
        /// It is dropped.
        STOP_ITERATION_NO_BUFFER = 3,
    }
}

c_enum! {
    /// What Envoy does with trailers.
    TrailersStatus {
        /// The next filter gets them, with all that was held.
        CONTINUE = 0,
        /// They wait.
        STOP_ITERATION = 1,
    }
}

unsafe extern "C" {
    /// Writes a line to Envoy's log, under `dynamic_modules`. From any thread.
    pub safe fn envoy_dynamic_module_callback_log(level: LogLevel, message: ModuleBuffer);

    /// Defines a counter for all workers, in the configuration hook only. `label_names` may be null where there are none.
    /// `id` is written where the result is [`MetricsResult::SUCCESS`].
    pub fn envoy_dynamic_module_callback_http_filter_config_define_counter(
        config: ConfigInEnvoy,
        name: ModuleBuffer,
        label_names: *mut ModuleBuffer,
        label_names_length: usize,
        id: *mut usize,
    ) -> MetricsResult;

    /// Adds to a counter without a stream, which is how a configuration makes its series appear with 0.
    pub fn envoy_dynamic_module_callback_http_filter_config_increment_counter(
        config: ConfigInEnvoy,
        id: usize,
        label_values: *mut ModuleBuffer,
        label_values_length: usize,
        value: u64,
    ) -> MetricsResult;

    /// Adds to a counter. There are as many label values as the definition has label names.
    pub fn envoy_dynamic_module_callback_http_filter_increment_counter(
        filter: FilterInEnvoy,
        id: usize,
        label_values: *mut ModuleBuffer,
        label_values_length: usize,
        value: u64,
    ) -> MetricsResult;

    /// How many fields a map has, doubles counted each; 0 where there is no such map.
    pub fn envoy_dynamic_module_callback_http_get_headers_size(
        filter: FilterInEnvoy,
        map: HeaderMap,
    ) -> usize;

    /// Writes every field of a map to `fields`, which has room for as many as the map has. False where there is no such map.
    pub fn envoy_dynamic_module_callback_http_get_headers(
        filter: FilterInEnvoy,
        map: HeaderMap,
        fields: *mut EnvoyHeader,
    ) -> bool;

    /// Makes `value` the only value of a field; a null value removes the field. False where there is no such map.
    pub fn envoy_dynamic_module_callback_http_set_header(
        filter: FilterInEnvoy,
        map: HeaderMap,
        key: ModuleBuffer,
        value: ModuleBuffer,
    ) -> bool;

    /// Answers the request and ends its stream, unless it was answered before. `details` is what
    /// `%RESPONSE_CODE_DETAILS%` shows. Envoy may call the filter's response hooks before this returns.
    pub fn envoy_dynamic_module_callback_http_send_response(
        filter: FilterInEnvoy,
        status: u32,
        fields: *mut ModuleHeader,
        fields_length: usize,
        body: ModuleBuffer,
        details: ModuleBuffer,
    );

    /// Bytes of a body; 0 where it is not there.
    pub fn envoy_dynamic_module_callback_http_get_body_size(filter: FilterInEnvoy, body: Body) -> usize;

    /// How many chunks a body has; 0 where it is not there.
    pub fn envoy_dynamic_module_callback_http_get_body_chunks_size(
        filter: FilterInEnvoy,
        body: Body,
    ) -> usize;

    /// Writes every chunk of a body to `chunks`, which has room for as many as the body has. False where it is not there.
    pub fn envoy_dynamic_module_callback_http_get_body_chunks(
        filter: FilterInEnvoy,
        body: Body,
        chunks: *mut EnvoyBuffer,
    ) -> bool;

    /// Removes the first bytes of a body, at most all of them. False where it is not there.
    pub fn envoy_dynamic_module_callback_http_drain_body(
        filter: FilterInEnvoy,
        body: Body,
        bytes: usize,
    ) -> bool;

    /// Adds bytes to the end of a body. False where it is not there.
    pub fn envoy_dynamic_module_callback_http_append_body(
        filter: FilterInEnvoy,
        body: Body,
        data: ModuleBuffer,
    ) -> bool;

    /// How many keys a namespace of metadata has; 0 where there is none.
    pub fn envoy_dynamic_module_callback_http_get_metadata_keys_count(
        filter: FilterInEnvoy,
        source: MetadataSource,
        namespace: ModuleBuffer,
    ) -> usize;

    /// Reads a string or bytes from the stream's filter state. False where there is none, or of another type.
    pub fn envoy_dynamic_module_callback_http_get_filter_state_bytes(
        filter: FilterInEnvoy,
        key: ModuleBuffer,
        value: *mut EnvoyBuffer,
    ) -> bool;

    /// Reads an attribute that is a string. False where there is none.
    pub fn envoy_dynamic_module_callback_http_filter_get_attribute_string(
        filter: FilterInEnvoy,
        attribute: Attribute,
        value: *mut EnvoyBuffer,
    ) -> bool;

    /// Makes Envoy choose the route anew, from the fields as they are by then.
    pub fn envoy_dynamic_module_callback_http_clear_route_cache(filter: FilterInEnvoy);
}
