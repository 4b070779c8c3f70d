//! Where spans go: a collector's base URL, as `OTEL_EXPORTER_OTLP_ENDPOINT` has it elsewhere.

use std::fmt;

use hyper::Uri;

/// The base URL of a collector that takes OTLP over HTTP; spans go to `v1/traces` below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtlpEndpoint {
    traces: String,
    scheme: Scheme,
}

/// What the connection to the collector is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

/// The text is no such URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidEndpoint;

// === impl OtlpEndpoint ===

impl OtlpEndpoint {
    /// Reads `http://host:4318` or `https://host/base`.
    ///
    /// # Errors
    ///
    /// It has another scheme, no host, a query, or credentials; those go into `OTEL_EXPORTER_OTLP_HEADERS`.
    pub fn parse(text: &str) -> Result<Self, InvalidEndpoint> {
        let uri: Uri = text.parse().map_err(|_| InvalidEndpoint)?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            _ => return Err(InvalidEndpoint),
        };
        let authority = uri.authority().ok_or(InvalidEndpoint)?;
        if authority.host().is_empty() || authority.as_str().contains('@') || uri.query().is_some() {
            return Err(InvalidEndpoint);
        }
        Ok(Self { traces: format!("{}/v1/traces", text.trim_end_matches('/')), scheme })
    }

    pub(super) const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The URL that spans are POSTed to.
    pub(super) fn traces(&self) -> &str {
        &self.traces
    }
}

// === impl InvalidEndpoint ===

impl fmt::Display for InvalidEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "expected the base URL of a collector, such as http://otel-collector:4318 or https://otel.example",
        )
    }
}

impl std::error::Error for InvalidEndpoint {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_the_base_url_of_a_collector() {
        let rows = [
            ("http://127.0.0.1:4318", Some("http://127.0.0.1:4318/v1/traces")),
            ("http://otel-collector:4318/", Some("http://otel-collector:4318/v1/traces")),
            ("https://otel.example/base", Some("https://otel.example/base/v1/traces")),
            ("http://[::1]:4318", Some("http://[::1]:4318/v1/traces")),
            ("otel-collector:4318", None),
            ("grpc://otel-collector:4317", None),
            ("http://", None),
            ("http://me:secret@otel.example", None),
            ("http://otel.example/?a=b", None),
            ("", None),
        ];
        for (given, expected) in rows {
            let endpoint = OtlpEndpoint::parse(given).ok();
            assert_eq!(endpoint.as_ref().map(OtlpEndpoint::traces), expected, "{given}");
        }
    }
}
