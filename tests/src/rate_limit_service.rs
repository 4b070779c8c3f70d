//! A rate limit service that Envoy asks (`envoy.service.ratelimit.v3`), in the place of the reference service
//! (envoyproxy/ratelimit), which is a Go program with a Redis behind it and comes as a container image only.
//!
//! It reads the reference's own configuration, and counts as that does where nothing else is said: every descriptor of a
//! request, also where another one is over its limit. Only the units never end here, so that no test waits for one.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{BufMut as _, Bytes, BytesMut};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{HeaderMap, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::spawn;

/// The service. It is gone, with its connections, when this is dropped.
#[derive(Debug)]
pub struct RateLimitService {
    port: u16,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

/// What Envoy asked about one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The domain.
    pub domain: String,
    /// The descriptors: keys and values.
    pub descriptors: Vec<Vec<(String, String)>>,
    /// How much the request counts; 0 is as good as 1.
    pub hits_addend: u32,
}

/// What the service does when it is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// It counts, and says whether that is over a limit.
    #[default]
    Count,
    /// It says that it failed (gRPC's INTERNAL).
    Fail,
    /// It says nothing.
    Hang,
}

#[derive(Debug, Default)]
struct State {
    domain: String,
    limits: Vec<Limit>,
    behaviour: Mutex<Behaviour>,
    asked: Mutex<Vec<Asked>>,
    counts: Mutex<BTreeMap<Vec<(String, String)>, u32>>,
}

/// A limit of the configuration.
#[derive(Debug)]
struct Limit {
    key: String,
    /// `None` is any value; each is counted by itself.
    value: Option<String>,
    requests: u32,
}

/// `RateLimitRequest`, of `envoy/service/ratelimit/v3/rls.proto`.
#[derive(Clone, PartialEq, prost::Message)]
struct RateLimitRequest {
    #[prost(string, tag = "1")]
    domain: String,
    #[prost(message, repeated, tag = "2")]
    descriptors: Vec<RateLimitDescriptor>,
    #[prost(uint32, tag = "3")]
    hits_addend: u32,
}

/// `RateLimitDescriptor`, of `envoy/extensions/common/ratelimit/v3/ratelimit.proto`.
#[derive(Clone, PartialEq, prost::Message)]
struct RateLimitDescriptor {
    #[prost(message, repeated, tag = "1")]
    entries: Vec<Entry>,
}

/// `RateLimitDescriptor.Entry`.
#[derive(Clone, PartialEq, prost::Message)]
struct Entry {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// `RateLimitResponse`.
#[derive(Clone, PartialEq, prost::Message)]
struct RateLimitResponse {
    #[prost(enumeration = "Code", tag = "1")]
    overall_code: i32,
    #[prost(message, repeated, tag = "2")]
    statuses: Vec<DescriptorStatus>,
}

/// `RateLimitResponse.DescriptorStatus`.
#[derive(Clone, PartialEq, prost::Message)]
struct DescriptorStatus {
    #[prost(enumeration = "Code", tag = "1")]
    code: i32,
}

/// `RateLimitResponse.Code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, prost::Enumeration)]
enum Code {
    Unknown = 0,
    Ok = 1,
    OverLimit = 2,
}

/// The one procedure.
const SHOULD_RATE_LIMIT: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";
/// What goes before a message in gRPC: whether it is compressed, and its length.
const PREFIX: usize = 5;
/// gRPC's status codes.
const OK: &str = "0";
const INTERNAL: &str = "13";

type Body = UnsyncBoxBody<Bytes, hyper::Error>;

// === impl RateLimitService ===

impl RateLimitService {
    /// Starts it with a configuration of the reference service.
    ///
    /// # Panics
    /// Where the configuration has more in it than this service knows, or there is no free port.
    #[must_use]
    pub fn start(configuration: &Value) -> Self {
        let limits = configuration["descriptors"].as_array().expect("descriptors").iter().map(Limit::read);
        let domain = configuration["domain"].as_str().expect("a domain").to_owned();
        let state = Arc::new(State { domain, limits: limits.collect(), ..State::default() });
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket option");
        let port = listener.local_addr().expect("an address").port();
        let serving = spawn(serve(listener, Arc::clone(&state)));
        Self { port, state, serving }
    }

