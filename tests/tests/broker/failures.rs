//! The broker: away, back again, silent, refusing, and saying each Reason Code that it can say.

use std::time::{Duration, Instant};

use end_to_end::{
    Answer, AutomaticBroker, Edge, Message, Pending, Problem, Protocol, REASON_STRING, Request, block_on,
    eventually, spawn,
};
use rig::stack::Mosquitto;

/// A refusal that comes "at once" has no broker to wait for; this is much more than any machine needs.
const AT_ONCE: Duration = Duration::from_secs(10);

fn expect(answer: &Answer, status: u16, code: &str) -> Problem {
    let problem = answer.expect_problem();
    assert_eq!((problem.status, problem.code.as_str()), (status, code), "{:#}", problem.document);
    problem
}

/// The answer at the moment, until there is one of this status.
fn until(edge: &Edge, status: u16, request: &Request) -> Answer {
    eventually(&format!("an answer of {status}"), || {
        Some(edge.send(request.clone())).filter(|answer| answer.status == status)
    })
}

#[test]
fn without_a_broker_the_answer_is_503_at_once_and_with_it_all_is_well_again() {
    let edge = Edge::start("stopped", |stack| stack.mosquitto(Mosquitto::new()));
    let topic = edge.topic("a");
    edge.send(Request::publish(&topic)).expect_published(202);
    for _ in 0..2 {
        edge.stack().broker().stop();
        // The bridge learns of it when the connection ends, which takes no time worth waiting for.
        let first = until(&edge, 503, &Request::publish(&topic).body("lost"));
        expect(&first, 503, "BrokerUnavailable");
        for protocol in Protocol::ALL {
            for qos in ["0", "1"] {
                let start = Instant::now();
                let answer =
                    edge.at(protocol).send(Request::publish(&topic).header("mqtt-qos", qos).body("lost"));
                expect(&answer, 503, "BrokerUnavailable");
                assert_eq!(answer.header("retry-after"), Some("1"));
                assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
            }
        }
        // What is wrong with a request is said even now.
        expect(&edge.send(Request::publish(&topic).and("&qos=2")), 400, "InvalidQos");
        edge.stack().broker().start().expect("the broker starts again");
        let subscriber = edge.subscribe();
        until(&edge, 204, &Request::publish(&topic).body("first"));
        for protocol in Protocol::ALL {
            edge.at(protocol).send(Request::publish(&topic).body("back")).expect_published(204);
        }
        let received: Vec<_> = subscriber.next_many(5).iter().map(Message::text).collect();
        assert_eq!(
            received,
            ["first", "back", "back", "back", "back"],
            "nothing that was refused came after all"
        );
    }
}

#[test]
fn a_bridge_without_a_broker_is_alive_and_not_ready() {
    let edge = Edge::start("ready", |stack| stack.mosquitto(Mosquitto::new()));
    let bridge = edge.bridge(Protocol::Http1);
    let status = |path: &str| bridge.send(Request::post(path).method("GET").without_token()).status;
    assert_eq!((status("/healthz"), status("/readyz")), (200, 200));
    edge.stack().broker().stop();
    eventually("the bridge not to be ready", || (status("/readyz") == 503).then_some(()));
    assert_eq!(status("/healthz"), 200);
    edge.stack().broker().start().expect("the broker starts again");
    eventually("the bridge to be ready", || (status("/readyz") == 200).then_some(()));
}

#[test]
fn a_broker_that_is_silent_is_504_in_time_and_heard_again_later() {
    let edge = Edge::start("silent", |stack| {
        stack.mosquitto(Mosquitto::new()).bridge_argument("--publish-timeout").bridge_argument("1s")
    });
    let topic = edge.topic("a");
    edge.send(Request::publish(&topic)).expect_published(202);
    edge.stack().broker().freeze();
    let under_way = Protocol::ALL.map(|protocol| edge.at(protocol).begin(Request::publish(&topic)));
    let answers = under_way.map(Pending::answer);
    for answer in &answers {
        expect(answer, 504, "AcknowledgementTimeout");
    }
    edge.stack().broker().thaw();
    until(&edge, 202, &Request::publish(&topic));
}

#[test]
fn what_the_broker_forbids_is_403_and_what_else_is_under_way_survives() {
    publish_what_is_allowed_and_what_is_denied("acl", Mosquitto::new());
}

#[test]
fn what_else_is_under_way_survives_also_a_broker_that_cuts_the_connection_for_what_it_forbids() {
    publish_what_is_allowed_and_what_is_denied("acl-cut", Mosquitto::new().setting("max_queued_messages 0"));
}

