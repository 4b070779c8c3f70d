//! Commands that wait for their reply (`Prefer: wait=N`), answered by devices that use another MQTT library.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use bytes::Bytes;
use end_to_end::{
    Answer, Body, Connection, Device, Edge, Endpoint, Message, Protocol, Request, block_on, block_on_for,
    eventually, spawn,
};
use http_body_util::BodyExt as _;
use rig::stack::Mosquitto;
use tokio::task::JoinHandle;

fn expect(answer: &Answer, status: u16, code: &str) {
    let problem = answer.expect_problem();
    assert_eq!((problem.status, problem.code.as_str()), (status, code), "{:#}", problem.document);
}

fn command(topic: &str, seconds: u32) -> Request {
    Request::publish(topic).header("prefer", format!("wait={seconds}"))
}

#[test]
fn a_devices_reply_is_the_answer_of_its_command() {
    let edge = Edge::shared();
    let topic = edge.topic("pump/command");
    let _device = Device::new(edge.stack().mqtt_port(), &topic, |command| {
        vec![Message {
            content_type: Some("application/json".to_owned()),
            user_properties: vec![("a".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())],
            ..command.reply(format!("{{\"did\":\"{}\"}}", command.text()))
        }]
    });
    for endpoint in edge.with_and_without() {
        let request = command(&topic, 20).header("mqtt-correlation-data", "-_8").body("stop");
        let answer = endpoint.send(request);
        assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"did":"stop"}"#), "{endpoint:?}");
        for (name, value) in [
            ("content-type", "application/json"),
            ("mqtt-user-properties", "W3siYSI6IjEifSx7ImEiOiIyIn1d"),
            ("mqtt-correlation-data", "+/8="),
            ("preference-applied", "wait=20"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{name} at {endpoint:?}");
        }
        let answer = endpoint.send(command(&topic, 20).header("mqtt-qos", "0").body("go"));
        assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"did":"go"}"#), "{endpoint:?}");
        assert_eq!(answer.header("mqtt-correlation-data"), None);
    }
    let answer = edge.send(command(&topic, 20).body("log"));
    assert_eq!(edge.log_line(&answer).text("preferenceApplied"), "wait=20");
}

#[test]
fn without_a_device_or_without_its_reply_the_answer_says_so() {
    let edge = Edge::shared();
    let silent = edge.topic("silent");
    let _device = Device::new(edge.stack().mqtt_port(), &silent, |_| Vec::new());
    for endpoint in edge.with_and_without() {
        let answer = endpoint.send(command(&edge.topic("nobody"), 20));
        expect(&answer, 503, "NoResponder");
        assert_eq!(answer.expect_problem().document["mqttReasonCode"], 16);
    }
    for endpoint in [edge.at(Protocol::Http1), edge.bridge(Protocol::Http2)] {
        let answer = endpoint.send(command(&silent, 1));
        expect(&answer, 504, "NoReply");
        assert_eq!(answer.expect_problem().document["mqttReasonCode"], 0);
        let answer = endpoint.send(Request::publish(&silent).header("prefer", "respond-async, wait=1"));
        assert_eq!(
            (answer.status, answer.header("preference-applied")),
            (202, Some("respond-async, wait=1"))
        );
    }
}

/// A device that answers twice, and before that with Correlation Data of its own invention, of another command, and none.
#[test]
fn each_of_many_commands_gets_its_own_reply_whatever_else_devices_send_and_whichever_bridge_asks() {
    const COUNT: usize = 600;
    let edge = Edge::start("two-bridges", |stack| stack.mosquitto(Mosquitto::new()).bridges(2));
    let seen: Mutex<HashMap<String, Vec<u8>>> = Mutex::default();
    let _device = Device::new(edge.stack().mqtt_port(), "pumps/#", move |command| {
        let reply = command.reply(format!("{} did {}", command.topic, command.text()));
        let forged =
            |correlation_data| Message { correlation_data, payload: b"forged".to_vec(), ..reply.clone() };
        let mut seen = seen.lock().unwrap();
        // The last command through each bridge has been answered already.
        let other = seen.insert(reply.topic.clone(), reply.correlation_data.clone().unwrap());
        let stolen =
            seen.values().next().cloned().filter(|data| Some(data) != reply.correlation_data.as_ref());
        let mut replies = vec![forged(Some(vec![7; 16])), forged(None), forged(other)];
        replies.extend(stolen.map(|data| forged(Some(data))));
        replies.extend([reply.clone(), Message { payload: b"doubled".to_vec(), ..reply }]);
        replies
    });
    let workers: Vec<_> = (0..60)
        .map(|worker| {
            let endpoint = edge.at(Protocol::ALL[worker % 4]);
            spawn(async move {
                let mut connection = endpoint.connect().await;
                for number in (worker..COUNT).step_by(60) {
                    let topic = format!("pumps/{number}");
                    let request = command(&topic, 20).body(number.to_string());
                    let answer = connection.send(request).await.expect("an answer");
                    let expected = format!("{topic} did {number}");
                    assert_eq!((answer.status, answer.text()), (200, expected));
                }
            })
        })
        .collect();
    block_on(async {
        for worker in workers {
            worker.await.expect("each command gets its reply");
        }
    });
}

