//! Several brokers: sessions are spread over them, go to the next one, and follow a Server Reference.

mod support;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mqtt_sessions::config::{BrokerAddress, Brokers, Config, ServerReferences, Sessions};
use mqtt_sessions::{Destination, Loss, Pool, PublishError};
use scripted_broker::{
    AutomaticBroker, CONNACK, CONNACK_SESSION_PRESENT, Peer, ScriptedBroker, connack_refused,
    connack_with_server_reference, disconnect, disconnect_with_server_reference, soon,
};
use tokio::net::TcpListener;

use support::{Target, config, error, expect_acknowledged, expect_all_acknowledged, outcome, publish};

fn pool(addresses: &[SocketAddr], change: impl FnOnce(&mut Config)) -> Arc<Pool> {
    let mut brokers =
        addresses.iter().map(|address| BrokerAddress::tcp(address.ip().to_string(), address.port()));
    let mut config = config(addresses[0]);
    config.brokers = Brokers::new(brokers.next().unwrap(), brokers);
    change(&mut config);
    Arc::new(Pool::start(config).unwrap())
}

fn following(config: &mut Config) {
    config.server_references = ServerReferences::Followed;
}

/// An address where nothing listens.
async fn closed_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

fn connections(pool: &Pool) -> Vec<usize> {
    pool.tally().connections().map(|(_, connections)| connections).collect()
}

