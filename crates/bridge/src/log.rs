//! Log lines on stderr. At the default level none is about a single request.

use std::io::IsTerminal;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::cli::{LogArgs, LogFormat};

/// The levels are not levels.
#[derive(Debug)]
pub struct InvalidLevels;

/// The embedded broker says much, and errors where a client just leaves; what is asked for comes later and wins.
const QUIET: &str = "rumqttd=off";

/// Starts logging, for the whole process.
///
/// # Errors
///
/// The levels cannot be read.
pub fn start(args: &LogArgs) -> Result<(), InvalidLevels> {
    let levels: Targets = format!("{QUIET},{}", args.log).parse().map_err(|_| InvalidLevels)?;
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match args.log_format {
        LogFormat::Plain => {
            let colour = std::io::stderr().is_terminal();
            Box::new(fmt::layer().with_writer(std::io::stderr).with_ansi(colour).with_target(false))
        }
        LogFormat::Json => Box::new(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr)),
    };
    tracing_subscriber::registry().with(lines.with_filter(levels)).init();
    Ok(())
}

// === impl InvalidLevels ===

impl std::fmt::Display for InvalidLevels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "--log: expected error, warn, info, debug or trace, or module=level pairs separated by commas",
        )
    }
}

impl std::error::Error for InvalidLevels {}
