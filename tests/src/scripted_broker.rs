//! A broker that says what a test wants to hear: the MQTT 5 of the few packets that it takes, written out in bytes.
//!
//! What it does with a PUBLISH stands in the Topic Name: `…/puback/135` is acknowledged with that Reason Code,
//! `…/disconnect/139` ends the connection with that one, `…/hang-up` ends it without a word, `…/silence` stays
//! unanswered, and all else succeeds.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// The broker.
#[derive(Debug)]
pub struct ScriptedBroker {
    port: u16,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The Reason Code of every CONNACK.
    login: AtomicU8,
    logins: AtomicUsize,
    connections: Mutex<Vec<TcpStream>>,
}

/// A packet: the first byte, and what follows the Remaining Length.
struct Packet(u8, Vec<u8>);

/// The Reason String beside every Reason Code that is an error.
const REASON: &str = "because \"so\"";

// === impl ScriptedBroker ===

impl ScriptedBroker {
    /// The Reason String beside every Reason Code that is an error.
    pub const REASON: &str = REASON;

    /// Starts it.
    ///
    /// # Panics
    /// Where there is no free port.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(State::default());
        let serving = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&serving);
                thread::spawn(move || state.serve(stream));
            }
        });
        Self { port, state }
    }

    /// Its port of 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// From now on every login is answered with this Reason Code; who is logged in is thrown out.
    pub fn answer_logins_with(&self, reason_code: u8) {
        self.state.login.store(reason_code, Ordering::SeqCst);
        let mut connections = self.state.connections.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in connections.drain(..) {
            // Gone already is as good.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// How many times somebody has tried to log in.
    #[must_use]
    pub fn logins(&self) -> usize {
        self.state.logins.load(Ordering::SeqCst)
    }
}

// === impl State ===

impl State {
    fn serve(&self, mut stream: TcpStream) {
        // Packets are small, and each is awaited.
        let _ = stream.set_nodelay(true);
        while let Ok(packet) = Packet::read(&mut stream) {
            let Some(answer) = self.answer(&packet, &stream) else { break };
            if stream.write_all(&answer).is_err() || answer.first() == Some(&DISCONNECT) {
                break;
            }
        }
        // There is another handle of it among the connections. Gone already is as good.
        let _ = stream.shutdown(Shutdown::Both);
    }

    /// The bytes to send; `None` to hang up.
    fn answer(&self, Packet(first, body): &Packet, stream: &TcpStream) -> Option<Vec<u8>> {
        match first & 0xf0 {
            CONNECT => {
                let reason_code = self.login.load(Ordering::SeqCst);
                self.logins.fetch_add(1, Ordering::SeqCst);
                if reason_code == 0 {
                    let clone = stream.try_clone().ok()?;
                    self.connections.lock().unwrap_or_else(PoisonError::into_inner).push(clone);
                }
                Some(vec![CONNACK, 3, 0, reason_code, 0])
            }
            PUBLISH => answer_publish(*first, body),
            PINGREQ => Some(vec![PINGRESP, 0]),
            DISCONNECT => None,
            _ => Some(Vec::new()),
        }
    }
}

fn answer_publish(first: u8, body: &[u8]) -> Option<Vec<u8>> {
    let length = usize::from(u16::from_be_bytes([body[0], body[1]]));
    let topic = String::from_utf8_lossy(&body[2..2 + length]);
    let mut levels = topic.rsplit('/');
    let last = levels.next().unwrap_or_default();
    let number = last.parse().unwrap_or(0);
    let qos = (first >> 1) & 3;
    match (last, levels.next()) {
        ("hang-up", _) => None,
        ("silence", _) => Some(Vec::new()),
        (_, Some("disconnect")) => Some(with_reason(DISCONNECT, &[], number)),
        _ if qos == 0 => Some(Vec::new()),
        (_, Some("puback")) => Some(with_reason(PUBACK, &body[2 + length..4 + length], number)),
        _ => Some(with_reason(PUBACK, &body[2 + length..4 + length], 0)),
    }
}

/// A packet of a Packet Identifier, a Reason Code, and for an error the Reason String (property 0x1F).
fn with_reason(first: u8, packet_identifier: &[u8], reason_code: u8) -> Vec<u8> {
    let mut body = packet_identifier.to_vec();
    body.push(reason_code);
    if reason_code >= 0x80 {
        let length = u8::try_from(REASON.len()).expect("a short reason");
        body.extend([length + 3, 0x1f, 0, length]);
        body.extend(REASON.as_bytes());
    } else {
        body.push(0);
    }
    let length = u8::try_from(body.len()).expect("a short packet");
    [&[first, length], &body[..]].concat()
}

const CONNECT: u8 = 0x10;
const CONNACK: u8 = 0x20;
const PUBLISH: u8 = 0x30;
const PUBACK: u8 = 0x40;
const PINGREQ: u8 = 0xc0;
const PINGRESP: u8 = 0xd0;
const DISCONNECT: u8 = 0xe0;

// === impl Packet ===

impl Packet {
    fn read(stream: &mut TcpStream) -> std::io::Result<Self> {
        let [first] = read_array(stream)?;
        let mut length = 0;
        for shift in [0, 7, 14, 21] {
            let [byte] = read_array(stream)?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let mut body = vec![0; length];
                stream.read_exact(&mut body)?;
                return Ok(Self(first, body));
            }
        }
        Err(ErrorKind::InvalidData.into())
    }
}

fn read_array<const N: usize>(stream: &mut TcpStream) -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}
