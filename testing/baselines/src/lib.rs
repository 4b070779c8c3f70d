//! Programs that do one part of a bridge's work and nothing else, for `cargo xtask bench`:
//! - `empty-server` answers every HTTP request with 204 once it has read it. It also is the upstream of the measured edges.
//! - `bare-client` publishes over MQTT 5 with QoS 1, with rumqttc.

/// An error of a program that ends with it.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The argument of this position, or an error that says what was expected.
///
/// # Errors
/// Returns an error if the argument is missing or has another type.
pub fn argument<T: std::str::FromStr>(position: usize, expected: &str) -> Result<T, Error> {
    let given = std::env::args().nth(position).and_then(|text| text.parse().ok());
    given.ok_or_else(|| format!("argument {position}: {expected} is expected").into())
}
