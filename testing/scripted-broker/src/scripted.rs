//! A broker whose connections the test accepts.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::v5::mqttbytes::v5::Packet;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::packets::next_packet;
use crate::peer::Peer;
use crate::soon;

/// Listens on a port of 127.0.0.1.
#[derive(Debug)]
pub struct ScriptedBroker {
    listener: TcpListener,
    address: SocketAddr,
}

// === impl ScriptedBroker ===

impl ScriptedBroker {
    /// Listens on a free port.
    ///
    /// # Panics
    ///
    /// Panics if there is no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        Self { listener, address }
    }

    /// The address that it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts the next connection, reads its CONNECT and answers with these bytes.
    ///
    /// # Panics
    ///
    /// Panics if no CONNECT without a Will arrives in time.
    pub async fn accept(&self, connack: &[u8]) -> Peer {
        let (mut stream, _) = soon(self.listener.accept()).await.expect("a connection");
        stream.set_nodelay(true).expect("an open socket");
        let mut received = BytesMut::new();
        let (connect, login) = match soon(next_packet(&mut stream, &mut received)).await {
            Some(Packet::Connect(connect, None, login)) => (connect, login),
            other => panic!("CONNECT without a Will, not {other:?}"),
        };
        stream.write_all(connack).await.expect("an open connection");
        Peer::new(stream, received, connect, login)
    }

    /// Whether no connection is made for 300 ms.
    pub async fn is_left_alone(&self) -> bool {
        tokio::time::timeout(Duration::from_millis(300), self.listener.accept()).await.is_err()
    }
}
