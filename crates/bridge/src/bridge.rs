//! The whole bridge: start, run, graceful stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use mqtt_publisher::budget::Budget;
use mqtt_publisher::{Pool, TlsError};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cli::Settings;
use crate::http::{Server, Service};
use crate::trace::{Spans, SpansError};

/// A bridge that listens and connects to its broker.
#[derive(Debug)]
pub struct Bridge {
    address: SocketAddr,
    server: Server,
    pool: Arc<Pool>,
    spans: Option<Arc<Spans>>,
}

/// The bridge cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {0}")]
    Listen(SocketAddr, #[source] io::Error),
    /// The TLS files cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Spans cannot be exported.
    #[error(transparent)]
    Spans(#[from] SpansError),
}

// === impl Bridge ===

impl Bridge {
    /// Listens, and starts to connect. It does not wait for the broker; requests are answered 503 while there is none.
    ///
    /// # Errors
    ///
    /// Returns an error if an address cannot be listened on, the TLS files cannot be used, or spans cannot be exported.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let Settings { listen, rules, http, mqtt, in_flight, otlp } = settings;
        let listener = TcpListener::bind(listen).await.map_err(|error| StartError::Listen(listen, error))?;
        let address = listener.local_addr().map_err(|error| StartError::Listen(listen, error))?;
        let spans = otlp.map(|endpoint| Spans::start(&endpoint, mqtt.broker.clone())).transpose();
        let spans = spans?.map(Arc::new);
        let pool = Arc::new(Pool::start(mqtt)?);
        tracing::info!("listening on http://{address}{}", rules.path);
        let service = Service::new(rules, Arc::clone(&pool), Budget::new(in_flight), http, spans.clone());
        Ok(Self { address, server: Server::new(listener, Arc::new(service), http), pool, spans })
    }

    /// The address that it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The sessions with the broker.
    #[must_use]
    pub const fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Runs until `stop`. Then it finishes the requests in progress, disconnects from the broker and exports the last spans.
    pub async fn run(self, stop: CancellationToken) {
        self.server.run(stop).await;
        self.pool.close().await;
        if let Some(spans) = self.spans {
            spans.close().await;
        }
    }
}