fn publish_what_is_allowed_and_what_is_denied(name: &str, broker: Mosquitto) {
    let acl = "topic readwrite allowed/#\ntopic read #\n";
    let edge = Edge::start(name, |stack| stack.mosquitto(broker.acl(acl)));
    let subscriber = edge.subscribe_to(&["#"]);
    const EACH: usize = 200;
    let (allowed, denied) = block_on(async {
        let mut connection = edge.at(Protocol::Http2).connect().await;
        let mut other = edge.at(Protocol::Http2).connect().await;
        let allowed = spawn(async move {
            let mut statuses = Vec::new();
            for number in 0..EACH {
                let request = Request::publish(&format!("allowed/{}", number % 7)).body(number.to_string());
                statuses.push(connection.send(request).await.unwrap().status);
            }
            statuses
        });
        let denied = spawn(async move {
            let mut answers = Vec::new();
            for number in 0..EACH {
                let request = Request::publish(&format!("denied/{}", number % 7)).body("denied");
                answers.push(other.send(request).await.unwrap());
            }
            answers
        });
        (allowed.await.unwrap(), denied.await.unwrap())
    });
    assert_eq!(allowed, [204; EACH]);
    for answer in &denied {
        let problem = expect(answer, 403, "NotAuthorized");
        assert_eq!(problem.document["mqttReasonCode"], 135, "{:#}", problem.document);
        assert_eq!(answer.header("mqtt-reason-code"), Some("135"));
    }
    let mut received: Vec<usize> =
        subscriber.next_many(EACH).iter().map(|message| message.text().parse().expect("a number")).collect();
    received.sort_unstable();
    assert_eq!(received, (0..EACH).collect::<Vec<_>>());
    assert_eq!(edge.published_until_now(&subscriber, "allowed/last"), []);
}

#[test]
fn what_the_broker_does_not_support_is_said_without_losing_the_connection() {
    let edge = Edge::start("small", |stack| {
        let broker = Mosquitto::new().setting("retain_available false").setting("max_packet_size 1000");
        stack.mosquitto(broker)
    });
    let topic = edge.topic("a");
    for protocol in Protocol::ALL {
        let at = edge.at(protocol);
        expect(&at.send(Request::publish(&topic).and("&retain=1").body("x")), 400, "RetainNotSupported");
        expect(&at.send(Request::publish(&topic).body(vec![b'x'; 1000])), 413, "PacketTooLarge");
        expect(
            &at.send(Request::publish(&topic).and("&qos=0").body(vec![b'x'; 1000])),
            413,
            "PacketTooLarge",
        );
        at.send(Request::publish(&topic).body(vec![b'x'; 900])).expect_published(202);
    }
    let edge = Edge::start("qos-0", |stack| stack.mosquitto(Mosquitto::new().setting("max_qos 0")));
    expect(&edge.send(Request::publish(&topic).and("&qos=1")), 400, "QosNotSupported");
    edge.send(Request::publish(&topic).and("&qos=0")).expect_published(202);
}

#[test]
fn each_reason_code_of_a_puback_is_its_status() {
    let broker = AutomaticBroker::start();
    let edge = Edge::start("reason-codes", |stack| stack.foreign_broker(broker.port()));
    let refused = [
        (0x80, 500, "UnspecifiedError"),
        (0x83, 500, "ImplementationSpecificError"),
        (0x87, 403, "NotAuthorized"),
        (0x90, 400, "TopicNameInvalid"),
        (0x91, 503, "PacketIdentifierInUse"),
        (0x97, 429, "QuotaExceeded"),
        (0x99, 400, "PayloadFormatInvalid"),
        // Not for PUBACK (MQTT 5.0, 3.4.2.1): undefined, of SUBACK and UNSUBACK, of DISCONNECT.
        (0xff, 502, "BrokerProtocolError"),
        (0x8f, 502, "BrokerProtocolError"),
        (0x8e, 502, "BrokerProtocolError"),
    ];
    // Below 0x80, and still not for PUBACK. The broker sends no Reason String with these.
    let undefined = [0x01, 0x02, 0x11, 0x7f];
    for protocol in Protocol::ALL {
        for (reason_code, status) in [(0x00, 204), (0x10, 202)] {
            let answer = edge.at(protocol).send(Request::publish(&format!("puback/{reason_code}")));
            answer.expect_published(status);
            assert_eq!(answer.header("mqtt-reason-code"), Some(reason_code.to_string().as_str()));
        }
        for (reason_code, status, code) in refused {
            let answer = edge.at(protocol).send(Request::publish(&format!("puback/{reason_code}")));
            let problem = expect(&answer, status, code);
            assert_eq!(problem.document["mqttReasonCode"], reason_code, "{:#}", problem.document);
            assert_eq!(problem.document["mqttReasonString"], REASON_STRING, "{:#}", problem.document);
            assert_eq!(answer.header("mqtt-reason-code"), Some(reason_code.to_string().as_str()));
        }
        for reason_code in undefined {
            let answer = edge.at(protocol).send(Request::publish(&format!("puback/{reason_code}")));
            let problem = expect(&answer, 502, "BrokerProtocolError");
            assert_eq!(problem.document["mqttReasonCode"], reason_code, "{:#}", problem.document);
        }
    }
}

