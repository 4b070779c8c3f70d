//! Envoy as a Wasm filter sees it, for [`edge`].

use edge::pairs::Pairs;
use edge::{Attribute, Changes, Chunk, Host, HostError, LocalResponse, Outcome};
use http_publish::Change;

use crate::abi::{self, Map};
use crate::claims::EnvoyClaims;
use crate::counters::Counters;

/// Envoy, in a callback of one stream.
pub(crate) struct Envoy<'a> {
    pub(crate) counters: &'a Counters,
}

/// A chunk, copied out of Envoy.
pub(crate) struct Bytes(Vec<u8>);

// === impl Envoy ===

impl Host for Envoy<'_> {
    type Fields<'a>
        = Pairs<Vec<u8>>
    where
        Self: 'a;
    type Chunk<'a>
        = Bytes
    where
        Self: 'a;
    type Claims<'a>
        = EnvoyClaims<'a>
    where
        Self: 'a;

    fn request_head(&self) -> Result<Pairs<Vec<u8>>, HostError> {
        let fields = abi::fields(Map::RequestHeaders)?;
        #[cfg(feature = "trap")]
        if edge::Fields::pairs(&fields).any(|(name, _)| name == b"x-postmqtt-trap") {
            std::process::abort();
        }
        Ok(fields)
    }

    fn change_request_head(&mut self, changes: &Changes) -> Result<(), HostError> {
        changes.iter().try_for_each(|change| match change {
            Change::Set { name, value } => abi::replace_field(Map::RequestHeaders, name, value),
            Change::Remove { name } => abi::remove_field(Map::RequestHeaders, name),
        })
    }

    fn request_chunk(&self, size: usize) -> Result<Bytes, HostError> {
        abi::request_body(size).map(Bytes)
    }

    fn held_payload(&self, size: usize) -> Result<Bytes, HostError> {
        abi::request_body(size).map(Bytes)
    }

    fn replace_held_payload(&mut self, size: usize, payload: &[u8]) -> Result<(), HostError> {
        abi::replace_request_body(size, payload)
    }

    fn remove_request_trailers(&mut self, names: &[&'static str]) -> Result<(), HostError> {
        names.iter().try_for_each(|name| abi::remove_field(Map::RequestTrailers, name))
    }

    fn claims<'a>(&'a self, metadata_key: &'a str) -> Result<EnvoyClaims<'a>, HostError> {
        Ok(EnvoyClaims::new(metadata_key))
    }

    fn attribute(&self, attribute: Attribute) -> Result<Option<Vec<u8>>, HostError> {
        let path = match attribute {
            Attribute::SourceAddress => ["source", "address"],
            Attribute::PeerUriSan => ["connection", "uri_san_peer_certificate"],
            Attribute::PeerUriSans => ["filter_state", "postmqtt.peer_uri_sans"],
        };
        abi::property(&path).map(abi::Property::into_bytes)
    }

    fn count(&self, outcome: Outcome) -> Result<(), HostError> {
        self.counters.increment(outcome)
    }

    fn send_local_response(&mut self, response: &LocalResponse<'_>) -> Result<(), HostError> {
        abi::send_local_response(response)
    }
}

// === impl Bytes ===

impl Chunk for Bytes {
    fn slices(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(self.0.as_slice())
    }
}
