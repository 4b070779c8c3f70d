//! Which of several sessions the messages of a topic use.
//!
//! Topics are divided into as many groups as there are sessions, and each group has its home session. While that cannot be
//! used, for example because the broker refuses it, its group uses another session that is connected, and what was not sent
//! goes there too. It returns home when none of its messages is in progress, so that no message overtakes another. Only
//! messages that were sent before it left may be sent again later than those that came after them.

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

/// The group of one message. The message is in progress until this is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Mutex<Group>>);

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

    /// Chooses the session for a message of the group whose home is the session with this index, and gives the message to it
    /// with `submit`. `None`: there is no such session.
    pub(crate) fn place<T>(
        &self,
        home: usize,
        usability: impl Fn(usize) -> Usability,
        submit: impl FnOnce(usize) -> Option<T>,
    ) -> Option<(T, Place)> {
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
        // Under the lock: what the session that a group leaves was given is handed over before the group is elsewhere.
        let submitted = submit(state.current)?;
        state.in_progress += 1;
        Some((submitted, Place(Arc::clone(group))))
    }

    /// A session cannot be used. The groups that use it go to another one that is connected, if there is one. `hand_over` makes
    /// the session unavailable, and gives that one the messages that were not sent. No message is placed meanwhile, so none
    /// overtakes them.
    pub(crate) fn leave<T>(
        &self,
        session: usize,
        usability: impl Fn(usize) -> Usability,
        hand_over: impl FnOnce(Option<usize>) -> T,
    ) -> T {
        // Always in this order. Whatever else locks groups locks one.
        let mut groups: Vec<_> = self.0.iter().map(|group| lock(group)).collect();
        let count = groups.len();
        let mut others = (1..count).map(|distance| (session + distance) % count);
        let next = others.find(|other| usability(*other) == Usability::Connected);
        let rest = hand_over(next);
        for group in groups.iter_mut().filter(|group| group.current == session) {
            group.current = next.unwrap_or(session);
        }
        rest
    }
}

// === impl Place ===

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.0).in_progress -= 1;
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
            let (chosen, _) = placement.place(home, |session| usability[session], Some).unwrap();
            assert_eq!(chosen, expected, "{usability:?}");
        }
    }

    #[test]
    fn a_group_returns_home_when_none_of_its_messages_is_in_progress() {
        let placement = Placement::new(2);
        let refused = |session| if session == 0 { Unavailable } else { Connected };
        let all = |_| Connected;
        let first = placement.place(0, refused, Some).unwrap();
        let second = placement.place(0, all, Some).unwrap();
        drop(first);
        let third = placement.place(0, all, Some).unwrap();
        assert_eq!((second.0, third.0), (1, 1));
        drop((second, third));
        assert_eq!(placement.place(0, all, Some).unwrap().0, 0);
    }

    #[test]
    fn groups_leave_a_session_for_the_next_one_that_is_connected() {
        // The sessions' usability, the session that groups leave, where the messages go, where the groups are.
        let rows = [
            ([Unavailable, Connected, Connected], 0, Some(1), [1, 1, 2]),
            ([Unavailable, Expected, Connected], 0, Some(2), [2, 1, 2]),
            ([Connected, Connected, Unavailable], 2, Some(0), [0, 1, 0]),
            ([Unavailable, Expected, Unavailable], 0, None, [0, 1, 2]),
        ];
        for (usability, session, expected, groups) in rows {
            let placement = Placement::new(3);
            let next = placement.leave(session, |session| usability[session], |next| next);
            assert_eq!(next, expected, "{usability:?}");
            let current = placement.0.iter().map(|group| lock(group).current);
            assert_eq!(current.collect::<Vec<_>>(), groups, "{usability:?}");
        }
    }
}
