//! Spans: one for each published message or batch, a child of the span that the request names.
//!
//! Attributes have the names of OpenTelemetry's semantic conventions for messaging, or start with `mqtt.`. The SDK reads
//! further settings from its environment variables: `OTEL_TRACES_SAMPLER`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_BSP_…`.

use std::time::Duration;

use http_publish::batch::Batch;
use http_publish::{Problem, Publish, QoS, ReasonCode, Retain};
use mqtt_sessions::config::BrokerAddress;
use opentelemetry::trace::{Span as _, SpanKind, Status, TraceContextExt, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::EnvResourceDetector;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span};

use super::context::TraceContext;
use super::endpoint::OtlpEndpoint;
use super::error::SpansError;
use super::export;

/// Creates spans and exports them in the background.
#[derive(Debug)]
pub struct Spans {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    /// The broker, if there is only one.
    broker: Option<BrokerAddress>,
}

/// The span of a message or of a batch, from its valid request to its outcome.
///
/// A span that is dropped is exported without an outcome: the publisher has gone.
#[derive(Debug)]
pub(crate) struct PublishSpan(Option<Span>);

/// The service name and the instrumentation scope.
const SERVICE: &str = env!("CARGO_PKG_NAME");

/// The attribute with the Topic Name.
const DESTINATION: &str = "messaging.destination.name";

/// The time limit of the last export.
const LAST_EXPORT: Duration = Duration::from_secs(5);

// === impl Spans ===

impl Spans {
    /// Starts exporting, on the current Tokio runtime. `broker` is the only broker; `None` if there are several.
    ///
    /// # Errors
    ///
    /// Returns an error if the exporter cannot be created.
    pub fn start(endpoint: &OtlpEndpoint, broker: Option<BrokerAddress>) -> Result<Self, SpansError> {
        let service = [
            KeyValue::new("service.name", SERVICE),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", format!("{:032x}", fastrand::u128(..))),
        ];
        let mut resource = Resource::builder_empty()
            .with_attributes(service)
            .with_detector(Box::new(EnvResourceDetector::new()));
        if let Some(name) = std::env::var("OTEL_SERVICE_NAME").ok().filter(|name| !name.is_empty()) {
            resource = resource.with_service_name(name);
        }
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_batch_exporter(export::exporter(endpoint)?)
            .build();
        let tracer = provider.tracer(SERVICE);
        Ok(Self { provider, tracer, broker })
    }

    /// Starts the span of a message.
    pub(crate) fn begin(&self, trace: Option<&TraceContext<'_>>, publish: &Publish<'_>) -> PublishSpan {
        let Some(mut span) = self.start_span(trace) else { return PublishSpan::none() };
        let qos = match publish.qos {
            QoS::AtMostOnce => 0,
            QoS::AtLeastOnce => 1,
        };
        span.set_attributes([
            KeyValue::new(DESTINATION, publish.topic_name.as_str().to_owned()),
            KeyValue::new("mqtt.qos", qos),
            KeyValue::new("mqtt.retain", publish.retain == Retain::Store),
        ]);
        PublishSpan(Some(span))
    }

    /// Starts the span of a batch.
    pub(crate) fn begin_batch(&self, trace: Option<&TraceContext<'_>>, batch: &Batch<'_>) -> PublishSpan {
        let Some(mut span) = self.start_span(trace) else { return PublishSpan::none() };
        if let Some(topic_name) = &batch.topic_name {
            span.set_attribute(KeyValue::new(DESTINATION, topic_name.as_str().to_owned()));
        }
        PublishSpan(Some(span))
    }

    /// Starts a span with the attributes that all have. `None`: it is not exported, so it needs no attributes.
    fn start_span(&self, trace: Option<&TraceContext<'_>>) -> Option<Span> {
        let parent = trace.map(|trace| Context::new().with_remote_span_context(trace.to_span_context()));
        let builder = self.tracer.span_builder("publish").with_kind(SpanKind::Producer);
        let mut span = self.tracer.build_with_context(builder, &parent.unwrap_or_default());
        if !span.is_recording() {
            return None;
        }
        span.set_attributes([
            KeyValue::new("messaging.system", "mqtt"),
            KeyValue::new("messaging.operation.name", "publish"),
            KeyValue::new("messaging.operation.type", "send"),
        ]);
        if let Some(broker) = &self.broker {
            span.set_attributes([
                KeyValue::new("server.address", broker.host.clone()),
                KeyValue::new("server.port", i64::from(broker.port)),
            ]);
        }
        Some(span)
    }

    /// Exports the last spans. No span may be started afterwards.
    pub(crate) async fn close(&self) {
        let provider = self.provider.clone();
        // It blocks until its last request has run on this runtime.
        let closed = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_EXPORT)).await;
        if let Ok(Err(error)) = closed {
            tracing::warn!("the last spans may be missing: {error}");
        }
    }
}

// === impl PublishSpan ===

impl PublishSpan {
    /// A span that is not exported.
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    /// The trace context with this span as the parent. `None`: the span is not exported.
    pub(crate) fn continued<'a>(&self, trace: Option<&TraceContext<'a>>) -> Option<TraceContext<'a>> {
        let context = self.0.as_ref()?.span_context();
        context.is_sampled().then(|| TraceContext::below(context, trace))
    }

    /// Sets the size of the payload.
    pub(crate) fn set_payload_bytes(&mut self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.set_attribute(KeyValue::new("messaging.message.body.size", bytes));
    }

    /// Ends the span with the outcome of the message.
    pub(crate) fn end(mut self, outcome: Result<Option<ReasonCode>, &Problem>) {
        let reason_code = match outcome {
            Ok(reason_code) => reason_code,
            Err(problem) => {
                self.set_error(problem);
                problem.reason_code()
            }
        };
        if let Some(code) = reason_code {
            self.set_attribute(KeyValue::new("mqtt.reason_code", i64::from(code.0)));
        }
    }

    /// Ends the span with the number of messages of the batch, and how many of them were refused.
    pub(crate) fn end_batch(mut self, outcome: Result<(usize, usize), &Problem>) {
        let number = |count| i64::try_from(count).unwrap_or(i64::MAX);
        match outcome {
            Ok((messages, refused)) => {
                self.set_attribute(KeyValue::new("messaging.batch.message_count", number(messages)));
                self.set_attribute(KeyValue::new("mqtt.batch.refused", number(refused)));
            }
            Err(problem) => self.set_error(problem),
        }
    }

    fn set_error(&mut self, problem: &Problem) {
        self.set_attribute(KeyValue::new("error.type", problem.code().as_str()));
        if let Some(span) = &mut self.0 {
            span.set_status(Status::error(problem.detail().to_owned()));
        }
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(attribute);
        }
    }
}
