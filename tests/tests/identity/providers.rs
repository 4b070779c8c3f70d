//! The identity providers of `deploy/identity` that issue tokens, each as its file has it.
//!
//! A provider's keys come from a server here that shows a certificate for the provider's name; only the addresses and
//! the authority that is trusted differ from the files.

use end_to_end::authority::Authority;
use end_to_end::{Answer, Edge, KeyServer, Recorder, Request, config, deploy};
use rig::dev::token::Token;
use serde_json::{Value, json};

/// How many requests a client may send here.
const RATE: u32 = 20;

/// An edge that trusts the tokens of a provider, and what it is about.
struct Provider {
    recorder: Recorder,
    edge: Edge,
    keys: KeyServer,
    issuer: Value,
    audience: Value,
}

// === impl Provider ===

impl Provider {
    /// The provider of a file; its server shows a certificate for `host`, or for the host that the file names.
    fn start(name: &str, host: Option<&str>) -> Self {
        let mut piece = deploy::piece(&format!("identity/{name}.yaml"));
        let provider = piece["jwt_providers"]["issuer"].clone();
        let uri = provider["remote_jwks"]["http_uri"]["uri"].as_str().expect("a URI");
        let (named, path) = uri.trim_start_matches("https://").split_once('/').expect("a host and a path");
        let cluster = &mut piece["clusters"][0];
        assert_eq!(cluster["transport_socket"]["typed_config"]["sni"], named);

        let authority = Authority::new();
        let keys = KeyServer::start(&authority.server(host.unwrap_or(named)), &format!("/{path}"));
        let context =
            &mut cluster["transport_socket"]["typed_config"]["common_tls_context"]["validation_context"];
        context["trusted_ca"] = json!({ "inline_string": authority.certificate() });
        cluster["load_assignment"]["endpoints"] = config::endpoints(&[keys.port()]);

        let recorder = Recorder::start();
        let name = format!("{name}-{}", host.unwrap_or("itself"));
        let edge = recorder.edge_with(&name, move |edge| {
            deploy::put(edge, &piece);
            config::rates(edge, RATE, 10_000);
        });
        let [issuer, audience] =
            ["/issuer", "/audiences/0"].map(|place| provider.pointer(place).cloned().unwrap());
        Self { recorder, edge, keys, issuer, audience }
    }

    /// A token of this provider.
    fn token(&self, claims: &Value) -> String {
        let mut all = Token::default().claims().expect("envoy.yaml names the issuer");
        all.retain(|name, _| name != "oid" && name != "sub");
        all.insert("iss".to_owned(), self.issuer.clone());
        all.insert("aud".to_owned(), self.audience.clone());
        all.extend(
            claims.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())),
        );
        rig::dev::token::sign(&all).expect("the development key signs")
    }

    /// Publishes with a token of these claims.
    fn publish(&self, claims: &Value) -> Answer {
        self.edge.send(Request::publish("a").token(&self.token(claims)))
    }

    /// Expects each row's claims to name a client, or to be refused.
    fn expect(&self, rows: &[(Value, Result<&str, &str>)]) {
        for (claims, expected) in rows {
            let answer = self.publish(claims);
            match expected {
                Ok(client_id) => {
                    answer.expect_published(204);
                    let sent = self.recorder.take();
                    assert_eq!(sent[0].header("x-mqtt-client-id"), [*client_id], "{claims}");
                }
                Err(code) => {
                    assert_eq!(answer.expect_problem().code, *code, "{claims}");
                    assert_eq!(self.recorder.take(), [], "{claims}");
                }
            }
        }
    }

    /// Expects that this client may send what it may, and no more.
    fn expect_rate(&self, claims: &Value) {
        for _ in 0..RATE {
            self.publish(claims).expect_published(204);
        }
        assert_eq!(self.publish(claims).expect_problem().code, "RateExceeded");
    }
}

fn expect_unauthenticated(answer: &Answer) {
    let problem = answer.expect_problem();
    assert_eq!((problem.status, problem.code.as_str()), (401, "Unauthenticated"));
}

#[test]
fn entra_id_names_the_object_or_else_the_application() {
    let entra = Provider::start("entra-id", None);
    entra.expect(&[
        (json!({ "oid": "object", "azp": "app", "appid": "old" }), Ok("object")),
        (json!({ "azp": "app", "appid": "old", "sub": "x" }), Ok("app")),
        (json!({ "oid": "", "azp": "app" }), Ok("app")),
        (json!({ "oid": null, "azp": null, "appid": "old" }), Ok("old")),
        // What is there and is no name is not passed over.
        (json!({ "oid": 7, "azp": "app" }), Err("InvalidClientId")),
        (json!({ "oid": ["object"], "azp": "app" }), Err("InvalidClientId")),
        (json!({ "oid": { "id": "object" }, "azp": "app" }), Err("InvalidClientId")),
        (json!({ "sub": "subject" }), Err("Unauthenticated")),
        (json!({ "OID": "object" }), Err("Unauthenticated")),
        (json!({ "oid": "object", "aud": "api://another" }), Err("Unauthenticated")),
        (json!({ "oid": "object", "iss": "https://development.postmqtt.invalid" }), Err("Unauthenticated")),
        (
            json!({ "oid": "object", "iss": "https://login.microsoftonline.com/OTHER/v2.0" }),
            Err("Unauthenticated"),
        ),
    ]);
    assert!(entra.keys.asked() > 0, "the keys come from the issuer");
    let logged = entra.publish(&json!({ "oid": "logged", "sub": "logged" }));
    assert_eq!(entra.edge.log_line(&logged).text("authorizationPrincipal"), "logged");
    entra.expect_rate(&json!({ "oid": "object", "sub": "greedy" }));
    entra.publish(&json!({ "oid": "object", "sub": "modest" })).expect_published(204);
    // The development key's own token is one of another issuer.
    expect_unauthenticated(&entra.edge.send(Request::publish("a")));
}

#[test]
fn any_openid_provider_names_the_subject_or_else_the_program() {
    let provider = Provider::start("oidc", None);
    provider.expect(&[
        (json!({ "sub": "subject", "client_id": "program", "oid": "object" }), Ok("subject")),
        (json!({ "client_id": "program", "azp": "party" }), Ok("program")),
        (json!({ "azp": "party" }), Ok("party")),
        (json!({ "sub": "f:7c1d:ä" }), Ok("f%3A7c1d%3A%C3%A4")),
        (json!({ "oid": "object" }), Err("Unauthenticated")),
        (json!({ "client_id": true, "azp": "party" }), Err("InvalidClientId")),
        (json!({ "sub": "subject", "aud": ["account"] }), Err("Unauthenticated")),
    ]);
    let logged = provider.publish(&json!({ "sub": "say \"ä\"\\" }));
    assert_eq!(provider.edge.log_line(&logged).text("authorizationPrincipal"), "say \"ä\"\\");
    provider.expect_rate(&json!({ "sub": "greedy" }));
    provider.publish(&json!({ "sub": "modest" })).expect_published(204);
}

#[test]
fn keys_from_a_server_that_is_somebody_else_open_nothing() {
    let provider = Provider::start("oidc", Some("elsewhere.example"));
    expect_unauthenticated(&provider.publish(&json!({ "sub": "subject" })));
    assert_eq!(provider.keys.asked(), 0);
    assert_eq!(provider.recorder.seen(), []);
}
