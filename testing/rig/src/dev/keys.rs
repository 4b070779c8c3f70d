//! The development key pair in `deploy/dev`.

use std::path::PathBuf;

use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};

use crate::error::{Context, Error, Result};
use crate::repo;

/// The key's name in its JWKS.
pub(super) const KEY_ID: &str = "development-only";

/// The public half, as the edge reads it.
#[must_use]
pub fn jwks() -> PathBuf {
    repo::root().join("deploy").join("dev").join("jwks.json")
}

/// RSASSA-PKCS1-v1_5 with SHA-256 (RS256), which is what Microsoft Entra ID signs with.
pub(super) fn sign(message: &[u8]) -> Result<Vec<u8>> {
    let path = jwks().with_file_name("development-only-signing-key.pem");
    let pem = std::fs::read_to_string(&path).context(|| format!("{} cannot be read", repo::shown(&path)))?;
    let der = rcgen::KeyPair::from_pem(&pem).context(|| format!("{} holds no key", repo::shown(&path)))?;
    let key = RsaKeyPair::from_pkcs8(der.serialized_der())
        .context(|| format!("{} holds no RSA key", repo::shown(&path)))?;
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
        .map_err(|_| Error::new("The development key could not sign."))?;
    Ok(signature)
}
