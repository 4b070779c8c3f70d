//! TLS towards the broker: whom the bridge trusts, and what it shows of itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::config::{TlsFiles, TlsIdentity};

/// Why TLS cannot be set up. The bridge's configuration is at fault.
#[derive(Debug)]
pub enum TlsError {
    /// A file cannot be read, or is not PEM.
    File {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// What went wrong with it.
        why: String,
    },
    /// The system has no certificate authorities, and no file names any.
    NoRoots(String),
    /// The certificate and the key do not go together, or are of a kind that is not supported.
    Identity(rustls::Error),
}

// === impl TlsError ===

impl std::fmt::Display for TlsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { path, expected, why } => {
                write!(f, "{} should hold {expected} as PEM: {why}", path.display())
            }
            Self::NoRoots(why) => {
                write!(
                    f,
                    "the system has no certificate authorities ({why}); name a file with --broker-ca-file"
                )
            }
            Self::Identity(why) => write!(f, "the client certificate and its key cannot be used: {why}"),
        }
    }
}

impl std::error::Error for TlsError {}

/// Reads the files once, at start, so that a wrong one is found there.
///
/// # Errors
///
/// A file is missing or wrong, or there is nobody to trust.
pub fn client_config(files: &TlsFiles) -> Result<Arc<ClientConfig>, TlsError> {
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
        roots.add(certificate).map_err(|error| file_error(path, "CA certificates", &error))?;
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // A system may hold certificates that this library does not know how to use; the others still count.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map_or_else(|| "none found".to_owned(), ToString::to_string);
        return Err(TlsError::NoRoots(why));
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    const EXPECTED: &str = "certificates";
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| file_error(path, EXPECTED, &error))?;
    if found.is_empty() {
        return Err(file_error(path, EXPECTED, &"there is none in it"));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| file_error(path, "a private key", &error))
}

fn file_error(path: &Path, expected: &'static str, why: &dyn std::fmt::Display) -> TlsError {
    TlsError::File { path: path.to_owned(), expected, why: why.to_string() }
}
