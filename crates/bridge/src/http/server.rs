//! Accepts connections, serves each in its own task, and stops gracefully.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::answer::Answer;
use super::coalesced_writes::{CoalescedWrites, OpenStreams};
use super::config::{HttpConfig, MAX_HEAD_BYTES};
use super::listener_tls::{HTTP2, ListenerTls};
use super::protocol::{Protocol, detect};
use super::routes::Routes;
use super::service::Service;
use super::unfinished_heads::{BoundedHeads, HeadRoom, LatestHead};

/// An HTTP server on one socket.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    service: Arc<Service>,
    routes: Routes,
    config: HttpConfig,
    /// `None`: the connections have no TLS.
    tls: Option<Arc<ListenerTls>>,
}

/// The pause after a failed accept, which usually means that there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// HTTP/2: the maximum number of concurrent requests on one connection.
const MAX_STREAMS: u32 = 1000;
/// HTTP/2: the flow-control windows of a stream and of a connection, in bytes.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;
/// HTTP/2 keep-alive: an idle connection is pinged at this interval, and closed if the ping is not answered in time.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// The time limit for a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The time limit for the answers to requests that the drain time-out ends.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// The maximum number of connections for health checks and metrics alone.
const ADMIN_CONNECTIONS: usize = 64;

// === impl Server ===

impl Server {
    /// Serves the connections of `listener`.
    #[must_use]
    pub const fn new(
        listener: TcpListener,
        service: Arc<Service>,
        routes: Routes,
        config: HttpConfig,
    ) -> Self {
        Self { listener, service, routes, config, tls: None }
    }

    /// Accepts TLS alone, with these certificates.
    #[must_use]
    pub fn over_tls(self, tls: Option<Arc<ListenerTls>>) -> Self {
        Self { tls, ..self }
    }

    /// Serves until `stop`, then stops in three steps:
    ///
    /// 1. `/readyz` is 503, and everything else goes on for the lame-duck time: load balancers learn of it.
    /// 2. The listener closes, and the requests in progress have the drain time-out.
    /// 3. The requests that are left are answered 503.
    pub async fn run(self, stop: CancellationToken) {
        let acceptor = Acceptor {
            slots: Arc::new(Semaphore::new(self.config.max_connections.min(Semaphore::MAX_PERMITS))),
            head_room: HeadRoom::new(),
            graceful: GracefulShutdown::new(),
            closing: CancellationToken::new(),
        };
        self.accept_until(&acceptor, stop.cancelled()).await;
        self.service.drain();
        self.accept_until(&acceptor, tokio::time::sleep(self.config.lame_duck)).await;
        acceptor.closing.cancel();
        drop(self.listener);
        let mut drained = pin!(acceptor.graceful.shutdown());
        if tokio::time::timeout(self.config.drain_timeout, &mut drained).await.is_err() {
            tracing::warn!("requests were still in progress after {} s", self.config.drain_timeout.as_secs());
            self.service.give_up().await;
            // What is still open after that is closed.
            let _ = tokio::time::timeout(LAST_ANSWERS, drained).await;
        }
    }

    /// Serves health checks and metrics until `stop`.
    pub async fn run_admin(self, stop: CancellationToken) {
        let acceptor = Acceptor {
            slots: Arc::new(Semaphore::new(ADMIN_CONNECTIONS)),
            head_room: HeadRoom::new(),
            graceful: GracefulShutdown::new(),
            closing: stop.clone(),
        };
        self.accept_until(&acceptor, stop.cancelled()).await;
    }

