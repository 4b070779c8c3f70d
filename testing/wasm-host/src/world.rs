//! What a filter's hostcalls act on: everything that the host knows.

use std::collections::HashMap;

use wasmtime::{Memory, TypedFunc};

use crate::exchange::Exchange;
use crate::fault::Calls;
use crate::metrics::Metrics;
use crate::property::Properties;
use crate::shared::Shared;
use crate::{Fields, LogLevel, LogLine, Status};

/// The state of one virtual machine's host.
pub(crate) struct World {
    /// The filter's side of passing bytes; there once it is instantiated.
    pub(crate) guest: Option<GuestExports>,
    /// The context that hostcalls are about: the one whose callback runs.
    pub(crate) context: u32,
    pub(crate) exchanges: HashMap<u32, Exchange>,
    pub(crate) configuration: Vec<u8>,
    pub(crate) properties: Properties,
    pub(crate) metrics: Metrics,
    pub(crate) shared: Shared,
    pub(crate) calls: Calls,
    pub(crate) log: Vec<LogLine>,
    pub(crate) log_level: LogLevel,
    pub(crate) foreign_calls: Vec<String>,
    /// The time of day in nanoseconds: it stands still, so that runs are alike.
    pub(crate) now: u64,
}

/// What a filter exports for hostcalls that return bytes.
#[derive(Clone)]
pub(crate) struct GuestExports {
    pub(crate) memory: Memory,
    pub(crate) allocate: TypedFunc<u32, u32>,
}

/// A map of fields, by its number in the ABI.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Map {
    RequestHeaders,
    RequestTrailers,
    ResponseHeaders,
    ResponseTrailers,
    /// Of a call that the filter makes; this host makes none.
    OfCall,
}

// === impl Map ===

impl Map {
    pub(crate) fn from_abi(map: u32) -> Result<Self, Status> {
        match map {
            0 => Ok(Self::RequestHeaders),
            1 => Ok(Self::RequestTrailers),
            2 => Ok(Self::ResponseHeaders),
            3 => Ok(Self::ResponseTrailers),
            4..=7 => Ok(Self::OfCall),
            _ => Err(Status::BadArgument),
        }
    }
}

// === impl World ===

impl World {
    pub(crate) fn exchange(&mut self) -> Option<&mut Exchange> {
        self.exchanges.get_mut(&self.context)
    }

    /// A map to read: where it is not the time for it there is none. While the access log is written all can be read
    /// that has passed.
    pub(crate) fn fields(&self, map: u32) -> Result<Option<&Fields>, Status> {
        let map = Map::from_abi(map)?;
        let Some(exchange) = self.exchanges.get(&self.context) else { return Ok(None) };
        let (now, passed) = match map {
            Map::RequestHeaders => (&exchange.request.fields, &exchange.request.passed.fields),
            Map::RequestTrailers => (&exchange.request.trailers, &exchange.request.passed.trailers),
            Map::ResponseHeaders => (&exchange.response.fields, &exchange.response.passed.fields),
            Map::ResponseTrailers => (&exchange.response.trailers, &exchange.response.passed.trailers),
            Map::OfCall => return Ok(None),
        };
        let logged = if exchange.is_logging { passed.as_ref() } else { None };
        Ok(now.as_ref().or(logged))
    }

    /// A map to change; a [`Status::BadArgument`] where it is not the time for it.
    pub(crate) fn fields_mut(&mut self, map: u32) -> Result<&mut Fields, Status> {
        let map = Map::from_abi(map)?;
        let exchange = self.exchange().ok_or(Status::BadArgument)?;
        let fields = match map {
            Map::RequestHeaders => &mut exchange.request.fields,
            Map::RequestTrailers => &mut exchange.request.trailers,
            Map::ResponseHeaders => &mut exchange.response.fields,
            Map::ResponseTrailers => &mut exchange.response.trailers,
            Map::OfCall => return Err(Status::BadArgument),
        };
        fields.as_mut().ok_or(Status::BadArgument)
    }
}
