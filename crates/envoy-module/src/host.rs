//! What the filter asks of Envoy: the implementation of [`edge::Host`].
//!
//! What is read is borrowed from Envoy's memory. It stays valid until a callback changes the same thing; such callbacks take
//! `&mut self`, so that nothing borrowed is left by then.
#![allow(unsafe_code)]

use std::marker::PhantomData;

use edge::{Attribute, Changes, Chunk, Fields, Host, HostError, LocalResponse, Outcome};
use http_publish::Change;

use crate::abi::{
    self, Body, EnvoyBuffer, EnvoyHeader, FilterInEnvoy, HeaderMap, MetadataSource, ModuleHeader,
};
use crate::claims::JsonClaims;
use crate::lend;
use crate::setup::Setup;

/// One stream of Envoy's, during one hook.
pub(crate) struct EnvoyHost<'a> {
    filter: FilterInEnvoy,
    setup: &'a Setup,
    chunk: ChunkPlace,
    answered: &'a mut bool,
}

/// Where the bytes are that the body hook is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChunkPlace {
    pub(crate) body: Body,
    /// How many bytes of the body came before them.
    pub(crate) skip: usize,
}

/// The fields of a head, in place: every one has a name, and its bytes can be borrowed.
pub(crate) struct BorrowedFields<'a> {
    fields: Vec<EnvoyHeader>,
    lent: PhantomData<&'a [u8]>,
}

/// Bytes of a payload, in place: every slice can be borrowed.
pub(crate) struct BorrowedChunk<'a> {
    slices: Vec<&'a [u8]>,
}

/// The filter that verifies tokens, and the namespace of its metadata.
const JWT_AUTHN: &[u8] = b"envoy.filters.http.jwt_authn";
/// The filter state of the claims, followed by the metadata's key.
const CLAIMS: &str = "postmqtt.claims.";
/// The filter state of all URI SANs of the client's certificate.
const PEER_URI_SANS: &[u8] = b"postmqtt.peer_uri_sans";

// === impl ChunkPlace ===

impl ChunkPlace {
    /// For hooks that are not about a body.
    pub(crate) const NONE: Self = Self { body: Body::RECEIVED_REQUEST, skip: 0 };
}

// === impl EnvoyHost ===

impl<'a> EnvoyHost<'a> {
    /// Opens a stream. `answered` is set when it is answered here.
    ///
    /// # Safety
    /// `filter` is the stream whose hook is running, until the end of `'a`; its configuration defined the counters of
    /// `setup`.
    pub(crate) unsafe fn new(
        filter: FilterInEnvoy,
        setup: &'a Setup,
        chunk: ChunkPlace,
        answered: &'a mut bool,
    ) -> Self {
        Self { filter, setup, chunk, answered }
    }

    /// Where the `size` bytes of a payload are that was held and has ended: Envoy may have added the last part to what is held
    /// before it calls the filter, or show it apart; or both bodies are the same one, which a filter before this one held.
    fn payload_places(&self, size: usize) -> Vec<(Body, usize)> {
        // SAFETY: the stream's hook is running.
        let size_of =
            |body| unsafe { abi::envoy_dynamic_module_callback_http_get_body_size(self.filter, body) };
        let places = [Body::BUFFERED_REQUEST, Body::RECEIVED_REQUEST].map(|body| (body, size_of(body)));
        let [(_, held), received] = places;
        if received.1 == size && held == size {
            return vec![received];
        }
        places.into_iter().filter(|(_, size)| *size != 0).collect()
    }

    fn set_field(&mut self, map: HeaderMap, name: &str, value: abi::ModuleBuffer) -> Result<(), HostError> {
        let name = lend::to_envoy(name.as_bytes());
        // SAFETY: the stream's hook is running; name and value live until the call returns.
        let done =
            unsafe { abi::envoy_dynamic_module_callback_http_set_header(self.filter, map, name, value) };
        done.then_some(()).ok_or(failed("envoy_dynamic_module_callback_http_set_header"))
    }

