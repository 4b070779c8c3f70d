//! An upstream that records what leaves the edge.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Collected, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rig::stack::EnvoyConfig;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::{Edge, config, spawn};

/// A server in the place of the bridges.
#[derive(Debug)]
pub struct Recorder {
    address: SocketAddr,
    state: Arc<State>,
}

/// A request that left the edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body; `None` where it was cut off.
    pub body: Option<Vec<u8>>,
    /// The trailers, in order.
    pub trailers: Vec<(String, Vec<u8>)>,
}

/// What the recorder does with a request that it has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// It answers 204.
    #[default]
    Publish,
    /// It answers with this status.
    Answer(u16),
    /// It resets the stream.
    Reset,
    /// It closes the connection.
    Close,
}

#[derive(Debug, Default)]
struct State {
    /// The targets of requests whose head has come.
    begun: Mutex<Vec<String>>,
    records: Mutex<Vec<Recorded>>,
    behaviour: Mutex<Behaviour>,
}

/// Why a request gets no answer.
#[derive(Debug)]
struct NoAnswer;

// === impl Recorder ===

impl Recorder {
    /// Starts it.
    ///
    /// # Panics
    /// Where there is no free port.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket option");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State::default());
        let served = Arc::clone(&state);
        spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                spawn(serve(stream, Arc::clone(&served)));
            }
        });
        Self { address, state }
    }

    /// An edge whose upstream is this recorder.
    #[must_use]
    pub fn edge(&self, name: &str) -> Edge {
        self.edge_with(name, |_| {})
    }

    /// An edge whose upstream is this recorder, and whose configuration is changed.
    #[must_use]
    pub fn edge_with(&self, name: &str, change: impl FnOnce(&mut EnvoyConfig) + Send + 'static) -> Edge {
        let endpoints = config::endpoints(&[self.port()]);
        Edge::start(name, |stack| {
            stack
                .envoy_config(|config| {
                    config.bridges(|cluster| cluster["load_assignment"]["endpoints"] = endpoints);
                })
                .envoy_config(change)
        })
    }

    /// Its port of 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on it does this.
    pub fn behave(&self, behaviour: Behaviour) {
        *self.state.behaviour.lock().unwrap_or_else(PoisonError::into_inner) = behaviour;
    }

    /// What it has recorded.
    #[must_use]
    pub fn seen(&self) -> Vec<Recorded> {
        self.state.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the head of a request for this topic has come, if not its end.
    #[must_use]
    pub fn begun(&self, topic: &str) -> bool {
        let begun = self.state.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.iter().any(|target| target.contains(topic))
    }

    /// What it has recorded since the last time.
    #[must_use]
    pub fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut *self.state.records.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

// === impl Recorded ===

impl Recorded {
    /// The values of a header, as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Vec<String> {
        let values = self.headers.iter().filter(|(given, _)| given == name);
        values.map(|(_, value)| value.escape_ascii().to_string()).collect()
    }
}

// === impl serving ===

async fn serve(stream: TcpStream, state: Arc<State>) {
    let hang_up = Arc::new(Notify::new());
    let service = service_fn(|request| answer(request, Arc::clone(&state), Arc::clone(&hang_up)));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().max_buf_size(1 << 20);
    builder.http2().max_header_list_size(1 << 20);
    tokio::select! {
        // However a connection ends, it is over.
        _ = builder.serve_connection(TokioIo::new(stream), service) => {}
        () = hang_up.notified() => {}
    }
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<State>,
    hang_up: Arc<Notify>,
) -> Result<Response<Full<Bytes>>, NoAnswer> {
    let respond =
        |status: u16| Response::builder().status(status).body(Full::default()).map_err(|_| NoAnswer);
    if request.uri().path() == "/readyz" {
        return respond(200);
    }
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    state.begun.lock().unwrap_or_else(PoisonError::into_inner).push(target.clone());
    let body = body.collect().await.ok();
    let record = Recorded {
        method: head.method.to_string(),
        target,
        headers: pairs(&head.headers),
        trailers: body.as_ref().and_then(Collected::trailers).map(pairs).unwrap_or_default(),
        body: body.map(|body| body.to_bytes().into()),
    };
    state.records.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    let behaviour = *state.behaviour.lock().unwrap_or_else(PoisonError::into_inner);
    match behaviour {
        Behaviour::Publish => respond(204),
        Behaviour::Answer(status) => respond(status),
        Behaviour::Reset => Err(NoAnswer),
        Behaviour::Close => {
            hang_up.notify_one();
            std::future::pending().await
        }
    }
}

fn pairs(fields: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    fields.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect()
}

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("this request gets no answer")
    }
}

impl std::error::Error for NoAnswer {}
