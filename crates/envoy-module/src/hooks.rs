//! What Envoy calls: the functions that it looks up by name when it loads the module. It loads no module that lacks one.
//!
//! None may unwind. Those that call the filter catch its panics ([`Stream`]); the others do nothing that panics, except to
//! free what the filter made and to read a configuration, which are caught here.
#![allow(unsafe_code)]

use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

use edge::Flow;

use crate::abi::{
    ABI_VERSION, BodyStatus, ConfigInEnvoy, ConfigInModule, EnvoyBuffer, EnvoyHeader, FilterInEnvoy,
    FilterInModule, HeadersStatus, TrailersStatus,
};
use crate::setup::Setup;
use crate::stream::Stream;
use crate::{lend, log};

/// The module was loaded. Returns the version of the ABI that it was built for.
#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_program_init() -> *const c_char {
    ABI_VERSION.as_ptr()
}

/// Envoy has a configuration for the filter. Null refuses it: Envoy then does not start, or keeps the old one.
///
/// # Safety
/// `config_in_envoy` can be used until this returns, and so can the bytes of `config`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_new(
    config_in_envoy: ConfigInEnvoy,
    _name: EnvoyBuffer,
    config: EnvoyBuffer,
) -> ConfigInModule {
    let read = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the caller's promise.
        let json = unsafe { lend::buffer(config) }.ok_or("Envoy gives no configuration")?;
        // SAFETY: the caller's promise.
        unsafe { Setup::read(config_in_envoy, json) }
    }));
    match read {
        Ok(Ok(setup)) => {
            log::info(&setup.config.summary());
            Arc::into_raw(Arc::new(setup)).cast()
        }
        Ok(Err(reason)) => {
            log::error(&reason);
            ptr::null()
        }
        Err(_) => ptr::null(),
    }
}

/// Envoy has no further use for a configuration. Streams that are still open keep what they need of it.
///
/// # Safety
/// `config` is what [`envoy_dynamic_module_on_http_filter_config_new`] returned, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_destroy(config: ConfigInModule) {
    if config.is_null() {
        return;
    }
    // SAFETY: the caller's promise.
    let setup = unsafe { Arc::from_raw(config.cast::<Setup>()) };
    let _ = catch_unwind(AssertUnwindSafe(|| drop(setup)));
}

/// A request begins. Null closes its stream.
///
/// # Safety
/// `config` is null, or what [`envoy_dynamic_module_on_http_filter_config_new`] returned and not destroyed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_new(
    config: ConfigInModule,
    _filter_in_envoy: FilterInEnvoy,
) -> FilterInModule {
    if config.is_null() {
        return ptr::null();
    }
    let config = config.cast::<Setup>();
    // SAFETY: the caller's promise; the count is the stream's, and ends with it.
    let setup = unsafe {
        Arc::increment_strong_count(config);
        Arc::from_raw(config)
    };
    Box::into_raw(Box::new(Stream::new(setup))).cast_const().cast()
}

/// A stream ended.
///
/// # Safety
/// `filter` is null, or what [`envoy_dynamic_module_on_http_filter_new`] returned; then it is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_destroy(filter: FilterInModule) {
    if filter.is_null() {
        return;
    }
    // SAFETY: the caller's promise.
    let stream = unsafe { Box::from_raw(filter.cast_mut().cast::<Stream>()) };
    let _ = catch_unwind(AssertUnwindSafe(|| drop(stream)));
}

/// The head of a request came.
///
/// # Safety
/// `filter_in_envoy` can be used until this returns. `filter` is null, or what
/// [`envoy_dynamic_module_on_http_filter_new`] returned for it and not destroyed, and no other hook uses it meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_headers(
    filter_in_envoy: FilterInEnvoy,
    filter: FilterInModule,
    end_of_stream: bool,
) -> HeadersStatus {
    // SAFETY: the caller's promise.
    let flow =
        unsafe { stream(filter).map(|stream| stream.on_request_headers(filter_in_envoy, end_of_stream)) };
    match flow {
        Some(Flow::Continue) => HeadersStatus::CONTINUE,
        Some(Flow::Hold | Flow::Stop) | None => HeadersStatus::STOP_ITERATION,
    }
}

/// A part of a request's body came.
///
/// # Safety
/// As of [`envoy_dynamic_module_on_http_filter_request_headers`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_body(
    filter_in_envoy: FilterInEnvoy,
    filter: FilterInModule,
    end_of_stream: bool,
) -> BodyStatus {
    // SAFETY: the caller's promise.
    let flow = unsafe { stream(filter).map(|stream| stream.on_request_body(filter_in_envoy, end_of_stream)) };
    match flow {
        Some(Flow::Continue) => BodyStatus::CONTINUE,
        Some(Flow::Hold) => BodyStatus::STOP_ITERATION_AND_BUFFER,
        Some(Flow::Stop) | None => BodyStatus::STOP_ITERATION_NO_BUFFER,
    }
}

