//! Helm, as a library for Python, and the schemas of Kubernetes, which kubernetes-validate has with it.

use std::path::PathBuf;

use super::wheel::Wheel;
use crate::error::{Error, Result};

const WHEEL: Wheel = Wheel {
    package: "kubernetes-validate",
    version: "1.37.0",
    program: "kubernetes-validate",
    // Helm 4's own engine: its template language is Go's, for which there is no second implementation to trust.
    requirements: &["helm-python-sdk==0.2.2"],
};

/// A Python that has the modules `helm_python`, `kubernetes_validate` and `yaml`: fetched, since their versions matter.
///
/// # Errors
/// Returns an error if they cannot be fetched.
pub fn helm() -> Result<PathBuf> {
    let program = WHEEL.ensure()?;
    let directory = program.parent().ok_or_else(|| Error::new("kubernetes-validate is in no directory."))?;
    Ok(directory.join("python"))
}