const MIB: u64 = 1024 * 1024;

/// The patience for 10,000 of something, on a machine that does other things as well.
const MINUTES: Duration = Duration::from_secs(300);

/// Sends commands over HTTP/2, `streams` to a connection, without the time limit of a usual request.
async fn send_all(endpoint: &Endpoint, topics: &[String], streams: usize) -> Vec<JoinHandle<(u16, Bytes)>> {
    let mut answers = Vec::new();
    for topics in topics.chunks(streams) {
        let Connection::Http2(connection) = endpoint.connect().await else { panic!("{endpoint:?}") };
        for topic in topics {
            let mut connection = connection.clone();
            let target =
                format!("http://localhost/mqtt/messages?topic={}", end_to_end::percent_encoded(topic));
            let request = hyper::Request::post(target).header("prefer", "wait=600");
            let request = request.body(Body::sized(topic.clone())).expect("a request");
            answers.push(spawn(async move {
                connection.ready().await.expect("a connection");
                let answer = connection.send_request(request).await.expect("an answer");
                let status = answer.status().as_u16();
                (status, answer.into_body().collect().await.expect("a whole answer").to_bytes())
            }));
        }
    }
    answers
}

#[test]
fn ten_thousand_commands_wait_at_once_within_the_memory_bound_and_each_gets_its_own_reply() {
    const COUNT: usize = 10_000;
    // What the bridge may hold (docs/operations.md).
    const IN_FLIGHT: u64 = 64 * MIB;
    const REPLIES: u64 = 32 * MIB;
    const BOUND: u64 = (IN_FLIGHT + REPLIES) / 4 * 5 + 64 * MIB;
    let edge = Edge::start("ten-thousand", |stack| {
        stack
            .mosquitto(Mosquitto::new().setting("max_inflight_messages 0"))
            .bridge_argument(format!("--in-flight-bytes={IN_FLIGHT}"))
            .bridge_argument(format!("--reply-bytes={REPLIES}"))
            .bridge_argument("--in-flight-limit=20000")
            .bridge_argument("--reply-wait=600")
    });
    let is_within_the_bound = |what: &str| {
        let resident = edge.stack().bridge().resident_memory().expect("the bridge runs") * 1024;
        println!("{what}: {} MiB of {}", resident / MIB, BOUND / MIB);
        assert!(resident <= BOUND, "{what}: {} MiB are more than {}", resident / MIB, BOUND / MIB);
    };
    let metric = |name: &str| {
        let metrics = edge.bridge_metrics(0);
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<usize>().ok());
        value.unwrap_or_else(|| panic!("{name} in {metrics}"))
    };
    is_within_the_bound("before");
    let (seen, commands) = channel();
    let device = Device::new(edge.stack().mqtt_port(), "pumps/#", move |command| {
        seen.send(command.clone()).expect("the test goes on");
        Vec::new()
    });
    let topics: Vec<_> = (0..COUNT).map(|number| format!("pumps/{number}")).collect();
    let answers = block_on_for(MINUTES, send_all(&edge.bridge(Protocol::Http2), &topics, 100));
    let commands: Vec<_> =
        (0..COUNT).map(|_| commands.recv_timeout(MINUTES).expect("a command at the device")).collect();
    assert_eq!(metric("postmqtt_bridge_waiting_requests "), COUNT);
    is_within_the_bound("10,000 waiting");

    // Replies with wrong Correlation Data and to another topic, and doubled ones.
    let mut dropped = 0;
    for (number, command) in commands.iter().enumerate().rev() {
        let reply = command.reply(command.payload.clone());
        let forged = Message { payload: b"forged".to_vec(), ..reply.clone() };
        device.publish(reply);
        if number % 4 == 0 {
            let mut wrong = forged.clone();
            wrong.correlation_data.as_mut().expect("Correlation Data").reverse();
            device.publish(Message { topic: "postmqtt/replies/another".to_owned(), ..forged.clone() });
            device.publish(wrong);
            device.publish(forged);
            dropped += 2;
        }
    }
    block_on_for(MINUTES, async {
        for (topic, answer) in topics.iter().zip(answers) {
            let (status, body) = answer.await.expect("an answer");
            assert_eq!((status, &body[..]), (200, topic.as_bytes()));
        }
    });
    is_within_the_bound("after 10,000 replies");
    let replies = |outcome: &str| metric(&format!("postmqtt_bridge_replies_total{{outcome=\"{outcome}\"}} "));
    eventually("the other replies to be dropped", || (replies("dropped") == dropped).then_some(()));
    assert_eq!((replies("delivered"), metric("postmqtt_bridge_waiting_requests ")), (COUNT, 0));
}

