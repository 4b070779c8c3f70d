//! What an operator sees.

mod access_log;
mod alerts;
mod dashboards;
mod statistics;
mod tracing;
