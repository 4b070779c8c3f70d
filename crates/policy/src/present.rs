//! Optional fields of the configuration: they may be left out, but what is there is not null.

use serde::{Deserialize, Deserializer};

/// For `deserialize_with`, beside `default`: a field that is there has a value.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