/// The trailers of a request came.
///
/// # Safety
/// As of [`envoy_dynamic_module_on_http_filter_request_headers`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_trailers(
    filter_in_envoy: FilterInEnvoy,
    filter: FilterInModule,
) -> TrailersStatus {
    // SAFETY: the caller's promise.
    let flow = unsafe { stream(filter).map(|stream| stream.on_request_trailers(filter_in_envoy)) };
    match flow {
        Some(Flow::Continue) => TrailersStatus::CONTINUE,
        Some(Flow::Hold | Flow::Stop) | None => TrailersStatus::STOP_ITERATION,
    }
}

/// # Safety
/// `filter` is null, or a stream that nothing else uses during `'a`.
unsafe fn stream<'a>(filter: FilterInModule) -> Option<&'a mut Stream> {
    // SAFETY: the caller's promise; the stream was made mutable.
    unsafe { filter.cast_mut().cast::<Stream>().as_mut() }
}

/// Hooks that the filter has no use for. Envoy may call them while another hook of the stream waits for a callback, so they
/// touch nothing.
macro_rules! unused_hooks {
    ($($name:ident($($argument:ty),*) $(-> $status:literal)?;)+) => {
        $(unused_hooks!(@one $name ($($argument),*) $($status)?);)+
    };
    (@one $name:ident ($($argument:ty),*)) => {
        /// Not used.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name($(_: $argument),*) {}
    };
    (@one $name:ident ($($argument:ty),*) $status:literal) => {
        /// Not used: whatever it is asked about goes on.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name($(_: $argument),*) -> u32 {
            $status
        }
    };
}

unused_hooks! {
    envoy_dynamic_module_on_http_filter_response_headers(FilterInEnvoy, FilterInModule, bool) -> 0;
    envoy_dynamic_module_on_http_filter_response_body(FilterInEnvoy, FilterInModule, bool) -> 0;
    envoy_dynamic_module_on_http_filter_response_trailers(FilterInEnvoy, FilterInModule) -> 0;
    envoy_dynamic_module_on_http_filter_local_reply(FilterInEnvoy, FilterInModule, u32, EnvoyBuffer, bool) -> 0;
    envoy_dynamic_module_on_http_filter_stream_complete(FilterInEnvoy, FilterInModule);
    envoy_dynamic_module_on_http_filter_downstream_above_write_buffer_high_watermark(FilterInEnvoy, FilterInModule);
    envoy_dynamic_module_on_http_filter_downstream_below_write_buffer_low_watermark(FilterInEnvoy, FilterInModule);
    envoy_dynamic_module_on_http_filter_scheduled(FilterInEnvoy, FilterInModule, u64);
    envoy_dynamic_module_on_http_filter_config_scheduled(ConfigInEnvoy, ConfigInModule, u64);
    envoy_dynamic_module_on_http_filter_http_callout_done(
        FilterInEnvoy, FilterInModule, u64, u32, *mut EnvoyHeader, usize, *mut EnvoyBuffer, usize
    );
    envoy_dynamic_module_on_http_filter_http_stream_headers(
        FilterInEnvoy, FilterInModule, u64, *mut EnvoyHeader, usize, bool
    );
    envoy_dynamic_module_on_http_filter_http_stream_data(
        FilterInEnvoy, FilterInModule, u64, *const EnvoyBuffer, usize, bool
    );
    envoy_dynamic_module_on_http_filter_http_stream_trailers(
        FilterInEnvoy, FilterInModule, u64, *mut EnvoyHeader, usize
    );
    envoy_dynamic_module_on_http_filter_http_stream_complete(FilterInEnvoy, FilterInModule, u64);
    envoy_dynamic_module_on_http_filter_http_stream_reset(FilterInEnvoy, FilterInModule, u64, u32);
    envoy_dynamic_module_on_http_filter_config_http_callout_done(
        ConfigInEnvoy, ConfigInModule, u64, u32, *mut EnvoyHeader, usize, *mut EnvoyBuffer, usize
    );
    envoy_dynamic_module_on_http_filter_config_http_stream_headers(
        ConfigInEnvoy, ConfigInModule, u64, *mut EnvoyHeader, usize, bool
    );
    envoy_dynamic_module_on_http_filter_config_http_stream_data(
        ConfigInEnvoy, ConfigInModule, u64, *const EnvoyBuffer, usize, bool
    );
    envoy_dynamic_module_on_http_filter_config_http_stream_trailers(
        ConfigInEnvoy, ConfigInModule, u64, *mut EnvoyHeader, usize
    );
    envoy_dynamic_module_on_http_filter_config_http_stream_complete(ConfigInEnvoy, ConfigInModule, u64);
    envoy_dynamic_module_on_http_filter_config_http_stream_reset(ConfigInEnvoy, ConfigInModule, u64, u32);
}
