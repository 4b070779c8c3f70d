//! The rules of a deployment: its paths, API versions, limits, and whether it refuses unknown parameters.

use crate::limits::Limits;

/// The rules by which [`read()`](crate::read()) judges a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The path without a query, compared byte by byte; `/mqtt/messages` by default.
    pub path: String,
    /// The path of the list of retained messages; `/mqtt/retainedMessages` by default. `/message` follows for a single one.
    pub retained_path: String,
    /// The values that `api-version` may have.
    pub api_versions: Vec<String>,
    /// The largest size of each part.
    pub limits: Limits,
    /// What to do with parameters that were probably meant for HTTP Publish and do not exist.
    pub unknown_parameters: UnknownParameters,
}

/// What to do with the parameters that [`RequestHead::ignored`](crate::RequestHead::ignored) finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UnknownParameters {
    /// Publish without them. A dry run names them.
    #[default]
    Ignore,
    /// Refuse the request: each is a violation with [`Code::UnknownParameter`](crate::Code::UnknownParameter).
    Refuse,
}

// === impl Rules ===

impl Rules {
    /// Whether a target (path and query) has the path of batches, which is that of HTTP Publish and `/batch`.
    #[must_use]
    pub fn is_batch(&self, target: &[u8]) -> bool {
        let rest = target.strip_prefix(self.path.as_bytes()).and_then(|rest| rest.strip_prefix(b"/batch"));
        rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'?')))
    }

    /// Whether a target (path and query) has the path of HTTP Publish.
    #[must_use]
    pub fn is_publish(&self, target: &[u8]) -> bool {
        target
            .strip_prefix(self.path.as_bytes())
            .is_some_and(|rest| matches!(rest.first(), None | Some(b'?')))
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            path: "/mqtt/messages".to_owned(),
            retained_path: "/mqtt/retainedMessages".to_owned(),
            api_versions: ["2025-02-15-preview", "2025-08-01-preview", "2025-11-16-preview"]
                .map(str::to_owned)
                .to_vec(),
            limits: Limits::default(),
            unknown_parameters: UnknownParameters::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_compared_with_the_path_byte_by_byte() {
        let rows: &[(&[u8], bool)] = &[
            (b"/mqtt/messages", true),
            (b"/mqtt/messages?", true),
            (b"/mqtt/messages?topic=a", true),
            (b"/mqtt/messages/", false),
            (b"/mqtt/messagesx", false),
            (b"/MQTT/messages", false),
            (b"/mqtt%2Fmessages", false),
            (b"/", false),
            (b"", false),
        ];
        for (given, expected) in rows {
            assert_eq!(Rules::default().is_publish(given), *expected, "{given:?}");
        }
    }
}
