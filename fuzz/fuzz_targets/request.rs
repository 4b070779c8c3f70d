//! A request: the first line is a profile of limits, a method and a target, each further line a field.
#![no_main]

#[path = "../../crates/http-publish/tests/properties/mqtt_text.rs"]
mod mqtt_text;
#[path = "../../crates/http-publish/tests/properties/request.rs"]
mod request;

use http_publish::{Limits, Profile, Rules};
use libfuzzer_sys::fuzz_target;
use request::Fields;

/// Limits that nearly everything is over.
const TINY: Limits = Limits {
    topic_bytes: 8,
    topic_segments: 2,
    response_topic_bytes: 8,
    correlation_data_bytes: 4,
    user_properties_bytes: 8,
    content_type_bytes: 12,
    message_expiry_seconds: 60,
    payload_bytes: 8,
};

fuzz_target!(|text: &[u8]| {
    let mut lines = text.split(|&byte| byte == b'\n');
    let mut words = lines.next().unwrap_or_default().splitn(3, |&byte| byte == b' ');
    let mut word = || words.next().unwrap_or_default();
    let limits = match std::str::from_utf8(word()) {
        Ok("tiny") => TINY,
        Ok(name) => Profile::from_name(name).unwrap_or_default().limits(),
        Err(_) => Limits::default(),
    };
    let mut fields: Fields =
        vec![(b":method".to_vec(), word().to_vec()), (b":path".to_vec(), word().to_vec())];
    fields.extend(lines.map(|line| {
        let colon = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        (name.to_ascii_lowercase(), value.get(1..).unwrap_or_default().trim_ascii().to_vec())
    }));
    request::check(&fields, &Rules { limits, ..Rules::default() });
});
