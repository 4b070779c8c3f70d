//! The JSON of User Properties, against serde_json.
#![no_main]

#[path = "../../crates/http-publish/tests/properties/mqtt_text.rs"]
mod mqtt_text;
#[path = "../../crates/http-publish/tests/properties/user_properties.rs"]
mod user_properties;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|json: &[u8]| user_properties::check(json));