#[test]
fn a_late_reply_is_dropped_and_the_next_command_gets_its_own() {
    let edge = Edge::start("late", |stack| stack.mosquitto(Mosquitto::new()));
    let late: Mutex<Vec<Message>> = Mutex::default();
    // The reply to a command comes with the next command, before the reply to that.
    let _device = Device::new(edge.stack().mqtt_port(), "pumps/#", move |command| {
        let mut late = late.lock().unwrap();
        let mut replies: Vec<_> = late.drain(..).collect();
        let reply = command.reply(command.payload.clone());
        match command.text().as_str() {
            "late" => late.push(reply),
            _ => replies.push(reply),
        }
        replies
    });
    for endpoint in [edge.at(Protocol::Http1), edge.bridge(Protocol::Http2)] {
        expect(&endpoint.send(command("pumps/1", 1).body("late")), 504, "NoReply");
        let answer = endpoint.send(command("pumps/1", 20).body("in time"));
        assert_eq!((answer.status, answer.text().as_str()), (200, "in time"), "{endpoint:?}");
    }
    let metrics = edge.bridge_metrics(0);
    for line in ["{outcome=\"delivered\"} 2", "{outcome=\"dropped\"} 2"] {
        assert!(metrics.contains(&format!("postmqtt_bridge_replies_total{line}\n")), "{line} in {metrics}");
    }
}

/// Two brokers for a bridge with two sessions, and a device at one of them. The bridge's session for replies is at the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Brokers {
    /// Mosquitto's bridge passes on every message, in both directions.
    Joined,
    Apart,
}

/// Waits until eight commands are answered as expected.
fn at_two_brokers(brokers: Brokers, device: usize, expected: impl Fn(&[u16]) -> bool) {
    let name = format!("{brokers:?}-{device}").to_lowercase();
    let start = |which: &str, mosquitto: Mosquitto| {
        mosquitto.start(&format!("test-replies-{name}-{which}")).expect("a broker")
    };
    let (_first, first_port) = start("first", Mosquitto::new());
    let address = format!("address 127.0.0.1:{first_port}");
    let bridge = ["connection cluster", &address, "topic # both 1", "bridge_protocol_version mqttv50"];
    let (_second, second_port) = match brokers {
        Brokers::Joined => start("second", bridge.into_iter().fold(Mosquitto::new(), Mosquitto::setting)),
        Brokers::Apart => start("second", Mosquitto::new()),
    };
    let ports = [first_port, second_port];
    let url = ports.map(|port| format!("mqtt://127.0.0.1:{port}")).join(",");
    let edge = Edge::start(&name, |stack| stack.foreign_broker_at(url).bridge_argument("--sessions=2"));
    let _device = Device::new(ports[device], "pumps/#", |command| vec![command.reply(command.text())]);
    eventually("the expected answers", || {
        let topics = (0..8).map(|number| format!("pumps/{number}"));
        let statuses = topics.map(|topic| edge.bridge(Protocol::Http1).send(command(&topic, 2)).status);
        let statuses: Vec<_> = statuses.collect();
        println!("{brokers:?}, device at {device}: {statuses:?}");
        expected(&statuses).then_some(())
    });
}

#[test]
fn in_a_cluster_a_reply_comes_from_any_broker() {
    for device in [0, 1] {
        at_two_brokers(Brokers::Joined, device, |statuses| statuses == [200; 8]);
    }
}

#[test]
fn of_brokers_that_know_nothing_of_each_other_a_reply_comes_only_from_that_of_the_session_for_replies() {
    at_two_brokers(Brokers::Apart, 0, |statuses| statuses.contains(&200) && statuses.contains(&503));
    at_two_brokers(Brokers::Apart, 1, |statuses| statuses.contains(&504) && !statuses.contains(&200));
}

/// The lines that `docs/requests.md` gives for Mosquitto.
const BRIDGE: &str = "user postmqtt\ntopic write commands/#\n";
const BRIDGE_READS: &str = "topic read postmqtt/replies/#\n";
const DEVICE: &str = "user device\ntopic read commands/#\n";
const DEVICE_WRITES: &str = "topic write postmqtt/replies/#\n";

#[test]
fn mosquittos_acl_needs_one_line_for_the_bridge_and_one_for_the_device() {
    let rows = [
        ("acl", [BRIDGE, BRIDGE_READS, DEVICE, DEVICE_WRITES].concat(), 200),
        ("acl-bridge", [BRIDGE, DEVICE, DEVICE_WRITES].concat(), 504),
        ("acl-device", [BRIDGE, BRIDGE_READS, DEVICE].concat(), 504),
    ];
    for (name, acl, status) in rows {
        let edge = Edge::start(name, |stack| {
            stack.mosquitto(Mosquitto::new().acl(acl)).bridge_argument("--username=postmqtt")
        });
        let _device =
            Device::new(edge.stack().mqtt_port(), "commands/#", |command| vec![command.reply("done")]);
        let answer = edge.send(command("commands/a", if status == 200 { 20 } else { 1 }));
        assert_eq!(answer.status, status, "{name}: {}", answer.text());
    }
}