async fn eventually(condition: impl Fn() -> bool) {
    soon(async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

async fn publishes(pool: &Arc<Pool>, peer: &mut Peer) {
    let task = publish(pool, "t", "x");
    peer.expect_publish(b"x").await;
    expect_acknowledged(task).await;
}

#[tokio::test]
async fn sessions_are_spread_over_the_brokers() {
    let brokers = [ScriptedBroker::start().await, ScriptedBroker::start().await];
    let addresses = brokers.each_ref().map(ScriptedBroker::address);
    let pool = pool(&addresses, |config| config.sessions = Sessions::Shared(3));
    let mut first = Vec::new();
    for _ in 0..2 {
        first.push(brokers[0].accept(CONNACK).await.connect.client_id.chars().last());
    }
    first.sort_unstable();
    let second = brokers[1].accept(CONNACK).await;
    assert_eq!(first, [Some('0'), Some('2')]);
    assert!(second.connect.client_id.ends_with('1'));
    drop(pool);
}

#[tokio::test]
async fn a_broker_that_cannot_be_used_is_passed_over_without_a_wait() {
    let refusing = ScriptedBroker::start().await;
    let broker = ScriptedBroker::start().await;
    let addresses = [closed_address().await, refusing.address(), broker.address()];
    let pool = pool(&addresses, |_| {});
    let task = publish(&pool, "t", "x");
    drop(refusing.accept(&connack_refused(0x89, "")).await);
    let mut peer = broker.accept(CONNACK).await;
    peer.expect_publish(b"x").await;
    expect_acknowledged(task).await;
    assert_eq!(connections(&pool), [0, 0, 1, 0]);
}

#[tokio::test]
async fn a_session_goes_to_the_next_broker_when_its_own_ends_and_stays_there() {
    let own = ScriptedBroker::start().await;
    let next = ScriptedBroker::start().await;
    let pool = pool(&[own.address(), next.address()], |_| {});
    let mut peer = own.accept(CONNACK).await;
    publishes(&pool, &mut peer).await;
    drop((peer, own));

    // A cluster has the session at every node.
    let task = publish(&pool, "t", "y");
    let mut peer = next.accept(CONNACK_SESSION_PRESENT).await;
    peer.expect_publish(b"y").await;
    expect_acknowledged(task).await;
    assert_eq!(connections(&pool), [0, 1, 0]);

    drop(peer);
    let mut peer = next.accept(CONNACK_SESSION_PRESENT).await;
    publishes(&pool, &mut peer).await;
}

#[tokio::test]
async fn sessions_return_to_a_broker_that_accepts_them_again_and_no_message_is_lost_or_doubled() {
    let brokers = [AutomaticBroker::start(), AutomaticBroker::start()];
    let pool = pool(&brokers.each_ref().map(AutomaticBroker::address), |config| {
        config.sessions = Sessions::Shared(4);
        config.broker_return = Some(Duration::from_millis(400));
    });
    soon(pool.connected()).await;
    brokers[0].answer_logins_with(0x88);
    eventually(|| connections(&pool) == [0, 4, 0]).await;
    // It is asked, and refuses.
    let asked = brokers[0].seen().logins + 8;
    eventually(|| brokers[0].seen().logins >= asked).await;
    assert_eq!(connections(&pool), [0, 4, 0]);

    brokers[0].answer_logins_with(0x00);
    let mut numbers = 0..;
    soon(async {
        while connections(&pool) != [2, 2, 0] {
            let publish_next = |number: usize| {
                let topic = ["a", "b", "c", "d", "e", "f", "g"][number % 7];
                let target =
                    if number.is_multiple_of(5) { Target::at_most_once(topic) } else { topic.into() };
                publish(&pool, target, number.to_string())
            };
            let tasks: Vec<_> = numbers.by_ref().take(50).map(publish_next).collect();
            for task in tasks {
                outcome(task).await.unwrap();
            }
        }
    })
    .await;
    // Of QoS 0, the last may be on their way.
    let received = || brokers.iter().map(|broker| broker.seen().messages.len()).sum::<usize>();
    eventually(|| received() >= numbers.start).await;
    for number in 0..numbers.start {
        let copies = brokers.each_ref().map(|broker| broker.seen().copies.get(&number.to_string()).copied());
        let copies = copies.into_iter().flatten().map(|copies| (copies.first, copies.again));
        assert_eq!(copies.collect::<Vec<_>>(), [(1, 0)], "{number}");
    }
    // A session was at the second broker first.
    let in_order = [1, 0].map(|broker: usize| brokers[broker].seen().messages.clone()).concat();
    let mut latest = HashMap::<usize, usize>::new();
    for (_, payload) in in_order {
        let number: usize = payload.parse().unwrap();
        let before = latest.insert(number % 7, number);
        assert!(before < Some(number), "{number} after {before:?}");
    }
    assert!(numbers.start > 0);
}

#[tokio::test]
async fn messages_in_flight_are_sent_again_where_the_session_is_and_given_up_where_it_is_not() {
    for (connack, is_resumed) in [(CONNACK_SESSION_PRESENT, true), (CONNACK, false)] {
        let own = ScriptedBroker::start().await;
        let next = ScriptedBroker::start().await;
        let pool = pool(&[own.address(), next.address()], |_| {});
        let mut peer = own.accept(CONNACK).await;
        let task = publish(&pool, "t", "x");
        let _unanswered = peer.publish().await;
        drop((peer, own));

        let mut peer = next.accept(connack).await;
        if is_resumed {
            let again = peer.publish().await;
            assert!(again.dup);
            peer.acknowledge(&again).await;
            expect_acknowledged(task).await;
        } else {
            let error = error(task).await;
            assert!(matches!(error, PublishError::ConnectionLost(Loss::Session)), "{error:?}");
        }
    }
}

#[tokio::test]
async fn the_error_is_that_of_a_broker_that_answered() {
    let refusing = ScriptedBroker::start().await;
    let addresses = [refusing.address(), closed_address().await];
    let pool = pool(&addresses, |_| {});
    let started = Instant::now();
    let task = publish(&pool, "t", "x");
    drop(refusing.accept(&connack_refused(0x86, "")).await);
    let error = error(task).await;
    assert!(matches!(&error, PublishError::ConnectionRefused(_)), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_broker_that_shuts_down_is_left() {
    let own = ScriptedBroker::start().await;
    let next = ScriptedBroker::start().await;
    let pool = pool(&[own.address(), next.address()], |_| {});
    let mut peer = own.accept(CONNACK).await;
    publishes(&pool, &mut peer).await;
    peer.send(&disconnect(0x8B, "")).await;
    let mut peer = next.accept(CONNACK_SESSION_PRESENT).await;
    publishes(&pool, &mut peer).await;
    assert!(own.is_left_alone().await);
}

#[tokio::test]
async fn a_server_reference_is_followed_where_that_is_switched_on() {
    for code in [0x9C, 0x9D] {
        let own = ScriptedBroker::start().await;
        let named = ScriptedBroker::start().await;
        let pool = pool(&[own.address()], following);
        let reference = named.address().to_string();
        drop(own.accept(&connack_with_server_reference(code, &reference)).await);
        let mut peer = named.accept(CONNACK).await;
        publishes(&pool, &mut peer).await;
        assert_eq!(connections(&pool), [0, 1]);

        // Back again, by DISCONNECT.
        let reference = own.address().to_string();
        peer.send(&disconnect_with_server_reference(code, &reference)).await;
        let mut peer = own.accept(CONNACK_SESSION_PRESENT).await;
        publishes(&pool, &mut peer).await;
        let redirected = pool.tally().connections().find(|(to, _)| *to == Destination::Redirected);
        assert_eq!(redirected, Some((Destination::Redirected, 1)));
    }
}

#[tokio::test]
async fn a_server_reference_is_a_refusal_where_it_is_not_switched_on() {
    let own = ScriptedBroker::start().await;
    let named = ScriptedBroker::start().await;
    let pool = pool(&[own.address()], |_| {});
    let task = publish(&pool, "t", "x");
    drop(own.accept(&connack_with_server_reference(0x9C, &named.address().to_string())).await);
    let error = error(task).await;
    assert!(matches!(error, PublishError::ConnectionRefused(_)), "{error:?}");
    assert!(named.is_left_alone().await);
}

#[tokio::test]
async fn brokers_that_name_each_other_are_followed_three_times_before_a_wait() {
    let [one, other] = [ScriptedBroker::start().await, ScriptedBroker::start().await];
    let pool = pool(&[one.address()], following);
    let task = publish(&pool, "t", "x");
    for (broker, named) in [(&one, &other), (&other, &one), (&one, &other), (&other, &one)] {
        drop(broker.accept(&connack_with_server_reference(0x9C, &named.address().to_string())).await);
    }
    // The server that was named last has failed: the configured broker is asked once more.
    drop(one.accept(&connack_with_server_reference(0x9C, &other.address().to_string())).await);
    let error = error(task).await;
    assert!(matches!(error, PublishError::ConnectionRefused(_)), "{error:?}");

    // After the wait, it is followed again.
    drop(one.accept(&connack_with_server_reference(0x9C, &other.address().to_string())).await);
    let mut peer = other.accept(CONNACK).await;
    soon(pool.connected()).await;
    let tasks = [publish(&pool, "t", "x"), publish(&pool, "t", "x")];
    for _ in 0..2 {
        peer.expect_publish(b"x").await;
    }
    expect_all_acknowledged(tasks).await;
}
