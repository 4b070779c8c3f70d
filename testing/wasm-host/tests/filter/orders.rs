//! Callbacks in orders that no Envoy would call in.

use wasm_host::{Action, Callback, Fields, Request, Stream};

use super::{OPEN, code, configured, seed, start};

const NO_END: bool = false;

/// Every callback that a stream can see before its end.
const CALLBACKS: [Callback; 3] = [
    Callback::RequestHeaders { count: 0, end: false },
    Callback::RequestBody { size: 0, end: false },
    Callback::RequestTrailers { count: 0 },
];

/// Every order of the callbacks.
fn orders() -> Vec<Vec<Callback>> {
    let mut orders = vec![Vec::new()];
    for callback in CALLBACKS {
        orders = orders
            .into_iter()
            .flat_map(|order: Vec<Callback>| {
                (0..=order.len()).map(move |place| {
                    let mut longer = order.clone();
                    longer.insert(place, callback);
                    longer
                })
            })
            .collect();
    }
    orders
}

#[test]
fn no_order_of_callbacks_traps() {
    let host = configured(OPEN);
    for order in orders() {
        let stream = host.open().unwrap();
        for callback in &order {
            if let Err(trap) = stream.call(*callback) {
                panic!("{order:?}: {trap}");
            }
        }
        stream.close().unwrap();
    }
}

#[test]
fn a_context_that_is_not_there_stops_the_request_it_is_about() {
    let host = configured(OPEN);
    let open = host.open().unwrap();
    let deleted = host.open().unwrap();
    deleted.call(Callback::Delete).unwrap();
    for callback in CALLBACKS {
        assert_eq!(deleted.call(callback), Ok(1), "{callback:?}");
        assert_eq!(host.call(u32::MAX, callback), Ok(1), "{callback:?}");
        assert_eq!(host.call(host.root_context(), callback), Ok(1), "{callback:?}: a root is no request");
    }
    deleted.call(Callback::Delete).unwrap();
    assert_eq!(host.call(u32::MAX, Callback::Configure { size: 0 }), Ok(0));
    assert_eq!(open.request_headers(seed().head(), NO_END), Ok(Action::Continue));
}

#[test]
fn a_stream_outlives_its_root() {
    let host = configured(OPEN);
    let stream = host.open().unwrap();
    host.call(host.root_context(), Callback::Delete).unwrap();
    assert_eq!(stream.request_headers(seed().head(), NO_END), Ok(Action::Continue));
    let orphan = host.open().unwrap();
    assert_eq!(orphan.request_headers(seed().head(), NO_END), Ok(Action::Pause));
    assert_eq!(orphan.local_reply().map(|reply| code(&reply)).as_deref(), Some("EdgeFailure"));
}

#[test]
fn a_request_that_was_answered_stays_answered_whatever_follows() {
    let host = configured(OPEN);
    let stream = host.open().unwrap();
    let bad = seed().field("mqtt-message-expiry", "soon");
    assert_eq!(stream.request_headers(bad.head(), NO_END), Ok(Action::Pause));
    let reply = stream.local_reply().unwrap();
    for callback in [
        Callback::RequestBody { size: 1, end: false },
        Callback::RequestBody { size: u32::MAX, end: true },
        Callback::RequestTrailers { count: 1 },
    ] {
        assert_eq!(stream.call(callback), Ok(1), "{callback:?}: it stays paused");
    }
    assert_eq!(stream.local_reply(), Some(reply));
    assert_eq!(stream.upstream().fields, None);
    stream.close().unwrap();
}

#[test]
fn a_head_that_is_shown_again_is_judged_again() {
    let host = configured(OPEN);
    let stream = host.open().unwrap();
    assert_eq!(stream.request_headers(seed().head(), NO_END), Ok(Action::Continue));
    let bad = seed().field("mqtt-message-expiry", "soon");
    assert_eq!(stream.request_headers(bad.head(), NO_END), Ok(Action::Pause));
    assert_eq!(stream.local_reply().map(|reply| reply.status), Some(400));
    stream.close().unwrap();
}

#[test]
fn a_head_that_the_host_announces_but_does_not_show_is_refused() {
    let host = configured(OPEN);
    let stream = host.open().unwrap();
    assert_eq!(stream.call(Callback::RequestHeaders { count: 9, end: true }), Ok(1));
    assert_eq!(stream.local_reply().map(|reply| code(&reply)).as_deref(), Some("EdgeFailure"));
    stream.close().unwrap();
}

#[test]
fn requests_that_overlap_do_not_touch_each_other() {
    let host = configured(OPEN);
    let held = seed().field("mqtt-payload-format-indicator", "1");
    let streams: Vec<Stream> = (0..50).map(|_| host.open().unwrap()).collect();
    for stream in &streams {
        assert_eq!(stream.request_headers(held.head(), NO_END), Ok(Action::Continue));
    }
    // Every second payload is broken in its second half.
    for half in ["Gr\u{fc}\u{df}e".as_bytes(), b"ok"] {
        for (index, stream) in streams.iter().enumerate() {
            let (chunk, expected) = match (half, index % 2) {
                (b"ok", 1) => (&b"\xff"[..], Action::Pause),
                _ => (half, Action::Continue),
            };
            assert_eq!(stream.request_body(chunk, NO_END), Ok(expected));
        }
    }
    for (index, stream) in streams.into_iter().enumerate() {
        stream.request_trailers(&Fields::new()).unwrap();
        assert_eq!(stream.upstream().is_whole, index % 2 == 0, "{index}");
        assert_eq!(stream.local_reply().is_some(), index % 2 == 1, "{index}");
        stream.close().unwrap();
    }
}

#[test]
fn a_request_before_any_configuration_is_refused() {
    let host = start();
    for request in [seed(), Request::post("/elsewhere")] {
        let outcome = host.send(&request).unwrap();
        assert_eq!(outcome.local_reply.map(|reply| code(&reply)).as_deref(), Some("EdgeFailure"));
        assert_eq!(outcome.upstream.fields, None);
    }
}

#[test]
fn a_new_configuration_is_for_new_requests() {
    let host = configured(OPEN);
    let held = seed().field("mqtt-payload-format-indicator", "1");
    let old = host.open().unwrap();
    assert_eq!(old.request_headers(held.head(), NO_END), Ok(Action::Continue));
    host.configure(r#"{"clientId": {"from": "none"}, "limits": {"payloadBytes": 1}}"#).unwrap();
    let new = host.open().unwrap();
    let small = Request::post("/mqtt/messages?topic=a");
    assert_eq!(new.request_headers(small.head(), NO_END), Ok(Action::Continue));

    assert_eq!(old.request_body(b"more than one", true), Ok(Action::Continue));
    assert!(old.upstream().is_whole);
    assert_eq!(new.request_body(b"more than one", true), Ok(Action::Pause));
    assert_eq!(new.local_reply().map(|reply| reply.status), Some(413));
    old.close().unwrap();
    new.close().unwrap();
}
