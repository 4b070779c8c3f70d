//! Reads credentials and certificates again, while the bridge runs.

use std::sync::Arc;

use mqtt_sessions::Pool;

use crate::http::ListenerTls;

/// Reads the files of a bridge again.
#[derive(Clone, Debug)]
pub struct Reloader {
    pool: Arc<Pool>,
    listener: Option<Arc<ListenerTls>>,
}

// === impl Reloader ===

impl Reloader {
    pub(crate) const fn new(pool: Arc<Pool>, listener: Option<Arc<ListenerTls>>) -> Self {
        Self { pool, listener }
    }

    /// Reads all files. What cannot be used stays as it was. Connections stay open: new ones use what was read.
    pub fn reload(&self) {
        self.pool.reload();
        if let Some(listener) = &self.listener {
            listener.reload();
        }
        if self.has_stale_files() {
            tracing::warn!("read the password and TLS files again; not all of them can be used");
        } else {
            tracing::info!("read the password and TLS files again; new connections use them");
        }
    }

    /// Whether a file could not be used when it was read last, and its previous content is in use.
    #[must_use]
    pub fn has_stale_files(&self) -> bool {
        self.pool.has_stale_files() || self.listener.as_ref().is_some_and(|listener| listener.is_stale())
    }
}
