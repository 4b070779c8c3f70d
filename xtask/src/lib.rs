//! The commands of this repository (`cargo xtask …`), and what they are made of: [`tools`] finds or fetches programs,
//! [`build`] builds the filter and the bridge, [`stack`] runs the whole path as child processes (the end-to-end tests
//! stand on it), [`dev`] makes development tokens and certificates.

pub mod build;
pub mod command;
pub mod dev;
pub mod error;
pub mod example;
pub mod repo;
pub mod schema;
pub mod stack;
pub mod tools;

pub use error::{Error, Result};
