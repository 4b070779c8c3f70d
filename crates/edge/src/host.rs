//! The port: what the filter asks of the proxy that it runs in.

use std::fmt;

use policy::{ClaimPath, Claims, Presence};

use crate::changes::Changes;
use crate::outcome::Outcome;

/// The proxy, as one request sees it.
///
/// What is read is borrowed from the host where the host can lend it: an implementation copies only what its ABI makes it
/// copy. The filter is generic over this trait, so that no call is dispatched at run time.
pub trait Host {
    /// The fields of a head.
    type Fields<'a>: Fields
    where
        Self: 'a;
    /// Bytes of a payload.
    type Chunk<'a>: Chunk
    where
        Self: 'a;
    /// The claims of the token that `jwt_authn` verified.
    type Claims<'a>: TokenClaims
    where
        Self: 'a;

    /// Reads the fields of the request's head, pseudo-header fields and repeated fields included.
    ///
    /// # Errors
    /// Returns an error if the host does not show a whole head.
    fn request_head(&self) -> Result<Self::Fields<'_>, HostError>;

    /// Changes the fields of the request's head, in the order of `changes`.
    ///
    /// # Errors
    /// Returns an error if any of the changes was not made; then the request is refused.
    fn change_request_head(&mut self, changes: &Changes) -> Result<(), HostError>;

    /// Reads the bytes of the payload that the host shows now; there are `size` of them.
    ///
    /// # Errors
    /// Returns an error if the host does not show as many.
    fn request_chunk(&self, size: usize) -> Result<Self::Chunk<'_>, HostError>;

    /// Reads all of a payload that was held ([`Flow::Hold`](crate::Flow::Hold)), with what the host shows now; `size` bytes.
    ///
    /// # Errors
    /// Returns an error if the host does not show as many.
    fn held_payload(&self, size: usize) -> Result<Self::Chunk<'_>, HostError>;

    /// Puts `payload` in the place of those `size` bytes.
    ///
    /// # Errors
    /// Returns an error if it may not be all that goes on.
    fn replace_held_payload(&mut self, size: usize, payload: &[u8]) -> Result<(), HostError>;

    /// Removes every value of fields from the request's trailers.
    ///
    /// # Errors
    /// Returns an error if a field may still be there.
    fn remove_request_trailers(&mut self, names: &[&'static str]) -> Result<(), HostError>;

    /// Opens the claims that `jwt_authn` left in its metadata under `metadata_key` (its `payload_in_metadata`).
    ///
    /// # Errors
    /// Returns an error if the host does not show its metadata. A request without a token has no claims, which is no error.
    fn claims<'a>(&'a self, metadata_key: &'a str) -> Result<Self::Claims<'a>, HostError>;

    /// Reads an attribute of the request or its connection; `None` if it has none, or an empty one.
    ///
    /// # Errors
    /// Returns an error if the host cannot say.
    fn attribute(&self, attribute: Attribute) -> Result<Option<Vec<u8>>, HostError>;

    /// Adds one to the counter of `outcome`.
    ///
    /// # Errors
    /// Returns an error if the host does not count it.
    fn count(&self, outcome: Outcome) -> Result<(), HostError>;

    /// Answers the request in the place of the upstream.
    ///
    /// # Errors
    /// Returns an error if the client gets no answer.
    fn send_local_response(&mut self, response: &LocalResponse<'_>) -> Result<(), HostError>;
}

/// The fields of a head.
pub trait Fields {
    /// Names in lower case, and values, in the order in which they came.
    fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])>;
}

/// Consecutive bytes of a payload, in as many slices as the host has them.
pub trait Chunk {
    /// The slices, in order.
    fn slices(&self) -> impl Iterator<Item = &[u8]>;
}

/// The claims of a token. A host may read each when it is asked for.
pub trait TokenClaims: Claims {
    /// The claim that may name the client: asked once for each request, so that a host can answer it in one look-up.
    fn name(&self, path: &ClaimPath) -> NameClaim {
        match self.presence(path) {
            Presence::Absent | Presence::Null => NameClaim::Missing,
            Presence::Present => self.text(path).map_or(NameClaim::NotText, NameClaim::Text),
        }
    }

    /// Whether every claim that was asked for could be read.
    ///
    /// # Errors
    /// Returns an error if one could not: what was decided on its absence does not count.
    fn completed(&self) -> Result<(), HostError> {
        Ok(())
    }
}

/// What the claim that may name the client holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameClaim {
    /// Nothing: it is not there, null, an empty string, or unreadable.
    Missing,
    /// A string with at least one character.
    Text(String),
    /// A value that is no string.
    NotText,
}

/// What the filter reads of a request beside its head and its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// Envoy's `source.address`: the client's address and port.
    SourceAddress,
    /// Envoy's `connection.uri_san_peer_certificate`: the first URI SAN of the client's certificate.
    PeerUriSan,
    /// The filter state `postmqtt.peer_uri_sans`: all URI SANs of the client's certificate, joined by commas.
    PeerUriSans,
}

/// An answer in the place of the upstream's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalResponse<'a> {
    /// The HTTP status.
    pub status: u16,
    /// What Envoy's `%RESPONSE_CODE_DETAILS%` shows.
    pub details: &'a str,
    /// Fields of the head, names in lower case.
    pub fields: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

/// The host did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostError {
    /// The name of the call, as the host's ABI has it.
    pub call: &'static str,
    /// The status that it returned, if the ABI has statuses.
    pub status: Option<u32>,
}

// === impl HostError ===

impl fmt::Display for HostError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(formatter, "{} failed with status {status}", self.call),
            None => write!(formatter, "{} failed", self.call),
        }
    }
}

impl std::error::Error for HostError {}
