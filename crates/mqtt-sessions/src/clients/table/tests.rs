use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// Acquires the session of a client. Sessions are numbered in the order in which they are opened.
fn acquire(table: &mut Table<usize>, client: &str, made: &mut usize) -> Result<Acquired<usize>, Full> {
    table.acquire(client, |_| {
        *made += 1;
        *made
    })
}

fn release(table: &mut Table<usize>, client: &str, now: Instant) -> LastUse {
    table.release(&client.into(), now)
}

#[test]
fn all_publishes_of_a_client_share_one_session() {
    let (mut table, mut made) = (Table::new(10), 0);
    for _ in 0..3 {
        let acquired = acquire(&mut table, "a", &mut made);
        assert_eq!(acquired, Ok(Acquired { session: 1, evicted: None }));
    }
    assert_eq!(table.len(), 1);
    for last in [LastUse::No, LastUse::No, LastUse::Yes] {
        assert_eq!(table.remove("a"), Retirement::InUse);
        assert_eq!(release(&mut table, "a", Instant::now()), last);
    }
    assert_eq!(table.remove("a"), Retirement::Retired);
    assert_eq!(table.len(), 0);
}

#[test]
fn the_longest_idle_session_makes_room_and_one_in_use_does_not() {
    let (mut table, mut made) = (Table::new(3), 0);
    let now = Instant::now();
    for client in ["a", "b", "c"] {
        acquire(&mut table, client, &mut made).unwrap();
    }
    assert_eq!(acquire(&mut table, "d", &mut made), Err(Full));
    for client in ["b", "c", "a"] {
        release(&mut table, client, now);
    }
    // Used once more, `b` is the last to go.
    acquire(&mut table, "b", &mut made).unwrap();
    release(&mut table, "b", now);
    assert_eq!(acquire(&mut table, "d", &mut made), Ok(Acquired { session: 4, evicted: Some(3) }));
    assert_eq!(acquire(&mut table, "e", &mut made), Ok(Acquired { session: 5, evicted: Some(1) }));
    assert_eq!(table.eviction("c"), Some(EvictionReason::Room));
    assert_eq!(table.eviction("b"), None);
}

#[test]
fn a_client_that_publishes_before_its_evicted_session_has_ended_keeps_it() {
    let (mut table, mut made) = (Table::new(1), 0);
    let now = Instant::now();
    acquire(&mut table, "a", &mut made).unwrap();
    release(&mut table, "a", now);
    assert_eq!(table.evict_idle(now), [1]);
    assert_eq!(table.eviction("a"), Some(EvictionReason::Idle));
    assert_eq!(acquire(&mut table, "a", &mut made), Ok(Acquired { session: 1, evicted: None }));
    assert_eq!(table.eviction("a"), None);
    assert_eq!(table.remove("a"), Retirement::InUse);
}

#[test]
fn a_client_that_publishes_again_needs_room_like_any_other() {
    let (mut table, mut made) = (Table::new(1), 0);
    let now = Instant::now();
    acquire(&mut table, "a", &mut made).unwrap();
    release(&mut table, "a", now);
    acquire(&mut table, "b", &mut made).unwrap();
    assert_eq!(acquire(&mut table, "a", &mut made), Err(Full));
    release(&mut table, "b", now);
    assert_eq!(acquire(&mut table, "a", &mut made), Ok(Acquired { session: 1, evicted: Some(2) }));
}

#[test]
fn only_sessions_that_have_been_idle_for_long_enough_are_evicted() {
    let (mut table, mut made) = (Table::new(10), 0);
    let start = Instant::now();
    for (seconds, client) in (0..).zip(["a", "b", "c"]) {
        acquire(&mut table, client, &mut made).unwrap();
        release(&mut table, client, start + Duration::from_secs(seconds));
    }
    assert_eq!(table.idle_since(), Some(start));
    assert_eq!(table.evict_idle(start + Duration::from_secs(1)), [1, 2]);
    assert_eq!(table.idle_since(), Some(start + Duration::from_secs(2)));
}

/// What may happen to a client's session.
#[derive(Clone, Copy, Debug)]
enum Step {
    Acquire,
    Release,
    EvictIdle,
    Remove,
}

fn steps() -> impl Strategy<Value = Vec<(Step, u8)>> {
    let step = prop_oneof![
        4 => Just(Step::Acquire),
        4 => Just(Step::Release),
        1 => Just(Step::EvictIdle),
        2 => Just(Step::Remove),
    ];
    proptest::collection::vec((step, 0..8u8), 1..300)
}

proptest! {
    #[test]
    fn the_limit_holds_and_a_session_in_use_is_never_evicted(steps in steps()) {
        const LIMIT: usize = 3;
        let (mut table, mut made) = (Table::new(LIMIT), 0);
        // The session of each client that uses one, and how many publishes use it.
        let mut used: HashMap<String, (usize, usize)> = HashMap::new();
        let now = Instant::now();
        for (step, client) in steps {
            let client = client.to_string();
            match step {
                Step::Acquire => match acquire(&mut table, &client, &mut made) {
                    Ok(Acquired { session, evicted }) => {
                        let (known, uses) = used.entry(client).or_insert((session, 0));
                        prop_assert_eq!(*known, session, "a client has one session");
                        *uses += 1;
                        let in_use = used.values().any(|(other, _)| Some(*other) == evicted);
                        prop_assert!(!in_use, "a session in use does not make room");
                    }
                    Err(Full) => prop_assert!(!used.contains_key(&client) && used.len() == LIMIT),
                },
                Step::Release => {
                    let Some((_, uses)) = used.get_mut(&client) else { continue };
                    *uses -= 1;
                    if *uses == 0 {
                        used.remove(&client);
                    }
                    release(&mut table, &client, now);
                }
                Step::EvictIdle => {
                    table.evict_idle(now);
                    prop_assert_eq!(table.idle_since(), None);
                }
                Step::Remove => {
                    let expected = if used.contains_key(&client) { Retirement::InUse } else { Retirement::Retired };
                    prop_assert_eq!(table.remove(&client), expected);
                }
            }
            prop_assert!(table.entries.len() - table.evicted <= LIMIT);
            prop_assert!(used.keys().all(|client| table.eviction(client).is_none()));
            let counted = table.entries.values().filter(|entry| matches!(entry.state, State::Evicted(_)));
            prop_assert_eq!(counted.count(), table.evicted);
            let idle = table.entries.values().filter(|entry| matches!(entry.state, State::Idle(_)));
            prop_assert_eq!(idle.count(), table.idle.len());
        }
    }
}
