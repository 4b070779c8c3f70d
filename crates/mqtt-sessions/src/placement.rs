//! Which of several sessions the messages of a topic use.
//!
//! Topics are divided into as many groups as there are sessions, and each group has its home session. While that cannot be
//! used, for example because the broker refuses it, its group uses another session that is connected. It returns home when
//! none of its messages is in progress, so that no message overtakes another.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where each group publishes.
#[derive(Debug)]
pub(crate) struct Placement(Vec<Arc<Mutex<Group>>>);

/// The topics of one home session.
#[derive(Debug)]
struct Group {
    /// The index of the session that the group uses.
    current: usize,
    /// How many of its messages are in progress.
    in_progress: usize,
}

/// The session for one message. It is in progress until this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    group: Arc<Mutex<Group>>,
    session: usize,
}

/// Whether a session can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usability {
    Connected,
    /// It is connecting, and messages wait for it.
    Expected,
    /// Its messages fail.
    Unavailable,
}

// === impl Placement ===

impl Placement {
    pub(crate) fn new(sessions: usize) -> Self {
        let group = |home| Arc::new(Mutex::new(Group { current: home, in_progress: 0 }));
        Self((0..sessions).map(group).collect())
    }

    /// Chooses the session for a message of the group whose home is the session with this index. `None`: there is no such
    /// session.
    pub(crate) fn place(&self, home: usize, usability: impl Fn(usize) -> Usability) -> Option<Place> {
        let group = self.0.get(home)?;
        let mut state = lock(group);
        if state.in_progress == 0 && usability(home) != Usability::Unavailable {
            state.current = home;
        }
        if usability(state.current) == Usability::Unavailable {
            let count = self.0.len();
            let others = (1..count).map(|distance| (home + distance) % count);
            let connected = others.into_iter().find(|other| usability(*other) == Usability::Connected);
            // If no session is connected, the error of the current one says why.
            state.current = connected.unwrap_or(state.current);
        }
        state.in_progress += 1;
        Some(Place { group: Arc::clone(group), session: state.current })
    }
}

// === impl Place ===

impl Place {
    /// The index of the session.
    pub(crate) const fn session(&self) -> usize {
        self.session
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.group).in_progress -= 1;
    }
}

fn lock(group: &Mutex<Group>) -> MutexGuard<'_, Group> {
    // The group is consistent after every statement, even if a thread panicked.
    group.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::Usability::{Connected, Expected, Unavailable};
    use super::*;

    #[test]
    fn a_group_uses_its_home_unless_that_is_unavailable_and_another_session_is_connected() {
        // The home, the sessions' usability, the chosen session.
        let rows = [
            (0, [Connected, Connected, Connected], 0),
            (1, [Connected, Expected, Connected], 1),
            (1, [Connected, Unavailable, Connected], 2),
            (1, [Connected, Unavailable, Expected], 0),
            (1, [Expected, Unavailable, Unavailable], 1),
        ];
        for (home, usability, expected) in rows {
            let placement = Placement::new(3);
            let place = placement.place(home, |session| usability[session]).unwrap();
            assert_eq!(place.session(), expected, "{usability:?}");
        }
    }

    #[test]
    fn a_group_returns_home_when_none_of_its_messages_is_in_progress() {
        let placement = Placement::new(2);
        let refused = |session| if session == 0 { Unavailable } else { Connected };
        let all = |_| Connected;
        let first = placement.place(0, refused).unwrap();
        let second = placement.place(0, all).unwrap();
        drop(first);
        let third = placement.place(0, all).unwrap();
        assert_eq!((second.session(), third.session()), (1, 1));
        drop((second, third));
        assert_eq!(placement.place(0, all).unwrap().session(), 0);
    }
}
