//! What a subscriber of the demonstration's broker sees, with Mosquitto's clients and with packets from the specification.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Slow machines are slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running broker.
struct Broker {
    process: Child,
    address: SocketAddr,
}

/// A running `mosquitto_sub`.
struct Subscriber {
    process: Child,
    lines: BufReader<ChildStdout>,
}

/// The versions of MQTT, with their Protocol Level (MQTT 3.1.1 and 5.0, 3.1.2.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    V311 = 4,
    V5 = 5,
}

/// A connection that packets are written to byte by byte.
struct Connection {
    stream: TcpStream,
    version: Version,
}

// === impl Broker ===

impl Broker {
    fn start() -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let mut command = Command::new(env!("CARGO_BIN_EXE_demo-broker"));
        let process = command.arg(address.to_string()).stdout(Stdio::null()).spawn().unwrap();
        let broker = Self { process, address };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "the broker listens");
            thread::sleep(Duration::from_millis(20));
        }
        // A subscriber that has received this has subscribed.
        broker.publish(&["-t", "ready", "-m", "ready", "-r"]);
        broker
    }

    fn mosquitto(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(["-h", "127.0.0.1", "-p", &self.address.port().to_string()]).args(arguments);
        command
    }

    fn publish(&self, arguments: &[&str]) {
        let status = self.mosquitto("mosquitto_pub", arguments).status().unwrap();
        assert!(status.success(), "mosquitto_pub {}", arguments.join(" "));
    }

    /// A subscriber to everything, once it is subscribed.
    fn subscribe(&self, arguments: &[&str]) -> Subscriber {
        let mut command = self.mosquitto("mosquitto_sub", &["-t", "#", "-W", "60"]);
        let mut process = command.args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        let mut subscriber = Subscriber { process, lines };
        while !subscriber.next().starts_with("ready") {}
        subscriber
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

// === impl Subscriber ===

impl Subscriber {
    fn next(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "a message arrives");
        line.trim_end().to_owned()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

// === impl Connection ===

impl Connection {
    /// Sends CONNECT with Clean Start and waits for a CONNACK that accepts it.
    fn open(broker: &Broker, version: Version, client_id: &str) -> Self {
        let stream = TcpStream::connect(broker.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut connection = Self { stream, version };
        let mut connect = b"\x00\x04MQTT".to_vec();
        connect.extend([version as u8, 0x02, 0x00, 0x3c]);
        connect.extend(connection.no_properties());
        connect.extend(string(client_id));
        connection.send(0x10, &connect);
        let (kind, connack) = connection.receive();
        assert_eq!((kind, connack[1]), (0x20, 0x00), "CONNACK accepts {client_id}");
        connection
    }

    /// Publishes with QoS 1 and returns the PUBACK's Reason Code.
    fn publish(&mut self, topic: &str) -> u8 {
        let packet_id = [0x00, 0x07];
        let mut publish = string(topic);
        publish.extend(packet_id);
        publish.extend(self.no_properties());
        publish.extend(b"payload");
        self.send(0x32, &publish);
        let (kind, puback) = self.receive();
        assert_eq!((kind, &puback[..2]), (0x40, packet_id.as_slice()));
        // A PUBACK without a Reason Code means 0x00.
        puback.get(2).copied().unwrap_or(0x00)
    }

    fn disconnect(mut self) {
        self.send(0xe0, &[]);
    }

    /// A Property Length of 0, which MQTT 3.1.1 does not have.
    fn no_properties(&self) -> &'static [u8] {
        if self.version == Version::V5 { &[0x00] } else { &[] }
    }

    fn send(&mut self, kind: u8, rest: &[u8]) {
        let length = u8::try_from(rest.len()).ok().filter(|length| *length < 0x80).expect("a short packet");
        self.stream.write_all(&[&[kind, length], rest].concat()).unwrap();
    }

    fn receive(&mut self) -> (u8, Vec<u8>) {
        let mut header = [0; 2];
        self.stream.read_exact(&mut header).unwrap();
        let mut rest = vec![0; header[1].into()];
        self.stream.read_exact(&mut rest).unwrap();
        (header[0], rest)
    }
}

fn string(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    [&length.to_be_bytes(), text.as_bytes()].concat()
}

#[test]
fn subscribers_of_both_versions_on_one_port_receive_the_qos_that_was_published() {
    let broker = Broker::start();
    let mut plain = broker.subscribe(&["-v"]);
    let mut both =
        ["311", "5"].map(|version| broker.subscribe(&["-V", version, "-q", "2", "-F", "%t %q %r %p"]));
    for version in ["311", "5"] {
        for qos in ["0", "1", "2"] {
            broker.publish(&["-V", version, "-q", qos, "-t", "a/b", "-m", "hello"]);
            assert_eq!(plain.next(), "a/b hello");
            for subscriber in &mut both {
                assert_eq!(subscriber.next(), format!("a/b {qos} 0 hello"), "published over {version}");
            }
        }
    }
}

#[test]
fn every_property_arrives_as_it_was_published_and_none_is_added() {
    let rows: [(&[&str], &str); 2] = [
        (
            &[
                "-D PUBLISH payload-format-indicator 1",
                "-D PUBLISH message-expiry-interval 100",
                "-D PUBLISH content-type text/plain",
                "-D PUBLISH response-topic a/reply",
                "-D PUBLISH correlation-data abc",
                "-D PUBLISH user-property name first",
                "-D PUBLISH user-property name second",
            ],
            "[1] [100] [text/plain] [a/reply] [abc] [name:first name:second] hello",
        ),
        (&[], "[] [] [] [] [] [] hello"),
    ];
    let broker = Broker::start();
    let format = "%t [%F] [%E] [%C] [%R] [%D] [%P] %p";
    let mut subscriber = broker.subscribe(&["-V", "5", "-q", "1", "-F", format]);
    for (properties, expected) in rows {
        let properties = properties.iter().flat_map(|property| property.split(' '));
        let arguments = ["-V", "5", "-q", "1", "-t", "a", "-m", "hello"].into_iter().chain(properties);
        broker.publish(&arguments.collect::<Vec<_>>());
        assert_eq!(subscriber.next(), format!("a {expected}"));
    }
}

#[test]
fn a_retained_message_is_kept_for_late_subscribers_until_an_empty_payload_clears_it() {
    let broker = Broker::start();
    let late = |version: &str| {
        let mut all =
            broker.mosquitto("mosquitto_sub", &["-t", "kept/#", "-t", "ready", "-W", "60", "-C", "2"]);
        let printed = all.args(["-V", version, "-F", "%t %r %p"]).output().unwrap().stdout;
        let mut lines: Vec<_> = String::from_utf8(printed).unwrap().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    broker.publish(&["-t", "kept/a", "-m", "first", "-r"]);
    broker.publish(&["-t", "kept/a", "-m", "second", "-r"]);
    for version in ["311", "5"] {
        assert_eq!(late(version), ["kept/a 1 second", "ready 1 ready"], "{version}");
    }
    broker.publish(&["-t", "kept/a", "-n", "-r"]);
    broker.publish(&["-t", "kept/b", "-m", "third", "-r"]);
    for version in ["311", "5"] {
        assert_eq!(late(version), ["kept/b 1 third", "ready 1 ready"], "{version}");
    }
}

#[test]
fn a_puback_says_whether_there_is_a_matching_subscriber() {
    let broker = Broker::start();
    let mut publisher = Connection::open(&broker, Version::V5, "publisher");
    assert_eq!(publisher.publish("a"), 0x10);
    let subscriber = broker.subscribe(&["-v"]);
    assert_eq!(publisher.publish("a"), 0x00);
    drop(subscriber);
}

#[test]
fn no_connection_is_lost_in_1000_that_come_one_after_the_other() {
    let broker = Broker::start();
    for number in 0..1_000 {
        let version = if number % 2 == 0 { Version::V5 } else { Version::V311 };
        let mut connection = Connection::open(&broker, version, &format!("client-{number}"));
        connection.publish("a");
        // Two of three go with DISCONNECT, which is what ended other connections at other brokers.
        if number % 3 != 0 {
            connection.disconnect();
        }
    }
}
