//! TLS towards the broker: trusted authorities and the client certificate.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::config::{TlsFiles, TlsIdentity};

/// TLS cannot be set up. The configuration is at fault.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is not PEM.
    #[error("{} should contain {expected} as PEM", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What it should contain.
        expected: &'static str,
        /// What is wrong with it.
        source: FileError,
    },
    /// The system has no certificate authorities, and no file names any.
    #[error("the system has no certificate authorities; configure a CA file")]
    NoRoots(#[source] io::Error),
    /// The certificate and the key do not match, or are of an unsupported kind.
    #[error("the client certificate and its key cannot be used")]
    Identity(#[source] rustls::Error),
}

/// What is wrong with a PEM file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read, or is not PEM.
    #[error(transparent)]
    Pem(#[from] pem::Error),
    /// It is PEM and contains nothing of the expected kind.
    #[error("the file contains none")]
    Empty,
    /// A certificate cannot be used as an authority.
    #[error(transparent)]
    Certificate(#[from] rustls::Error),
}

/// Reads the files.
///
/// # Errors
///
/// Returns an error if a file is missing or invalid, or if there is no certificate authority to trust.
pub(crate) fn configure(files: &TlsFiles) -> Result<Arc<ClientConfig>, TlsError> {
    let roots = match &files.ca {
        Some(path) => roots_from(path)?,
        None => system_roots()?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Identity)?
        .with_root_certificates(roots);
    let config = match &files.identity {
        None => builder.with_no_client_auth(),
        Some(TlsIdentity { certificate, key }) => builder
            .with_client_auth_cert(certificates(certificate)?, private_key(key)?)
            .map_err(TlsError::Identity)?,
    };
    Ok(Arc::new(config))
}

fn roots_from(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| file_error(path, "CA certificates", error.into()))?;
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // A system may have certificates that rustls does not support; the others are still used.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let error = found.errors.into_iter().next().map(io::Error::other);
        return Err(TlsError::NoRoots(error.unwrap_or_else(|| io::ErrorKind::NotFound.into())));
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    const EXPECTED: &str = "certificates";
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| file_error(path, EXPECTED, error.into()))?;
    if found.is_empty() {
        return Err(file_error(path, EXPECTED, FileError::Empty));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| file_error(path, "a private key", error.into()))
}

fn file_error(path: &Path, expected: &'static str, source: FileError) -> TlsError {
    TlsError::File { path: path.to_owned(), expected, source }
}
