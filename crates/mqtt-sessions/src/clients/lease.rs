//! The use of a client's session by one publish.

use std::sync::Arc;

use super::registry::{Handle, Registry};
use super::table::LastUse;
use crate::session::{Session, Status};

/// Keeps a client's session from being evicted.
#[derive(Debug)]
pub(crate) struct Lease {
    registry: Arc<Registry>,
    handle: Handle,
}

// === impl Lease ===

impl Lease {
    pub(super) const fn new(registry: Arc<Registry>, handle: Handle) -> Self {
        Self { registry, handle }
    }

    pub(crate) fn session(&self) -> &Session {
        &self.handle.session
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Handle { client, session, bell, .. } = &self.handle;
        if self.registry.release(client) == LastUse::Yes && session.status() != Status::Connected {
            // The session may be able to retire.
            bell.notify_one();
        }
    }
}
