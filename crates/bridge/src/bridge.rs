//! The whole bridge: start, run, graceful stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use mqtt_sessions::budget::Budget;
use mqtt_sessions::config::Config;
use mqtt_sessions::replies::{self, Replies};
use mqtt_sessions::retained::RetainedReader;
use mqtt_sessions::{Pool, TlsError};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cli::{RequestSettings, Settings};
use crate::http::{ListenerTls, ListenerTlsError, Requests, Retained, Routes, Server, Service, listen};
use crate::reload::Reloader;
use crate::trace::{Spans, SpansError};

/// A bridge that listens and connects to its brokers.
#[derive(Debug)]
pub struct Bridge {
    address: SocketAddr,
    server: Server,
    admin: Option<Admin>,
    service: Arc<Service>,
    pool: Arc<Pool>,
    spans: Option<Arc<Spans>>,
    reloader: Reloader,
}

/// Health checks and metrics at their own address.
#[derive(Debug)]
struct Admin {
    address: SocketAddr,
    server: Server,
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
    /// The TLS files of the port cannot be used.
    #[error(transparent)]
    ListenerTls(#[from] ListenerTlsError),
    /// Replies cannot be received.
    #[error(transparent)]
    Replies(#[from] replies::StartError),
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
        let Settings {
            listen,
            tls,
            admin_listen,
            rules,
            http,
            mqtt,
            in_flight,
            client_share,
            requests,
            retained,
            keys,
            otlp,
        } = settings;
        let tls = tls.map(ListenerTls::open).transpose()?.map(Arc::new);
        let (listener, address) = open(listen, http.backlog)?;
        let admin = admin_listen.map(|address| open(address, http.backlog)).transpose()?;
        let spans = otlp.map(|endpoint| Spans::start(&endpoint, mqtt.brokers.only().cloned())).transpose();
        let spans = spans?.map(Arc::new);
        let requests = requests.map(|settings| start_requests(&mqtt, settings)).transpose()?;
        let reader = retained.map(|config| RetainedReader::new(&mqtt, config)).transpose()?;
        let pool = Arc::new(Pool::start(mqtt)?);
        let scheme = if tls.is_some() { "https" } else { "http" };
        tracing::info!("listening on {scheme}://{address}{}", rules.path);
        let budget = match client_share {
            Some(share) => Budget::with_shares(in_flight, share),
            None => Budget::new(in_flight),
        };
        let retained = reader.map(|reader| Retained::new(reader, Arc::clone(&budget)));
        let service = Service::new(rules, Arc::clone(&pool), budget, http, keys, spans.clone(), requests);
        let service = Arc::new(service.with_retained(retained));
        let reloader = Reloader::new(Arc::clone(&pool), tls.clone());
        service.report_files(reloader.clone());
        let admin = admin.map(|(listener, address)| {
            tracing::info!("health checks and metrics on http://{address}");
            Admin { address, server: Server::new(listener, Arc::clone(&service), Routes::Admin, http) }
        });
        Ok(Self {
            address,
            server: Server::new(listener, Arc::clone(&service), Routes::All, http).over_tls(tls),
            service,
            admin,
            pool,
            spans,
            reloader,
        })
    }

    /// The address that it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of health checks and metrics alone.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(|admin| admin.address)
    }

    /// The sessions with the brokers.
    #[must_use]
    pub const fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Reads the files of the bridge again.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        self.reloader.clone()
    }

    /// Runs until `stop`. Then it finishes the requests in progress, disconnects from the broker and exports the last spans.
    pub async fn run(self, stop: CancellationToken) {
        // Health checks are answered until the end.
        let ended = CancellationToken::new();
        if let Some(admin) = self.admin {
            tokio::spawn(admin.server.run_admin(ended.clone()));
        }
        self.server.run(stop).await;
        ended.cancel();
        self.service.close().await;
        if let Some(spans) = self.spans {
            spans.close().await;
        }
    }
}

fn start_requests(mqtt: &Config, settings: RequestSettings) -> Result<Requests, replies::StartError> {
    let replies = Replies::start(Arc::new(mqtt.clone()), settings.replies)?;
    Ok(Requests::new(Arc::new(replies), settings.longest_wait))
}

fn open(address: SocketAddr, backlog: u32) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error| StartError::Listen(address, error);
    let listener = listen(address, backlog).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}
