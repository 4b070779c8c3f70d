//! A broker that takes whatever comes, and remembers it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::BytesMut;
use rumqttc::v5::mqttbytes::v5::Packet;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::{WELCOME, next_packet};

/// What the broker has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Who has published what, in order.
    pub(crate) messages: Vec<(String, String)>,
    /// The connections that are open, by Client Identifier.
    pub(crate) open: HashMap<String, usize>,
    /// How many were open at a time, at most.
    pub(crate) most_open: usize,
    /// The Client Identifiers that connected while they were connected.
    pub(crate) taken_over: Vec<String>,
    /// How many connections ended without DISCONNECT.
    pub(crate) cut: usize,
}

/// Starts the broker.
pub(crate) async fn start() -> (SocketAddr, Arc<Mutex<Seen>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let serving = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&serving)));
        }
    });
    (address, seen)
}

async fn serve(mut stream: TcpStream, seen: Arc<Mutex<Seen>>) {
    stream.set_nodelay(true).unwrap();
    let mut received = BytesMut::new();
    let Some(Packet::Connect(connect, ..)) = next_packet(&mut stream, &mut received).await else { return };
    let client = connect.client_id;
    seen.lock().unwrap().opened(&client);
    stream.write_all(WELCOME).await.unwrap();
    loop {
        match next_packet(&mut stream, &mut received).await {
            Some(Packet::Publish(publish)) => {
                let payload = String::from_utf8(publish.payload.to_vec()).unwrap();
                seen.lock().unwrap().messages.push((client.clone(), payload));
                let [high, low] = publish.pkid.to_be_bytes();
                // Who has hung up wants no PUBACK.
                let _ = stream.write_all(&[0x40, 2, high, low]).await;
            }
            Some(Packet::Disconnect(_)) => break seen.lock().unwrap().closed(&client),
            Some(_) => {}
            None => {
                let mut seen = seen.lock().unwrap();
                seen.cut += 1;
                break seen.closed(&client);
            }
        }
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
