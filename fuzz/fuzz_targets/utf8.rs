//! The UTF-8 check of a payload in chunks, against the standard library: the first bytes say how many cuts there are, and
//! where.
#![no_main]

#[path = "../../crates/http-publish/tests/properties/utf8.rs"]
mod utf8;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&count, rest)) = bytes.split_first() else { return };
    let Some((cuts, payload)) = rest.split_at_checked(usize::from(count % 8)) else { return };
    let cuts: Vec<usize> = cuts.iter().copied().map(usize::from).collect();
    utf8::check(payload, &cuts);
});
