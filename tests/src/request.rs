//! A request, described once and sent over any protocol.

use std::fmt;

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};

use crate::{Body, token};

/// A request to be sent. Made with a token that is valid, since most tests are not about tokens.
#[derive(Clone)]
pub struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

// === impl Request ===

impl Request {
    /// `POST /mqtt/messages?topic=…` for this Topic Name, which is percent-encoded.
    #[must_use]
    pub fn publish(topic: &str) -> Self {
        Self::post(format!("/mqtt/messages?topic={}", percent_encoded(topic)))
    }

    /// `POST` to this path and query.
    #[must_use]
    pub fn post(target: impl Into<String>) -> Self {
        let request = Self {
            method: "POST".to_owned(),
            target: target.into(),
            headers: HeaderMap::new(),
            body: Body::sized(Bytes::new()),
        };
        request.token(token::valid())
    }

    /// Another method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    /// Appends to path and query.
    #[must_use]
    pub fn and(mut self, more: &str) -> Self {
        self.target.push_str(more);
        self
    }

    /// Adds a header; a second one of the same name goes beside the first.
    ///
    /// # Panics
    /// Where it cannot be written in HTTP; [`raw`](crate::raw) can.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        self.headers.append(name, HeaderValue::from_bytes(value.as_ref()).expect("a header's value"));
        self
    }

    /// Adds headers.
    #[must_use]
    pub fn headers(self, headers: &[(&str, &str)]) -> Self {
        headers.iter().fold(self, |request, (name, value)| request.header(name, value))
    }

    /// Another token.
    #[must_use]
    pub fn token(mut self, token: &str) -> Self {
        self.headers.remove("authorization");
        self.header("authorization", format!("Bearer {token}"))
    }

    /// No token.
    #[must_use]
    pub fn without_token(mut self) -> Self {
        self.headers.remove("authorization");
        self
    }

    /// This body.
    #[must_use]
    pub fn with_body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// A body of known size.
    #[must_use]
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        self.with_body(Body::sized(body))
    }

    /// A body that is sent chunk by chunk.
    #[must_use]
    pub fn chunks<B: Into<Bytes>>(self, chunks: impl IntoIterator<Item = B>) -> Self {
        self.with_body(Body::chunked(chunks))
    }

    /// Trailers behind a chunked body.
    #[must_use]
    pub fn trailer(mut self, name: &'static str, value: &'static str) -> Self {
        let trailers = [(HeaderName::from_static(name), HeaderValue::from_static(value))];
        self.body = self.body.with_trailers(trailers.into_iter().collect());
        self.header("trailer", name)
    }
}

impl fmt::Debug for Request {
    /// Without the token, which is long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.target)?;
        for (name, value) in self.headers.iter().filter(|(name, _)| *name != AUTHORIZATION) {
            write!(f, ", {name}: {}", value.as_bytes().escape_ascii())?;
        }
        write!(f, ", {:?}", self.body)
    }
}

/// A value for the query: everything but letters and digits is escaped.
#[must_use]
pub fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(encode).collect()
}
