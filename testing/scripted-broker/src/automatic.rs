//! A broker that answers by itself, and keeps sessions across connections (MQTT 5.0, 4.1).
//!
//! The Topic Name of a PUBLISH says what to do: `…/puback/135` is acknowledged with that Reason Code, `…/disconnect/139`
//! closes the connection with that one, `…/hang-up` closes it without DISCONNECT, `…/silence` is not answered, `…/pubrec` is
//! answered as if it had QoS 2. Any other topic is acknowledged with 0x00. What it does to every client is its [`Conduct`].

use std::collections::{HashMap, HashSet};
use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use bytes::BytesMut;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Connect, Packet, Publish};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::watch;

use crate::packets::{
    CONNACK, CONNACK_SESSION_PRESENT, PINGRESP, connack_refused, disconnect, next_packet, puback, pubrec,
};

/// The Reason String of every PUBACK and DISCONNECT with a Reason Code of at least 0x80.
pub const REASON_STRING: &str = "because \"so\"";

/// A broker on a separate thread, which ends with the process.
#[derive(Debug)]
pub struct AutomaticBroker {
    address: SocketAddr,
    state: Arc<State>,
}

/// What the broker does to every client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conduct {
    /// The answer to CONNECT, after which the connection is closed. `None`: CONNACK 0x00.
    pub refusal: Option<Vec<u8>>,
    /// The Reason Code of every PUBACK, unless the topic names one.
    pub reason_code: u8,
    /// Whether messages are read and not acknowledged.
    pub is_silent: bool,
    /// Whether PUBACKs are held until this is no longer so. PINGREQs are answered.
    pub is_late: bool,
    /// Whether nothing is read and nothing is answered.
    pub is_frozen: bool,
}

/// How often a message came. Messages are told apart by their payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copies {
    /// Without DUP.
    pub first: usize,
    /// With DUP.
    pub again: usize,
    /// Those of either kind that were acknowledged with 0x00.
    pub acknowledged: usize,
}

/// What the broker has seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// How many CONNECTs arrived.
    pub logins: usize,
    /// The Client Identifier and payload of each PUBLISH, in order.
    pub messages: Vec<(String, String)>,
    /// How often the message with each payload came.
    pub copies: HashMap<String, Copies>,
    /// The number of open connections of each Client Identifier.
    pub open: HashMap<String, usize>,
    /// The largest number of connections that were open at the same time.
    pub most_open: usize,
    /// The Client Identifiers that connected while they were connected.
    pub taken_over: Vec<String>,
    /// How many connections ended without DISCONNECT.
    pub lost: usize,
}

#[derive(Debug, Default)]
struct State {
    seen: Mutex<Seen>,
    /// The Client Identifiers whose sessions the broker keeps.
    sessions: Mutex<HashSet<String>>,
    conduct: watch::Sender<Conduct>,
    /// A change closes all connections.
    cuts: watch::Sender<usize>,
}