    /// Its port of 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// From now on it does this.
    pub fn behave(&self, behaviour: Behaviour) {
        *self.state.behaviour.lock().unwrap_or_else(PoisonError::into_inner) = behaviour;
    }

    /// What it was asked since the last time.
    #[must_use]
    pub fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.state.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for RateLimitService {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

// === impl State ===

impl State {
    /// Counts a request, and says whether it is over a limit.
    fn judge(&self, asked: &Asked) -> RateLimitResponse {
        let code = |over| i32::from(if over { Code::OverLimit } else { Code::Ok });
        let over: Vec<bool> = asked
            .descriptors
            .iter()
            .map(|descriptor| asked.domain == self.domain && self.count(descriptor, asked.hits_addend.max(1)))
            .collect();
        RateLimitResponse {
            overall_code: code(over.contains(&true)),
            statuses: over.into_iter().map(|over| DescriptorStatus { code: code(over) }).collect(),
        }
    }

    /// Whether a descriptor is over its limit now. One that no limit is about never is.
    fn count(&self, descriptor: &[(String, String)], hits: u32) -> bool {
        let [(key, value)] = descriptor else { return false };
        let about =
            |limit: &&Limit| limit.key == *key && limit.value.as_ref().is_none_or(|only| only == value);
        let Some(limit) = self.limits.iter().find(about) else { return false };
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(descriptor.to_vec()).or_default();
        *count += hits;
        *count > limit.requests
    }
}

// === impl Limit ===

impl Limit {
    fn read(descriptor: &Value) -> Self {
        for member in descriptor.as_object().expect("a descriptor").keys() {
            assert!(["key", "value", "rate_limit"].contains(&member.as_str()), "what is {member}");
        }
        let requests = descriptor["rate_limit"]["requests_per_unit"].as_u64().expect("a number of requests");
        Self {
            key: descriptor["key"].as_str().expect("a key").to_owned(),
            value: descriptor["value"].as_str().map(str::to_owned),
            requests: requests.try_into().expect("a limit"),
        }
    }
}

// === impl Asked ===

impl From<RateLimitRequest> for Asked {
    fn from(request: RateLimitRequest) -> Self {
        let pair = |entry: Entry| (entry.key, entry.value);
        let descriptors = request.descriptors.into_iter();
        Self {
            domain: request.domain,
            descriptors: descriptors.map(|one| one.entries.into_iter().map(pair).collect()).collect(),
            hits_addend: request.hits_addend,
        }
    }
}

// === impl serving ===

async fn serve(listener: TcpListener, state: Arc<State>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    // Its connections end with it.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        let service = service_fn(move |request| answer(request, Arc::clone(&state)));
        let builder = http2::Builder::new(TokioExecutor::new());
        connections.spawn(builder.serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    state: Arc<State>,
) -> Result<Response<Body>, hyper::Error> {
    assert_eq!(request.uri().path(), SHOULD_RATE_LIMIT);
    let body = request.into_body().collect().await?.to_bytes();
    let request = RateLimitRequest::decode(&body[PREFIX..]).expect("a request");
    let asked = Asked::from(request);
    state.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
    let behaviour = *state.behaviour.lock().unwrap_or_else(PoisonError::into_inner);
    match behaviour {
        Behaviour::Count => Ok(respond(frame(&state.judge(&asked)), OK)),
        Behaviour::Fail => Ok(respond(Bytes::new(), INTERNAL)),
        Behaviour::Hang => std::future::pending().await,
    }
}

fn frame(response: &RateLimitResponse) -> Bytes {
    let length = response.encoded_len();
    let mut bytes = BytesMut::with_capacity(PREFIX + length);
    bytes.put_u8(0);
    bytes.put_u32(length.try_into().expect("a short message"));
    bytes.put(response.encode_to_vec().as_slice());
    bytes.freeze()
}

fn respond(body: Bytes, status: &'static str) -> Response<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    let body = Full::new(body).with_trailers(std::future::ready(Some(Ok(trailers))));
    let body = body.map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}