    fn filter_state(&self, key: &[u8]) -> Result<Option<&[u8]>, HostError> {
        const CALL: &str = "envoy_dynamic_module_callback_http_get_filter_state_bytes";
        let mut value = lend::EMPTY;
        // SAFETY: the stream's hook is running; key and value live until the call returns.
        let found = unsafe {
            abi::envoy_dynamic_module_callback_http_get_filter_state_bytes(
                self.filter,
                lend::to_envoy(key),
                &raw mut value,
            )
        };
        if !found {
            return Ok(None);
        }
        // SAFETY: filter state is Envoy's until the hook ends, and nothing here changes it.
        unsafe { lend::buffer(value) }.map(Some).ok_or(failed(CALL))
    }

    fn attribute_string(&self, attribute: abi::Attribute) -> Result<Option<&[u8]>, HostError> {
        const CALL: &str = "envoy_dynamic_module_callback_http_filter_get_attribute_string";
        let mut value = lend::EMPTY;
        // SAFETY: the stream's hook is running; value lives until the call returns.
        let found = unsafe {
            abi::envoy_dynamic_module_callback_http_filter_get_attribute_string(
                self.filter,
                attribute,
                &raw mut value,
            )
        };
        if !found {
            return Ok(None);
        }
        // SAFETY: the connection's attributes are Envoy's until the hook ends, and nothing here changes them.
        unsafe { lend::buffer(value) }.map(Some).ok_or(failed(CALL))
    }

    /// Whether `jwt_authn` left anything about a token.
    fn has_token(&self) -> bool {
        // SAFETY: the stream's hook is running; the namespace is 'static.
        let keys = unsafe {
            abi::envoy_dynamic_module_callback_http_get_metadata_keys_count(
                self.filter,
                MetadataSource::DYNAMIC,
                lend::to_envoy(JWT_AUTHN),
            )
        };
        keys != 0
    }
}

