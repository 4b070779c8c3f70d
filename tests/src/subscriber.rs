//! A subscriber: an MQTT 5 client of a library that the bridge does not use.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Packet, SubscribeReasonCode};
use rumqttc::v5::{Client, Connection, Event, MqttOptions};

use crate::{Message, PATIENCE};

/// Collects what is published to its topic filters from the moment that the broker confirmed them.
pub struct Subscriber {
    /// The connection is there as long as this is.
    _client: Client,
    messages: Receiver<Message>,
}

/// The thread that reads the connection.
struct Reader {
    connection: Connection,
    messages: Sender<Message>,
    subscribed: Sender<()>,
}

// === impl Subscriber ===

impl Subscriber {
    /// Subscribes; returns once the broker has confirmed every filter.
    ///
    /// # Panics
    /// Where the broker is not there, or refuses.
    #[must_use]
    pub fn new(port: u16, filters: &[&str]) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let id = format!("subscriber-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self::under(&id, port, filters)
    }

    /// Subscribes under this Client Identifier; returns once the broker has confirmed every filter.
    ///
    /// # Panics
    /// Where the broker is not there, or refuses.
    #[must_use]
    pub fn under(client_identifier: &str, port: u16, filters: &[&str]) -> Self {
        let mut options = MqttOptions::new(client_identifier, "127.0.0.1", port);
        options.set_max_packet_size(Some(8 * 1024 * 1024));
        let (client, connection) = Client::new(options, 16);
        let filters = filters.iter().map(|path| Filter {
            path: (*path).to_owned(),
            qos: QoS::AtLeastOnce,
            preserve_retain: true,
            ..Filter::default()
        });
        client.subscribe_many(filters).expect("the client takes a subscription");
        let (messages, received) = channel();
        let (subscribed, confirmed) = channel();
        thread::spawn(move || Reader { connection, messages, subscribed }.run());
        confirmed.recv_timeout(PATIENCE).expect("the broker confirms the subscription");
        Self { _client: client, messages: received }
    }

    /// The next message.
    ///
    /// # Panics
    /// Where none comes.
    #[must_use]
    pub fn next(&self) -> Message {
        self.messages.recv_timeout(PATIENCE).expect("a message arrives")
    }

    /// The next messages.
    ///
    /// # Panics
    /// Where fewer come.
    #[must_use]
    pub fn next_many(&self, count: usize) -> Vec<Message> {
        (0..count).map(|_| self.next()).collect()
    }

    /// The messages that have come, after the connection has ended.
    #[must_use]
    pub fn rest(&self) -> Vec<Message> {
        self.messages.iter().collect()
    }

    /// The messages that come before the one with this payload.
    ///
    /// # Panics
    /// Where that one does not come.
    #[must_use]
    pub fn until(&self, payload: &[u8]) -> Vec<Message> {
        let mut before = Vec::new();
        loop {
            let message = self.next();
            if message.payload == payload {
                return before;
            }
            before.push(message);
        }
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").finish_non_exhaustive()
    }
}

// === impl Reader ===

impl Reader {
    /// Ends with the connection: who then waits for a message learns that none will come.
    fn run(mut self) {
        while let Ok(Ok(event)) = self.connection.recv() {
            // Who subscribed may have given up.
            let wanted = match event {
                Event::Incoming(Packet::SubAck(answer)) => {
                    let granted = |code: &_| matches!(code, SubscribeReasonCode::Success(_));
                    assert!(answer.return_codes.iter().all(granted), "{answer:?}");
                    self.subscribed.send(()).is_ok()
                }
                Event::Incoming(Packet::Publish(publish)) => self.messages.send(publish.into()).is_ok(),
                _ => true,
            };
            if !wanted {
                return;
            }
        }
    }
}
