//! Where requests are sent, and over which protocol.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper::client::conn::{http1, http2};
use hyper::header::{HOST, HeaderValue};
use hyper::{Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::authority::Identity;
use crate::{Answer, Body, PATIENCE, Request, block_on, spawn};

/// The four ways in which a client reaches the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 without TLS.
    Http1,
    /// HTTP/2 without TLS, with prior knowledge.
    Http2,
    /// HTTP/1.1 over TLS, agreed upon by ALPN.
    Https1,
    /// HTTP/2 over TLS, agreed upon by ALPN.
    Https2,
}

/// A server and the protocol to speak with it.
#[derive(Clone)]
pub struct Endpoint {
    name: &'static str,
    address: SocketAddr,
    protocol: Protocol,
    tls: Option<Arc<ClientConfig>>,
}

/// An open connection to an [`Endpoint`].
#[derive(Debug)]
pub enum Connection {
    /// It speaks HTTP/1.1.
    Http1(http1::SendRequest<Body>),
    /// It speaks HTTP/2.
    Http2(http2::SendRequest<Body>),
}

/// A request that was sent, and whose answer is awaited beside the test.
#[derive(Debug)]
pub struct Pending(JoinHandle<hyper::Result<Answer>>);

/// A stream of either kind.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The name in the certificate.
const HOST_NAME: &str = "localhost";

// === impl Protocol ===

impl Protocol {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Http1, Self::Http2, Self::Https1, Self::Https2];
    /// Those that a server without TLS speaks.
    pub const PLAIN: [Self; 2] = [Self::Http1, Self::Http2];

    /// Whether it is HTTP over TLS.
    #[must_use]
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Https1 | Self::Https2)
    }

    /// Whether it is HTTP/2.
    #[must_use]
    pub const fn is_http2(self) -> bool {
        matches!(self, Self::Http2 | Self::Https2)
    }

    const fn alpn(self) -> &'static [u8] {
        if self.is_http2() { b"h2" } else { b"http/1.1" }
    }
}

// === impl Endpoint ===

impl Endpoint {
    /// A server without TLS.
    ///
    /// # Panics
    /// Where the protocol is over TLS.
    #[must_use]
    pub fn plain(name: &'static str, address: SocketAddr, protocol: Protocol) -> Self {
        assert!(!protocol.is_tls(), "{protocol:?} needs a certificate to trust");
        Self { name, address, protocol, tls: None }
    }

    /// A server that shows this certificate (PEM).
    ///
    /// # Panics
    /// Where the certificate cannot be used.
    #[must_use]
    pub fn tls(name: &'static str, address: SocketAddr, protocol: Protocol, certificate: &[u8]) -> Self {
        let config = ClientConfig::builder().with_root_certificates(trusting(certificate));
        Self { name, address, protocol, tls: None }.over_tls(config.with_no_client_auth())
    }

    /// The same server, which is shown a client's certificate.
    ///
    /// # Panics
    /// Where the server has no TLS, or a certificate cannot be used.
    #[must_use]
    pub fn showing(self, client: &Identity, trusted: &[u8]) -> Self {
        assert!(self.tls.is_some(), "{self:?} has no TLS");
        let chain = CertificateDer::from_pem_slice(client.chain.as_bytes()).expect("a certificate in PEM");
        let key = PrivateKeyDer::from_pem_slice(client.key.as_bytes()).expect("a key in PEM");
        let config = ClientConfig::builder().with_root_certificates(trusting(trusted));
        let config = config.with_client_auth_cert(vec![chain], key).expect("a certificate with its key");
        self.over_tls(config)
    }

    fn over_tls(self, mut config: ClientConfig) -> Self {
        config.alpn_protocols = vec![self.protocol.alpn().to_vec()];
        Self { tls: Some(Arc::new(config)), ..self }
    }

    /// Its address, for [`raw`](crate::raw) bytes.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its protocol.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Sends a request over a connection of its own, and waits for the answer.
    ///
    /// # Panics
    /// Where no answer comes.
    #[must_use]
    pub fn send(&self, request: Request) -> Answer {
        let shown = format!("{} {} from {self:?}", request.method, request.target);
        let answer = block_on(async { self.connect().await.send(request).await });
        answer.unwrap_or_else(|error| panic!("no answer to {shown}: {error:?}"))
    }

