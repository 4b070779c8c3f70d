//! A TCP connection that can be cut: what stands between a bridge and its broker in real networks.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::spawn;

/// Passes bytes on to a port of 127.0.0.1, until it is cut.
#[derive(Debug)]
pub struct Link {
    port: u16,
    /// How often it was cut.
    cuts: Arc<watch::Sender<usize>>,
}

// === impl Link ===

impl Link {
    /// A link to this port.
    ///
    /// # Panics
    /// Where there is no free port.
    #[must_use]
    pub fn to(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a socket option");
        let port = listener.local_addr().expect("an address").port();
        let cuts = Arc::new(watch::Sender::new(0));
        let watched = Arc::clone(&cuts);
        spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                spawn(pass_on(stream, target, watched.subscribe()));
            }
        });
        Self { port, cuts }
    }

    /// Its port of 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Ends every connection, with whatever is under way on it. New ones may be made at once.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

async fn pass_on(mut near: TcpStream, target: u16, mut cuts: watch::Receiver<usize>) {
    let Ok(mut far) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await else { return };
    // Packets are small, and each is awaited.
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    tokio::select! {
        // Whichever way it ends, it is over.
        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
        _ = cuts.changed() => {}
    }
}
