//! Sessions of clients: each publishes under its own Client Identifier, and none gets in another's way.

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_publish::{Code, ReasonCode};
use postmqtt_bridge::mqtt::clients::{ClientTally, Clients, Connect, Disconnect};
use postmqtt_bridge::mqtt::config::{BrokerAddress, Transport};
use postmqtt_bridge::mqtt::{Pool, PublishError, Published};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{DisconnectReasonCode, Packet};
use tokio::task::JoinHandle;

use support::{
    FakeBroker, Outcome, Peer, WELCOME, WELCOME_BACK, obliging, of_clients, outcome, publish, publish_as,
    soon,
};

const ACKNOWLEDGED: Outcome = Ok(Published::Acknowledged(ReasonCode::SUCCESS));

/// DISCONNECT 0x8E, Session taken over.
const TAKEN_OVER: &[u8] = &[0xE0, 1, 0x8E];

/// CONNACK with a Reason Code and the Reason String "no".
const fn refusal(reason_code: u8) -> [u8; 10] {
    [0x20, 8, 0, reason_code, 5, 0x1F, 0, 2, b'n', b'o']
}

// === impl Peer ===

impl Peer {
    /// Reads one PUBLISH of this payload, and acknowledges it.
    async fn take(&mut self, payload: &'static [u8]) {
        let sent = self.publish().await;
        assert_eq!(sent.payload, payload);
        if sent.qos == QoS::AtLeastOnce {
            self.acknowledge(&sent).await;
        }
    }

    /// Reads a DISCONNECT that ends the session too, and the end of the connection.
    async fn expect_goodbye(&mut self) {
        let Some(Packet::Disconnect(disconnect)) = self.packet().await else { panic!("DISCONNECT") };
        assert_eq!(disconnect.reason_code, DisconnectReasonCode::NormalDisconnection);
        assert_eq!(disconnect.properties.unwrap().session_expiry_interval, Some(0));
        assert_eq!(self.packet().await, None);
    }
}

fn clients(pool: &Pool) -> &Clients {
    pool.clients().unwrap()
}

fn tally(pool: &Pool) -> &ClientTally {
    clients(pool).tally()
}

fn disconnects(pool: &Pool, reason: Disconnect) -> u64 {
    tally(pool).disconnects().find(|(known, _)| *known == reason).unwrap().1
}

/// Asks until it is so.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + support::PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A client that publishes one message, over the connection that it makes for it.
async fn first(broker: &FakeBroker, pool: &Arc<Pool>, client: &str) -> Peer {
    let task = publish_as(pool, client, "t", &b"first"[..]);
    let mut peer = broker.accept(WELCOME).await;
    assert_eq!(peer.connect.client_id, client);
    peer.take(b"first").await;
    assert_eq!(outcome(task).await, ACKNOWLEDGED);
    peer
}

/// What a message meets that is not published.
async fn error(task: JoinHandle<Outcome>) -> PublishError {
    outcome(task).await.unwrap_err()
}

#[tokio::test]
async fn each_client_publishes_under_its_own_client_identifier() {
    let broker = FakeBroker::start().await;
    let (pool, mut own) = broker.pool_of_clients(|_| {}).await;
    assert!(own.connect.client_id.starts_with("test-"));
    let mut peers = Vec::new();
    for client in ["pump-7", "urn:device:pump 8", "ä/+#€"] {
        let task = publish_as(&pool, client, "t", &b"x"[..]);
        let mut peer = broker.accept(WELCOME).await;
        assert_eq!(peer.connect.client_id, client);
        assert!(peer.connect.clean_start, "what another has left there is not this session's");
        peer.take(b"x").await;
        assert_eq!(outcome(task).await, ACKNOWLEDGED);
        // Whatever else it publishes goes the same way.
        for query in ["t", "another&qos=0"] {
            let task = publish_as(&pool, client, query, &b"y"[..]);
            peer.take(b"y").await;
            assert!(outcome(task).await.is_ok());
        }
        peers.push(peer);
    }
    assert!(own.is_quiet().await, "the bridge's own session publishes nothing");
    assert_eq!((clients(&pool).sessions(), tally(&pool).connected()), (3, 3));
}