impl Host for EnvoyHost<'_> {
    type Fields<'a>
        = BorrowedFields<'a>
    where
        Self: 'a;
    type Chunk<'a>
        = BorrowedChunk<'a>
    where
        Self: 'a;
    type Claims<'a>
        = JsonClaims<'a>
    where
        Self: 'a;

    fn request_head(&self) -> Result<BorrowedFields<'_>, HostError> {
        // SAFETY: the stream's hook is running, and the fields are borrowed no longer than `self`.
        unsafe { BorrowedFields::read(self.filter) }
    }

    fn change_request_head(&mut self, changes: &Changes) -> Result<(), HostError> {
        for change in changes.iter() {
            match change {
                Change::Set { name, value } => {
                    self.set_field(HeaderMap::REQUEST, name, lend::to_envoy(value.as_bytes()))?;
                }
                Change::Remove { name } => self.set_field(HeaderMap::REQUEST, name, lend::NONE)?,
            }
        }
        // SAFETY: the stream's hook is running.
        unsafe { abi::envoy_dynamic_module_callback_http_clear_route_cache(self.filter) };
        Ok(())
    }

    fn request_chunk(&self, size: usize) -> Result<BorrowedChunk<'_>, HostError> {
        // SAFETY: the stream's hook is running, and the chunk is borrowed no longer than `self`.
        unsafe { BorrowedChunk::read(self.filter, self.chunk, size) }
    }

    fn held_payload(&self, size: usize) -> Result<BorrowedChunk<'_>, HostError> {
        let mut slices = Vec::new();
        for (body, size) in self.payload_places(size) {
            // SAFETY: the stream's hook is running, and the chunk is borrowed no longer than `self`.
            let chunk = unsafe { BorrowedChunk::read(self.filter, ChunkPlace { body, skip: 0 }, size) }?;
            slices.extend(chunk.slices);
        }
        let shown: usize = slices.iter().map(|slice| slice.len()).sum();
        (shown == size)
            .then_some(BorrowedChunk { slices })
            .ok_or(failed("envoy_dynamic_module_callback_http_get_body_chunks"))
    }

    fn replace_held_payload(&mut self, size: usize, payload: &[u8]) -> Result<(), HostError> {
        const DRAIN: &str = "envoy_dynamic_module_callback_http_drain_body";
        const APPEND: &str = "envoy_dynamic_module_callback_http_append_body";
        let places = self.payload_places(size);
        for &(body, size) in &places {
            // SAFETY: the stream's hook is running, and nothing of the body is borrowed.
            let drained =
                unsafe { abi::envoy_dynamic_module_callback_http_drain_body(self.filter, body, size) };
            drained.then_some(()).ok_or(failed(DRAIN))?;
        }
        let &(body, _) = places.last().ok_or(failed(DRAIN))?;
        // SAFETY: the stream's hook is running; the payload lives until the call returns.
        let appended = unsafe {
            abi::envoy_dynamic_module_callback_http_append_body(self.filter, body, lend::to_envoy(payload))
        };
        appended.then_some(()).ok_or(failed(APPEND))
    }

    fn remove_request_trailers(&mut self, names: &[&'static str]) -> Result<(), HostError> {
        names.iter().try_for_each(|name| self.set_field(HeaderMap::REQUEST_TRAILERS, name, lend::NONE))
    }

    fn claims<'a>(&'a self, metadata_key: &str) -> Result<JsonClaims<'a>, HostError> {
        let key = format!("{CLAIMS}{metadata_key}");
        match self.filter_state(key.as_bytes())? {
            Some(json) => JsonClaims::from_json(json),
            None if self.has_token() => {
                self.setup.log_missing_claims(&key);
                Err(failed("reading the token's claims from the filter state"))
            }
            None => Ok(JsonClaims::NONE),
        }
    }

    fn attribute(&self, attribute: Attribute) -> Result<Option<Vec<u8>>, HostError> {
        let value = match attribute {
            Attribute::SourceAddress => self.attribute_string(abi::Attribute::SOURCE_ADDRESS),
            Attribute::PeerUriSan => self.attribute_string(abi::Attribute::URI_SAN_PEER_CERTIFICATE),
            Attribute::PeerUriSans => self.filter_state(PEER_URI_SANS),
        };
        Ok(value?.filter(|value| !value.is_empty()).map(<[u8]>::to_vec))
    }

    fn count(&self, outcome: Outcome) -> Result<(), HostError> {
        // SAFETY: the stream's hook is running, and its configuration defined these counters.
        unsafe { self.setup.counters.increment(self.filter, outcome) }
    }

    fn send_local_response(&mut self, response: &LocalResponse<'_>) -> Result<(), HostError> {
        let mut fields: Vec<_> = response.fields.iter().map(|(name, value)| header(name, value)).collect();
        *self.answered = true;
        // SAFETY: the stream's hook is running; all that is lent lives until the call returns.
        unsafe {
            abi::envoy_dynamic_module_callback_http_send_response(
                self.filter,
                u32::from(response.status),
                fields.as_mut_ptr(),
                fields.len(),
                lend::to_envoy(response.body),
                lend::to_envoy(response.details.as_bytes()),
            );
        }
        Ok(())
    }
}

// === impl BorrowedFields ===

impl BorrowedFields<'_> {
    /// # Safety
    /// `filter` is a stream whose hook is running, and no field is changed while the fields are borrowed.
    unsafe fn read(filter: FilterInEnvoy) -> Result<Self, HostError> {
        const CALL: &str = "envoy_dynamic_module_callback_http_get_headers";
        const NO_FIELD: EnvoyHeader = EnvoyHeader {
            key_ptr: std::ptr::null(),
            key_length: 0,
            value_ptr: std::ptr::null(),
            value_length: 0,
        };
        // SAFETY: the caller's promise.
        let size =
            unsafe { abi::envoy_dynamic_module_callback_http_get_headers_size(filter, HeaderMap::REQUEST) };
        let mut fields = filled(NO_FIELD, size).ok_or(failed(CALL))?;
        // SAFETY: the caller's promise; there is room for as many fields as Envoy has.
        let written = unsafe {
            abi::envoy_dynamic_module_callback_http_get_headers(
                filter,
                HeaderMap::REQUEST,
                fields.as_mut_ptr(),
            )
        };
        let lendable = |field: &EnvoyHeader| {
            // SAFETY: Envoy lends these bytes until the hook ends or the map is changed.
            let pair = unsafe { (name(field), value(field)) };
            matches!(pair, (Some([_, ..]), Some(_)))
        };
        // A field that cannot be read would otherwise pass unchecked.
        let complete = written && size != 0 && fields.iter().all(lendable);
        complete.then_some(Self { fields, lent: PhantomData }).ok_or(failed(CALL))
    }
}

