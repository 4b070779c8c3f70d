//! Whether the process may open as many files as its settings need. Each connection is one.

use mqtt_sessions::config::Sessions;

use crate::cli::Settings;

/// What the bridge opens besides connections: listeners, the runtime's own files, TLS and password files, the connection to
/// the collector of spans. A bridge without connections has about 20.
const BESIDE: usize = 32;

/// Logs a warning if the limit of open files is lower than what the settings need.
pub fn check(settings: &Settings) {
    let needed = needed(settings);
    if let Some(limit) = soft_limit().filter(|limit| *limit < needed) {
        tracing::warn!(
            "the limit of open files is {limit} (ulimit -n), and the settings need {needed}: connections beyond it will fail; \
             raise the limit, or lower --max-connections"
        );
    }
}

/// How many files are open if every connection is used that the settings allow.
fn needed(settings: &Settings) -> usize {
    let sessions = match &settings.mqtt.sessions {
        Sessions::Shared(count) => *count,
        Sessions::PerClient(clients) => clients.limit.saturating_add(1),
    };
    let replies = usize::from(settings.requests.is_some());
    let reads = settings.retained.map_or(0, |retained| retained.connections);
    [settings.http.max_connections, sessions, replies, reads].into_iter().fold(BESIDE, usize::saturating_add)
}

/// The soft limit of the process. `None`: there is none, or the system does not say.
fn soft_limit() -> Option<usize> {
    read_soft_limit(&std::fs::read_to_string("/proc/self/limits").ok()?)
}

/// Reads the limit from the content of Linux's `/proc/self/limits`.
fn read_soft_limit(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_the_first_number_of_its_line() {
        // As proc(5) shows it.
        let rows = [
            (
                "Limit                     Soft Limit           Hard Limit           Units     \n\
                 Max cpu time              unlimited            unlimited            seconds   \n\
                 Max open files            1024                 524288               files     \n",
                Some(1024),
            ),
            ("Max open files            unlimited            unlimited            files     \n", None),
            ("", None),
        ];
        for (given, expected) in rows {
            assert_eq!(read_soft_limit(given), expected);
        }
    }
}