#[test]
fn a_connection_that_ends_before_the_acknowledgement_is_a_503_and_is_made_again() {
    let broker = AutomaticBroker::start();
    let edge = Edge::start("connection-lost", |stack| stack.foreign_broker(broker.port()));
    for topic in ["hang-up", "disconnect/139", "disconnect/128"] {
        let problem = edge.send(Request::publish(&format!("a/{topic}"))).expect_problem();
        assert_eq!(problem.status, 503, "{topic}: {:#}", problem.document);
        // Another topic may go over another session: each of these finds its way back.
        for number in 0..20 {
            until(&edge, 204, &Request::publish(&format!("after/{topic}/{number}")));
        }
    }
}

#[test]
fn a_broker_that_refuses_the_login_is_502_and_rates_are_429() {
    let broker = AutomaticBroker::start();
    let edge = Edge::start("login", |stack| stack.foreign_broker(broker.port()));
    let rows = [
        (0x86, 502, "BrokerLoginFailed"),
        (0x87, 502, "BrokerLoginFailed"),
        (0x88, 503, "BrokerUnavailable"),
        (0x89, 503, "BrokerUnavailable"),
        (0x97, 429, "BrokerRateExceeded"),
        (0x9f, 429, "BrokerRateExceeded"),
    ];
    for (reason_code, status, code) in rows {
        broker.answer_logins_with(reason_code);
        let answer = until(&edge, status, &Request::publish("a"));
        expect(&answer, status, code);
        broker.answer_logins_with(0);
        until(&edge, 204, &Request::publish("a"));
    }
}

#[test]
fn a_bridge_that_dies_with_requests_under_way_leaves_each_a_problem() {
    let edge = Edge::start("bridge-killed", |stack| stack.mosquitto(Mosquitto::new()));
    let topic = edge.topic("a");
    edge.send(Request::publish(&topic)).expect_published(202);
    edge.stack().broker().freeze();
    let bridge = edge.stack().bridge();
    let under_way: Vec<_> = Protocol::ALL
        .iter()
        .flat_map(|protocol| [*protocol; 5])
        .map(|protocol| edge.at(protocol).begin(Request::publish(&topic).body("under way")))
        .collect();
    eventually("the bridge to have all of them", || {
        (edge.stat("cluster.mqtt_bridge.upstream_rq_active") == 20).then_some(())
    });
    bridge.kill();
    let answers: Vec<_> = under_way.into_iter().map(Pending::answer).collect();
    for answer in &answers {
        let problem = answer.expect_problem();
        assert!(matches!(problem.status, 502 | 503), "{:#}", problem.document);
    }
    // With no bridge at all.
    let problem = edge.send(Request::publish(&topic)).expect_problem();
    assert_eq!(problem.status, 503, "{:#}", problem.document);
    edge.stack().broker().thaw();
    bridge.start().expect("the bridge starts again");
    until(&edge, 202, &Request::publish(&topic));
}

#[test]
fn a_bridge_reloads_at_a_hangup_and_answers_what_is_under_way_before_it_ends() {
    let edge = Edge::start("told-to-end", |stack| stack.mosquitto(Mosquitto::new()));
    let topic = edge.topic("a");
    let subscriber = edge.subscribe();
    edge.send(Request::publish(&topic).body("before")).expect_published(204);
    edge.stack().broker().freeze();
    let under_way =
        Protocol::ALL.map(|protocol| edge.at(protocol).begin(Request::publish(&topic).body("under way")));
    eventually("the bridge to have all of them", || {
        (edge.stat("cluster.mqtt_bridge.upstream_rq_active") == 4).then_some(())
    });
    edge.stack().bridge().reload();
    eventually("the bridge to reload", || {
        edge.stack().bridge().log().contains("read the password and TLS files again").then_some(())
    });
    std::thread::scope(|scope| {
        scope.spawn(|| edge.stack().bridge().stop());
        eventually("the bridge to be ending", || {
            edge.stack().bridge().log().contains("stopping").then_some(())
        });
        edge.stack().broker().thaw();
        for pending in under_way {
            pending.answer().expect_published(204);
        }
    });
    let received: Vec<_> = subscriber.next_many(5).iter().map(Message::text).collect();
    assert_eq!(received, ["before", "under way", "under way", "under way", "under way"]);
}

#[test]
fn of_two_bridges_the_one_that_is_left_serves_all() {
    let edge = Edge::start("two-bridges", |stack| stack.mosquitto(Mosquitto::new()).bridges(2));
    let subscriber = edge.subscribe();
    let topics: Vec<_> = (0..20).map(|number| edge.topic(&number.to_string())).collect();
    for topic in &topics {
        edge.send(Request::publish(topic).body("both")).expect_published(204);
        assert_eq!(subscriber.next(), Message::new(topic, "both"));
    }
    edge.stack().bridges()[1].kill();
    for topic in &topics {
        until(&edge, 204, &Request::publish(topic).body("one"));
        assert_eq!(subscriber.next(), Message::new(topic, "one"));
    }
    edge.stack().bridges()[1].start().expect("the bridge starts again");
    for topic in &topics {
        edge.send(Request::publish(topic).body("both again")).expect_published(204);
        assert_eq!(subscriber.next(), Message::new(topic, "both again"));
    }
}
