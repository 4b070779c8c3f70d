//! Compilers, interpreters and HTTP libraries of the programs that the documentation shows.

use std::path::PathBuf;
use std::process::Command;

use super::npm::Npm;
use super::wheel::Environment;
use super::{apt, npm};
use crate::command;
use crate::error::{Error, Result};

const AXIOS: Npm = Npm { package: "axios", version: "1.21.1", program: "axios" };

const PYTHON_CLIENTS: Environment = Environment {
    name: "python-clients",
    packages: &["requests==2.34.2", "httpx==0.28.1"],
    modules: &["requests", "httpx"],
};

/// The program `go`.
///
/// # Errors
/// Returns an error if it is missing and cannot be installed.
pub fn go() -> Result<PathBuf> {
    program("go", "golang-go")
}

/// The program `java`, with a compiler: it runs a source file.
///
/// # Errors
/// Returns an error if it is missing and cannot be installed.
pub fn java() -> Result<PathBuf> {
    program("javac", "default-jdk-headless")?;
    program("java", "default-jdk-headless")
}

/// A `python` that has `requests` and `httpx`.
///
/// # Errors
/// Returns an error if it cannot be set up.
pub fn python_with_http_clients() -> Result<PathBuf> {
    PYTHON_CLIENTS.ensure()
}

/// A `node_modules` directory that has `axios`.
///
/// # Errors
/// Returns an error if it cannot be fetched.
pub fn axios() -> Result<PathBuf> {
    AXIOS.ensure_library()
}

/// The program `node`.
///
/// # Errors
/// Returns an error if it is missing and cannot be installed.
pub fn node() -> Result<PathBuf> {
    npm::ensure_node()?;
    found("node")
}

fn program(name: &str, package: &str) -> Result<PathBuf> {
    if command::find(name).is_none() {
        apt::ensure(&[package], "to run the programs that the documentation shows")?;
    }
    found(name)
}

fn found(name: &str) -> Result<PathBuf> {
    let program = command::find(name).ok_or_else(|| Error::new(format!("{name} is not on the PATH.")))?;
    // `go` and `java` spell this differently, and both accept it.
    let argument = if name == "go" { "version" } else { "--version" };
    command::output(Command::new(&program).arg(argument))?;
    Ok(program)
}
