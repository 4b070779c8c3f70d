//! `deploy/tracing.yaml` and the bridge's `--trace-context`: one trace from the client through the edge to the subscriber.

use end_to_end::{Edge, Message, Recorder, Request, config, deploy, eventually};
use xtask::stack::Mosquitto;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// An edge that traces, and the collector that it exports to.
fn traced(name: &str, bridge_arguments: &[&str]) -> (Edge, Recorder) {
    let collector = Recorder::start();
    let mut piece = deploy::piece("tracing.yaml");
    piece["clusters"][0]["load_assignment"]["endpoints"] = config::endpoints(&[collector.port()]);
    let edge = Edge::start(name, |stack| {
        let stack = stack.mosquitto(Mosquitto::new()).envoy_config(move |edge| deploy::put(edge, &piece));
        bridge_arguments.iter().fold(stack, |stack, argument| stack.bridge_argument(*argument))
    });
    (edge, collector)
}

/// What a message was published with under a name.
fn properties<'a>(message: &'a Message, name: &str) -> Vec<&'a str> {
    let all = message.user_properties.iter();
    all.filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
}

#[test]
fn a_trace_goes_from_the_client_through_the_edge_to_the_subscriber() {
    let (edge, collector) = traced("passed-on", &["--trace-context"]);
    let subscriber = edge.subscribe();
    let topic = edge.topic("traced");
    let request = Request::publish(&topic)
        .header("traceparent", format!("00-{TRACE}-{PARENT}-01"))
        .header("tracestate", "vendor=1");
    assert_eq!(edge.send(request).status, 204);

    let message = subscriber.next();
    let [traceparent] = properties(&message, "traceparent")[..] else { panic!("{message:?}") };
    let parts: Vec<&str> = traceparent.split('-').collect();
    let [version, trace, span, flags] = parts[..] else { panic!("{traceparent}") };
    assert_eq!([version, trace, flags], ["00", TRACE, "01"]);
    assert_ne!(span, PARENT, "the edge's own span is the parent of what follows");
    assert_eq!(properties(&message, "tracestate"), ["vendor=1"]);

    let id = |hex: &str| -> Vec<u8> {
        let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
        digits.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal digits")).collect()
    };
    eventually("the edge's spans at the collector", || {
        let exported = collector.seen().into_iter().filter(|request| request.target == "/v1/traces");
        let bodies: Vec<_> = exported.filter_map(|request| request.body).collect();
        let holds = |id: &[u8]| bodies.iter().any(|body| body.windows(id.len()).any(|part| part == id));
        (holds(&id(TRACE)) && holds(&id(PARENT)) && holds(&id(span))).then_some(())
    });
}

#[test]
fn a_request_without_a_trace_gets_one_from_the_edge() {
    let (edge, _collector) = traced("begun", &["--trace-context"]);
    let subscriber = edge.subscribe();
    assert_eq!(edge.send(Request::publish(&edge.topic("untraced"))).status, 204);
    let message = subscriber.next();
    assert_eq!(properties(&message, "traceparent").len(), 1, "{message:?}");
}

#[test]
fn a_bridge_passes_no_trace_on_unless_it_is_told_to() {
    let (edge, _collector) = traced("not-passed-on", &[]);
    let subscriber = edge.subscribe();
    assert_eq!(edge.send(Request::publish(&edge.topic("silent"))).status, 204);
    assert_eq!(subscriber.next().user_properties, []);
}
