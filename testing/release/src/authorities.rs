//! Mozilla's certificate authorities as one PEM file, for an image that has no operating system to ask.

use pem::{EncodeConfig, LineEnding, Pem};

/// All that Mozilla trusts for TLS servers.
pub(super) fn pem() -> String {
    let authorities = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
    let blocks: Vec<Pem> = authorities.iter().map(|der| Pem::new("CERTIFICATE", der.as_ref())).collect();
    pem::encode_many_config(&blocks, EncodeConfig::new().set_line_ending(LineEnding::LF))
}
