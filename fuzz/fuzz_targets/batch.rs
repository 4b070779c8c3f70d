//! A batch: the first line is a profile of limits and a target, the others are the payload.
#![no_main]

#[path = "../../crates/http-publish/tests/properties/batch.rs"]
mod batch;
#[path = "../../crates/http-publish/tests/properties/mqtt_text.rs"]
mod mqtt_text;
#[path = "../../crates/http-publish/tests/properties/request.rs"]
#[allow(dead_code)]
mod request;

use http_publish::{Profile, Rules};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let end = text.iter().position(|&byte| byte == b'\n').unwrap_or(text.len());
    let (first, payload) = text.split_at(end);
    let mut words = first.splitn(2, |&byte| byte == b' ');
    let name = std::str::from_utf8(words.next().unwrap_or_default()).unwrap_or_default();
    let limits = Profile::from_name(name).unwrap_or_default().limits();
    batch::check(words.next().unwrap_or_default(), payload, &Rules { limits, ..Rules::default() });
});
