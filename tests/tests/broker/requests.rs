//! Commands that wait for their reply (`Prefer: wait=N`), answered by devices that use another MQTT library.

use std::collections::HashMap;
use std::sync::Mutex;

use end_to_end::{Answer, Device, Edge, Message, Protocol, Request, block_on, spawn};
use rig::stack::Mosquitto;

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
