//! A client id, as a verified identity and as the field that the edge writes.
#![no_main]

#[path = "../../crates/http-publish/tests/properties/client_id.rs"]
mod client_id;
#[path = "../../crates/http-publish/tests/properties/mqtt_text.rs"]
mod mqtt_text;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| client_id::check(bytes));
