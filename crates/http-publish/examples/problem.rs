//! Prints the problem document of a request with several faults.
//!
//! `cargo run -p http-publish --example problem`

use http_publish::{RequestHead, Rules, read};

fn main() {
    let head = RequestHead::from_fields([
        (&b":method"[..], &b"POST"[..]),
        (b":path", b"/mqtt/messages?topic=devices/+/state&qos=2"),
        (b"mqtt-user-properties", br#"[{"site":"north"},{"line":3}]"#),
        (b"x-request-id", b"55f4a7ee-b0b4-4d7f-8eb5-2edba2ced5d7"),
    ]);

    match read(&head, &Rules::default()) {
        Ok(publish) => println!("{publish:#?}"),
        Err(problem) => {
            println!("HTTP/1.1 {}", problem.status());
            for (name, value) in problem.fields() {
                println!("{name}: {value}");
            }
            println!("\n{}", String::from_utf8_lossy(&problem.to_json(head.request_id())));
        }
    }
}
