//! A server of one file over HTTP, for what Envoy fetches itself.

use std::net::{Ipv4Addr, TcpListener};

use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper::{Response, server::conn::http1};
use hyper_util::rt::TokioIo;

use crate::spawn;

/// The server; it ends with the process.
#[derive(Debug)]
pub struct FileServer {
    port: u16,
}

// === impl FileServer ===

impl FileServer {
    /// Serves these bytes at this path.
    ///
    /// # Panics
    /// Panics if there is no free port.
    #[must_use]
    pub fn start(path: &str, bytes: impl Into<Bytes>) -> Self {
        let (path, bytes) = (path.to_owned(), bytes.into());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a socket option");
        let port = listener.local_addr().expect("an address").port();
        spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                let (path, bytes) = (path.clone(), bytes.clone());
                let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                    let found = request.uri().path() == path;
                    let body = if found { bytes.clone() } else { Bytes::new() };
                    let response =
                        Response::builder().status(if found { 200 } else { 404 }).body(Full::new(body));
                    async move { response }
                });
                spawn(async move {
                    // However a connection ends, it is over.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { port }
    }

    /// Its port of 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}
