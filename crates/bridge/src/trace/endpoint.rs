//! The base URL of a collector, in the form of `OTEL_EXPORTER_OTLP_ENDPOINT`.

use hyper::Uri;

/// The base URL of a collector that accepts OTLP over HTTP. Spans are sent to `v1/traces` below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtlpEndpoint {
    traces: String,
    scheme: Scheme,
}

/// The scheme of the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

/// The text is not the base URL of a collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the base URL of a collector, such as http://otel-collector:4318 or https://otel.example")]
pub struct InvalidEndpoint;

// === impl OtlpEndpoint ===

impl OtlpEndpoint {
    /// Reads `http://host:4318` or `https://host/base`.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL has another scheme, no host, a query, or credentials. `OTEL_EXPORTER_OTLP_HEADERS` is the
    /// place for credentials.
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

    /// The URL that spans are sent to with POST.
    pub(super) fn traces(&self) -> &str {
        &self.traces
    }
}

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
