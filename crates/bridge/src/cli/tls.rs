//! TLS of the bridge's own port.

use std::path::PathBuf;

use clap::Args;

use crate::http::ListenerFiles;

/// TLS of the port of --listen. The files are read again on SIGHUP.
#[derive(Args)]
#[command(next_help_heading = "HTTP over TLS")]
pub(super) struct TlsArgs {
    /// A PEM file with the certificate chain of the port of --listen, which then accepts TLS alone, with HTTP/2 or HTTP/1.1 by
    /// ALPN. On SIGHUP it is read again, with the key and the CAs. --admin-listen stays without TLS
    #[arg(long, env = "POSTMQTT_TLS_CERT_FILE", value_name = "FILE", requires = "tls_key_file")]
    tls_cert_file: Option<PathBuf>,
    /// A PEM file with the private key of that certificate
    #[arg(long, env = "POSTMQTT_TLS_KEY_FILE", value_name = "FILE", requires = "tls_cert_file")]
    tls_key_file: Option<PathBuf>,
    /// A PEM file with the certificate authorities of clients, such as Envoy. Clients without a certificate of theirs cannot
    /// connect [default: clients need no certificate]
    #[arg(long, env = "POSTMQTT_TLS_CLIENT_CA_FILE", value_name = "FILE", requires = "tls_cert_file")]
    tls_client_ca_file: Option<PathBuf>,
}

// === impl TlsArgs ===

impl TlsArgs {
    /// `None`: the port has no TLS.
    pub(super) fn into_files(self) -> Option<ListenerFiles> {
        let (certificate, key) = self.tls_cert_file.zip(self.tls_key_file)?;
        Some(ListenerFiles { certificate, key, client_ca: self.tls_client_ca_file })
    }
}
