//! `deploy/tracing.yaml` and the bridge's `--trace-context` and `--otlp-endpoint`: one trace from the client through the
//! edge and the bridge to the subscriber.

use end_to_end::{
    AutomaticBroker, Collector, Edge, Message, Protocol, Request, Span, config, deploy, eventually,
};
use rig::stack::Mosquitto;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

const EDGE: &str = "postmqtt-edge";
const BRIDGE: &str = "postmqtt-bridge";

const CLIENT: i32 = 3;
const PRODUCER: i32 = 4;

/// Whether the bridge exports spans of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bridge {
    Exports,
    DoesNot,
}

/// An edge that traces, before this broker, with the collector that it exports to.
fn traced_before(name: &str, broker: Option<u16>, bridge: Bridge, arguments: &[&str]) -> (Edge, Collector) {
    let collector = Collector::start();
    let mut piece = deploy::piece("tracing.yaml");
    piece["clusters"][0]["load_assignment"]["endpoints"] = config::endpoints(&[collector.port()]);
    let endpoint = format!("http://127.0.0.1:{}", collector.port());
    let edge = Edge::start(name, |stack| {
        let stack = match broker {
            Some(port) => stack.foreign_broker(port),
            None => stack.mosquitto(Mosquitto::new()),
        };
        let stack = stack.envoy_config(move |edge| deploy::put(edge, &piece));
        let stack = arguments.iter().fold(stack, |stack, argument| stack.bridge_argument(*argument));
        match bridge {
            Bridge::Exports => stack.bridge_argument("--otlp-endpoint").bridge_argument(endpoint),
            Bridge::DoesNot => stack,
        }
    });
    (edge, collector)
}

fn traced(name: &str, bridge: Bridge, arguments: &[&str]) -> (Edge, Collector) {
    traced_before(name, None, bridge, arguments)
}

/// A request that belongs to a trace.
fn within_a_trace(topic: &str) -> Request {
    Request::publish(topic).header("traceparent", format!("00-{TRACE}-{PARENT}-01"))
}

/// What a message was published with under a name.
fn properties<'a>(message: &'a Message, name: &str) -> Vec<&'a str> {
    let all = message.user_properties.iter();
    all.filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
}

/// The id of the span that a message names as its parent, and the trace's flags.
fn parent_of(message: &Message) -> (String, String) {
    let [traceparent] = properties(message, "traceparent")[..] else { panic!("{message:?}") };
    let parts: Vec<&str> = traceparent.split('-').collect();
    let [version, trace, span, flags] = parts[..] else { panic!("{traceparent}") };
    assert_eq!([version, trace], ["00", TRACE]);
    (span.to_owned(), flags.to_owned())
}

/// All spans of the bridge, which ends: it exports what is left.
fn last_spans(edge: &Edge, collector: &Collector) -> Vec<Span> {
    edge.stack().bridge().stop();
    collector.spans_of(BRIDGE)
}

#[test]
fn a_trace_goes_from_the_client_through_the_edge_to_the_subscriber() {
    let (edge, collector) = traced("passed-on", Bridge::DoesNot, &["--trace-context"]);
    let subscriber = edge.subscribe();
    let request = within_a_trace(&edge.topic("traced")).header("tracestate", "vendor=1");
    assert_eq!(edge.send(request).status, 204);

    let message = subscriber.next();
    let (span, flags) = parent_of(&message);
    assert_eq!(flags, "01");
    assert_eq!(properties(&message, "tracestate"), ["vendor=1"]);
    let [request, attempt] = eventually("the edge's spans at the collector", || {
        <[Span; 2]>::try_from(collector.spans_of(EDGE)).ok()
    });
    let (request, attempt) =
        if request.parent_span_id == PARENT { (request, attempt) } else { (attempt, request) };
    assert_eq!((&request.trace_id[..], &request.parent_span_id[..]), (TRACE, PARENT));
    assert_eq!((attempt.parent_span_id, attempt.span_id), (request.span_id, span));
}

