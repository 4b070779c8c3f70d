//! Exports spans to a collector: OTLP over HTTP, as protobuf.
//!
//! The SDK batches spans on its own thread, which has no async runtime and blocks on each export. The requests run on the
//! bridge's runtime.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use mqtt_sessions::Chain;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use tokio::runtime::Handle;
use tokio_rustls::rustls::crypto::ring;

use super::endpoint::{OtlpEndpoint, Scheme};
use super::error::SpansError;

/// Sends requests on a runtime, and logs when they start to fail and when they succeed again.
#[derive(Debug)]
struct Client<C> {
    client: C,
    runtime: Handle,
    endpoint: String,
    logged: Mutex<Logged>,
}

/// The content of the last log line.
#[derive(Debug, PartialEq, Eq)]
enum Logged {
    Nothing,
    Failing(String),
}

/// The time limit of one request to the collector.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An exporter to this endpoint, on the current Tokio runtime.
///
/// # Errors
///
/// Returns an error if TLS cannot be used, or if an environment variable of OpenTelemetry is invalid.
pub(super) fn exporter(endpoint: &OtlpEndpoint) -> Result<SpanExporter, SpansError> {
    match endpoint.scheme() {
        Scheme::Http => build(endpoint, HyperClient::new(HttpConnector::new(), TIMEOUT, None)),
        Scheme::Https => {
            let connector = HttpsConnectorBuilder::new()
                .with_provider_and_native_roots(ring::default_provider())
                .map_err(SpansError::new)?
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
        runtime: Handle::try_current().map_err(SpansError::new)?,
        endpoint: endpoint.traces().to_owned(),
        logged: Mutex::new(Logged::Nothing),
    };
    SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(endpoint.traces())
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(TIMEOUT)
        .build()
        .map_err(SpansError::new)
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
            Err(error) => self.not_exported(&Chain(error.as_ref())),
        }
        sent
    }
}

impl<C> Client<C> {
    fn exported(&self) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if *logged != Logged::Nothing {
            tracing::info!("spans are exported to {} again", self.endpoint);
            *logged = Logged::Nothing;
        }
    }

    fn not_exported(&self, why: &dyn fmt::Display) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let failing = Logged::Failing(why.to_string());
        if *logged != failing {
            tracing::warn!("spans cannot be exported to {}: {why}", self.endpoint);
            *logged = failing;
        }
    }
}
