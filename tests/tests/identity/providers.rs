//! The identity providers of `deploy/identity` that issue tokens, each as its file has it.
//!
//! The tokens have the claims that the providers document, not those that the files name. Their keys come from a server
//! that shows a certificate for the provider's name; beside what a file marks `HERE`, only addresses and the trusted
//! authority differ from it.

use end_to_end::authority::Authority;
use end_to_end::{Answer, Edge, KeyServer, Recorder, Request, config, deploy};
use rig::dev::token::{self, Token};
use serde_json::{Map, Value, json};

/// Requests that a client may send here.
const RATE: u32 = 20;

/// A directory of Microsoft Entra ID, and the app registration of this API.
const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const API: &str = "6e74172b-be56-4843-9ff4-e66a39bb12e3";

/// The result that is expected of a token: this client id, or this problem's code.
type Expected = Result<&'static str, &'static str>;

/// An edge that trusts the tokens of a provider.
struct Provider {
    recorder: Recorder,
    edge: Edge,
    keys: KeyServer,
}

// === impl Provider ===

impl Provider {
    /// An edge with this piece; the keys' server shows a certificate for `host`, or for the host that the piece names.
    fn start(name: &str, mut piece: Value, permissions: Option<Value>, host: Option<&str>) -> Self {
        let uris = piece["jwt_providers"].as_object().expect("providers").values().map(|provider| {
            let uri = provider["remote_jwks"]["http_uri"]["uri"].as_str().expect("a URI");
            uri.trim_start_matches("https://").split_once('/').expect("a host and a path")
        });
        let (hosts, paths): (Vec<&str>, Vec<String>) =
            uris.map(|(host, path)| (host, format!("/{path}"))).unzip();
        let named = hosts[0].to_owned();
        let cluster = &mut piece["clusters"][0];
        assert_eq!(cluster["transport_socket"]["typed_config"]["sni"], named);

        let authority = Authority::new();
        let keys = KeyServer::start(&authority.server(host.unwrap_or(&named)), &paths);
        let context =
            &mut cluster["transport_socket"]["typed_config"]["common_tls_context"]["validation_context"];
        context["trusted_ca"] = json!({ "inline_string": authority.certificate() });
        cluster["load_assignment"]["endpoints"] = config::endpoints(&[keys.port()]);

        let recorder = Recorder::start();
        let edge = recorder.edge_with(name, move |edge| {
            deploy::put(edge, &piece);
            config::rates(edge, RATE, 10_000);
            if let Some(permissions) = permissions {
                config::set(edge, "permissions", &permissions);
            }
        });
        Self { recorder, edge, keys }
    }

    /// Publishes with a token of these claims, and of no others but the times.
    fn publish(&self, claims: &Value) -> Answer {
        self.edge.send(Request::publish("a").token(&sign(claims)))
    }

