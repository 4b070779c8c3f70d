//! The way of spans to a collector: OTLP over HTTP, as protobuf.
//!
//! The SDK batches spans on a thread of its own and blocks it on each export. That thread has no async runtime, so the
//! requests run on the bridge's.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use tokio::runtime::Handle;
use tokio_rustls::rustls::crypto::ring;

use super::endpoint::{OtlpEndpoint, Scheme};
use super::spans::SpansError;

/// Sends on a runtime, and logs when that begins to fail and when it works again.
#[derive(Debug)]
struct Client<C> {
    client: C,
    runtime: Handle,
    endpoint: String,
    told: Mutex<Told>,
}

/// What the last log line said.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Failing(String),
}

/// How long one request to the collector may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An exporter to this endpoint, on the runtime that it is called on.
///
/// # Errors
///
/// TLS cannot be used, or a variable of OpenTelemetry's environment cannot be read.
pub(super) fn exporter(endpoint: &OtlpEndpoint) -> Result<SpanExporter, SpansError> {
    match endpoint.scheme() {
        Scheme::Http => build(endpoint, HyperClient::new(HttpConnector::new(), TIMEOUT, None)),
        Scheme::Https => {
            let connector = HttpsConnectorBuilder::new()
                .with_provider_and_native_roots(ring::default_provider())
                .map_err(|error| SpansError::new(&error))?
                .https_only()
                .enable_http1()
                .build();
            build(endpoint, HyperClient::new(connector, TIMEOUT, None))
        }
    }
}

fn build<C>(endpoint: &OtlpEndpoint, client: C) -> Result<SpanExporter, SpansError>
where
    C: HttpClient + Clone + 'static,
{
    let client = Client {
        client,
        runtime: Handle::try_current().map_err(|error| SpansError::new(&error))?,
        endpoint: endpoint.traces().to_owned(),
        told: Mutex::new(Told::Nothing),
    };
    SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(endpoint.traces())
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(TIMEOUT)
        .build()
        .map_err(|error| SpansError::new(&error))
}

// === impl Client ===

#[async_trait]
impl<C> HttpClient for Client<C>
where
    C: HttpClient + Clone + 'static,
{
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move { client.send_bytes(request).await }).await;
        let sent = sent.unwrap_or_else(|error| Err(error.into()));
        match &sent {
            Ok(response) if response.status().is_success() => self.exported(),
            Ok(response) => self.not_exported(&format_args!("the answer was {}", response.status())),
            Err(error) => self.not_exported(&Causes(error.as_ref())),
        }
        sent
    }
}

impl<C> Client<C> {
    fn exported(&self) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if *told != Told::Nothing {
            tracing::info!("spans are exported to {} again", self.endpoint);
            *told = Told::Nothing;
        }
    }

    fn not_exported(&self, why: &dyn fmt::Display) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let failing = Told::Failing(why.to_string());
        if *told != failing {
            tracing::warn!("spans cannot be exported to {}: {why}", self.endpoint);
            *told = failing;
        }
    }
}

/// An error with what caused it; hyper's own text alone says little.
struct Causes<'a>(&'a (dyn std::error::Error + 'static));

// === impl Causes ===

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let causes = std::iter::successors(self.0.source(), |error| error.source());
        causes.into_iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}
