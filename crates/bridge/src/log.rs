//! Logging to stderr. At the default level, no line is about a single request.

use std::io::IsTerminal;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::cli::{LogArgs, LogFormat};

/// `--log` is not a valid list of log levels.
#[derive(Debug, thiserror::Error)]
#[error("--log: expected error, warn, info, debug or trace, or module=level pairs separated by commas")]
pub struct InvalidLevels;

/// Starts logging for the whole process.
///
/// # Errors
///
/// Returns an error if the levels are invalid.
pub fn start(args: &LogArgs) -> Result<(), InvalidLevels> {
    let levels: Targets = args.log.parse().map_err(|_| InvalidLevels)?;
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