/// What to do with a packet.
enum Reaction {
    Send(Vec<u8>),
    /// Sends PUBACK 0x00.
    Acknowledge(Vec<u8>),
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
        let state = Arc::new(State::default());
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
        let refusal = (reason_code != 0).then(|| connack_refused(reason_code, ""));
        self.behave(Conduct { refusal, ..Conduct::default() });
        self.cut();
    }

    /// Changes what the broker does to every client. Connections stay open.
    pub fn behave(&self, conduct: Conduct) {
        self.state.conduct.send_replace(conduct);
    }

    /// Closes all connections.
    pub fn cut(&self) {
        self.state.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Closes all connections and forgets all sessions, as a broker without persistence does when it restarts.
    pub fn lose_sessions(&self) {
        self.state.sessions().clear();
        self.cut();
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
        let mut cuts = self.cuts.subscribe();
        let mut received = BytesMut::new();
        let connect = tokio::select! {
            packet = self.next_packet(&mut stream, &mut received) => packet,
            _ = cuts.changed() => return,
        };
        let Some(Packet::Connect(connect, ..)) = connect else { return };
        self.seen().logins += 1;
        let refusal = self.conduct.borrow().refusal.clone();
        if let Some(refusal) = refusal {
            // The peer may have gone.
            let _ = stream.write_all(&refusal).await;
            return;
        }
        let client = connect.client_id.clone();
        self.seen().opened(&client);
        let connack = if self.resume(&connect) { CONNACK_SESSION_PRESENT } else { CONNACK };
        let _ = stream.write_all(connack).await;
        tokio::select! {
            () = self.exchange(&client, &mut stream, &mut received) => {}
            _ = cuts.changed() => {}
        }
        self.seen().closed(&client);
    }

    /// Answers packets until the connection ends.
    async fn exchange(&self, client: &str, stream: &mut TcpStream, received: &mut BytesMut) {
        let mut late = Vec::new();
        let mut conduct = self.conduct.subscribe();
        loop {
            let packet = tokio::select! {
                packet = self.next_packet(stream, received) => packet,
                () = punctual(&mut conduct), if !late.is_empty() => {
                    drop(stream.write_all(&late).await);
                    late.clear();
                    continue;
                }
            };
            let Some(packet) = packet else {
                self.seen().lost += 1;
                return;
            };
            let reaction = match &packet {
                Packet::Publish(publish) => {
                    let reaction = match &*self.conduct.borrow() {
                        Conduct { is_silent: true, .. } => Reaction::Send(Vec::new()),
                        Conduct { reason_code, .. } => react_to_publish(publish, *reason_code),
                    };
                    self.seen().published(client, publish, &reaction);
                    reaction
                }
                Packet::PingReq(_) => Reaction::Send(PINGRESP.to_vec()),
                Packet::Disconnect(disconnect) => {
                    let properties = disconnect.properties.as_ref();
                    if properties.and_then(|properties| properties.session_expiry_interval) == Some(0) {
                        self.sessions().remove(client);
                    }
                    Reaction::Close
                }
                _ => Reaction::Send(Vec::new()),
            };
            // The peer may have gone: then there is nothing to read either.
            match reaction {
                Reaction::Acknowledge(answer) if self.conduct.borrow().is_late => late.extend(answer),
                Reaction::Send(answer) | Reaction::Acknowledge(answer) => {
                    drop(stream.write_all(&answer).await);
                }
                Reaction::SendAndClose(answer) => return drop(stream.write_all(&answer).await),
                Reaction::Close => return,
            }
        }
    }

    /// Reads the next packet, unless the broker is frozen.
    async fn next_packet(&self, stream: &mut TcpStream, received: &mut BytesMut) -> Option<Packet> {
        let packet = next_packet(stream, received).await?;
        // The sender lives as long as this.
        let _ = self.conduct.subscribe().wait_for(|conduct| !conduct.is_frozen).await;
        Some(packet)
    }

    /// Whether the client's session continues. Keeps it from now on, if the client asks for that.
    fn resume(&self, connect: &Connect) -> bool {
        let mut sessions = self.sessions();
        let is_present = sessions.contains(&connect.client_id) && !connect.clean_start;
        let properties = connect.properties.as_ref();
        if properties.and_then(|properties| properties.session_expiry_interval).unwrap_or(0) > 0 {
            sessions.insert(connect.client_id.clone());
        } else {
            sessions.remove(&connect.client_id);
        }
        is_present
    }

    fn sessions(&self) -> MutexGuard<'_, HashSet<String>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until PUBACKs are not late.
async fn punctual(conduct: &mut watch::Receiver<Conduct>) {
    // The sender lives as long as the broker.
    let _ = conduct.wait_for(|conduct| !conduct.is_late).await;
}

/// `usual` is the Reason Code of a topic that names none.
fn react_to_publish(publish: &Publish, usual: u8) -> Reaction {
    let topic = String::from_utf8_lossy(&publish.topic);
    let mut levels = topic.rsplit('/');
    let last = levels.next().unwrap_or_default();
    let named = last.parse().unwrap_or(0);
    let reason_string = |code| if code >= 0x80 { REASON_STRING } else { "" };
    let acknowledge = |code| match puback(publish.pkid, code, reason_string(code)) {
        answer if code == 0x00 => Reaction::Acknowledge(answer),
        answer => Reaction::Send(answer),
    };
    match (last, levels.next()) {
        ("hang-up", _) => Reaction::Close,
        ("silence", _) => Reaction::Send(Vec::new()),
        ("pubrec", _) => Reaction::Send(pubrec(publish.pkid)),
        (_, Some("disconnect")) => Reaction::SendAndClose(disconnect(named, reason_string(named))),
        _ if publish.qos == QoS::AtMostOnce => Reaction::Send(Vec::new()),
        (_, Some("puback")) => acknowledge(named),
        _ => acknowledge(usual),
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

    fn published(&mut self, client: &str, publish: &Publish, reaction: &Reaction) {
        let payload = String::from_utf8_lossy(&publish.payload).into_owned();
        let copies = self.copies.entry(payload.clone()).or_default();
        if publish.dup {
            copies.again += 1
        } else {
            copies.first += 1
        }
        copies.acknowledged += usize::from(matches!(reaction, Reaction::Acknowledge(_)));
        self.messages.push((client.to_owned(), payload));
    }

    fn closed(&mut self, client: &str) {
        if let Some(connections) = self.open.get_mut(client) {
            *connections -= 1;
        }
    }
}
