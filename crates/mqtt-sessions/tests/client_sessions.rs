//! Sessions of clients: each publishes under its own Client Identifier, and does not disturb the others.

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mqtt_sessions::clients::{ClientTally, Clients, ConnectOutcome, DisconnectReason};
use mqtt_sessions::config::{ClientLogin, ClientSessions, Config};
use mqtt_sessions::{Chain, Loss, Overload, Pool, PublishError};
use scripted_broker::{
    AutomaticBroker, CONNACK, CONNACK_SESSION_PRESENT, PATIENCE, Peer, ScriptedBroker, connack_refused,
    disconnect, soon,
};

use support::{
    Target, acknowledged, config, error, expect_acknowledged, outcome, per_client, pool_of_clients,
    pool_with, publish, publish_as, publish_with_password,
};

/// DISCONNECT 0x8E, Session taken over.
fn taken_over() -> Vec<u8> {
    disconnect(0x8E, "")
}

fn clients(pool: &Pool) -> &Clients {
    pool.clients().unwrap()
}

fn tally(pool: &Pool) -> &ClientTally {
    clients(pool).tally()
}

fn disconnects(pool: &Pool, reason: DisconnectReason) -> u64 {
    tally(pool).disconnects().find(|(known, _)| *known == reason).unwrap().1
}

/// Polls a condition until it holds.
async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A client that publishes one message, over the connection that it makes for it.
async fn first(broker: &ScriptedBroker, pool: &Arc<Pool>, client: &str) -> Peer {
    let task = publish_as(pool, client, "t", "first");
    let mut peer = broker.accept(CONNACK).await;
    assert_eq!(peer.connect.client_id, client);
    peer.expect_publish(b"first").await;
    expect_acknowledged(task).await;
    peer
}

#[tokio::test]
async fn each_client_publishes_under_its_own_client_identifier() {
    let broker = ScriptedBroker::start().await;
    let (pool, mut shared) = pool_of_clients(&broker, |_| {}).await;
    assert!(shared.connect.client_id.starts_with("test-"));
    let mut peers = Vec::new();
    for client in ["pump-7", "urn:device:pump 8", "ä/+#€"] {
        let task = publish_as(&pool, client, "t", "x");
        let mut peer = broker.accept(CONNACK).await;
        assert_eq!(peer.connect.client_id, client);
        assert!(peer.connect.clean_start, "a session that may be left there is not used");
        peer.expect_publish(b"x").await;
        expect_acknowledged(task).await;
        // Its other messages use the same session.
        for target in ["t".into(), Target::at_most_once("another")] {
            let task = publish_as(&pool, client, target, "y");
            peer.expect_publish(b"y").await;
            assert!(outcome(task).await.is_ok());
        }
        peers.push(peer);
    }
    assert!(shared.is_quiet().await, "the shared session publishes nothing");
    assert_eq!((clients(&pool).sessions(), tally(&pool).connected()), (3, 3));
}

#[tokio::test]
async fn the_prefix_precedes_the_client_id() {
    let broker = ScriptedBroker::start().await;
    let (pool, _shared) = pool_of_clients(&broker, |sessions| "http/".clone_into(&mut sessions.prefix)).await;
    let _task = publish_as(&pool, "pump-7", "t", "x");
    assert_eq!(broker.accept(CONNACK).await.connect.client_id, "http/pump-7");
}

