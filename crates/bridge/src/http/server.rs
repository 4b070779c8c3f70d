//! Accepts connections, serves each in its own task, and stops gracefully.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::config::{HttpConfig, MAX_HEAD_BYTES};
use super::protocol::{Protocol, detect};
use super::service::Service;

/// An HTTP server on one socket.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    service: Arc<Service>,
    config: HttpConfig,
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

// === impl Server ===

impl Server {
    /// Serves the connections of `listener`.
    #[must_use]
    pub const fn new(listener: TcpListener, service: Arc<Service>, config: HttpConfig) -> Self {
        Self { listener, service, config }
    }

    /// Accepts until `stop`, then waits for the requests in progress, at most for the drain time-out.
    pub async fn run(self, stop: CancellationToken) {
        let graceful = GracefulShutdown::new();
        let slots = Arc::new(Semaphore::new(self.config.max_connections.min(Semaphore::MAX_PERMITS)));
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = accept(&self.listener, &slots) => accepted,
            };
            match accepted {
                Ok((stream, slot)) => {
                    let connection = Connection {
                        service: Arc::clone(&self.service),
                        config: self.config,
                        watcher: graceful.watcher(),
                        stop: stop.clone(),
                        _slot: slot,
                    };
                    tokio::spawn(connection.serve(stream));
                }
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        self.service.drain();
        drop(self.listener);
        if tokio::time::timeout(self.config.drain_timeout, graceful.shutdown()).await.is_err() {
            tracing::warn!("connections were still open after {} s", self.config.drain_timeout.as_secs());
        }
    }
}

/// One connection.
struct Connection {
    service: Arc<Service>,
    config: HttpConfig,
    watcher: Watcher,
    stop: CancellationToken,
    _slot: OwnedSemaphorePermit,
}

// === impl Connection ===

impl Connection {
    async fn serve(self, stream: TcpStream) {
        let Some(protocol) = self.detect(&stream).await else {
            return;
        };
        let service = service_fn(move |request| Arc::clone(&self.service).answer(request));
        let io = TokioIo::new(stream);
        let ended = match protocol {
            Protocol::Http1 => {
                let mut http = hyper::server::conn::http1::Builder::new();
                http.timer(TokioTimer::new())
                    .header_read_timeout(self.config.idle_timeout)
                    .max_buf_size(MAX_HEAD_BYTES as usize);
                self.watcher.watch(http.serve_connection(io, service)).await
            }
            Protocol::Http2 => {
                let mut http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                http.timer(TokioTimer::new())
                    .max_header_list_size(MAX_HEAD_BYTES)
                    .max_concurrent_streams(MAX_STREAMS)
                    .initial_stream_window_size(STREAM_WINDOW)
                    .initial_connection_window_size(CONNECTION_WINDOW)
                    .keep_alive_interval(PING_INTERVAL)
                    .keep_alive_timeout(PING_TIMEOUT);
                self.watcher.watch(http.serve_connection(io, service)).await
            }
        };
        if let Err(error) = ended {
            tracing::debug!("a connection ended: {error}");
        }
    }

    /// `None`: the client closed the connection, or had sent nothing when it timed out or the bridge stopped.
    async fn detect(&self, stream: &TcpStream) -> Option<Protocol> {
        tokio::select! {
            () = self.stop.cancelled() => None,
            () = tokio::time::sleep(self.config.idle_timeout) => None,
            detected = detect(stream) => detected.ok().flatten(),
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
