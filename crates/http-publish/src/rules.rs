//! What a deployment decides: where HTTP Publish is served, which API versions it knows, and its limits.

use crate::limits::Limits;

/// The rules by which [`read()`](crate::read()) judges a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The path, without a query; `/mqtt/messages` by default. It has to match byte by byte.
    pub path: String,
    /// The versions that a query's `api-version` may name.
    pub api_versions: Vec<String>,
    /// The size of each part.
    pub limits: Limits,
}

// === impl Rules ===

impl Rules {
    /// Whether the target (path and query) is HTTP Publish; any other is not ours to judge.
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
            api_versions: ["2025-02-15-preview", "2025-08-01-preview", "2025-11-16-preview"]
                .map(str::to_owned)
                .to_vec(),
            limits: Limits::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_configured_path_is_ours() {
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
