//! What a newcomer reads once the demonstration is ready.

use std::path::Path;

use rig::example;

/// What becomes of the message that the reader is told to publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience<'a> {
    /// The demonstration subscribes to this topic filter, and prints what arrives.
    Here(&'a str),
    /// Only the broker's own subscribers receive it.
    Elsewhere,
}

/// The text; it fits 80 columns and 24 lines.
pub(super) fn text(http_url: &str, token: &Path, broker: &str, audience: Audience<'_>) -> String {
    // The token itself would take ten lines.
    let command = example::curl(http_url, &format!("$(cat '{}')", token.display()));
    let outcome = match audience {
        Audience::Here(filter) => {
            format!("Messages to {filter} are shown here as a subscriber sees them; then curl prints 204.")
        }
        Audience::Elsewhere => {
            "curl prints 204, or 202 if nothing has subscribed; --watch subscribes and shows it.".to_owned()
        }
    };
    format!(
        "ready: paste this into another terminal (Ctrl-C here ends everything)\n\n{command}\n\n{outcome}\n\
         Subscribe to {broker} with any client of MQTT 3.1.1 or 5."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_fits_a_terminal_of_80_columns_and_24_lines() {
        const COLUMNS: usize = 80;
        let token = Path::new("/home/a-newcomer/src/postmqtt/target/run/demo/token");
        for audience in [Audience::Here("#"), Audience::Elsewhere] {
            let text = text("http://127.0.0.1:8080", token, "mqtt://broker.example:1883", audience);
            let lines: usize = text.lines().map(|line| line.chars().count().div_ceil(COLUMNS).max(1)).sum();
            // One more is the prompt's.
            assert!(lines < 24, "{lines} lines:\n{text}");
        }
    }
}