    /// Expects each row's token to name a client, or to be refused.
    fn expect(&self, rows: &[(&str, Value, Expected)]) {
        for (what, claims, expected) in rows {
            let answer = self.publish(claims);
            match expected {
                Ok(client_id) => {
                    assert_eq!(answer.status, 204, "{what}: {}", answer.text());
                    let sent = self.recorder.take();
                    assert_eq!(sent[0].header("x-mqtt-client-id"), [*client_id], "{what}");
                }
                Err(code) => {
                    assert_eq!(answer.expect_problem().code, *code, "{what}");
                    assert_eq!(self.recorder.take(), [], "{what}");
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

/// A token of these claims that is valid now.
fn sign(claims: &Value) -> String {
    let mut all = Token::default().claims().expect("envoy.yaml names the issuer");
    all.retain(|name, _| ["iat", "nbf", "exp"].contains(&name.as_str()));
    all.extend(claims.as_object().cloned().unwrap_or_default());
    token::sign(&all).expect("the development key signs")
}

/// These claims, with others in the place of some.
fn with(claims: &Value, others: &Value) -> Value {
    let mut all: Map<String, Value> = claims.as_object().cloned().unwrap_or_default();
    all.extend(others.as_object().cloned().unwrap_or_default());
    all.retain(|_, value| !value.is_null());
    all.into()
}

fn expect_unauthenticated(answer: &Answer) {
    let problem = answer.expect_problem();
    assert_eq!((problem.status, problem.code.as_str()), (401, "Unauthenticated"));
}

/// `deploy/identity/entra-id.yaml` with the two ids that an operator fills in.
fn entra_id() -> Provider {
    let piece = deploy::piece_with("identity/entra-id.yaml", &[("TENANT", TENANT), ("CLIENT_ID", API)]);
    Provider::start("entra-id", piece, None, None)
}

#[test]
fn entra_id_tokens_of_both_versions_name_the_object_or_else_the_application() {
    // The samples of "Access tokens in the Microsoft identity platform", without the claims that say nothing here.
    let user_v1 = json!({
        "aud": API, "iss": format!("https://sts.windows.net/{TENANT}/"), "acr": "1", "amr": ["wia"],
        "appid": "75dbe77f-10a3-4e59-85fd-8c127544f17c", "appidacr": "0", "email": "AbeLi@microsoft.com",
        "name": "abeli", "oid": "02223b6b-aa1d-42d4-9ec0-1b2bb9194438", "scp": "user_impersonation",
        "sub": "l3_roISQU222bULS9yi2k0XpqpOiMz5H3ZACo1GeXA", "tid": TENANT,
        "unique_name": "abeli@microsoft.com", "ver": "1.0"
    });
    let user_v2 = json!({
        "aud": API, "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"), "azp": API, "azpacr": "0",
        "name": "Abe Lincoln", "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474",
        "preferred_username": "abeli@microsoft.com", "scp": "access_as_user",
        "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ", "tid": TENANT, "ver": "2.0"
    });
    // Client credentials: `roles` in the place of `scp`, and the service principal is object and subject.
    let principal = "8d3cbc1d-2f34-4a53-9a4e-0d3a2a0c9f6b";
    let program =
        json!({ "scp": null, "name": null, "roles": ["Publish"], "oid": principal, "sub": principal });
    let program_v1 = with(&with(&user_v1, &program), &json!({ "appidacr": "1", "amr": null }));
    let program_v2 = with(&with(&user_v2, &program), &json!({ "azpacr": "1", "preferred_username": null }));

    let uri = format!("api://{API}");
    let other = "9188040d-6c67-4c5b-b112-36a304b66dad";
    let other_v1 = format!("https://sts.windows.net/{other}/");
    let other_v2 = format!("https://login.microsoftonline.com/{other}/v2.0");
    let entra = entra_id();
    entra.expect(&[
        ("1.0, a user", user_v1.clone(), Ok("02223b6b-aa1d-42d4-9ec0-1b2bb9194438")),
        (
            "1.0, asked for by URI",
            with(&user_v1, &json!({ "aud": uri })),
            Ok("02223b6b-aa1d-42d4-9ec0-1b2bb9194438"),
        ),
        ("1.0, a program", with(&program_v1, &json!({ "aud": uri })), Ok(principal)),
        ("2.0, a user", user_v2.clone(), Ok("690222be-ff1a-4d56-abd1-7e4f7d38e474")),
        ("2.0, a program", program_v2.clone(), Ok(principal)),
        (
            "1.0 without oid",
            with(&user_v1, &json!({ "oid": null })),
            Ok("75dbe77f-10a3-4e59-85fd-8c127544f17c"),
        ),
        ("2.0 without oid", with(&user_v2, &json!({ "oid": null })), Ok(API)),
        ("2.0, an empty oid", with(&user_v2, &json!({ "oid": "" })), Ok(API)),
        // A claim that is there and is not a name is not passed over.
        ("a number for oid", with(&user_v2, &json!({ "oid": 7 })), Err("InvalidClientId")),
        ("a list for oid", with(&user_v2, &json!({ "oid": ["object"] })), Err("InvalidClientId")),
        (
            "neither oid nor application",
            with(&user_v2, &json!({ "oid": null, "azp": null })),
            Err("Unauthenticated"),
        ),
        ("2.0 never has a URI as aud", with(&user_v2, &json!({ "aud": uri })), Err("Unauthenticated")),
        (
            "a token for Microsoft Graph",
            with(&user_v1, &json!({ "aud": "00000003-0000-0000-c000-000000000000" })),
            Err("Unauthenticated"),
        ),
        ("1.0 of another tenant", with(&user_v1, &json!({ "iss": other_v1 })), Err("Unauthenticated")),
        ("2.0 of another tenant", with(&user_v2, &json!({ "iss": other_v2 })), Err("Unauthenticated")),
        (
            "an issuer without its slash",
            with(&user_v1, &json!({ "iss": format!("https://sts.windows.net/{TENANT}") })),
            Err("Unauthenticated"),
        ),
    ]);
    assert!(entra.keys.asked() > 0, "the keys come from the issuer");
    let logged = entra.publish(&program_v1);
    assert_eq!(entra.edge.log_line(&logged).text("authorizationPrincipal"), principal);
    entra.expect_rate(&with(&user_v1, &json!({ "sub": "greedy" })));
    entra.publish(&with(&user_v2, &json!({ "sub": "modest" }))).expect_published(204);
    // The development key's own token is one of another issuer.
    expect_unauthenticated(&entra.edge.send(Request::publish("a")));
}

/// `deploy/identity/oidc.yaml` with what its table says about a provider.
fn oidc(name: &str, issuer: &str, audiences: Option<&[&str]>, permissions: Option<Value>) -> Provider {
    let mut piece = deploy::piece("identity/oidc.yaml");
    let provider = &mut piece["jwt_providers"]["issuer"];
    provider["issuer"] = json!(issuer);
    match audiences {
        Some(audiences) => provider["audiences"] = json!(audiences),
        None => drop(provider.as_object_mut().and_then(|provider| provider.remove("audiences"))),
    }
    Provider::start(name, piece, permissions, None)
}

#[test]
fn keycloak_tokens_count_with_an_audience_mapper() {
    let issuer = "https://idp.example.com/realms/factory";
    // A service account; "Server Administration Guide", Audience support.
    let token = json!({
        "iss": issuer, "aud": ["postmqtt", "account"], "sub": "f1c4f64e-2c0c-4cda-8c9f-9f3f8f3a2b0e",
        "typ": "Bearer", "azp": "press-3", "acr": "1", "realm_access": { "roles": ["publisher"] },
        "scope": "profile email", "clientHost": "192.0.2.7", "client_id": "press-3",
        "preferred_username": "service-account-press-3"
    });
    let keycloak = oidc("keycloak", issuer, Some(&["postmqtt"]), None);
    keycloak.expect(&[
        ("a mapper", token.clone(), Ok("f1c4f64e-2c0c-4cda-8c9f-9f3f8f3a2b0e")),
        (
            "the mapper's audience alone",
            with(&token, &json!({ "aud": "postmqtt" })),
            Ok("f1c4f64e-2c0c-4cda-8c9f-9f3f8f3a2b0e"),
        ),
        ("no mapper", with(&token, &json!({ "aud": "account" })), Err("Unauthenticated")),
        ("no mapper and no roles", with(&token, &json!({ "aud": null })), Err("Unauthenticated")),
        ("no subject", with(&token, &json!({ "sub": null })), Ok("press-3")),
        ("only azp", with(&token, &json!({ "sub": null, "client_id": null })), Ok("press-3")),
        ("a federated user", with(&token, &json!({ "sub": "f:7c1d:ä" })), Ok("f%3A7c1d%3A%C3%A4")),
        (
            "client_id is not text",
            with(&token, &json!({ "sub": null, "client_id": true })),
            Err("InvalidClientId"),
        ),
        (
            "nobody",
            with(&token, &json!({ "sub": null, "client_id": null, "azp": null, "oid": "x" })),
            Err("Unauthenticated"),
        ),
    ]);
    let logged = keycloak.publish(&with(&token, &json!({ "sub": "say \"ä\"\\" })));
    assert_eq!(keycloak.edge.log_line(&logged).text("authorizationPrincipal"), "say \"ä\"\\");
    keycloak.expect_rate(&with(&token, &json!({ "sub": "greedy" })));
    keycloak.publish(&with(&token, &json!({ "sub": "modest" }))).expect_published(204);
}

#[test]
fn auth0_tokens_count_for_the_apis_identifier() {
    let issuer = "https://my-domain.auth0.com/";
    let api = "https://example.com/health-api";
    // The samples of "Access Token Profiles".
    let user = json!({
        "iss": issuer, "sub": "auth0|123456", "aud": [api, "https://my-domain.auth0.com/userinfo"],
        "azp": "my_client_id", "scope": "openid profile read:patients read:admin"
    });
    let program = json!({
        "iss": issuer, "sub": "awZfdIir8YFdGZWkvCejDoUb7SjTDicx@clients", "aud": api,
        "azp": "awZfdIir8YFdGZWkvCejDoUb7SjTDicx", "gty": "client-credentials"
    });
    oidc("auth0", issuer, Some(&[api]), None).expect(&[
        ("a user", user.clone(), Ok("auth0%7C123456")),
        (
            "the RFC 9068 profile",
            with(
                &user,
                &json!({ "azp": null, "client_id": "my_client_id", "jti": "73WakrfVbNJBaAmhQtEeDv" }),
            ),
            Ok("auth0%7C123456"),
        ),
        ("a program", program.clone(), Ok("awZfdIir8YFdGZWkvCejDoUb7SjTDicx%40clients")),
        (
            "for /userinfo alone",
            with(&user, &json!({ "aud": ["https://my-domain.auth0.com/userinfo"] })),
            Err("Unauthenticated"),
        ),
        (
            "an issuer without its slash",
            with(&user, &json!({ "iss": "https://my-domain.auth0.com" })),
            Err("Unauthenticated"),
        ),
    ]);
}

#[test]
fn google_id_tokens_count_for_the_audience_that_was_asked_for() {
    let issuer = "https://accounts.google.com";
    let audience = "https://publish.example.com";
    // A service account's ID token; "Token types", ID tokens.
    let account = json!({
        "iss": issuer, "aud": audience, "azp": "112010400000000710080", "sub": "112010400000000710080",
        "email": "press@project-id.iam.gserviceaccount.com", "email_verified": true
    });
    oidc("google", issuer, Some(&[audience]), None).expect(&[
        ("a service account", account.clone(), Ok("112010400000000710080")),
        ("another audience", with(&account, &json!({ "aud": "https://elsewhere.example.com" })), Err("Unauthenticated")),
        (
            "a user of gcloud, without --audiences",
            with(&account, &json!({ "aud": "32555940559.apps.googleusercontent.com", "azp": "32555940559.apps.googleusercontent.com" })),
            Err("Unauthenticated"),
        ),
        ("the issuer without its scheme", with(&account, &json!({ "iss": "accounts.google.com" })), Err("Unauthenticated")),
    ]);
}

#[test]
fn cognito_access_tokens_have_no_audience_and_count_for_an_app_client() {
    let issuer = "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_example";
    // The sample of "Understanding the access token".
    let user = json!({
        "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "cognito:groups": ["admin"], "iss": issuer, "version": 2,
        "client_id": "xxxxxxxxxxxxexample", "token_use": "access", "scope": "phone openid profile email",
        "username": "my-test-user"
    });
    let program = json!({
        "sub": "xxxxxxxxxxxxexample", "iss": issuer, "version": 2, "client_id": "xxxxxxxxxxxxexample",
        "token_use": "access", "scope": "postmqtt/publish"
    });
    let id_token = json!({
        "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "iss": issuer, "aud": "xxxxxxxxxxxxexample",
        "token_use": "id", "cognito:username": "my-test-user"
    });
    let permissions = json!({
        "clientGroups": [{ "name": "apps", "conditions": [{ "claim": "client_id", "anyOf": ["xxxxxxxxxxxxexample"] }] }],
        "topicSpaces": [{ "name": "all", "templates": ["#"] }],
        "permissionBindings": [{ "name": "apps", "clientGroup": "apps", "topicSpace": "all" }]
    });
    oidc("cognito", issuer, None, Some(permissions)).expect(&[
        ("a user", user.clone(), Ok("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")),
        ("a program", program, Ok("xxxxxxxxxxxxexample")),
        (
            "another app client of the pool",
            with(&user, &json!({ "client_id": "another" })),
            Err("NotPermitted"),
        ),
        ("an ID token", id_token, Err("NotPermitted")),
        ("another pool", with(&user, &json!({ "iss": format!("{issuer}2") })), Err("Unauthenticated")),
    ]);
}

#[test]
fn keys_from_a_server_of_another_name_open_nothing() {
    let piece = deploy::piece("identity/oidc.yaml");
    let provider = Provider::start("elsewhere", piece, None, Some("elsewhere.example"));
    let issuer = "https://idp.example.com/realms/factory";
    expect_unauthenticated(&provider.publish(&json!({ "iss": issuer, "aud": "postmqtt", "sub": "subject" })));
    assert_eq!(provider.keys.asked(), 0);
    assert_eq!(provider.recorder.seen(), []);
}
