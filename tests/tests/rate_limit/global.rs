//! One count for all Envoys: `deploy/rate-limit` as it is, but for the addresses and how much is let through.

use end_to_end::authority::Authority;
use end_to_end::rate_limit_service::{Asked, Behaviour, RateLimitService};
use end_to_end::{Answer, Edge, Protocol, Recorder, Request, config, deploy, token};
use rig::stack::EnvoyConfig;
use serde_json::{Value, json};

/// How many requests the service lets through: of one client, and of all together.
const CLIENT: usize = 5;
const NAMESPACE: usize = 12;
/// How many of one client an Envoy lets through by itself.
const OWN: u32 = 8;

/// The service, as its file has it.
fn service() -> RateLimitService {
    let mut configuration = deploy::piece("rate-limit/service.yaml");
    for (index, limit) in [CLIENT, NAMESPACE].into_iter().enumerate() {
        let rate = &mut configuration["descriptors"][index]["rate_limit"];
        assert_eq!(rate["unit"], "second", "Retry-After says one second");
        rate["requests_per_unit"] = json!(limit);
    }
    RateLimitService::start(&configuration)
}

/// The file for Envoy, with a service at this port.
fn piece(port: u16) -> Value {
    let mut piece = deploy::piece("rate-limit/global.yaml");
    piece["clusters"][0]["load_assignment"]["endpoints"] = config::endpoints(&[port]);
    piece
}

/// The file, for an Envoy that waits for its answer however busy this machine is.
fn patient(service: &RateLimitService) -> Value {
    let mut piece = piece(service.port());
    piece["http_filters"][0]["typed_config"]["timeout"] = json!("30s");
    piece
}

/// An edge that asks the service, in front of a recorder.
fn asking(recorder: &Recorder, name: &str, piece: Value) -> Edge {
    recorder.edge_with(name, move |edge| deploy::put(edge, &piece))
}

/// What is asked about a request of this client.
fn about(client: &str) -> Asked {
    let pair = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
    Asked { descriptors: vec![pair("client", client), pair("namespace", "default")], ..about_no_client() }
}

/// What is asked about a request that names no client.
fn about_no_client() -> Asked {
    let namespace = vec![("namespace".to_owned(), "default".to_owned())];
    Asked { domain: "postmqtt".to_owned(), descriptors: vec![namespace], hits_addend: 0 }
}

fn publish(edge: &Edge, client: &str) -> Answer {
    edge.send(Request::publish("a").token(&token::of_client(client)))
}

/// The names of an answer's headers, and its problem but for the request's id.
fn shape(answer: &Answer) -> (Vec<&str>, Value) {
    let mut problem = answer.expect_problem().document;
    problem.as_object_mut().expect("an object").remove("requestId");
    (answer.headers.iter().map(|(name, _)| name.as_str()).collect(), problem)
}

#[test]
fn the_service_is_asked_by_client_and_for_the_namespace_and_no_client_chooses_which() {
    let (service, recorder) = (service(), Recorder::start());
    let edge = asking(&recorder, "asked", patient(&service));
    let of_a_client = || Request::publish("a").token(&token::of_client("somebody"));
    let rows = [
        (of_a_client(), Some(about("somebody"))),
        (Request::publish("a").token(&token::of_client("a b/ä")), Some(about("a b/ä"))),
        // What a client says about itself beside its token is no descriptor.
        (
            of_a_client().headers(&[
                ("x-mqtt-client-id", "other"),
                ("client", "other"),
                ("x-envoy-internal", "true"),
                ("x-envoy-ratelimited", "false"),
            ]),
            Some(about("somebody")),
        ),
        (of_a_client().and("&client=other&namespace=other"), Some(about("somebody"))),
        // It counts for the namespace; the filter then refuses it.
        (Request::publish("a").token(&token::without_claim("oid")), Some(about_no_client())),
        (Request::publish("a").token(&token::with_claims([("oid", json!(7))])), Some(about_no_client())),
        (Request::publish("a").without_token(), None),
        (Request::publish("a").token(&token::tampered()), None),
        (Request::post("/elsewhere"), None),
    ];
    for (request, expected) in rows {
        let shown = format!("{request:?}");
        assert!(edge.send(request).status >= 200);
        assert_eq!(service.take(), Vec::from_iter(expected), "{shown}");
    }
}

