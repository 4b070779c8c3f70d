//! A persistent subscription: a session that the broker keeps while its client is away (MQTT 5.0, 3.1.2.11.2).

use std::collections::HashMap;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use end_to_end::PATIENCE;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{Client, Connection, Event, MqttOptions};

/// What a subscriber has received, over all of its connections.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    client_identifier: &'static str,
    /// How often each payload came.
    received: Arc<Mutex<HashMap<String, usize>>>,
}

/// An open connection of a subscription. Dropping it ends the connection.
pub(crate) struct Attached {
    _client: Client,
    /// Whether the broker had the session.
    pub(crate) session_present: bool,
}

// === impl Subscription ===

impl Subscription {
    pub(crate) fn new(client_identifier: &'static str) -> Self {
        Self { client_identifier, received: Arc::default() }
    }

    /// Connects to a node, resumes the session if it is there, and subscribes to everything.
    pub(crate) fn attach(&self, port: u16) -> Attached {
        let mut options = MqttOptions::new(self.client_identifier, "127.0.0.1", port);
        options.set_clean_start(false).set_session_expiry_interval(Some(3_600));
        let (client, connection) = Client::new(options, 16);
        client.subscribe("#", QoS::AtLeastOnce).expect("the client takes a subscription");
        let (subscribed, confirmed) = channel();
        let subscription = self.clone();
        thread::spawn(move || subscription.read(connection, &subscribed));
        let session_present = confirmed.recv_timeout(PATIENCE).expect("the broker confirms the subscription");
        Attached { _client: client, session_present }
    }

    /// Ends with the connection.
    fn read(&self, mut connection: Connection, subscribed: &Sender<bool>) {
        let mut session_present = false;
        while let Ok(Ok(event)) = connection.recv() {
            match event {
                Event::Incoming(Packet::ConnAck(connack)) => session_present = connack.session_present,
                Event::Incoming(Packet::SubAck(_)) => drop(subscribed.send(session_present)),
                Event::Incoming(Packet::Publish(publish)) => {
                    let payload = String::from_utf8_lossy(&publish.payload).into_owned();
                    *self.received().entry(payload).or_default() += 1;
                }
                _ => {}
            }
        }
    }

    /// How often each payload came so far.
    pub(crate) fn received(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
