//! A problem document that repeats somebody's words: the first two bytes choose its code and the broker's.
#![no_main]

#[path = "../../crates/http-publish/tests/properties/problem.rs"]
mod problem;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let [code, reason, words @ ..] = bytes
        && let Ok(words) = std::str::from_utf8(words)
    {
        problem::check(*code, *reason, words);
    }
});
