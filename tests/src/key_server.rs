//! An identity provider's keys, over HTTPS: the development key, under whatever name the provider has.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper::{Response, server::conn::http1};
use hyper_util::rt::TokioIo;
use rig::dev::keys;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::authority::Identity;
use crate::spawn;

/// The server.
#[derive(Debug)]
pub struct KeyServer {
    port: u16,
    asked: Arc<AtomicUsize>,
}

// === impl KeyServer ===

impl KeyServer {
    /// Serves the keys at these paths, and shows this certificate.
    ///
    /// # Panics
    /// Where there is no free port.
    #[must_use]
    pub fn start(identity: &Identity, paths: &[String]) -> Self {
        let chain = CertificateDer::from_pem_slice(identity.chain.as_bytes()).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("a key");
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![chain], key);
        let acceptor = TlsAcceptor::from(Arc::new(config.expect("a certificate with its key")));
        let keys = Bytes::from(std::fs::read(keys::jwks()).expect("the development key"));

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a socket option");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(AtomicUsize::new(0));
        let (count, paths) = (Arc::clone(&asked), Arc::new(paths.to_vec()));
        spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, keys, paths) = (acceptor.clone(), keys.clone(), Arc::clone(&paths));
                let count = Arc::clone(&count);
                spawn(async move {
                    // Who does not trust the certificate hangs up.
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                        count.fetch_add(1, Ordering::SeqCst);
                        let found = paths.iter().any(|path| path == request.uri().path());
                        let body = if found { keys.clone() } else { Bytes::new() };
                        let status = if found { 200 } else { 404 };
                        let response = Response::builder().status(status).body(Full::new(body));
                        async move { response }
                    });
                    // However a connection ends, it is over.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { port, asked }
    }

    /// Its port of 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// How many times somebody has asked for something over TLS.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}
