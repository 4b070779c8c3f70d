//! What a filter's hostcalls act on: everything that the host knows.

use std::collections::HashMap;

use wasmtime::{Memory, TypedFunc};

use crate::exchange::Exchange;
use crate::fault::Calls;
use crate::metrics::Metrics;
use crate::property::Properties;
use crate::{Fields, LogLine, Status};

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
    pub(crate) calls: Calls,
    pub(crate) log: Vec<LogLine>,
}

/// What a filter exports for hostcalls that return bytes.
#[derive(Clone)]
pub(crate) struct GuestExports {
    pub(crate) memory: Memory,
    pub(crate) allocate: TypedFunc<u32, u32>,
}

/// A map of fields that the filter uses, by its number in the ABI.
#[derive(Clone, Copy, Debug)]
enum Map {
    RequestHeaders,
    RequestTrailers,
}

// === impl Map ===

impl Map {
    fn from_abi(map: u32) -> Result<Self, Status> {
        match map {
            0 => Ok(Self::RequestHeaders),
            1 => Ok(Self::RequestTrailers),
            _ => Err(Status::BadArgument),
        }
    }
}

// === impl World ===

impl World {
    pub(crate) fn exchange(&mut self) -> Option<&mut Exchange> {
        self.exchanges.get_mut(&self.context)
    }

    /// A map to read; there is none when it is not the time for it.
    pub(crate) fn fields(&self, map: u32) -> Result<Option<&Fields>, Status> {
        let map = Map::from_abi(map)?;
        let Some(exchange) = self.exchanges.get(&self.context) else { return Ok(None) };
        Ok(match map {
            Map::RequestHeaders => exchange.fields.as_ref(),
            Map::RequestTrailers => exchange.trailers.as_ref(),
        })
    }

    /// A map to change; [`Status::BadArgument`] when it is not the time for it.
    pub(crate) fn fields_mut(&mut self, map: u32) -> Result<&mut Fields, Status> {
        let map = Map::from_abi(map)?;
        let exchange = self.exchange().ok_or(Status::BadArgument)?;
        let fields = match map {
            Map::RequestHeaders => &mut exchange.fields,
            Map::RequestTrailers => &mut exchange.trailers,
        };
        fields.as_mut().ok_or(Status::BadArgument)
    }
}