#[test]
fn the_publish_is_a_span_of_the_bridge_between_the_edge_and_the_subscriber() {
    let (edge, collector) = traced("span", Bridge::Exports, &["--trace-context"]);
    let subscriber = edge.subscribe();
    let topic = edge.topic("a span");
    let request = within_a_trace(&topic).header("tracestate", "vendor=1").body("12345");
    assert_eq!(edge.send(request).status, 204);

    let message = subscriber.next();
    let [publish] = &last_spans(&edge, &collector)[..] else { panic!("one span of the bridge") };
    assert_eq!((&publish.name[..], publish.kind, &publish.trace_id[..]), ("publish", PRODUCER, TRACE));
    assert_eq!(publish.error, None);
    let port = edge.stack().mqtt_port().to_string();
    let expected = [
        ("messaging.system", "mqtt"),
        ("messaging.operation.name", "publish"),
        ("messaging.operation.type", "send"),
        ("messaging.destination.name", &topic),
        ("messaging.message.body.size", "5"),
        ("server.address", "127.0.0.1"),
        ("server.port", &port),
        ("mqtt.qos", "1"),
        ("mqtt.retain", "false"),
        ("mqtt.reason_code", "0"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(publish.attributes, expected.into());

    let attempt = eventually("the edge's span of the attempt", || {
        collector.spans_of(EDGE).into_iter().find(|span| span.kind == CLIENT)
    });
    assert_eq!(publish.parent_span_id, attempt.span_id);
    assert_eq!(parent_of(&message), (publish.span_id.clone(), "01".to_owned()));
    assert_eq!(properties(&message, "tracestate"), ["vendor=1"]);
}

#[test]
fn a_span_says_what_became_of_the_message() {
    let broker = AutomaticBroker::start();
    let (edge, collector) = traced_before("outcome", Some(broker.port()), Bridge::Exports, &[]);
    // What is published, its status, and of its span: the Reason Code, the error, and whether it explains itself.
    let rows = [
        ("ok", 204, Some("0"), None),
        ("puback/16", 202, Some("16"), None),
        ("puback/135", 403, Some("135"), Some("NotAuthorized")),
        ("puback/151", 429, Some("151"), Some("QuotaExceeded")),
    ];
    for (rest, status, ..) in rows {
        assert_eq!(edge.send(within_a_trace(&edge.topic(rest))).status, status, "{rest}");
    }
    assert_eq!(edge.send(within_a_trace(&edge.topic("qos-0")).and("&qos=0")).status, 202);
    // Neither is a publish.
    assert_eq!(edge.send(within_a_trace(&edge.topic("dry")).and("&dry-run=1")).status, 200);
    assert_eq!(edge.send(within_a_trace("a/+")).status, 403);

    let spans = last_spans(&edge, &collector);
    let attribute = |span: &Span, name: &str| span.attributes.get(name).cloned();
    assert_eq!(spans.len(), rows.len() + 1, "{spans:?}");
    for (rest, _, reason_code, error) in rows {
        let topic = edge.topic(rest);
        let named = |span: &&Span| span.attributes["messaging.destination.name"] == topic;
        let span = spans.iter().find(named).expect(rest);
        assert_eq!(attribute(span, "mqtt.reason_code").as_deref(), reason_code, "{rest}");
        assert_eq!(attribute(span, "error.type").as_deref(), error, "{rest}");
        assert_eq!(span.error.is_some(), error.is_some(), "{rest}");
    }
    let unacknowledged = spans.iter().find(|span| span.attributes["mqtt.qos"] == "0").expect("qos-0");
    assert_eq!((attribute(unacknowledged, "mqtt.reason_code"), &unacknowledged.error), (None, &None));
}

#[test]
fn a_batch_is_one_span_with_the_number_of_its_messages() {
    let (edge, collector) = traced("batch", Bridge::Exports, &["--trace-context"]);
    let subscriber = edge.subscribe();
    let topic = edge.topic("batch");
    let send = |query: &str, body: &str| {
        let request = Request::post(format!("/mqtt/messages/batch{query}"))
            .header("content-type", "application/x-ndjson")
            .header("traceparent", format!("00-{TRACE}-{PARENT}-01"));
        edge.bridge(Protocol::Http1).send(request.body(body.to_owned())).status
    };
    let named = format!("?topic={}", end_to_end::percent_encoded(&topic));
    assert_eq!(send(&named, "{\"payload\":\"1\"}\nnonsense\n{\"payload\":\"2\"}"), 207);
    assert_eq!(send("", &format!("{{\"topic\":\"{topic}\"}}")), 200);
    assert_eq!(send("", "nonsense"), 400);
    // It publishes nothing.
    assert_eq!(send(&format!("{named}&dry-run=1"), "{}"), 200);

    let messages = [subscriber.next(), subscriber.next(), subscriber.next()];
    let spans = last_spans(&edge, &collector);
    // The topic, the number of messages and of those that were refused, the error.
    let expected = [
        [Some(topic.as_str()), Some("3"), Some("1"), None],
        [None, Some("1"), Some("0"), None],
        [None, None, None, Some("InvalidBatchLine")],
    ];
    assert_eq!(spans.len(), expected.len(), "{spans:?}");
    for expected in expected {
        let attributes = |span: &Span| {
            [
                "messaging.destination.name",
                "messaging.batch.message_count",
                "mqtt.batch.refused",
                "error.type",
            ]
            .map(|name| span.attributes.get(name).cloned())
        };
        let is_expected = |span: &&Span| {
            let given = attributes(span);
            given.iter().map(Option::as_deref).eq(expected)
        };
        let span = spans.iter().find(is_expected).unwrap_or_else(|| panic!("{expected:?} in {spans:?}"));
        assert_eq!((&span.name[..], span.kind, &span.parent_span_id[..]), ("publish", PRODUCER, PARENT));
        if expected[0].is_some() {
            for message in &messages[..2] {
                assert_eq!(parent_of(message), (span.span_id.clone(), "01".to_owned()));
            }
        }
    }
}

#[test]
fn what_the_client_does_not_sample_is_no_span_of_the_bridge_and_the_trace_goes_on_as_it_came() {
    let (edge, collector) = traced("unsampled", Bridge::Exports, &["--trace-context"]);
    let subscriber = edge.subscribe();
    let topic = edge.topic("unsampled");
    let request = Request::publish(&topic).header("traceparent", format!("00-{TRACE}-{PARENT}-00"));
    assert_eq!(edge.send(request).status, 204);
    assert_eq!(parent_of(&subscriber.next()).1, "00");
    assert_eq!(last_spans(&edge, &collector), []);
}

#[test]
fn an_unreachable_collector_loses_no_message_and_is_logged_once() {
    let arguments = ["--otlp-endpoint", "http://127.0.0.1:1"];
    let (edge, _collector) = traced("no-collector", Bridge::DoesNot, &arguments);
    let subscriber = edge.subscribe();
    for number in 0..3 {
        assert_eq!(edge.send(within_a_trace(&edge.topic(&number.to_string()))).status, 204);
        let _ = subscriber.next();
    }
    edge.stack().bridge().stop();
    let log = edge.stack().bridge().log();
    let told = log.matches("spans cannot be exported to http://127.0.0.1:1/v1/traces: ").count();
    assert_eq!(told, 1, "{log}");
}

#[test]
fn a_request_without_a_trace_gets_one_from_the_edge() {
    let (edge, _collector) = traced("begun", Bridge::DoesNot, &["--trace-context"]);
    let subscriber = edge.subscribe();
    assert_eq!(edge.send(Request::publish(&edge.topic("untraced"))).status, 204);
    let message = subscriber.next();
    assert_eq!(properties(&message, "traceparent").len(), 1, "{message:?}");
}

#[test]
fn a_bridge_passes_no_trace_on_unless_it_is_told_to() {
    let (edge, _collector) = traced("not-passed-on", Bridge::Exports, &[]);
    let subscriber = edge.subscribe();
    assert_eq!(edge.send(Request::publish(&edge.topic("silent"))).status, 204);
    assert_eq!(subscriber.next().user_properties, []);
}