#[tokio::test]
async fn a_prefix_stands_before_the_client_id() {
    let broker = FakeBroker::start().await;
    let (pool, _own) = broker.pool_of_clients(|sessions| "http/".clone_into(&mut sessions.prefix)).await;
    let _task = publish_as(&pool, "pump-7", "t", &b"x"[..]);
    assert_eq!(broker.accept(WELCOME).await.connect.client_id, "http/pump-7");
}

#[tokio::test]
async fn a_message_of_nobody_is_not_published() {
    let broker = FakeBroker::start().await;
    let (pool, mut own) = broker.pool_of_clients(|_| {}).await;
    assert_eq!(error(publish(&pool, "t", b"x")).await, PublishError::UnidentifiedClient);
    assert!(own.is_quiet().await && broker.is_left_alone().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn first_publishes_at_the_same_time_share_one_session_and_keep_their_order() {
    let broker = FakeBroker::start().await;
    let (pool, _own) = broker.pool_of_clients(|_| {}).await;
    let together: Vec<_> = (0..50).map(|_| publish_as(&pool, "a", "t", &b"together"[..])).collect();
    let mut peer = broker.accept(WELCOME).await;
    for _ in 0..50 {
        peer.take(b"together").await;
    }
    for task in together {
        assert_eq!(outcome(task).await, ACKNOWLEDGED);
    }
    assert!(broker.is_left_alone().await, "there is one connection");
}

#[tokio::test]
async fn what_a_client_publishes_while_it_connects_keeps_its_order() {
    let broker = FakeBroker::start().await;
    let (pool, _own) = broker.pool_of_clients(|_| {}).await;
    // They are spawned on one thread, so they run in this order.
    let payloads: [&'static [u8]; 8] = [b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7"];
    let tasks = payloads.map(|payload| publish_as(&pool, "a", "t", payload));
    let mut peer = broker.accept(WELCOME).await;
    for payload in payloads {
        peer.take(payload).await;
    }
    for task in tasks {
        assert_eq!(outcome(task).await, ACKNOWLEDGED);
    }
}

#[tokio::test]
async fn the_longest_unused_session_makes_room_for_another_client() {
    let broker = FakeBroker::start().await;
    let (pool, _own) = broker.pool_of_clients(|sessions| sessions.limit = 2).await;
    let mut a = first(&broker, &pool, "a").await;
    let mut b = first(&broker, &pool, "b").await;
    let again = publish_as(&pool, "a", "t", &b"again"[..]);
    a.take(b"again").await;
    assert_eq!(outcome(again).await, ACKNOWLEDGED);

    let task = publish_as(&pool, "c", "t", &b"x"[..]);
    b.expect_goodbye().await;
    let mut c = broker.accept(WELCOME).await;
    assert_eq!(c.connect.client_id, "c");
    c.take(b"x").await;
    assert_eq!(outcome(task).await, ACKNOWLEDGED);
    assert!(a.is_quiet().await);
    assert_eq!((tally(&pool).connected(), disconnects(&pool, Disconnect::Room)), (2, 1));
}

#[tokio::test]
async fn where_every_session_is_in_use_another_client_is_told_so_at_once() {
    let broker = FakeBroker::start().await;
    let (pool, _own) = broker.pool_of_clients(|sessions| sessions.limit = 1).await;
    let a = publish_as(&pool, "a", "t", &b"a"[..]);
    let mut peer = broker.accept(WELCOME).await;
    let sent = peer.publish().await;

    let refused = error(publish_as(&pool, "b", "t", &b"b"[..])).await;
    assert!(matches!(refused, PublishError::Overloaded(_)), "{refused:?}");
    // The client that has a session goes on.
    let more = publish_as(&pool, "a", "t", &b"more"[..]);
    peer.take(b"more").await;
    assert_eq!(outcome(more).await, ACKNOWLEDGED);

    peer.acknowledge(&sent).await;
    assert_eq!(outcome(a).await, ACKNOWLEDGED);
    let b = publish_as(&pool, "b", "t", &b"b"[..]);
    peer.expect_goodbye().await;
    broker.accept(WELCOME).await.take(b"b").await;
    assert_eq!(outcome(b).await, ACKNOWLEDGED);
}

#[tokio::test]
async fn a_session_that_is_idle_for_long_enough_is_closed_and_made_again_when_it_is_wanted() {
    let broker = FakeBroker::start().await;
    let (pool, mut own) =
        broker.pool_of_clients(|sessions| sessions.idle_timeout = Duration::from_millis(50)).await;
    for _ in 0..3 {
        first(&broker, &pool, "a").await.expect_goodbye().await;
        until("nothing is left of it", || clients(&pool).sessions() == 0).await;
    }
    assert_eq!((tally(&pool).connected(), disconnects(&pool, Disconnect::Idle)), (0, 3));
    assert!(own.is_quiet().await && pool.is_connected(), "the bridge's own session stays");
}

#[tokio::test]
async fn a_session_with_a_message_under_way_is_not_idle() {
    let broker = FakeBroker::start().await;
    let (pool, _own) =
        broker.pool_of_clients(|sessions| sessions.idle_timeout = Duration::from_millis(20)).await;
    let task = publish_as(&pool, "a", "t", &b"x"[..]);
    let mut peer = broker.accept(WELCOME).await;
    let sent = peer.publish().await;
    assert!(peer.is_quiet().await);
    peer.acknowledge(&sent).await;
    assert_eq!(outcome(task).await, ACKNOWLEDGED);
    peer.expect_goodbye().await;
}

#[tokio::test]
async fn a_client_that_the_broker_refuses_fails_alone() {
    let rows = [(0x85, 502), (0x86, 502), (0x87, 502), (0x8A, 502), (0x97, 429), (0x9F, 429), (0x88, 503)];
    for (reason_code, status) in rows {
        let broker = FakeBroker::start().await;
        let (pool, _own) = broker.pool_of_clients(|_| {}).await;
        let mut other = first(&broker, &pool, "other").await;

        let task = publish_as(&pool, "refused", "t", &b"x"[..]);
        drop(broker.accept(&refusal(reason_code)).await);
        let refused = error(task).await;
        assert_eq!(refused.code().status(), status, "{reason_code:#04x}");
        let PublishError::ConnectionRefused(reason) = refused else { panic!("{refused:?}") };
        assert_eq!((reason.reason_code.0, reason.reason_string.as_deref()), (reason_code, Some("no")));

        let task = publish_as(&pool, "other", "t", &b"x"[..]);
        other.take(b"x").await;
        assert_eq!(outcome(task).await, ACKNOWLEDGED);
        assert!(pool.is_connected());
    }
}

#[tokio::test]
async fn a_refused_client_is_left_out_for_longer_each_time_and_asked_for_only_when_it_publishes() {
    let broker = Arc::new(FakeBroker::start().await);
    let (pool, _own) = broker.pool_of_clients(|_| {}).await;
    let (attempted, mut attempts) = tokio::sync::mpsc::unbounded_channel();
    let refusing = Arc::clone(&broker);
    let refusing = tokio::spawn(async move {
        loop {
            drop(refusing.accept(&refusal(0x87)).await);
            attempted.send(Instant::now()).unwrap();
        }
    });
    let mut times = Vec::new();
    while times.len() < 5 {
        // Between two attempts, publishes fail with what the broker said, and the broker is not asked.
        assert_eq!(error(publish_as(&pool, "a", "t", &b"x"[..])).await.code(), Code::BrokerLoginFailed);
        times.extend(attempts.try_recv());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The waits are at least half of 0.1, 0.2, 0.4 and 0.8 s.
    assert!(times[4] - times[0] >= Duration::from_millis(750), "{times:?}");
    refusing.abort();
    // The wait that is now under way has 1.6 s at most.
    tokio::time::sleep(Duration::from_millis(1700)).await;
    assert!(broker.is_left_alone().await, "nobody publishes");

    let task = publish_as(&pool, "a", "t", &b"x"[..]);
    broker.accept(WELCOME).await.take(b"x").await;
    assert_eq!(outcome(task).await, ACKNOWLEDGED);
}

#[tokio::test]
async fn a_refused_session_does_not_stay() {
    let broker = FakeBroker::start().await;
    let (pool, _own) =
        broker.pool_of_clients(|sessions| sessions.idle_timeout = Duration::from_millis(50)).await;
    let task = publish_as(&pool, "a", "t", &b"x"[..]);
    drop(broker.accept(&refusal(0x87)).await);
    assert_eq!(error(task).await.code(), Code::BrokerLoginFailed);
    until("nothing is left of it", || clients(&pool).sessions() == 0).await;
    assert_eq!(
        tally(&pool).connects().collect::<Vec<_>>(),
        [(Connect::Accepted, 0), (Connect::Refused, 1), (Connect::Failed, 0)]
    );
}

#[tokio::test]
async fn a_session_that_was_taken_over_is_not_taken_back_until_its_client_publishes() {
    let broker = FakeBroker::start().await;
    let (pool, _own) = broker.pool_of_clients(|_| {}).await;
    let mut peer = first(&broker, &pool, "a").await;
    let task = publish_as(&pool, "a", "t", &b"in flight"[..]);
    peer.publish().await;
    peer.send(TAKEN_OVER).await;
    let lost = error(task).await;
    assert_eq!(lost.code(), Code::ConnectionLost, "whether it was published is not known");
    assert!(lost.to_string().contains("taken over"), "{lost}");
    assert!(broker.is_left_alone().await);

    let task = publish_as(&pool, "a", "t", &b"later"[..]);
    let mut peer = broker.accept(WELCOME).await;
    assert!(peer.connect.clean_start);
    peer.take(b"later").await;
    assert_eq!(outcome(task).await, ACKNOWLEDGED);
    assert_eq!(disconnects(&pool, Disconnect::TakenOver), 1);
}

#[tokio::test]
async fn a_session_that_is_taken_over_again_and_again_is_left_alone_for_longer_each_time() {
    let broker = FakeBroker::start().await;
    let (pool, _own) = broker.pool_of_clients(|_| {}).await;
    let (attempted, mut attempts) = tokio::sync::mpsc::unbounded_channel();
    let rival = tokio::spawn(async move {
        loop {
            let mut peer = broker.accept(WELCOME).await;
            attempted.send(Instant::now()).unwrap();
            // No message is acknowledged.
            peer.publish().await;
            peer.send(TAKEN_OVER).await;
        }
    });
    let mut times = Vec::new();
    while times.len() < 4 {
        let code = error(publish_as(&pool, "a", "t", &b"x"[..])).await.code();
        assert!(matches!(code, Code::ConnectionLost | Code::BrokerUnavailable), "{code:?}");
        times.extend(attempts.try_recv());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The waits are at least half of 0.1, 0.2 and 0.4 s.
    assert!(times[3] - times[0] >= Duration::from_millis(350), "{times:?}");
    rival.abort();
}

#[tokio::test]
async fn a_cut_with_a_message_in_flight_is_mended_and_the_session_resumed() {
    let broker = FakeBroker::start().await;
    let (pool, _own) = broker.pool_of_clients(|_| {}).await;
    let mut peer = first(&broker, &pool, "a").await;
    let task = publish_as(&pool, "a", "t", &b"x"[..]);
    let sent = peer.publish().await;
    drop(peer);

    let mut peer = broker.accept(WELCOME_BACK).await;
    assert!(!peer.connect.clean_start);
    assert_eq!(peer.connect.client_id, "a");
    let again = peer.publish().await;
    assert_eq!((again.dup, again.pkid), (true, sent.pkid));
    peer.acknowledge(&again).await;
    assert_eq!(outcome(task).await, ACKNOWLEDGED);
}

#[tokio::test]
async fn a_cut_that_nobody_waits_for_is_not_mended() {
    let broker = FakeBroker::start().await;
    let (pool, _own) = broker.pool_of_clients(|_| {}).await;
    drop(first(&broker, &pool, "a").await);
    until("nothing is left of it", || clients(&pool).sessions() == 0).await;
    assert!(broker.is_left_alone().await);
    assert_eq!(disconnects(&pool, Disconnect::Lost), 1);
    first(&broker, &pool, "a").await;
}

#[tokio::test]
async fn a_broker_that_cuts_after_a_denied_publish_costs_nobody_a_message() {
    let broker = FakeBroker::start().await;
    let (pool, _own) = broker.pool_of_clients(|_| {}).await;
    for _ in 0..5 {
        let task = publish_as(&pool, "a", "denied", &b"x"[..]);
        let mut peer = broker.accept(WELCOME).await;
        let sent = peer.publish().await;
        peer.puback(&sent, 0x87, "").await;
        drop(peer);
        assert_eq!(error(task).await.code(), Code::NotAuthorized);
    }
    first(&broker, &pool, "a").await;
}

#[tokio::test]
async fn only_so_many_connect_at_a_time() {
    let broker = FakeBroker::start().await;
    let (pool, _own) = broker.pool_of_clients(|sessions| sessions.connects = 2).await;
    let tasks: Vec<_> = (0..6).map(|client| publish_as(&pool, &client.to_string(), "t", &b"x"[..])).collect();
    for _ in 0..3 {
        let mut pair = [broker.accept(&[]).await, broker.accept(&[]).await];
        assert!(broker.is_left_alone().await, "the third waits for its turn");
        for peer in &mut pair {
            peer.send(WELCOME).await;
            peer.take(b"x").await;
        }
    }
    for task in tasks {
        assert_eq!(outcome(task).await, ACKNOWLEDGED);
    }
}

#[tokio::test]
async fn who_waits_in_vain_for_a_turn_is_told_so_and_is_not_connected_for_afterwards() {
    let broker = FakeBroker::start().await;
    let pool = broker.pool_with(|config| {
        config.connect_timeout = Duration::from_millis(500);
        config.sessions_of = of_clients(|sessions| sessions.connects = 1);
    });
    // From here on nobody answers.
    let _own = broker.accept(WELCOME).await;
    let tasks: Vec<_> = (0..5).map(|client| publish_as(&pool, &client.to_string(), "t", &b"x"[..])).collect();
    let started = Instant::now();
    for task in tasks {
        assert_eq!(error(task).await.code(), Code::BrokerUnavailable);
    }
    assert!(started.elapsed() < Duration::from_secs(10));
    let tried = || tally(&pool).connects().find(|(how, _)| *how == Connect::Failed).unwrap().1;
    // Only of who has tried is it remembered that it failed.
    until("the others are forgotten", || clients(&pool).sessions() as u64 == tried()).await;
    assert!((1..5).contains(&tried()), "{} have tried to connect", tried());
}

#[tokio::test]
async fn an_absent_broker_is_told_at_once_and_nothing_is_left() {
    let broker = FakeBroker::start().await;
    let pool = {
        let config = postmqtt_bridge::mqtt::config::MqttConfig {
            sessions_of: of_clients(|sessions| sessions.idle_timeout = Duration::from_millis(50)),
            ..broker.config()
        };
        drop(broker);
        Arc::new(Pool::start(config).unwrap())
    };
    let started = Instant::now();
    for client in ["a", "b", "a"] {
        let error = error(publish_as(&pool, client, "t", &b"x"[..])).await;
        assert_eq!(error.code(), Code::BrokerUnavailable);
    }
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(!pool.is_connected());
    until("nothing is left of them", || clients(&pool).sessions() == 0).await;
}

#[tokio::test]
async fn a_broker_that_assigns_another_client_identifier_gets_no_message() {
    let broker = FakeBroker::start().await;
    let (pool, _own) = broker.pool_of_clients(|_| {}).await;
    let task = publish_as(&pool, "a", "t", &b"x"[..]);
    // Assigned Client Identifier "b".
    let mut peer = broker.accept(&[0x20, 7, 0, 0, 4, 0x12, 0, 1, b'b']).await;
    assert_eq!(error(task).await.code(), Code::BrokerProtocolError);
    assert_eq!(peer.packet().await, None);
}

#[tokio::test]
async fn a_message_whose_publisher_is_gone_before_there_is_a_connection_is_never_sent() {
    let broker = FakeBroker::start().await;
    let (pool, _own) = broker.pool_of_clients(|sessions| sessions.limit = 1).await;
    let gone = publish_as(&pool, "a", "t", &b"gone"[..]);
    let mut a = broker.accept(&[]).await;
    gone.abort();
    assert!(soon(gone).await.unwrap_err().is_cancelled());

    // Its session makes room, but the attempt to connect is not broken off.
    let task = publish_as(&pool, "b", "t", &b"x"[..]);
    assert!(broker.is_left_alone().await);
    a.send(WELCOME).await;
    a.expect_goodbye().await;
    let mut b = broker.accept(WELCOME).await;
    assert_eq!(b.connect.client_id, "b");
    b.take(b"x").await;
    assert_eq!(outcome(task).await, ACKNOWLEDGED);
}

#[tokio::test]
async fn a_pool_that_closes_says_goodbye_for_every_client_and_answers_what_waits() {
    let broker = FakeBroker::start().await;
    let (pool, mut own) = broker.pool_of_clients(|_| {}).await;
    let mut idle = first(&broker, &pool, "idle").await;
    let in_flight = publish_as(&pool, "busy", "t", &b"x"[..]);
    let mut busy = broker.accept(WELCOME).await;
    busy.publish().await;
    let connecting = publish_as(&pool, "connecting", "t", &b"x"[..]);
    let _silent = broker.accept(&[]).await;

    soon(pool.close()).await;
    for peer in [&mut own, &mut idle, &mut busy] {
        peer.expect_goodbye().await;
    }
    assert_eq!(error(in_flight).await.code(), Code::ConnectionLost);
    assert_eq!(error(connecting).await.code(), Code::BrokerUnavailable);
    assert_eq!(error(publish_as(&pool, "a", "t", &b"x"[..])).await.code(), Code::BrokerUnavailable);
}

/// A pool with a broker that takes whatever comes.
async fn with_obliging_broker(
    change: impl FnOnce(&mut postmqtt_bridge::mqtt::config::ClientSessions),
) -> (Arc<Pool>, Arc<std::sync::Mutex<obliging::Seen>>) {
    let (address, seen) = obliging::start().await;
    let mut config = FakeBroker::start().await.config();
    config.broker =
        BrokerAddress { transport: Transport::Tcp, host: address.ip().to_string(), port: address.port() };
    config.sessions_of = of_clients(change);
    let pool = Arc::new(Pool::start(config).unwrap());
    soon(pool.connected()).await;
    (pool, seen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_message_that_meets_a_closing_session_is_published_once_and_answered_rightly() {
    const EACH: usize = 300;
    let clients = ["a", "b", "c", "d"];
    // Sessions close all the time: for lack of use, and to make room.
    let (pool, seen) = with_obliging_broker(|sessions| {
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
                    // Four clients, three places.
                    Err(PublishError::Overloaded(_)) => {}
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
    let seen = seen.lock().unwrap();
    for (client, published) in clients.iter().zip(&published) {
        let of_client = seen.messages.iter().filter(|(of, _)| of == client);
        assert_eq!(
            of_client.collect::<Vec<_>>(),
            published.iter().collect::<Vec<_>>(),
            "each once, in order"
        );
    }
    let closed = disconnects(&pool, Disconnect::Idle) + disconnects(&pool, Disconnect::Room);
    assert!(closed > 100, "{closed} sessions were closed");
    assert_eq!(disconnects(&pool, Disconnect::Lost) + disconnects(&pool, Disconnect::TakenOver), 0);
    assert_eq!((seen.cut, seen.taken_over.as_slice()), (0, &[][..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn however_many_clients_come_only_so_many_have_a_session() {
    const LIMIT: usize = 5;
    let (pool, seen) = with_obliging_broker(|sessions| sessions.limit = LIMIT).await;
    for round in 0..40 {
        let tasks: Vec<_> = (0..LIMIT)
            .map(|client| publish_as(&pool, &format!("{round}-{client}"), "t", &b"x"[..]))
            .collect();
        for task in tasks {
            assert_eq!(outcome(task).await, ACKNOWLEDGED);
        }
        assert!(clients(&pool).sessions() <= 2 * LIMIT);
        assert!(tally(&pool).connected() <= LIMIT);
    }
    until("those that were let go have gone", || clients(&pool).sessions() == LIMIT).await;
    let seen = seen.lock().unwrap();
    assert_eq!(seen.messages.len(), 40 * LIMIT);
    assert_eq!(seen.most_open, LIMIT + 1, "one of them is the bridge's own");
    assert_eq!(disconnects(&pool, Disconnect::Room), (40 * LIMIT - LIMIT) as u64);
}
