//! A connection, seen from the broker.

use std::time::Duration;

use bytes::BytesMut;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    Connect, DisconnectReasonCode, Login, Packet, PubAckReason, Publish, Subscribe,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::packets::{PINGRESP, next_packet, puback, suback, unsuback};
use crate::soon;

/// A connection whose CONNECT was read.
#[derive(Debug)]
pub struct Peer {
    stream: TcpStream,
    received: BytesMut,
    /// The CONNECT.
    pub connect: Connect,
    /// User Name and Password of the CONNECT.
    pub login: Option<Login>,
}

// === impl Peer ===

impl Peer {
    pub(crate) const fn new(
        stream: TcpStream,
        received: BytesMut,
        connect: Connect,
        login: Option<Login>,
    ) -> Self {
        Self { stream, received, connect, login }
    }

    /// Reads the next packet. `None`: the connection has ended.
    ///
    /// # Panics
    ///
    /// Panics if nothing arrives in time, or if it is not a packet.
    pub async fn packet(&mut self) -> Option<Packet> {
        soon(next_packet(&mut self.stream, &mut self.received)).await
    }

    /// Reads the next PUBLISH. A PINGREQ before it is answered.
    ///
    /// # Panics
    ///
    /// Panics if another packet arrives, or none in time.
    pub async fn publish(&mut self) -> Publish {
        loop {
            match self.packet().await {
                Some(Packet::Publish(publish)) => return publish,
                Some(Packet::PingReq(_)) => self.send(PINGRESP).await,
                other => panic!("PUBLISH, not {other:?}"),
            }
        }
    }

    /// Reads a SUBSCRIBE.
    ///
    /// # Panics
    ///
    /// Panics if another packet arrives, or none in time.
    pub async fn subscribe(&mut self) -> Subscribe {
        match self.packet().await {
            Some(Packet::Subscribe(subscribe)) => subscribe,
            other => panic!("SUBSCRIBE, not {other:?}"),
        }
    }

    /// Reads a SUBSCRIBE, and answers it with a SUBACK of this Reason Code.
    ///
    /// # Panics
    ///
    /// Panics if another packet arrives, or none in time.
    pub async fn expect_subscribe(&mut self, reason_code: u8) -> Subscribe {
        let subscribe = self.subscribe().await;
        self.send(&suback(subscribe.pkid, reason_code)).await;
        subscribe
    }

    /// Reads an UNSUBSCRIBE of this Topic Filter, and answers it with an UNSUBACK of this Reason Code.
    ///
    /// # Panics
    ///
    /// Panics if another packet arrives, or none in time.
    pub async fn expect_unsubscribe(&mut self, topic_filter: &str, reason_code: u8) {
        match self.packet().await {
            Some(Packet::Unsubscribe(unsubscribe)) => {
                assert_eq!(unsubscribe.filters, [topic_filter]);
                self.send(&unsuback(unsubscribe.pkid, reason_code)).await;
            }
            other => panic!("UNSUBSCRIBE, not {other:?}"),
        }
    }

    /// Sends a PUBLISH.
    ///
    /// # Panics
    ///
    /// Panics if rumqttc cannot write it, or if the connection has ended.
    pub async fn deliver(&mut self, publish: Publish) {
        let mut bytes = BytesMut::new();
        Packet::Publish(publish).write(&mut bytes, None).expect("a PUBLISH");
        self.send(&bytes).await;
    }

    /// Reads a PUBACK 0x00 and gives its Packet Identifier.
    ///
    /// # Panics
    ///
    /// Panics if another packet arrives, or none in time.
    pub async fn puback(&mut self) -> u16 {
        match self.packet().await {
            Some(Packet::PubAck(puback)) if puback.reason == PubAckReason::Success => puback.pkid,
            other => panic!("PUBACK 0x00, not {other:?}"),
        }
    }

    /// Reads this number of PUBLISH packets.
    ///
    /// # Panics
    ///
    /// Panics if another packet arrives, or none in time.
    pub async fn publishes(&mut self, count: usize) -> Vec<Publish> {
        let mut publishes = Vec::new();
        while publishes.len() < count {
            publishes.push(self.publish().await);
        }
        publishes
    }

    /// Reads a PUBLISH with this payload, and acknowledges it if its QoS is 1.
    ///
    /// # Panics
    ///
    /// Panics if anything else arrives, or nothing in time.
    pub async fn expect_publish(&mut self, payload: &[u8]) {
        let publish = self.publish().await;
        assert_eq!(publish.payload, payload);
        if publish.qos == QoS::AtLeastOnce {
            self.acknowledge(&publish).await;
        }
    }

    /// Reads a DISCONNECT that also ends the session, and the end of the connection.
    ///
    /// # Panics
    ///
    /// Panics if anything else arrives, or nothing in time.
    pub async fn expect_disconnect(&mut self) {
        let Some(Packet::Disconnect(disconnect)) = self.packet().await else { panic!("DISCONNECT") };
        assert_eq!(disconnect.reason_code, DisconnectReasonCode::NormalDisconnection);
        let properties = disconnect.properties.expect("a Session Expiry Interval");
        assert_eq!(properties.session_expiry_interval, Some(0));
        assert_eq!(self.packet().await, None);
    }

    /// Whether no packet arrives for 150 ms.
    pub async fn is_quiet(&mut self) -> bool {
        let next = next_packet(&mut self.stream, &mut self.received);
        tokio::time::timeout(Duration::from_millis(150), next).await.is_err()
    }

    /// Answers PINGREQ until the connection ends, and ignores every other packet.
    ///
    /// # Panics
    ///
    /// Panics if what arrives is not a packet.
    pub async fn answer_pings(&mut self) {
        while let Some(packet) = next_packet(&mut self.stream, &mut self.received).await {
            if matches!(packet, Packet::PingReq(_)) && self.stream.write_all(PINGRESP).await.is_err() {
                break;
            }
        }
    }

    /// Answers PINGREQ until `future` is ready.
    ///
    /// # Panics
    ///
    /// Panics if the connection ends before, or if what arrives is not a packet.
    pub async fn answer_pings_while<F: Future>(&mut self, future: F) -> F::Output {
        tokio::select! {
            output = future => output,
            () = self.answer_pings() => panic!("the connection has ended"),
        }
    }

    /// Closes the connection without a reset: what was sent before arrives.
    pub async fn close(mut self) {
        // The peer may have closed it before.
        let _ = self.stream.shutdown().await;
        while matches!(self.stream.read_buf(&mut self.received).await, Ok(1..)) {
            self.received.clear();
        }
    }

    /// Sends these bytes.
    ///
    /// # Panics
    ///
    /// Panics if the connection has ended.
    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("an open connection");
    }

    /// Sends PUBACK 0x00.
    ///
    /// # Panics
    ///
    /// Panics if the connection has ended.
    pub async fn acknowledge(&mut self, publish: &Publish) {
        self.send(&puback(publish.pkid, 0x00, "")).await;
    }

    /// Sends a PUBACK with this Reason Code and Reason String.
    ///
    /// # Panics
    ///
    /// Panics if the connection has ended.
    pub async fn refuse(&mut self, publish: &Publish, reason_code: u8, reason_string: &str) {
        self.send(&puback(publish.pkid, reason_code, reason_string)).await;
    }
}
