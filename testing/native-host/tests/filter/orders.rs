//! Hooks in orders in which no Envoy calls them.

use std::ptr;

use envoy_module::abi::{BodyStatus, EnvoyBuffer, HeadersStatus, TrailersStatus};
use envoy_module::hooks;
use native_host::{Step, Stream};

use crate::support::{CLOSED_MESH, config, publish};

#[test]
fn a_body_without_a_head_is_none_of_the_filters() {
    let config = config(CLOSED_MESH);
    let mut stream = Stream::open(&config);
    assert_eq!(stream.body(&[b"a"], false), Step::Continues);
    assert_eq!(stream.end_with_trailers(), Step::Continues);
    assert_eq!((stream.answer(), config.counted()), (None, vec![]));
}

#[test]
fn what_comes_after_the_end_is_not_counted_again() {
    let config = config(CLOSED_MESH);
    let mut stream = publish(&config, "/mqtt/messages?topic=a");
    assert_eq!(stream.head(true), Step::Continues);
    assert_eq!(stream.body(&[b"a"], true), Step::Continues);
    assert_eq!(stream.end_with_trailers(), Step::Continues);
    assert_eq!(stream.answer(), None);
    assert_eq!(config.counted(), [(r#"postmqtt_requests{outcome="Sent",qos="1"}"#.to_owned(), 1)]);
}

#[test]
fn a_configuration_may_end_before_its_streams() {
    let config = config(CLOSED_MESH);
    let mut open = publish(&config, "/other");
    let untouched = Stream::open(&config);
    config.destroy();
    drop(untouched);
    assert_eq!(open.head(false), Step::Continues);
    assert_eq!(open.body(&[b"a"], true), Step::Continues);
}

#[test]
fn null_is_refused_everywhere() {
    let nothing = EnvoyBuffer { ptr: ptr::null(), length: 0 };
    // SAFETY: null is allowed.
    unsafe {
        assert!(hooks::envoy_dynamic_module_on_http_filter_new(ptr::null(), ptr::null_mut()).is_null());
        let headers =
            hooks::envoy_dynamic_module_on_http_filter_request_headers(ptr::null_mut(), ptr::null(), true);
        assert_eq!(headers, HeadersStatus::STOP_ITERATION);
        let body =
            hooks::envoy_dynamic_module_on_http_filter_request_body(ptr::null_mut(), ptr::null(), true);
        assert_eq!(body, BodyStatus::STOP_ITERATION_NO_BUFFER);
        let trailers =
            hooks::envoy_dynamic_module_on_http_filter_request_trailers(ptr::null_mut(), ptr::null());
        assert_eq!(trailers, TrailersStatus::STOP_ITERATION);
        hooks::envoy_dynamic_module_on_http_filter_destroy(ptr::null());
        hooks::envoy_dynamic_module_on_http_filter_config_destroy(ptr::null());
    }
    hooks::envoy_dynamic_module_on_http_filter_stream_complete(ptr::null_mut(), ptr::null());
    let reply = hooks::envoy_dynamic_module_on_http_filter_local_reply(
        ptr::null_mut(),
        ptr::null(),
        503,
        nothing,
        true,
    );
    assert_eq!(reply, 0);
}
