//! A broker that answers by itself.
//!
//! The Topic Name of a PUBLISH says what to do: `…/puback/135` is acknowledged with that Reason Code, `…/disconnect/139`
//! closes the connection with that one, `…/hang-up` closes it without DISCONNECT, `…/silence` is not answered. Any other
//! topic is acknowledged with 0x00.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use bytes::BytesMut;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::watch;

use crate::packets::{CONNACK, PINGRESP, connack_refused, disconnect, next_packet, puback};

/// The Reason String of every PUBACK and DISCONNECT with a Reason Code of at least 0x80.
pub const REASON_STRING: &str = "because \"so\"";

/// A broker on a separate thread, which ends with the process.
#[derive(Debug)]
pub struct AutomaticBroker {
    address: SocketAddr,
    state: Arc<State>,
}

/// What the broker has seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// How many CONNECTs arrived.
    pub logins: usize,
    /// The Client Identifier and payload of each PUBLISH, in order.
    pub messages: Vec<(String, String)>,
    /// The number of open connections of each Client Identifier.
    pub open: HashMap<String, usize>,
    /// The largest number of connections that were open at the same time.
    pub most_open: usize,
    /// The Client Identifiers that connected while they were connected.
    pub taken_over: Vec<String>,
    /// How many connections ended without DISCONNECT.
    pub lost: usize,
}

#[derive(Debug)]
struct State {
    seen: Mutex<Seen>,
    /// The Reason Code of every CONNACK. A change closes all connections.
    login: watch::Sender<u8>,
}

/// What to do with a packet.
enum Reaction {
    Send(Vec<u8>),
    SendAndClose(Vec<u8>),
    Close,
}

// === impl AutomaticBroker ===

impl AutomaticBroker {
    /// Starts the broker on a free port of 127.0.0.1.
    ///
    /// # Panics
    ///
    /// Panics if there is no free port, or no thread can be started.
    #[must_use]
    pub fn start() -> Self {
        let listener = StdTcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State { seen: Mutex::default(), login: watch::Sender::new(0) });
        let serving = Arc::clone(&state);
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        thread::spawn(move || runtime.block_on(serve(listener, serving)));
        Self { address, state }
    }

    /// The address that it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port that it listens on.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on, every CONNECT is answered with this Reason Code. All connections are closed.
    pub fn answer_logins_with(&self, reason_code: u8) {
        self.state.login.send_replace(reason_code);
    }

    /// What the broker has seen so far.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.state.seen()
    }
}

async fn serve(listener: StdTcpListener, state: Arc<State>) {
    let listener = TcpListener::from_std(listener).expect("a socket");
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        tokio::spawn(async move { state.serve(stream).await });
    }
}

// === impl State ===

impl State {
    async fn serve(&self, mut stream: TcpStream) {
        // Packets are small, and each is awaited.
        let _ = stream.set_nodelay(true);
        let mut received = BytesMut::new();
        let Some(Packet::Connect(connect, ..)) = next_packet(&mut stream, &mut received).await else {
            return;
        };
        self.seen().logins += 1;
        let mut login = self.login.subscribe();
        let reason_code = *login.borrow_and_update();
        if reason_code != 0 {
            // The peer may have gone.
            let _ = stream.write_all(&connack_refused(reason_code, "")).await;
            return;
        }
        let client = connect.client_id;
        self.seen().opened(&client);
        let _ = stream.write_all(CONNACK).await;
        loop {
            let packet = tokio::select! {
                packet = next_packet(&mut stream, &mut received) => packet,
                _ = login.changed() => break,
            };
            let Some(packet) = packet else {
                self.seen().lost += 1;
                break;
            };
            if let Packet::Publish(publish) = &packet {
                let payload = String::from_utf8_lossy(&publish.payload).into_owned();
                self.seen().messages.push((client.clone(), payload));
            }
            // The peer may have gone: then there is nothing to read either.
            match react(&packet) {
                Reaction::Send(answer) => drop(stream.write_all(&answer).await),
                Reaction::SendAndClose(answer) => break drop(stream.write_all(&answer).await),
                Reaction::Close => break,
            }
        }
        self.seen().closed(&client);
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn react(packet: &Packet) -> Reaction {
    match packet {
        Packet::Publish(publish) => react_to_publish(publish),
        Packet::PingReq(_) => Reaction::Send(PINGRESP.to_vec()),
        Packet::Disconnect(_) => Reaction::Close,
        _ => Reaction::Send(Vec::new()),
    }
}

fn react_to_publish(publish: &Publish) -> Reaction {
    let topic = String::from_utf8_lossy(&publish.topic);
    let mut levels = topic.rsplit('/');
    let last = levels.next().unwrap_or_default();
    let reason_code = last.parse().unwrap_or(0);
    let reason_string = if reason_code >= 0x80 { REASON_STRING } else { "" };
    match (last, levels.next()) {
        ("hang-up", _) => Reaction::Close,
        ("silence", _) => Reaction::Send(Vec::new()),
        (_, Some("disconnect")) => Reaction::SendAndClose(disconnect(reason_code, reason_string)),
        _ if publish.qos == QoS::AtMostOnce => Reaction::Send(Vec::new()),
        (_, Some("puback")) => Reaction::Send(puback(publish.pkid, reason_code, reason_string)),
        _ => Reaction::Send(puback(publish.pkid, 0x00, "")),
    }
}

// === impl Seen ===

impl Seen {
    fn opened(&mut self, client: &str) {
        let connections = self.open.entry(client.to_owned()).or_default();
        *connections += 1;
        if *connections > 1 {
            self.taken_over.push(client.to_owned());
        }
        self.most_open = self.most_open.max(self.open.values().sum());
    }

    fn closed(&mut self, client: &str) {
        if let Some(connections) = self.open.get_mut(client) {
            *connections -= 1;
        }
    }
}
