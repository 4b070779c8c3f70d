//! schemathesis, which makes requests of an OpenAPI document and checks the answers.

use std::path::PathBuf;

use super::wheel::Wheel;
use crate::error::Result;

const WHEEL: Wheel = Wheel {
    package: "schemathesis",
    version: "4.32.5",
    program: "schemathesis",
    // What makes the requests: with another version they would be others.
    requirements: &["hypothesis==6.170.15", "jsonschema_rs==0.60.3"],
};

/// The program `schemathesis`, fetched unless it is there.
///
/// # Errors
/// Where it cannot be fetched.
pub fn schemathesis() -> Result<PathBuf> {
    WHEEL.ensure()
}
