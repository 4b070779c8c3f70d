//! Envoys that break a promise: the request is refused, and nothing goes by unchecked.

use native_host::{Fault, Step};

use crate::support::{CLOSED_MESH, config, publish, refusal, refused};

#[test]
fn a_head_that_cannot_be_read_or_changed_is_refused() {
    let faults = [
        Fault::NoFields,
        Fault::TooManyFields,
        Fault::NoHead,
        Fault::FieldLeftOut,
        Fault::NullName,
        Fault::NullValue,
        Fault::HugeValue,
        Fault::FieldNotSet,
    ];
    let config = config(CLOSED_MESH);
    for (so_far, fault) in faults.into_iter().enumerate() {
        let mut stream = publish(&config, "/mqtt/messages?topic=a%62");
        assert_eq!(stream.fault(fault).head(false), Step::Stops, "{fault:?}");
        assert_eq!(refusal(&stream), refused(500, "EdgeFailure"), "{fault:?}");
        assert_eq!(stream.body(&[b"a"], true), Step::Stops, "{fault:?}");
        let counted = config.counter(r#"postmqtt_requests{outcome="EdgeFailure"}"#);
        assert_eq!(counted, Some(so_far as u64 + 1), "{fault:?}");
    }
}

#[test]
fn a_forged_field_that_cannot_be_removed_is_refused_on_any_path() {
    let config = config(CLOSED_MESH);
    let mut stream = publish(&config, "/other");
    stream.field("x-mqtt-client-id", "forged").fault(Fault::FieldNotSet);
    assert_eq!(stream.head(false), Step::Stops);
    assert_eq!(refusal(&stream), refused(500, "EdgeFailure"));
}

#[test]
fn trailers_that_cannot_be_changed_are_refused() {
    let config = config(CLOSED_MESH);
    let mut stream = publish(&config, "/other");
    assert_eq!(stream.head(false), Step::Continues);
    stream.trailer("x-mqtt-cluster", "forged").fault(Fault::FieldNotSet);
    assert_eq!(stream.end_with_trailers(), Step::Stops);
    assert_eq!(refusal(&stream), refused(500, "EdgeFailure"));
}

#[test]
fn a_payload_that_cannot_be_read_is_refused() {
    let faults = [Fault::NoBody, Fault::TooManyChunks, Fault::NullChunk, Fault::HugeChunk, Fault::ShortChunk];
    let config = config(CLOSED_MESH);
    for fault in faults {
        let mut stream = publish(&config, "/mqtt/messages?topic=a");
        stream.field("mqtt-payload-format-indicator", "1");
        assert_eq!(stream.head(false), Step::Continues);
        assert_eq!(stream.fault(fault).body(&[b"a", b"b"], true), Step::Stops, "{fault:?}");
        assert_eq!(refusal(&stream), refused(500, "EdgeFailure"), "{fault:?}");
    }
}

#[test]
fn a_count_that_is_lost_harms_no_request() {
    let config = config(CLOSED_MESH);
    let mut stream = publish(&config, "/mqtt/messages?topic=a");
    assert_eq!(stream.fault(Fault::NoCounter).head(true), Step::Continues);
    assert_eq!((stream.answer(), config.counted()), (None, vec![]));
}
