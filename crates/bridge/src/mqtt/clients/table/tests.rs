use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// Takes the session of a client; sessions are numbered in the order in which they are made.
fn take(table: &mut Table<usize>, client: &str, made: &mut usize) -> Result<Taken<usize>, Full> {
    table.take(client, |_| {
        *made += 1;
        *made
    })
}

fn give_back(table: &mut Table<usize>, client: &str, now: Instant) -> Last {
    table.give_back(&client.into(), now)
}

#[test]
fn a_client_has_one_session_however_many_publish_over_it() {
    let (mut table, mut made) = (Table::new(10), 0);
    for _ in 0..3 {
        let taken = take(&mut table, "a", &mut made);
        assert_eq!(taken, Ok(Taken { session: 1, instead_of: None }));
    }
    assert_eq!(table.len(), 1);
    for last in [Last::No, Last::No, Last::Yes] {
        assert!(!table.retire("a"), "it is taken");
        assert_eq!(give_back(&mut table, "a", Instant::now()), last);
    }
    assert!(table.retire("a"));
    assert_eq!(table.len(), 0);
}

#[test]
fn the_longest_unused_session_makes_room_and_one_in_use_never_does() {
    let (mut table, mut made) = (Table::new(3), 0);
    let now = Instant::now();
    for client in ["a", "b", "c"] {
        take(&mut table, client, &mut made).unwrap();
    }
    assert_eq!(take(&mut table, "d", &mut made), Err(Full));
    for client in ["b", "c", "a"] {
        give_back(&mut table, client, now);
    }
    // Used once more, `b` is the last to go.
    take(&mut table, "b", &mut made).unwrap();
    give_back(&mut table, "b", now);
    assert_eq!(take(&mut table, "d", &mut made), Ok(Taken { session: 4, instead_of: Some(3) }));
    assert_eq!(take(&mut table, "e", &mut made), Ok(Taken { session: 5, instead_of: Some(1) }));
    assert_eq!(table.let_go("c"), Some(Why::Room));
    assert_eq!(table.let_go("b"), None);
}

#[test]
fn a_client_that_comes_back_before_its_session_has_gone_keeps_it() {
    let (mut table, mut made) = (Table::new(1), 0);
    let now = Instant::now();
    take(&mut table, "a", &mut made).unwrap();
    give_back(&mut table, "a", now);
    assert_eq!(table.let_go_idle(now), [1]);
    assert_eq!(table.let_go("a"), Some(Why::Idle));
    assert_eq!(take(&mut table, "a", &mut made), Ok(Taken { session: 1, instead_of: None }));
    assert_eq!(table.let_go("a"), None);
    assert!(!table.retire("a"));
}

#[test]
fn a_client_that_comes_back_needs_room_like_any_other() {
    let (mut table, mut made) = (Table::new(1), 0);
    let now = Instant::now();
    take(&mut table, "a", &mut made).unwrap();
    give_back(&mut table, "a", now);
    take(&mut table, "b", &mut made).unwrap();
    assert_eq!(take(&mut table, "a", &mut made), Err(Full));
    give_back(&mut table, "b", now);
    assert_eq!(take(&mut table, "a", &mut made), Ok(Taken { session: 1, instead_of: Some(2) }));
}

#[test]
fn only_what_has_been_idle_for_long_enough_is_let_go() {
    let (mut table, mut made) = (Table::new(10), 0);
    let start = Instant::now();
    for (seconds, client) in (0..).zip(["a", "b", "c"]) {
        take(&mut table, client, &mut made).unwrap();
        give_back(&mut table, client, start + Duration::from_secs(seconds));
    }
    assert_eq!(table.idle_since(), Some(start));
    assert_eq!(table.let_go_idle(start + Duration::from_secs(1)), [1, 2]);
    assert_eq!(table.idle_since(), Some(start + Duration::from_secs(2)));
}

/// What may happen to a client's session.
#[derive(Clone, Copy, Debug)]
enum Step {
    Take,
    GiveBack,
    LetGoIdle,
    Retire,
}

fn steps() -> impl Strategy<Value = Vec<(Step, u8)>> {
    let step = prop_oneof![
        4 => Just(Step::Take),
        4 => Just(Step::GiveBack),
        1 => Just(Step::LetGoIdle),
        2 => Just(Step::Retire),
    ];
    proptest::collection::vec((step, 0..8u8), 1..300)
}

proptest! {
    #[test]
    fn there_are_never_more_sessions_than_may_be_and_a_taken_one_never_goes(steps in steps()) {
        const LIMIT: usize = 3;
        let (mut table, mut made) = (Table::new(LIMIT), 0);
        // The session that each client has taken, and how often.
        let mut taken: HashMap<String, (usize, usize)> = HashMap::new();
        let now = Instant::now();
        for (step, client) in steps {
            let client = client.to_string();
            match step {
                Step::Take => match take(&mut table, &client, &mut made) {
                    Ok(Taken { session, instead_of }) => {
                        let (known, publishes) = taken.entry(client).or_insert((session, 0));
                        prop_assert_eq!(*known, session, "one session a client");
                        *publishes += 1;
                        let in_use = taken.values().any(|(other, _)| Some(*other) == instead_of);
                        prop_assert!(!in_use, "no session that is taken makes room");
                    }
                    Err(Full) => prop_assert!(!taken.contains_key(&client) && taken.len() == LIMIT),
                },
                Step::GiveBack => {
                    let Some((_, publishes)) = taken.get_mut(&client) else { continue };
                    *publishes -= 1;
                    if *publishes == 0 {
                        taken.remove(&client);
                    }
                    give_back(&mut table, &client, now);
                }
                Step::LetGoIdle => {
                    table.let_go_idle(now);
                    prop_assert_eq!(table.idle_since(), None);
                }
                Step::Retire => {
                    prop_assert_eq!(table.retire(&client), !taken.contains_key(&client));
                }
            }
            prop_assert!(table.entries.len() - table.let_go <= LIMIT);
            prop_assert!(taken.keys().all(|client| table.let_go(client).is_none()));
            let counted = table.entries.values().filter(|entry| matches!(entry.standing, Standing::LetGo(_)));
            prop_assert_eq!(counted.count(), table.let_go);
            let idle = table.entries.values().filter(|entry| matches!(entry.standing, Standing::Idle(_)));
            prop_assert_eq!(idle.count(), table.idle.len());
        }
    }
}