impl Fields for BorrowedFields<'_> {
    fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|field| {
            // SAFETY: checked when the fields were read, and lent for as long as they are borrowed.
            let (name, value) = unsafe { (name(field), value(field)) };
            (name.unwrap_or_default(), value.unwrap_or_default())
        })
    }
}

// === impl BorrowedChunk ===

impl<'a> BorrowedChunk<'a> {
    /// # Safety
    /// `filter` is a stream whose hook is running until the end of `'a`, and its bodies are not changed until then.
    unsafe fn read(filter: FilterInEnvoy, place: ChunkPlace, size: usize) -> Result<Self, HostError> {
        const CALL: &str = "envoy_dynamic_module_callback_http_get_body_chunks";
        // SAFETY: the caller's promise.
        let count =
            unsafe { abi::envoy_dynamic_module_callback_http_get_body_chunks_size(filter, place.body) };
        let mut chunks: Vec<EnvoyBuffer> = filled(lend::EMPTY, count).ok_or(failed(CALL))?;
        // SAFETY: the caller's promise; there is room for as many chunks as Envoy has.
        let written = unsafe {
            abi::envoy_dynamic_module_callback_http_get_body_chunks(filter, place.body, chunks.as_mut_ptr())
        };
        if !written {
            return Err(failed(CALL));
        }
        let mut skip = place.skip;
        let mut slices = Vec::with_capacity(count);
        for chunk in chunks {
            // SAFETY: Envoy lends these bytes until the hook ends.
            let bytes: &'a [u8] = unsafe { lend::buffer(chunk) }.ok_or(failed(CALL))?;
            let (skipped, rest) = bytes.split_at(skip.min(bytes.len()));
            skip -= skipped.len();
            slices.push(rest);
        }
        // Bytes that are not shown would otherwise pass unchecked.
        let shown = slices.iter().try_fold(0usize, |sum, slice| sum.checked_add(slice.len()));
        if shown == Some(size) { Ok(Self { slices }) } else { Err(failed(CALL)) }
    }
}

impl Chunk for BorrowedChunk<'_> {
    fn slices(&self) -> impl Iterator<Item = &[u8]> {
        self.slices.iter().copied()
    }
}

/// As many elements as Envoy says there are, for Envoy to write; `None` if there cannot be as many.
fn filled<T: Clone>(element: T, count: usize) -> Option<Vec<T>> {
    let mut elements = Vec::new();
    elements.try_reserve_exact(count).ok()?;
    elements.resize(count, element);
    Some(elements)
}

/// # Safety
/// The name's bytes are lent for `'a`.
unsafe fn name<'a>(field: &EnvoyHeader) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    unsafe { lend::from_envoy(field.key_ptr, field.key_length) }
}

/// # Safety
/// The value's bytes are lent for `'a`.
unsafe fn value<'a>(field: &EnvoyHeader) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    unsafe { lend::from_envoy(field.value_ptr, field.value_length) }
}

const fn header(name: &str, value: &str) -> ModuleHeader {
    ModuleHeader {
        key_ptr: name.as_ptr().cast(),
        key_length: name.len(),
        value_ptr: value.as_ptr().cast(),
        value_length: value.len(),
    }
}

const fn failed(call: &'static str) -> HostError {
    HostError { call, status: None }
}
