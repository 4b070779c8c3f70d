//! The shared sessions of a pool: which of them a message uses, and where it goes when that one cannot be used.

use std::future::{Future, pending, ready};
use std::sync::Arc;

use crate::budget::Permit;
use crate::codec::publish::EncodedPublish;
use crate::error::PublishError;
use crate::placement::{Place, Placement, Usability};
use crate::session::{
    Admission, Event, EvictionReason, Kind, LatePubAck, Lifecycle, Pending, Retirement, Session, Status,
    Submission,
};

/// All shared sessions.
#[derive(Debug)]
pub(crate) struct SharedSessions {
    sessions: Vec<Session>,
    placement: Placement,
}

/// The lifecycle of one of them: connected until the pool is closed.
#[derive(Debug)]
pub(crate) struct SharedSession {
    pub(crate) number: usize,
    pub(crate) all: Arc<SharedSessions>,
}

// === impl SharedSessions ===

impl SharedSessions {
    pub(crate) fn new(sessions: Vec<Session>) -> Self {
        let placement = Placement::new(sessions.len());
        Self { sessions, placement }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Session> {
        self.sessions.iter()
    }

    pub(crate) const fn count(&self) -> usize {
        self.sessions.len()
    }

    /// Submits a message to the session that the group with this home uses. `None`: there is no such session.
    pub(crate) fn submit(
        &self,
        home: usize,
        packet: EncodedPublish,
        permit: Permit,
        late: LatePubAck,
    ) -> Option<(Result<Pending, PublishError>, Place)> {
        let submit = |session: usize| Some(self.sessions.get(session)?.submit(packet, permit, late));
        self.placement.place(home, |session| self.usability(session), submit)
    }

    fn usability(&self, session: usize) -> Usability {
        match self.sessions.get(session).map(Session::status) {
            Some(Status::Connected) => Usability::Connected,
            Some(Status::Connecting) => Usability::Expected,
            Some(Status::Unavailable) | None => Usability::Unavailable,
        }
    }
}

// === impl SharedSession ===

impl Lifecycle for SharedSession {
    const KIND: Kind = Kind::Shared;

    fn admission(&self) -> impl Future<Output = Admission> + Send {
        ready(Admission::default())
    }

    fn evicted(&self) -> impl Future<Output = EvictionReason> + Send {
        pending()
    }

    fn is_evicted(&self) -> bool {
        false
    }

    fn released(&self) -> impl Future<Output = ()> + Send {
        pending()
    }

    fn retire(&self) -> Retirement {
        Retirement::InUse
    }

    fn hand_over(&self, leave: impl FnOnce() -> Vec<Submission>) -> Vec<Submission> {
        let SharedSessions { sessions, placement } = &*self.all;
        let usability = |session| self.all.usability(session);
        placement.leave(self.number, usability, |next| {
            let unsent = leave();
            match next.and_then(|next| sessions.get(next)) {
                Some(next) => unsent.into_iter().filter_map(|message| next.adopt(message)).collect(),
                None => unsent,
            }
        })
    }

    fn record(&self, _: Event<'_>) {}
}
