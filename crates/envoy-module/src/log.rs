//! Lines for Envoy's log.

use crate::abi::{LogLevel, envoy_dynamic_module_callback_log};
use crate::lend;

/// For the operator to know.
pub(crate) fn info(text: &str) {
    write(LogLevel::INFO, text);
}

/// For the operator to act on.
pub(crate) fn error(text: &str) {
    write(LogLevel::ERROR, text);
}

fn write(level: LogLevel, text: &str) {
    envoy_dynamic_module_callback_log(level, lend::to_envoy(format!("postmqtt: {text}").as_bytes()));
}
