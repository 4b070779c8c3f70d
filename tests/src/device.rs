//! A device that answers commands: an MQTT 5 client of a library that the bridge does not use.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PublishProperties, SubscribeReasonCode};
use rumqttc::v5::{Client, Event, MqttOptions};

use crate::{Message, PATIENCE};

/// Answers what is published to its topic filter, until it is dropped.
pub struct Device(Client);

// === impl Device ===

impl Device {
    /// Subscribes, and publishes the replies to each command. Returns once the broker has confirmed the subscription.
    ///
    /// # Panics
    /// Where the broker is not there, or refuses.
    #[must_use]
    pub fn new(port: u16, filter: &str, replies: impl Fn(&Message) -> Vec<Message> + Send + 'static) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let id = format!("device-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut options = MqttOptions::new(id, "127.0.0.1", port);
        options.set_max_packet_size(Some(8 * 1024 * 1024));
        options.set_credentials("device", "");
        let (client, mut connection) = Client::new(options, 20_000);
        client.subscribe(filter, QoS::AtLeastOnce).expect("the client takes a subscription");
        let (subscribed, confirmed) = channel();
        let answering = client.clone();
        thread::spawn(move || {
            while let Ok(Ok(event)) = connection.recv() {
                match event {
                    Event::Incoming(Packet::SubAck(answer)) => {
                        let granted = |code: &_| matches!(code, SubscribeReasonCode::Success(_));
                        assert!(answer.return_codes.iter().all(granted), "{answer:?}");
                        let _ = subscribed.send(());
                    }
                    Event::Incoming(Packet::Publish(publish)) => {
                        for reply in replies(&publish.into()) {
                            send(&answering, reply);
                        }
                    }
                    _ => {}
                }
            }
        });
        confirmed.recv_timeout(PATIENCE).expect("the broker confirms the subscription");
        Self(client)
    }

    /// Publishes a message unasked.
    pub fn publish(&self, message: Message) {
        send(&self.0, message);
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device").finish_non_exhaustive()
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // The connection may have ended.
        let _ = self.0.try_disconnect();
    }
}

fn send(client: &Client, message: Message) {
    let properties = PublishProperties {
        content_type: message.content_type,
        correlation_data: message.correlation_data.map(Into::into),
        response_topic: message.response_topic,
        user_properties: message.user_properties,
        message_expiry_interval: message.message_expiry,
        payload_format_indicator: message.payload_format_indicator,
        ..PublishProperties::default()
    };
    let qos = if message.qos == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
    // The queue is larger than any test fills it.
    let sent =
        client.try_publish_with_properties(message.topic, qos, message.retain, message.payload, properties);
    sent.expect("room for a reply");
}
