//! A connection that can be cut, closed, or shown a wrong certificate: what happens between a bridge and its broker in real
//! networks.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::authority::Identity;
use crate::spawn;

/// Passes bytes on to a port of 127.0.0.1, until it is cut.
#[derive(Debug)]
pub struct Link {
    port: u16,
    line: Arc<watch::Sender<Line>>,
}

/// What new connections meet. A change ends all connections.
#[derive(Clone, Default)]
struct Line {
    is_closed: bool,
    tls: Option<TlsAcceptor>,
}

// === impl Link ===

impl Link {
    /// A link to this port.
    ///
    /// # Panics
    /// Where there is no free port.
    #[must_use]
    pub fn to(target: u16) -> Self {
        Self::start(target, Line::default())
    }

    /// A link whose near end is a TLS server with this certificate.
    ///
    /// # Panics
    /// Where there is no free port, or the certificate cannot be used.
    #[must_use]
    pub fn over_tls(target: u16, identity: &Identity) -> Self {
        Self::start(target, Line { is_closed: false, tls: Some(acceptor(identity)) })
    }

    fn start(target: u16, line: Line) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a socket option");
        let port = listener.local_addr().expect("an address").port();
        let line = Arc::new(watch::Sender::new(line));
        let watched = Arc::clone(&line);
        spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                spawn(serve(stream, target, watched.subscribe()));
            }
        });
        Self { port, line }
    }

    /// Its port of 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Ends every connection, with whatever is under way on it. New ones may be made at once.
    pub fn cut(&self) {
        self.line.send_modify(|_| {});
    }

    /// Ends every connection. New ones end at once, until it is [opened](Self::open).
    pub fn close(&self) {
        self.line.send_modify(|line| line.is_closed = true);
    }

    /// Opens it after [`close`](Self::close).
    pub fn open(&self) {
        self.line.send_modify(|line| line.is_closed = false);
    }

    /// Ends every connection, and shows new ones this certificate.
    ///
    /// # Panics
    /// Where the certificate cannot be used.
    pub fn show(&self, identity: &Identity) {
        let acceptor = acceptor(identity);
        self.line.send_modify(|line| line.tls = Some(acceptor));
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("is_closed", &self.is_closed).finish_non_exhaustive()
    }
}

fn acceptor(identity: &Identity) -> TlsAcceptor {
    let chain = CertificateDer::from_pem_slice(identity.chain.as_bytes()).expect("a certificate in PEM");
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("a key in PEM");
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![chain], key);
    TlsAcceptor::from(Arc::new(config.expect("a certificate with its key")))
}

async fn serve(near: TcpStream, target: u16, mut line: watch::Receiver<Line>) {
    let Line { is_closed, tls } = line.borrow_and_update().clone();
    if is_closed {
        return;
    }
    // Packets are small, and each is awaited.
    let _ = near.set_nodelay(true);
    let passed_on = async {
        match tls {
            None => pass_on(near, target).await,
            // A client that does not trust the certificate ends the handshake.
            Some(acceptor) => {
                if let Ok(near) = acceptor.accept(near).await {
                    pass_on(near, target).await;
                }
            }
        }
    };
    tokio::select! {
        () = passed_on => {}
        _ = line.changed() => {}
    }
}

/// Whichever way it ends, it is over.
async fn pass_on(mut near: impl AsyncRead + AsyncWrite + Unpin, target: u16) {
    let Ok(mut far) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await else { return };
    let _ = far.set_nodelay(true);
    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
}