#[test]
fn all_envoys_count_together_and_refuse_as_one_does_by_its_own_limits() {
    let (service, recorder) = (service(), Recorder::start());
    let edges = ["one", "another"].map(|name| {
        let piece = patient(&service);
        recorder.edge_with(name, move |edge: &mut EnvoyConfig| {
            deploy::put(edge, &piece);
            config::rates(edge, OWN, 10_000);
        })
    });
    let expect_refused = |edge: &Edge, client: &str, reason: &str| {
        let answer = publish(edge, client);
        let problem = answer.expect_problem();
        assert_eq!((problem.status, problem.code.as_str()), (429, "RateExceeded"));
        assert_eq!(answer.header("retry-after"), Some("1"));
        let line = edge.log_line(&answer);
        let logged = ["authorizationPrincipal", "status", "reason"].map(|member| line.text(member));
        assert_eq!(logged, [client, "429", reason]);
        answer
    };
    for number in 0..CLIENT {
        publish(&edges[number % 2], "greedy").expect_published(204);
    }
    for edge in &edges {
        expect_refused(edge, "greedy", "request_rate_limited");
        publish(edge, "modest").expect_published(204);
    }
    // The service has counted the two for the namespace.
    let left = NAMESPACE - CLIENT - 4;
    for number in 0..left {
        publish(&edges[number % 2], &format!("client-{number}")).expect_published(204);
    }
    let by_all = expect_refused(&edges[0], "one-more", "request_rate_limited");
    for _ in 1..OWN {
        assert_eq!(publish(&edges[0], "one-more").status, 429);
    }
    let by_one = expect_refused(&edges[0], "one-more", "local_rate_limited");
    assert_eq!(shape(&by_all), shape(&by_one));
    assert_eq!(recorder.take().len(), CLIENT + 2 + left, "what is refused does not leave");
}

#[test]
fn without_an_answer_messages_go_on_and_the_limits_of_one_envoy_hold() {
    let (service, recorder) = (service(), Recorder::start());
    let piece = piece(service.port());
    let edge = recorder.edge_with("unanswered", move |edge: &mut EnvoyConfig| {
        deploy::put(edge, &piece);
        config::rates(edge, 3, 1_000);
    });
    let errors = || edge.stat("cluster.mqtt_bridge.ratelimit.error");
    service.behave(Behaviour::Fail);
    publish(&edge, "patient").expect_published(204);
    service.behave(Behaviour::Hang);
    publish(&edge, "patient").expect_published(204);
    assert_eq!(service.take(), [about("patient"), about("patient")]);
    drop(service);
    publish(&edge, "patient").expect_published(204);
    assert_eq!(errors(), 3);
    assert_eq!(edge.stat("cluster.mqtt_bridge.ratelimit.failure_mode_allowed"), 3);
    assert_eq!(publish(&edge, "patient").expect_problem().code, "RateExceeded");
    assert_eq!(errors(), 3, "what is over the limit of one Envoy is not asked about");
    assert_eq!(recorder.take().len(), 3);
}

#[test]
fn the_source_of_client_names_also_names_them_for_the_shared_limit() {
    let (service, recorder) = (service(), Recorder::start());
    let [entra, oidc] = ["entra-id", "oidc"]
        .map(|name| deploy::piece(&format!("identity/{name}.yaml"))["client_rate_limits"].take());
    assert_eq!(entra, oidc, "what is shown of one holds for both");
    let piece = patient(&service);
    let edge = recorder.edge_with("tokens", move |edge| {
        deploy::put(edge, &piece);
        deploy::put(edge, &json!({ "client_rate_limits": oidc }));
    });
    let token = token::with_claims([("oid", json!("object")), ("sub", json!("subject"))]);
    edge.send(Request::publish("a").token(&token)).expect_published(204);
    assert_eq!(service.take(), [about("subject")]);

    let authority = Authority::new();
    let mut identity = deploy::piece("identity/mtls.yaml");
    let context = &mut identity["downstream_tls_context"]["common_tls_context"]["validation_context"];
    context["trusted_ca"] = json!({ "inline_string": authority.certificate() });
    let piece = patient(&service);
    let edge = recorder.edge_with("mtls", move |edge| {
        deploy::put(edge, &piece);
        deploy::put(edge, &identity);
    });
    let shown = std::fs::read(edge.stack().certificate()).expect("the edge's certificate");
    let client = edge.at(Protocol::Https2).showing(&authority.client(&["urn:device:pump-7"]), &shown);
    client.send(Request::publish("a").without_token()).expect_published(204);
    assert_eq!(service.take(), [about("urn:device:pump-7")]);
}