    /// Sends a request over a connection of its own, and does not wait for the answer.
    #[must_use]
    pub fn begin(&self, request: Request) -> Pending {
        let endpoint = self.clone();
        Pending(spawn(async move { endpoint.connect().await.send(request).await }))
    }

    /// Opens a connection.
    ///
    /// # Panics
    /// Where that fails.
    pub async fn connect(&self) -> Connection {
        let stream = TokioIo::new(self.stream().await);
        if self.protocol.is_http2() {
            let (sender, connection) = http2::Builder::new(TokioExecutor::new())
                .max_header_list_size(1 << 20)
                .handshake(stream)
                .await
                .expect("an HTTP/2 connection");
            spawn(connection);
            Connection::Http2(sender)
        } else {
            let (sender, connection) = http1::handshake(stream).await.expect("an HTTP/1.1 connection");
            spawn(connection);
            Connection::Http1(sender)
        }
    }

    async fn stream(&self) -> Box<dyn Stream> {
        let stream = TcpStream::connect(self.address).await.expect("a connection");
        stream.set_nodelay(true).expect("a socket option");
        let Some(config) = &self.tls else { return Box::new(stream) };
        let name = ServerName::try_from(HOST_NAME).expect("a host's name");
        let connector = TlsConnector::from(Arc::clone(config));
        let stream = connector.connect(name, stream).await.expect("a TLS connection");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(self.protocol.alpn()), "the agreed protocol");
        Box::new(stream)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} over {:?}", self.name, self.protocol)
    }
}

// === impl Pending ===

impl Pending {
    /// The answer.
    ///
    /// # Panics
    /// Where none comes.
    #[must_use]
    pub fn answer(self) -> Answer {
        let sent = block_on(self.0).expect("sending does not panic");
        sent.unwrap_or_else(|error| panic!("no answer: {error:?}"))
    }

    /// Gives it up: the connection ends, with the request on it.
    pub fn abandon(self) {
        self.0.abort();
    }
}

// === impl Connection ===

impl Connection {
    /// Whether another request can be sent on it: an HTTP/1.1 server closes it after an answer that did not wait for the
    /// whole request.
    pub async fn is_open(&mut self) -> bool {
        match self {
            Self::Http1(sender) => sender.ready().await.is_ok(),
            Self::Http2(sender) => sender.ready().await.is_ok(),
        }
    }

    /// Sends a request and waits for the answer.
    ///
    /// # Errors
    /// Where none comes, because the stream or the connection ended first.
    ///
    /// # Panics
    /// Where it takes longer than [`PATIENCE`].
    pub async fn send(&mut self, request: Request) -> hyper::Result<Answer> {
        let answer = async {
            let response = match self {
                Self::Http1(sender) => {
                    sender.ready().await?;
                    sender.send_request(to_hyper(request, Version::HTTP_11)).await?
                }
                Self::Http2(sender) => {
                    sender.ready().await?;
                    sender.send_request(to_hyper(request, Version::HTTP_2)).await?
                }
            };
            read(response).await
        };
        tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(|_| panic!("no answer in {PATIENCE:?}"))
    }
}

fn trusting(certificate: &[u8]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(certificate).expect("a certificate in PEM");
    roots.add(certificate).expect("a certificate to trust");
    roots
}

fn to_hyper(request: Request, version: Version) -> hyper::Request<Body> {
    let Request { method, target, mut headers, body } = request;
    let uri = if version == Version::HTTP_2 {
        format!("http://{HOST_NAME}{target}")
    } else {
        headers.entry(HOST).or_insert(HeaderValue::from_static(HOST_NAME));
        target
    };
    let mut built = hyper::Request::new(body);
    *built.method_mut() = method.parse().expect("a method");
    *built.uri_mut() = uri.parse().unwrap_or_else(|error| panic!("{error}: {uri}"));
    *built.version_mut() = version;
    *built.headers_mut() = headers;
    built
}

async fn read(response: Response<hyper::body::Incoming>) -> hyper::Result<Answer> {
    let (head, body) = response.into_parts();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Ok(Answer {
        status: head.status.as_u16(),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: body.collect().await?.to_bytes().into(),
    })
}
