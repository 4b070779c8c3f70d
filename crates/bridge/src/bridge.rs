//! The whole bridge: started, run until it is told to stop, and stopped in good order.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::budget::Budget;
use crate::cli::Settings;
use crate::http::{Server, Service};
use crate::mqtt::Pool;
use crate::mqtt::tls::TlsError;
use crate::trace::{Spans, SpansError};

/// A bridge that listens, and whose sessions connect.
#[derive(Debug)]
pub struct Bridge {
    address: SocketAddr,
    server: Server,
    pool: Arc<Pool>,
    spans: Option<Arc<Spans>>,
}

/// Why a bridge does not start.
#[derive(Debug)]
pub enum StartError {
    /// Nobody can listen there.
    Listen(SocketAddr, io::Error),
    /// The TLS files cannot be used.
    Tls(TlsError),
    /// Spans cannot be exported.
    Spans(SpansError),
    /// The embedded broker cannot listen there, or not start at all.
    EmbeddedBroker(SocketAddr, io::Error),
}

// === impl Bridge ===

impl Bridge {
    /// Listens, and starts the sessions. It does not wait for the broker: until that is there, requests are told so.
    ///
    /// # Errors
    ///
    /// Nobody can listen at an address, the TLS files cannot be used, or spans cannot be exported.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        #[cfg(feature = "embedded-broker")]
        if let Some(address) = settings.embedded_broker {
            crate::embedded_broker::start(address)
                .map_err(|error| StartError::EmbeddedBroker(address, error))?;
        }
        let Settings { listen, rules, http, mqtt, in_flight, otlp, .. } = settings;
        let listener = TcpListener::bind(listen).await.map_err(|error| StartError::Listen(listen, error))?;
        let address = listener.local_addr().map_err(|error| StartError::Listen(listen, error))?;
        let spans = otlp.map(|endpoint| Spans::start(&endpoint, mqtt.broker.clone())).transpose();
        let spans = spans.map_err(StartError::Spans)?.map(Arc::new);
        let pool = Arc::new(Pool::start(mqtt).map_err(StartError::Tls)?);
        tracing::info!("listening on http://{address}{}", rules.path);
        let service = Service::new(rules, Arc::clone(&pool), Budget::new(in_flight), http, spans.clone());
        Ok(Self { address, server: Server::new(listener, Arc::new(service), http), pool, spans })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The sessions.
    #[must_use]
    pub const fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Runs until `stop`; then finishes what is under way, says DISCONNECT to the broker, and exports the last spans.
    pub async fn run(self, stop: CancellationToken) {
        self.server.run(stop).await;
        self.pool.close().await;
        if let Some(spans) = self.spans {
            spans.close().await;
        }
    }
}

// === impl StartError ===

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::Tls(error) => write!(f, "{error}"),
            Self::Spans(error) => write!(f, "{error}"),
            Self::EmbeddedBroker(address, error) => {
                write!(f, "the embedded broker cannot listen on {address}: {error}")
            }
        }
    }
}

impl std::error::Error for StartError {}
