//! The callbacks of a filter, one by one: for those who call them in an order that no Envoy would.

use std::fmt;

/// What the filter wants done with what it was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// It goes on.
    Continue,
    /// It stays.
    Pause,
}

/// One callback, with its arguments as the ABI passes them. Envoy calls those that a filter exports; these are the ones that
/// this filter has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Callback {
    /// A context begins.
    ContextCreate {
        /// The context above: that of a request is its root, that of a root is 0.
        parent: u32,
    },
    /// There is a configuration.
    Configure {
        /// Its bytes.
        size: u32,
    },
    /// The head of a request.
    RequestHeaders {
        /// How many fields it has.
        count: u32,
        /// Whether nothing follows.
        end: bool,
    },
    /// A chunk of a request's body.
    RequestBody {
        /// The bytes to see.
        size: u32,
        /// Whether nothing follows.
        end: bool,
    },
    /// The trailers of a request.
    RequestTrailers {
        /// How many fields they have.
        count: u32,
    },
    /// The context ends.
    Delete,
}

/// The filter trapped: what it was doing, and what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    /// In which callback.
    pub callback: String,
    /// What the machine says, then the log's last lines: a panic's message is one.
    pub cause: String,
}

// === impl Action ===

impl Action {
    pub(crate) const fn from_abi(action: u32) -> Option<Self> {
        match action {
            0 => Some(Self::Continue),
            1 => Some(Self::Pause),
            _ => None,
        }
    }
}

// === impl Callback ===

impl Callback {
    /// The function that the filter exports for it.
    #[must_use]
    pub const fn export(self) -> &'static str {
        match self {
            Self::ContextCreate { .. } => "proxy_on_context_create",
            Self::Configure { .. } => "proxy_on_configure",
            Self::RequestHeaders { .. } => "proxy_on_request_headers",
            Self::RequestBody { .. } => "proxy_on_request_body",
            Self::RequestTrailers { .. } => "proxy_on_request_trailers",
            Self::Delete => "proxy_on_delete",
        }
    }
}

// === impl Trap ===

impl fmt::Display for Trap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the filter trapped in {}: {}", self.callback, self.cause)
    }
}

impl std::error::Error for Trap {}
