//! A collector that keeps the spans that are exported to it, read with the OpenTelemetry project's own types.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message as _;

use crate::{Behaviour, Recorder};

/// The collector.
#[derive(Debug)]
pub struct Collector(Recorder);

/// A span that was exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// `service.name` of what made it.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Its kind, as the protocol's number: 2 is a server, 3 a client, 4 a producer.
    pub kind: i32,
    /// In lower-case hexadecimal digits, as the two ids below.
    pub trace_id: String,
    /// Its own id.
    pub span_id: String,
    /// The id of its parent; empty where it has none.
    pub parent_span_id: String,
    /// What it says, numbers and booleans as text.
    pub attributes: BTreeMap<String, String>,
    /// What went wrong, where something did.
    pub error: Option<String>,
}

// === impl Collector ===

impl Collector {
    /// Starts it.
    ///
    /// # Panics
    /// Where there is no free port.
    #[must_use]
    pub fn start() -> Self {
        let recorder = Recorder::start();
        // Envoy takes no other status for a success.
        recorder.behave(Behaviour::Answer(200));
        Self(recorder)
    }

    /// Its port of 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.0.port()
    }

    /// The spans that a service has exported.
    ///
    /// # Panics
    /// Where something else than spans in protobuf was sent.
    #[must_use]
    pub fn spans_of(&self, service: &str) -> Vec<Span> {
        let exports = self.0.seen().into_iter().map(|request| {
            assert_eq!(request.target, "/v1/traces");
            assert_eq!(request.header("content-type"), ["application/x-protobuf"]);
            let body = request.body.expect("a whole export");
            ExportTraceServiceRequest::decode(body.as_slice()).expect("spans as OTLP has them")
        });
        let spans = exports.flat_map(|export| export.resource_spans).flat_map(spans);
        spans.filter(|span| span.service == service).collect()
    }
}

fn spans(exported: ResourceSpans) -> Vec<Span> {
    let resource = attributes(exported.resource.map(|resource| resource.attributes).unwrap_or_default());
    let service = resource.get("service.name").cloned().unwrap_or_default();
    let spans = exported.scope_spans.into_iter().flat_map(|scope| scope.spans);
    let span = spans.map(|span| Span {
        service: service.clone(),
        name: span.name,
        kind: span.kind,
        trace_id: hexadecimal(&span.trace_id),
        span_id: hexadecimal(&span.span_id),
        parent_span_id: hexadecimal(&span.parent_span_id),
        attributes: attributes(span.attributes),
        error: span
            .status
            .filter(|status| status.code == i32::from(StatusCode::Error))
            .map(|status| status.message),
    });
    span.collect()
}

fn attributes(pairs: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Value| match value {
        Value::StringValue(text) => text,
        Value::BoolValue(value) => value.to_string(),
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    let value = |pair: KeyValue| Some((pair.key, text(pair.value?.value?)));
    pairs.into_iter().filter_map(value).collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
