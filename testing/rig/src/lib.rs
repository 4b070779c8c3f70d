//! What runs the product on one machine, for tests, the demo and benchmarks; nothing here is shipped.
//!
//! - [`tools`] finds or installs the programs that are needed
//! - [`build`] builds the filter and the bridge; [`filter`] says which of the two filters
//! - [`stack`] runs Envoy, bridges and a broker as child processes
//! - [`compose`] runs docker-compose.yml with a Docker engine
//! - [`dev`] makes development tokens and certificates

pub mod build;
pub mod command;
pub mod compose;
pub mod dev;
pub mod error;
pub mod example;
pub mod filter;
pub mod repo;
pub mod schema;
pub mod stack;
pub mod tools;

pub use error::{Error, Result};
pub use filter::Filter;
