//! When a session returns to the broker that it started at.
//!
//! Sessions that have lost their broker are at the others when it comes back. Each looks for its own one from time to time, at a
//! moment of its own choice, and under another Client Identifier: the same one would take over the session that works. It leaves
//! the connection that works only when its own broker has accepted that.

use std::future::pending;
use std::time::Duration;

use tokio::time::sleep;

use super::options::SessionOptions;
use crate::connector::Connector;
use crate::route::Route;

/// The way back of one connection.
pub(super) struct Homecoming(Option<Homeward>);

struct Homeward {
    interval: Duration,
    route: Route,
    connector: Connector,
    client_identifier: String,
}

// === impl Homecoming ===

impl Homecoming {
    /// `None`: the session is where it belongs.
    pub(super) fn new(options: &SessionOptions, homeward: Option<Route>) -> Self {
        Self(homeward.zip(options.config.broker_return).map(|(route, interval)| Homeward {
            interval,
            route,
            connector: options.connector.clone(),
            client_identifier: format!("{}-probe", options.client_identifier),
        }))
    }

    pub(super) const fn never() -> Self {
        Self(None)
    }

    /// Waits until the broker accepts sessions again.
    pub(super) async fn wait(&self) {
        let Some(Homeward { interval, route, connector, client_identifier }) = &self.0 else {
            return pending().await;
        };
        loop {
            // Between half of it and all of it, so that sessions that have moved together do not return together.
            sleep(interval.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            // In a box: it is rare, and larger than the rest of a connection.
            if Box::pin(connector.probe(client_identifier, &mut route.clone())).await {
                return;
            }
        }
    }
}
