//! Optional fields of a configuration: they may be left out, but not be null.

use serde::{Deserialize, Deserializer};

/// For serde's `deserialize_with`, beside `default`: a field that is there has a value.
///
/// # Errors
/// Returns an error if the value is null or is not a `T`.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
