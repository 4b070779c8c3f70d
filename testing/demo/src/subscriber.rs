//! The demonstration's subscriber: an MQTT 5 client of a library that the bridge does not use.

use std::time::{Duration, Instant};

use rig::error::Context;
use rig::{Error, Result};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Packet, Publish, SubscribeReasonCode};
use rumqttc::v5::{Client, Connection, Event};

use super::broker::Broker;

/// A subscriber to one topic filter, with QoS 1.
pub(super) struct Subscriber {
    client: Client,
    connection: Connection,
    filter: Filter,
}

/// Slow machines are slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two attempts to connect again.
const PAUSE: Duration = Duration::from_secs(1);

// === impl Subscriber ===

impl Subscriber {
    /// Connects and subscribes; returns once the broker has confirmed.
    ///
    /// # Errors
    /// Returns an error if the broker cannot be reached in time, or refuses.
    pub(super) fn connect(broker: &Broker, filter: &str) -> Result<Self> {
        let (client, connection) = Client::new(broker.options()?, 8);
        let filter = Filter {
            path: filter.to_owned(),
            qos: QoS::AtLeastOnce,
            preserve_retain: true,
            ..Filter::default()
        };
        let mut subscriber = Self { client, connection, filter };
        subscriber.subscribe()?;
        let confirmed = subscriber.next_in_time(|packet| match packet {
            Packet::SubAck(confirmed) => Some(confirmed),
            _ => None,
        })?;
        match confirmed.return_codes.as_slice() {
            [SubscribeReasonCode::Success(_)] => Ok(subscriber),
            refused => Err(Error::new(format!(
                "{} refused the subscription to {}: {refused:?}.",
                broker.shown(),
                subscriber.filter.path
            ))),
        }
    }

    /// The next message.
    ///
    /// # Errors
    /// Returns an error if none comes in time, or the connection fails.
    pub(super) fn receive(&mut self) -> Result<Publish> {
        self.next_in_time(|packet| match packet {
            Packet::Publish(message) => Some(message),
            _ => None,
        })
    }

    /// Hands every message over. A lost connection is made again, and said to be lost once.
    pub(super) fn receive_all(mut self, mut take: impl FnMut(&Publish)) {
        let mut connected = true;
        while let Ok(event) = self.connection.recv() {
            match event {
                Ok(Event::Incoming(Packet::Publish(message))) => take(&message),
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    connected = true;
                    // A full queue of requests is impossible here: this is the only one.
                    let _ = self.subscribe();
                }
                Ok(_) => {}
                Err(error) => {
                    if std::mem::take(&mut connected) {
                        eprintln!("the subscriber has lost its connection: {error}");
                    }
                    std::thread::sleep(PAUSE);
                }
            }
        }
    }

    fn subscribe(&self) -> Result<()> {
        self.client.try_subscribe_many([self.filter.clone()]).context(|| "Subscribing failed".to_owned())
    }

    fn next_in_time<T>(&mut self, wanted: impl Fn(Packet) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            let Ok(event) = self.connection.recv_timeout(left) else { break };
            let event = event.context(|| "The subscriber's connection failed".to_owned())?;
            if let Event::Incoming(packet) = event
                && let Some(found) = wanted(packet)
            {
                return Ok(found);
            }
        }
        Err(Error::new("The subscriber received nothing in time."))
    }
}
