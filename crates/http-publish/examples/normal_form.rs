//! Prints the changes that put a request into normal form, as a proxy makes them before it forwards the request.
//!
//! `cargo run -p http-publish --example normal_form`

use std::convert::Infallible;

use http_publish::{Change, RequestHead, Rules, read};

fn main() -> Result<(), http_publish::Problem> {
    let head = RequestHead::from_fields([
        (&b":method"[..], &b"POST"[..]),
        (b":path", b"/mqtt/messages?utm_source=x&retain=1&topic=devices/pump-7/state"),
        (b"mqtt-qos", b"1"),
        (b"mqtt-correlation-data", b"-_8"),
        (b"mqtt-message-expiry", b"0"),
    ]);

    let rules = Rules::default();
    let publish = read(&head, &rules)?;
    let Ok(()) = publish.changes(&head, &rules, |change| -> Result<(), Infallible> {
        match change {
            Change::Set { name, value } => println!("set    {name}: {value}"),
            Change::Remove { name } => println!("remove {name}"),
        }
        Ok(())
    });
    Ok(())
}