#[tokio::test]
async fn a_message_without_a_client_is_not_published() {
    let broker = ScriptedBroker::start().await;
    let (pool, mut shared) = pool_of_clients(&broker, |_| {}).await;
    assert!(matches!(error(publish(&pool, "t", "x")).await, PublishError::MissingClient));
    assert!(shared.is_quiet().await && broker.is_left_alone().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_first_publishes_share_one_session() {
    let broker = ScriptedBroker::start().await;
    let (pool, _shared) = pool_of_clients(&broker, |_| {}).await;
    let together: Vec<_> = (0..50).map(|_| publish_as(&pool, "a", "t", "together")).collect();
    let mut peer = broker.accept(CONNACK).await;
    for _ in 0..50 {
        peer.expect_publish(b"together").await;
    }
    for task in together {
        expect_acknowledged(task).await;
    }
    assert!(broker.is_left_alone().await, "there is one connection");
}

#[tokio::test]
async fn messages_that_a_client_publishes_while_it_connects_keep_their_order() {
    let broker = ScriptedBroker::start().await;
    let (pool, _shared) = pool_of_clients(&broker, |_| {}).await;
    // They are spawned on one thread, so they run in this order.
    let payloads: [&'static [u8]; 8] = [b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7"];
    let tasks = payloads.map(|payload| publish_as(&pool, "a", "t", payload));
    let mut peer = broker.accept(CONNACK).await;
    for payload in payloads {
        peer.expect_publish(payload).await;
    }
    for task in tasks {
        expect_acknowledged(task).await;
    }
}

#[tokio::test]
async fn the_longest_idle_session_makes_room_for_another_client() {
    let broker = ScriptedBroker::start().await;
    let (pool, _shared) = pool_of_clients(&broker, |sessions| sessions.limit = 2).await;
    let mut a = first(&broker, &pool, "a").await;
    let mut b = first(&broker, &pool, "b").await;
    let again = publish_as(&pool, "a", "t", "again");
    a.expect_publish(b"again").await;
    expect_acknowledged(again).await;

    let task = publish_as(&pool, "c", "t", "x");
    b.expect_disconnect().await;
    let mut c = broker.accept(CONNACK).await;
    assert_eq!(c.connect.client_id, "c");
    c.expect_publish(b"x").await;
    expect_acknowledged(task).await;
    assert!(a.is_quiet().await);
    assert_eq!((tally(&pool).connected(), disconnects(&pool, DisconnectReason::Room)), (2, 1));
}

#[tokio::test]
async fn another_client_fails_at_once_while_every_session_is_in_use() {
    let broker = ScriptedBroker::start().await;
    let (pool, _shared) = pool_of_clients(&broker, |sessions| sessions.limit = 1).await;
    let a = publish_as(&pool, "a", "t", "a");
    let mut peer = broker.accept(CONNACK).await;
    let sent = peer.publish().await;

    let refused = error(publish_as(&pool, "b", "t", "b")).await;
    assert!(matches!(refused, PublishError::Overloaded(Overload::ClientSessions)), "{refused:?}");
    // The client that has a session continues.
    let more = publish_as(&pool, "a", "t", "more");
    peer.expect_publish(b"more").await;
    expect_acknowledged(more).await;

    peer.acknowledge(&sent).await;
    expect_acknowledged(a).await;
    let b = publish_as(&pool, "b", "t", "b");
    peer.expect_disconnect().await;
    broker.accept(CONNACK).await.expect_publish(b"b").await;
    expect_acknowledged(b).await;
}

#[tokio::test]
async fn an_idle_session_is_closed_and_opened_again_for_the_next_message() {
    let broker = ScriptedBroker::start().await;
    let (pool, mut shared) =
        pool_of_clients(&broker, |sessions| sessions.idle_timeout = Duration::from_millis(50)).await;
    for _ in 0..3 {
        first(&broker, &pool, "a").await.expect_disconnect().await;
        until("the session has ended", || clients(&pool).sessions() == 0).await;
    }
    assert_eq!((tally(&pool).connected(), disconnects(&pool, DisconnectReason::Idle)), (0, 3));
    assert!(shared.is_quiet().await && pool.is_connected(), "the shared session stays");
}

#[tokio::test]
async fn a_session_with_a_message_in_flight_is_not_idle() {
    let broker = ScriptedBroker::start().await;
    let (pool, _shared) =
        pool_of_clients(&broker, |sessions| sessions.idle_timeout = Duration::from_millis(20)).await;
    let task = publish_as(&pool, "a", "t", "x");
    let mut peer = broker.accept(CONNACK).await;
    let sent = peer.publish().await;
    assert!(peer.is_quiet().await);
    peer.acknowledge(&sent).await;
    expect_acknowledged(task).await;
    peer.expect_disconnect().await;
}

#[tokio::test]
async fn a_client_that_the_broker_refuses_fails_alone() {
    for reason_code in [0x85, 0x86, 0x87, 0x88, 0x8A, 0x97, 0x9F] {
        let broker = ScriptedBroker::start().await;
        let (pool, _shared) = pool_of_clients(&broker, |_| {}).await;
        let mut other = first(&broker, &pool, "other").await;

        let task = publish_as(&pool, "refused", "t", "x");
        drop(broker.accept(&connack_refused(reason_code, "no")).await);
        let refused = error(task).await;
        let PublishError::ConnectionRefused(reason) = refused else { panic!("{refused:?}") };
        assert_eq!((reason.reason_code.0, reason.reason_string.as_deref()), (reason_code, Some("no")));

        let task = publish_as(&pool, "other", "t", "x");
        other.expect_publish(b"x").await;
        expect_acknowledged(task).await;
        assert!(pool.is_connected());
    }
}

#[tokio::test]
async fn a_refused_client_backs_off_and_connects_only_when_it_publishes() {
    let broker = Arc::new(ScriptedBroker::start().await);
    let (pool, _shared) = pool_of_clients(&broker, |_| {}).await;
    let (attempted, mut attempts) = tokio::sync::mpsc::unbounded_channel();
    let refusing = Arc::clone(&broker);
    let refusing = tokio::spawn(async move {
        loop {
            drop(refusing.accept(&connack_refused(0x87, "no")).await);
            attempted.send(Instant::now()).unwrap();
        }
    });
    let mut times = Vec::new();
    while times.len() < 5 {
        // Between two attempts, publishes fail with the broker's answer, and the broker is not asked.
        let error = error(publish_as(&pool, "a", "t", "x")).await;
        assert!(matches!(error, PublishError::ConnectionRefused(_)), "{error:?}");
        times.extend(attempts.try_recv());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The waits are at least half of 0.1, 0.2, 0.4 and 0.8 s.
    assert!(times[4] - times[0] >= Duration::from_millis(750), "{times:?}");
    refusing.abort();
    // The current wait is at most 1.6 s.
    tokio::time::sleep(Duration::from_millis(1700)).await;
    assert!(broker.is_left_alone().await, "no client publishes");

    let task = publish_as(&pool, "a", "t", "x");
    broker.accept(CONNACK).await.expect_publish(b"x").await;
    expect_acknowledged(task).await;
}

#[tokio::test]
async fn a_refused_session_ends() {
    let broker = ScriptedBroker::start().await;
    let (pool, _shared) =
        pool_of_clients(&broker, |sessions| sessions.idle_timeout = Duration::from_millis(50)).await;
    let task = publish_as(&pool, "a", "t", "x");
    drop(broker.accept(&connack_refused(0x87, "no")).await);
    assert!(matches!(error(task).await, PublishError::ConnectionRefused(_)));
    until("the session has ended", || clients(&pool).sessions() == 0).await;
    assert_eq!(
        tally(&pool).connects().collect::<Vec<_>>(),
        [(ConnectOutcome::Accepted, 0), (ConnectOutcome::Refused, 1), (ConnectOutcome::Failed, 0)]
    );
}

#[tokio::test]
async fn a_session_that_was_taken_over_reconnects_only_when_its_client_publishes() {
    let broker = ScriptedBroker::start().await;
    let (pool, _shared) = pool_of_clients(&broker, |_| {}).await;
    let mut peer = first(&broker, &pool, "a").await;
    let task = publish_as(&pool, "a", "t", "in flight");
    peer.publish().await;
    peer.send(&taken_over()).await;
    assert!(matches!(error(task).await, PublishError::ConnectionLost(Loss::TakenOver)));
    assert!(broker.is_left_alone().await);

    let task = publish_as(&pool, "a", "t", "later");
    let mut peer = broker.accept(CONNACK).await;
    assert!(peer.connect.clean_start);
    peer.expect_publish(b"later").await;
    expect_acknowledged(task).await;
    assert_eq!(disconnects(&pool, DisconnectReason::TakenOver), 1);
}

#[tokio::test]
async fn a_session_that_is_taken_over_repeatedly_backs_off() {
    let broker = ScriptedBroker::start().await;
    let (pool, _shared) = pool_of_clients(&broker, |_| {}).await;
    let (attempted, mut attempts) = tokio::sync::mpsc::unbounded_channel();
    let rival = tokio::spawn(async move {
        loop {
            let mut peer = broker.accept(CONNACK).await;
            attempted.send(Instant::now()).unwrap();
            // No message is acknowledged.
            peer.publish().await;
            peer.send(&taken_over()).await;
        }
    });
    let mut times = Vec::new();
    while times.len() < 4 {
        let error = error(publish_as(&pool, "a", "t", "x")).await;
        let expected = matches!(error, PublishError::ConnectionLost(_) | PublishError::BrokerUnavailable(_));
        assert!(expected, "{error:?}");
        times.extend(attempts.try_recv());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The waits are at least half of 0.1, 0.2 and 0.4 s.
    assert!(times[3] - times[0] >= Duration::from_millis(350), "{times:?}");
    rival.abort();
}

#[tokio::test]
async fn a_lost_connection_with_a_message_in_flight_is_replaced_and_the_session_resumed() {
    let broker = ScriptedBroker::start().await;
    let (pool, _shared) = pool_of_clients(&broker, |_| {}).await;
    let mut peer = first(&broker, &pool, "a").await;
    let task = publish_as(&pool, "a", "t", "x");
    let sent = peer.publish().await;
    drop(peer);

    let mut peer = broker.accept(CONNACK_SESSION_PRESENT).await;
    assert!(!peer.connect.clean_start);
    assert_eq!(peer.connect.client_id, "a");
    let again = peer.publish().await;
    assert_eq!((again.dup, again.pkid), (true, sent.pkid));
    peer.acknowledge(&again).await;
    expect_acknowledged(task).await;
}

#[tokio::test]
async fn a_lost_connection_of_an_idle_session_is_not_replaced() {
    let broker = ScriptedBroker::start().await;
    let (pool, _shared) = pool_of_clients(&broker, |_| {}).await;
    drop(first(&broker, &pool, "a").await);
    until("the session has ended", || clients(&pool).sessions() == 0).await;
    assert!(broker.is_left_alone().await);
    assert_eq!(disconnects(&pool, DisconnectReason::Lost), 1);
    first(&broker, &pool, "a").await;
}

#[tokio::test]
async fn a_broker_that_closes_the_connection_after_a_denied_publish_costs_no_message() {
    let broker = ScriptedBroker::start().await;
    let (pool, _shared) = pool_of_clients(&broker, |_| {}).await;
    for _ in 0..5 {
        let task = publish_as(&pool, "a", "denied", "x");
        let mut peer = broker.accept(CONNACK).await;
        let sent = peer.publish().await;
        peer.refuse(&sent, 0x87, "").await;
        drop(peer);
        assert_eq!(outcome(task).await.unwrap(), acknowledged(0x87, None));
    }
    first(&broker, &pool, "a").await;
}

#[tokio::test]
async fn the_number_of_sessions_that_connect_at_the_same_time_is_limited() {
    let broker = ScriptedBroker::start().await;
    let (pool, _shared) = pool_of_clients(&broker, |sessions| sessions.connects = 2).await;
    let tasks: Vec<_> = (0..6).map(|client| publish_as(&pool, &client.to_string(), "t", "x")).collect();
    for _ in 0..3 {
        let mut pair = [broker.accept(&[]).await, broker.accept(&[]).await];
        assert!(broker.is_left_alone().await, "the third waits");
        for peer in &mut pair {
            peer.send(CONNACK).await;
            peer.expect_publish(b"x").await;
        }
    }
    for task in tasks {
        expect_acknowledged(task).await;
    }
}

#[tokio::test]
async fn a_client_whose_turn_to_connect_does_not_come_in_time_fails_and_does_not_connect_later() {
    let broker = ScriptedBroker::start().await;
    let pool = pool_with(&broker, |config| {
        config.connect_timeout = Duration::from_millis(500);
        config.sessions = per_client(|sessions| sessions.connects = 1);
    });
    // Later connections get no CONNACK.
    let _shared = broker.accept(CONNACK).await;
    let tasks: Vec<_> = (0..5).map(|client| publish_as(&pool, &client.to_string(), "t", "x")).collect();
    let started = Instant::now();
    for task in tasks {
        assert!(matches!(error(task).await, PublishError::BrokerUnavailable(_)));
    }
    assert!(started.elapsed() < Duration::from_secs(10));
    let tried = || tally(&pool).connects().find(|(how, _)| *how == ConnectOutcome::Failed).unwrap().1;
    // A session that has tried to connect keeps its back-off; the others end.
    until("the others have ended", || clients(&pool).sessions() as u64 == tried()).await;
    assert!((1..5).contains(&tried()), "{} have tried to connect", tried());
}

#[tokio::test]
async fn an_absent_broker_fails_publishes_at_once_and_no_session_stays() {
    let broker = ScriptedBroker::start().await;
    let pool = {
        let sessions = per_client(|sessions| sessions.idle_timeout = Duration::from_millis(50));
        let config = Config { sessions, ..config(broker.address()) };
        drop(broker);
        Arc::new(Pool::start(config).unwrap())
    };
    let started = Instant::now();
    for client in ["a", "b", "a"] {
        let error = error(publish_as(&pool, client, "t", "x")).await;
        assert!(matches!(error, PublishError::BrokerUnavailable(_)), "{error:?}");
    }
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(!pool.is_connected());
    until("the sessions have ended", || clients(&pool).sessions() == 0).await;
}

#[tokio::test]
async fn a_broker_that_assigns_another_client_identifier_receives_no_message() {
    let broker = ScriptedBroker::start().await;
    let (pool, _shared) = pool_of_clients(&broker, |_| {}).await;
    let task = publish_as(&pool, "a", "t", "x");
    // Assigned Client Identifier "b".
    let mut peer = broker.accept(&[0x20, 7, 0, 0, 4, 0x12, 0, 1, b'b']).await;
    assert!(matches!(error(task).await, PublishError::BrokerProtocol(_)));
    assert_eq!(peer.packet().await, None);
}

#[tokio::test]
async fn a_message_whose_publisher_has_gone_before_there_is_a_connection_is_never_sent() {
    let broker = ScriptedBroker::start().await;
    let (pool, _shared) = pool_of_clients(&broker, |sessions| sessions.limit = 1).await;
    let gone = publish_as(&pool, "a", "t", "gone");
    let mut a = broker.accept(&[]).await;
    gone.abort();
    assert!(soon(gone).await.unwrap_err().is_cancelled());

    // Its session makes room, but the attempt to connect is not cancelled.
    let task = publish_as(&pool, "b", "t", "x");
    assert!(broker.is_left_alone().await);
    a.send(CONNACK).await;
    a.expect_disconnect().await;
    let mut b = broker.accept(CONNACK).await;
    assert_eq!(b.connect.client_id, "b");
    b.expect_publish(b"x").await;
    expect_acknowledged(task).await;
}

#[tokio::test]
async fn a_pool_that_closes_disconnects_every_client_and_answers_every_publisher() {
    let broker = ScriptedBroker::start().await;
    let (pool, mut shared) = pool_of_clients(&broker, |_| {}).await;
    let mut idle = first(&broker, &pool, "idle").await;
    let in_flight = publish_as(&pool, "busy", "t", "x");
    let mut busy = broker.accept(CONNACK).await;
    busy.publish().await;
    let connecting = publish_as(&pool, "connecting", "t", "x");
    let _silent = broker.accept(&[]).await;

    soon(pool.close()).await;
    for peer in [&mut shared, &mut idle, &mut busy] {
        peer.expect_disconnect().await;
    }
    assert!(matches!(error(in_flight).await, PublishError::ConnectionLost(Loss::Closed)));
    assert!(matches!(error(connecting).await, PublishError::BrokerUnavailable(_)));
    assert!(matches!(error(publish_as(&pool, "a", "t", "x")).await, PublishError::BrokerUnavailable(_)));
}

/// A pool with a broker that acknowledges every message.
async fn with_automatic_broker(change: impl FnOnce(&mut ClientSessions)) -> (Arc<Pool>, AutomaticBroker) {
    let broker = AutomaticBroker::start();
    let config = Config { sessions: per_client(change), ..config(broker.address()) };
    let pool = Arc::new(Pool::start(config).unwrap());
    soon(pool.connected()).await;
    (pool, broker)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_message_that_meets_a_closing_session_is_published_exactly_once() {
    const EACH: usize = 300;
    let clients = ["a", "b", "c", "d"];
    // Sessions are closed all the time, because they are idle and to make room.
    let (pool, broker) = with_automatic_broker(|sessions| {
        sessions.idle_timeout = Duration::from_millis(1);
        sessions.limit = 3;
    })
    .await;
    let publishers = clients.map(|client| {
        let pool = Arc::clone(&pool);
        tokio::spawn(async move {
            let mut published = Vec::new();
            for number in 0..EACH {
                tokio::time::sleep(Duration::from_micros(fastrand::u64(0..3000))).await;
                let payload = format!("{client}{number}");
                match outcome(publish_as(&pool, client, "t", Bytes::from(payload.clone()))).await {
                    Ok(_) => published.push((client.to_owned(), payload)),
                    // There are four clients and three sessions.
                    Err(PublishError::Overloaded(Overload::ClientSessions)) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
            published
        })
    });
    let mut published = Vec::new();
    for publisher in publishers {
        published.push(soon(publisher).await.unwrap());
    }
    soon(pool.close()).await;
    let seen = broker.seen();
    for (client, published) in clients.iter().zip(&published) {
        let of_client = seen.messages.iter().filter(|(of, _)| of == client);
        assert_eq!(
            of_client.collect::<Vec<_>>(),
            published.iter().collect::<Vec<_>>(),
            "each once, in order"
        );
    }
    let closed = disconnects(&pool, DisconnectReason::Idle) + disconnects(&pool, DisconnectReason::Room);
    assert!(closed > 100, "{closed} sessions were closed");
    assert_eq!(
        disconnects(&pool, DisconnectReason::Lost) + disconnects(&pool, DisconnectReason::TakenOver),
        0
    );
    assert_eq!((seen.lost, seen.taken_over.as_slice()), (0, &[][..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_number_of_sessions_is_limited_for_any_number_of_clients() {
    const LIMIT: usize = 5;
    let (pool, broker) = with_automatic_broker(|sessions| sessions.limit = LIMIT).await;
    for round in 0..40 {
        let tasks: Vec<_> =
            (0..LIMIT).map(|client| publish_as(&pool, &format!("{round}-{client}"), "t", "x")).collect();
        for task in tasks {
            expect_acknowledged(task).await;
        }
        assert!(clients(&pool).sessions() <= 2 * LIMIT);
        assert!(tally(&pool).connected() <= LIMIT);
    }
    until("the evicted sessions have ended", || clients(&pool).sessions() == LIMIT).await;
    let seen = broker.seen();
    assert_eq!(seen.messages.len(), 40 * LIMIT);
    assert_eq!(seen.most_open, LIMIT + 1, "one of them is the shared session");
    assert_eq!(disconnects(&pool, DisconnectReason::Room), (40 * LIMIT - LIMIT) as u64);
}

/// User Name and Password of a connection.
fn login(peer: &Peer) -> (&str, &str) {
    let login = peer.login.as_ref().unwrap();
    (&login.username, &login.password)
}

#[tokio::test]
async fn a_client_logs_in_with_its_id_and_the_password_of_its_latest_message() {
    let broker = ScriptedBroker::start().await;
    let (pool, shared) = pool_of_clients(&broker, |clients| clients.login = ClientLogin::Own).await;
    assert_eq!(shared.login, None, "the Password of a client is the client's alone");
    let task = publish_with_password(&pool, ("pump", "first"), "x");
    let mut peer = broker.accept(CONNACK).await;
    assert_eq!((peer.connect.client_id.as_str(), login(&peer)), ("pump", ("pump", "first")));
    peer.expect_publish(b"x").await;
    expect_acknowledged(task).await;

    // Another Password is no reason to connect again.
    let task = publish_with_password(&pool, ("pump", "second"), "y");
    peer.expect_publish(b"y").await;
    expect_acknowledged(task).await;

    let task = publish_with_password(&pool, ("pump", "third"), "z");
    peer.publish().await;
    drop(peer);
    let mut peer = broker.accept(CONNACK_SESSION_PRESENT).await;
    assert_eq!(login(&peer), ("pump", "third"));
    peer.expect_publish(b"z").await;
    expect_acknowledged(task).await;
    assert!(matches!(error(publish_as(&pool, "pump", "t", "x")).await, PublishError::MissingPassword));
}

#[tokio::test]
async fn a_refused_password_fails_its_client_alone_and_another_one_is_tried_at_once() {
    for reason_code in [0x86, 0x87] {
        let broker = ScriptedBroker::start().await;
        let (pool, _shared) = pool_of_clients(&broker, |clients| clients.login = ClientLogin::Own).await;
        // The back-off grows to 2 s.
        let passwords = ["1", "2", "3", "4", "5", "6", "7", "8"];
        let started = Instant::now();
        for password in passwords {
            let task = publish_with_password(&pool, ("pump", password), "x");
            let refused = broker.accept(&connack_refused(reason_code, "no")).await;
            assert_eq!(login(&refused), ("pump", password));
            let error = error(task).await;
            let PublishError::ClientRefused(reason) = &error else { panic!("{error:?}") };
            assert_eq!(reason.reason_code.0, reason_code);
            let shown = Chain(&error).to_string();
            assert_eq!(
                shown,
                format!(
                    "the broker refused the connection of the client with Reason Code 0x{reason_code:02X} (no)"
                )
            );
        }
        // With the same Password, the broker is not asked again yet.
        let again = error(publish_with_password(&pool, ("pump", "8"), "x")).await;
        assert!(matches!(again, PublishError::ClientRefused(_)), "{again:?}");
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());

        let task = publish_with_password(&pool, ("valve", "good"), "x");
        let mut valve = broker.accept(CONNACK).await;
        assert_eq!(login(&valve), ("valve", "good"));
        valve.expect_publish(b"x").await;
        expect_acknowledged(task).await;

        let task = publish_with_password(&pool, ("pump", "good"), "x");
        let mut pump = broker.accept(CONNACK).await;
        assert_eq!(login(&pump), ("pump", "good"));
        pump.expect_publish(b"x").await;
        expect_acknowledged(task).await;
    }
}

#[tokio::test]
async fn a_message_that_comes_with_another_password_during_an_attempt_is_not_answered_with_its_refusal() {
    let broker = ScriptedBroker::start().await;
    let (pool, _shared) = pool_of_clients(&broker, |clients| clients.login = ClientLogin::Own).await;
    let first = publish_with_password(&pool, ("pump", "old"), "1");
    let mut refused = broker.accept(&[]).await;
    assert_eq!(login(&refused), ("pump", "old"));
    let second = publish_with_password(&pool, ("pump", "new"), "2");
    assert!(refused.is_quiet().await);
    refused.send(&connack_refused(0x86, "")).await;

    let mut peer = broker.accept(CONNACK).await;
    assert_eq!(login(&peer), ("pump", "new"));
    for (task, payload) in [(first, b"1"), (second, b"2")] {
        peer.expect_publish(payload).await;
        expect_acknowledged(task).await;
    }
}
