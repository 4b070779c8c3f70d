//! The example of Azure Event Grid's documentation, as a command for a terminal.

pub use http_publish::example::*;

/// The request as a command for a terminal.
#[must_use]
pub fn curl(base_url: &str, token: &str) -> String {
    let mut lines = vec![format!("curl -i -X POST \"{base_url}{PATH_AND_QUERY}\"")];
    lines.push(format!("-H \"Authorization: Bearer {token}\""));
    lines.extend(HEADERS.iter().map(|(name, value)| format!("-H \"{name}: {value}\"")));
    lines.push(format!("--data-raw \"{PAYLOAD}\""));
    lines.join(" \\\n  ")
}
