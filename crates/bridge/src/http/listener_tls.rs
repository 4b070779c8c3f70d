//! TLS of the bridge's own port: certificate, key, and the authorities of client certificates, read again on request.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mqtt_sessions::Chain;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

/// The PEM files for TLS of the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerFiles {
    /// The certificate chain, leaf first.
    pub certificate: PathBuf,
    /// The private key of the certificate.
    pub key: PathBuf,
    /// The authorities that sign the certificates of clients. `None`: clients need no certificate.
    pub client_ca: Option<PathBuf>,
}

/// What TLS connections are accepted with.
#[derive(Debug)]
pub struct ListenerTls {
    files: ListenerFiles,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    config: Arc<ServerConfig>,
    /// Whether the files could not be used when they were read last.
    is_stale: bool,
}

/// The TLS files of the port cannot be used. The configuration is at fault.
#[derive(Debug, thiserror::Error)]
pub enum ListenerTlsError {
    /// A file cannot be read, or is not PEM.
    #[error("{} should contain {expected} as PEM", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What it should contain.
        expected: &'static str,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// The certificate and the key do not match, or are of an unsupported kind.
    #[error("the certificate of the port and its key cannot be used")]
    Identity(#[source] rustls::Error),
    /// The authorities of clients cannot be used.
    #[error("the authorities of client certificates cannot be used")]
    ClientAuthorities(#[source] VerifierBuilderError),
}

/// HTTP/2 first. Clients without ALPN speak HTTP/1.1.
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];

/// The protocol name of HTTP/2 over TLS (RFC 9113, 3.2).
pub(super) const HTTP2: &[u8] = b"h2";

// === impl ListenerTls ===

impl ListenerTls {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// Returns an error if a file is missing or invalid.
    pub fn open(files: ListenerFiles) -> Result<Self, ListenerTlsError> {
        let config = files.read()?;
        Ok(Self { files, state: Mutex::new(State { config, is_stale: false }) })
    }

    /// Reads the files again. If they cannot be used, it logs why and keeps what is in use. Open connections stay as they are.
    pub fn reload(&self) {
        let read = self.files.read();
        let mut state = self.state();
        match read {
            Ok(config) => *state = State { config, is_stale: false },
            Err(error) => {
                tracing::warn!("the certificate of the port stays in use: {}", Chain(&error));
                state.is_stale = true;
            }
        }
    }

    /// Whether the files could not be used when they were read last.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.state().is_stale
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.state().config))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is consistent after every statement, even if a thread panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl ListenerFiles ===

impl ListenerFiles {
    fn read(&self) -> Result<Arc<ServerConfig>, ListenerTlsError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(ListenerTlsError::Identity)?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for authority in certificates(path, "CA certificates")? {
                    roots.add(authority).map_err(ListenerTlsError::Identity)?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier.map_err(ListenerTlsError::ClientAuthorities)?)
            }
        };
        let chain = certificates(&self.certificate, "certificates")?;
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|source| file_error(&self.key, "a private key", source))?;
        let mut config = builder.with_single_cert(chain, key).map_err(ListenerTlsError::Identity)?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(Arc::new(config))
    }
}

fn certificates(
    path: &Path,
    expected: &'static str,
) -> Result<Vec<CertificateDer<'static>>, ListenerTlsError> {
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|source| file_error(path, expected, source))?;
    if found.is_empty() {
        return Err(file_error(path, expected, pem::Error::NoItemsFound));
    }
    Ok(found)
}

fn file_error(path: &Path, expected: &'static str, source: pem::Error) -> ListenerTlsError {
    ListenerTlsError::File { path: path.to_owned(), expected, source }
}
