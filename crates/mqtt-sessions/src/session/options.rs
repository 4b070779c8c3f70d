//! What a session is started with.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::connector::Connector;
use crate::login::OwnLogin;
use crate::report::Report;
use crate::tally::Tally;

/// What a session is started with.
#[derive(Clone)]
pub(crate) struct SessionOptions {
    pub(crate) connector: Connector,
    pub(crate) config: Arc<Config>,
    pub(crate) report: Arc<Report>,
    pub(crate) tally: Arc<Tally>,
    /// Unique among all sessions of the broker, or the client's own.
    pub(crate) client_identifier: String,
    /// `None`: the User Name and Password of the configuration.
    pub(crate) login: Option<OwnLogin>,
    /// Says at which broker the session starts.
    pub(crate) number: usize,
    /// Closes the session.
    pub(crate) closing: CancellationToken,
}
