//! The certificate of the edge's https port while developing: self-signed, for this machine's own names.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::error::{Context, Result};
use crate::repo;

/// A certificate's files, in PEM.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate, which a client has to trust.
    pub chain: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The names that it is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// After this long a new one is made. (rcgen's certificates do not expire on their own.)
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The certificate, made unless there is one.
///
/// # Errors
/// Where it cannot be made or written.
pub fn ensure() -> Result<Certificate> {
    // Two stacks that start at the same time must not write one's certificate beside the other's key.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = repo::target().join("dev");
    let certificate = Certificate { chain: directory.join("tls.crt"), key: directory.join("tls.key") };
    if is_fresh(&certificate.chain) && certificate.key.is_file() {
        return Ok(certificate);
    }
    let made = rcgen::generate_simple_self_signed(NAMES.map(str::to_owned))
        .context(|| "The development certificate cannot be made".to_owned())?;
    std::fs::create_dir_all(&directory).context(|| format!("{} cannot be made", directory.display()))?;
    std::fs::write(&certificate.key, made.signing_key.serialize_pem())
        .and_then(|()| std::fs::write(&certificate.chain, made.cert.pem()))
        .context(|| format!("The development certificate cannot be written into {}", directory.display()))?;
    Ok(certificate)
}

fn is_fresh(path: &Path) -> bool {
    let modified = path.metadata().and_then(|found| found.modified());
    modified.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age < LIFETIME))
}
