//! The bridge.
fn main() {}