    async fn accept_until(&self, acceptor: &Acceptor, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => return,
                accepted = accept(&self.listener, &acceptor.slots) => accepted,
            };
            match accepted {
                Ok((stream, slot)) => {
                    let connection = Connection {
                        service: Arc::clone(&self.service),
                        routes: self.routes,
                        config: self.config,
                        tls: self.tls.clone(),
                        head_room: acceptor.head_room.clone(),
                        closing: acceptor.closing.clone(),
                        _slot: slot,
                    };
                    tokio::spawn(connection.serve(stream, acceptor.graceful.watcher()));
                }
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// What the connections of a server share.
struct Acceptor {
    /// One for each connection.
    slots: Arc<Semaphore>,
    head_room: HeadRoom,
    graceful: GracefulShutdown,
    /// Connections without a request are closed.
    closing: CancellationToken,
}

/// One connection.
struct Connection {
    service: Arc<Service>,
    routes: Routes,
    config: HttpConfig,
    tls: Option<Arc<ListenerTls>>,
    head_room: HeadRoom,
    closing: CancellationToken,
    _slot: OwnedSemaphorePermit,
}

// === impl Connection ===

impl Connection {
    async fn serve(self, stream: TcpStream, watcher: Watcher) {
        let Some(tls) = &self.tls else {
            if let Some(protocol) = self.unless_idle(detect(&stream)).await.flatten() {
                self.exchange(stream, protocol, watcher).await;
            }
            return;
        };
        let acceptor = tls.acceptor();
        let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream));
        let mut stream = match self.unless_idle(async { handshake.await? }).await {
            Some(stream) => stream,
            None => return,
        };
        let protocol = match stream.get_ref().1.alpn_protocol() {
            Some(HTTP2) => Protocol::Http2,
            _ => Protocol::Http1,
        };
        // As without TLS, a connection without a request does not keep the bridge from stopping.
        let first = self.unless_idle(async { stream.fill_buf().await.map(<[u8]>::is_empty) }).await;
        if first == Some(false) {
            self.exchange(stream, protocol, watcher).await;
        }
    }

    async fn exchange(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        protocol: Protocol,
        watcher: Watcher,
    ) {
        let ended = match protocol {
            Protocol::Http1 => {
                let head = LatestHead::default();
                let stream = BoundedHeads::http1(stream, self.head_room.clone(), head.clone());
                let io = TokioIo::new(stream);
                let service = service_fn(|request| {
                    head.arrived();
                    self.answer_http1(request, &head)
                });
                let mut http = hyper::server::conn::http1::Builder::new();
                http.timer(TokioTimer::new())
                    .header_read_timeout(self.config.idle_timeout)
                    .max_buf_size(MAX_HEAD_BYTES as usize);
                watcher.watch(http.serve_connection(io, service)).await
            }
            Protocol::Http2 => {
                let streams = OpenStreams::default();
                let stream = CoalescedWrites::new(stream, streams.clone());
                let io = TokioIo::new(BoundedHeads::http2(stream, self.head_room.clone()));
                let service = service_fn(|request| {
                    Arc::clone(&self.service).answer(self.routes, request, Some(streams.open()))
                });
                let mut http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                http.timer(TokioTimer::new())
                    .max_header_list_size(MAX_HEAD_BYTES)
                    .max_concurrent_streams(MAX_STREAMS)
                    .initial_stream_window_size(STREAM_WINDOW)
                    .initial_connection_window_size(CONNECTION_WINDOW)
                    .keep_alive_interval(PING_INTERVAL)
                    .keep_alive_timeout(PING_TIMEOUT);
                watcher.watch(http.serve_connection(io, service)).await
            }
        };
        if let Err(error) = ended {
            tracing::debug!("a connection ended: {error}");
        }
    }

    async fn answer_http1(
        &self,
        mut request: Request<Incoming>,
        head: &LatestHead,
    ) -> Result<Answer, Infallible> {
        request.extensions_mut().insert(head.clone());
        let mut answer = Arc::clone(&self.service).answer(self.routes, request, None).await?;
        if head.was_large() {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        head.answered();
        Ok(answer)
    }

    /// `None`: it failed, took longer than the idle time-out, or the listener closed.
    async fn unless_idle<T>(&self, future: impl Future<Output = io::Result<T>>) -> Option<T> {
        tokio::select! {
            () = self.closing.cancelled() => None,
            () = tokio::time::sleep(self.config.idle_timeout) => None,
            output = future => output.inspect_err(|error| tracing::debug!("a connection ended: {error}")).ok(),
        }
    }
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, slot))
}
