//! Client certificates instead of tokens: `deploy/identity/mtls.yaml` as it is, but for the authority that is trusted.

use end_to_end::authority::{Authority, Identity};
use end_to_end::{Answer, Edge, Endpoint, Protocol, Recorder, Request, block_on, config, deploy};
use serde_json::{Value, json};

/// How many requests a client may send here.
const RATE: u32 = 20;

/// An edge that trusts the certificates of an authority.
struct Mtls {
    authority: Authority,
    recorder: Recorder,
    edge: Edge,
    /// The certificate of the edge itself.
    shown: Vec<u8>,
}

// === impl Mtls ===

impl Mtls {
    /// The edge of the file.
    fn start(name: &str) -> Self {
        Self::start_with(name, |_| {})
    }

    /// The edge of a file that was changed.
    fn start_with(name: &str, change: impl FnOnce(&mut Value)) -> Self {
        let authority = Authority::new();
        let mut piece = deploy::piece("identity/mtls.yaml");
        let context = &mut piece["downstream_tls_context"]["common_tls_context"]["validation_context"];
        context["trusted_ca"] = json!({ "inline_string": authority.certificate() });
        change(&mut piece);
        let recorder = Recorder::start();
        let edge = recorder.edge_with(name, move |edge| {
            deploy::put(edge, &piece);
            config::rates(edge, RATE, 10_000);
            let own = json!({
                "topicSpaces": [{ "name": "own", "templates": ["clients/${client.authenticationName}/#"] }],
                "permissionBindings": [{ "name": "own", "clientGroup": "$all", "topicSpace": "own" }],
            });
            config::set(edge, "permissions", &own);
        });
        let shown = std::fs::read(edge.stack().certificate()).expect("the edge's certificate");
        Self { authority, recorder, edge, shown }
    }

    /// The edge, which is shown this certificate.
    fn at(&self, protocol: Protocol, client: &Identity) -> Endpoint {
        self.edge.at(protocol).showing(client, &self.shown)
    }

    /// Publishes to the topic of the client with this name.
    fn publish(&self, protocol: Protocol, client: &Identity, name: &str) -> Answer {
        let topic = format!("clients/{name}/state");
        self.at(protocol, client).send(Request::publish(&topic).without_token())
    }

    /// Whether a client with this certificate may say anything at all.
    fn lets_in(&self, client: &Identity) -> bool {
        is_let_in(&self.at(Protocol::Https1, client))
    }
}

fn is_let_in(endpoint: &Endpoint) -> bool {
    block_on(async { endpoint.connect().await.send(Request::publish("a").without_token()).await }).is_ok()
}

#[test]
fn a_certificate_names_its_client_and_without_one_a_request_is_refused() {
    let mtls = Mtls::start("named");
    let Mtls { authority, recorder, edge, .. } = &mtls;
    let pump = authority.client(&["urn:device:pump-7"]);
    for protocol in [Protocol::Https1, Protocol::Https2] {
        let request = Request::publish("clients/urn:device:pump-7/state").without_token();
        let forged = request.header("x-mqtt-client-id", "urn:device:other");
        mtls.at(protocol, &pump)
            .send(forged.header("x-forwarded-client-cert", "URI=urn:device:other"))
            .expect_published(204);
        let sent = recorder.take();
        assert_eq!(sent[0].header("x-mqtt-client-id"), ["urn%3Adevice%3Apump-7"], "{protocol:?}");
        let refused = mtls.publish(protocol, &pump, "urn:device:pump-8");
        assert_eq!(refused.expect_problem().code, "NotPermitted");
        assert_eq!(edge.log_line(&refused).text("authorizationPrincipal"), "urn:device:pump-7");
    }

    assert!(mtls.lets_in(&pump));
    assert!(!is_let_in(&edge.at(Protocol::Https1)), "no certificate");
    assert!(!mtls.lets_in(&Authority::new().client(&["urn:device:pump-7"])), "of another authority");
    assert!(!mtls.lets_in(&authority.client(&["urn:person:pump-7"])), "of another name");
    assert!(!mtls.lets_in(&authority.client(&[])), "without a name");
    assert!(!mtls.lets_in(&authority.server("urn:device:pump-7.example")), "with a host's name");
    for request in [Request::publish("a"), Request::publish("a").without_token()] {
        let problem = edge.send(request).expect_problem();
        assert_eq!((problem.status, problem.code.as_str()), (401, "Unauthenticated"));
    }
    assert_eq!(recorder.take(), []);

    let valve = authority.client(&["urn:device:valve"]);
    for _ in 0..RATE {
        mtls.publish(Protocol::Https2, &valve, "urn:device:valve").expect_published(204);
    }
    let refused = mtls.publish(Protocol::Https2, &valve, "urn:device:valve");
    assert_eq!(refused.expect_problem().code, "RateExceeded");
    mtls.publish(Protocol::Https2, &pump, "urn:device:pump-7").expect_published(204);
}

#[test]
fn a_certificate_with_more_than_one_uri_san_names_no_client() {
    let mtls = Mtls::start("several");
    // The listener is content where one of them matches; the first is what Envoy shows as the client's.
    let rows: [&[&str]; 5] = [
        &["urn:device:pump-7", "urn:device:pump-8"],
        &["urn:device:pump-7", "urn:device:pump-7"],
        &["urn:person:admin", "urn:device:pump-7"],
        &["urn:device:pump-7", "urn:person:admin"],
        &["urn:device:pump-7", ""],
    ];
    for uris in rows {
        let client = mtls.authority.client(uris);
        for protocol in [Protocol::Https1, Protocol::Https2] {
            let answer = mtls.publish(protocol, &client, uris[0]);
            let problem = answer.expect_problem();
            assert_eq!((problem.status, problem.code.as_str()), (403, "InvalidClientId"), "{uris:?}");
            assert_eq!(problem.detail, "the client's certificate has more than one URI SAN");
            let principal = mtls.edge.log_line(&answer).text("authorizationPrincipal");
            assert_eq!(principal, uris.join(","), "{uris:?}");
        }
    }
    assert_eq!(mtls.recorder.take(), []);
    // Nor does it count for the client whose name comes first.
    let client = mtls.authority.client(rows[0]);
    for _ in 2..RATE {
        assert_eq!(mtls.publish(Protocol::Https2, &client, rows[0][0]).status, 403);
    }
    let refused = mtls.publish(Protocol::Https2, &client, rows[0][0]);
    assert_eq!(refused.expect_problem().code, "RateExceeded");
    let victim = mtls.authority.client(&rows[0][..1]);
    mtls.publish(Protocol::Https2, &victim, rows[0][0]).expect_published(204);
    assert_eq!(mtls.recorder.take().len(), 1);
    // A comma does not make two of one.
    let comma = "urn:device:a,urn:device:b";
    mtls.publish(Protocol::Https1, &mtls.authority.client(&[comma]), comma).expect_published(204);
    assert_eq!(mtls.recorder.take()[0].header("x-mqtt-client-id"), ["urn%3Adevice%3Aa%2Curn%3Adevice%3Ab"]);
}

#[test]
fn a_filter_that_is_not_told_all_names_of_a_certificate_refuses_every_request() {
    let mtls = Mtls::start_with("untold", |piece| drop(piece["http_filters"].take()));
    let pump = mtls.authority.client(&["urn:device:pump-7"]);
    let problem = mtls.publish(Protocol::Https1, &pump, "urn:device:pump-7").expect_problem();
    assert_eq!((problem.status, problem.code.as_str()), (500, "EdgeFailure"));
    assert_eq!(mtls.recorder.take(), []);
}
