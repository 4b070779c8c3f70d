//! Reads a request and prints the message that it publishes.
//!
//! `cargo run -p http-publish --example read`

use http_publish::{PayloadCheck, RequestHead, Rules, read};

fn main() -> Result<(), http_publish::Problem> {
    let payload = br#"{"pressure":2.1}"#;
    let head = RequestHead::from_fields([
        (&b":method"[..], &b"POST"[..]),
        (b":path", b"/mqtt/messages?topic=devices%2Fpump-7%2Fstate&qos=1"),
        (b"content-type", b"application/json"),
        (b"mqtt-message-expiry", b"60"),
        (b"mqtt-user-properties", br#"[{"site":"north"},{"line":"3"}]"#),
    ]);

    let rules = Rules::default();
    let publish = read(&head, &rules)?;

    // A server gives each chunk of the body to the check as it arrives.
    let mut check = PayloadCheck::of(&publish, &rules.limits);
    for chunk in payload.chunks(8) {
        check.push(chunk)?;
    }
    check.finish()?;

    println!("topic:   {}", publish.topic_name.as_str());
    println!("QoS:     {}", publish.qos.as_str());
    for (name, value) in publish.user_properties.iter() {
        println!("         {name}: {value}");
    }
    if let Some(interval) = publish.message_expiry_interval {
        println!("expires: in {} s", interval.seconds());
    }
    println!("payload: {} bytes", check.seen());
    Ok(())
}
