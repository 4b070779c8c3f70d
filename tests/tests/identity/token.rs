//! Who publishes: tokens that count, tokens that do not, and claims that cannot be a client id.

use std::time::{SystemTime, UNIX_EPOCH};

use end_to_end::{Answer, Edge, Protocol, Request, token};
use rig::dev::token::Token;
use serde_json::{Value, json};

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn expect_unauthenticated(answer: &Answer, what: &str) {
    let problem = answer.expect_problem();
    assert_eq!((problem.status, problem.code.as_str()), (401, "Unauthenticated"), "{what}: {answer:?}");
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    assert!(challenge.starts_with("Bearer"), "{what}: {challenge}");
}

#[test]
fn without_a_token_that_counts_nothing_is_published() {
    let edge = Edge::shared();
    let topic = edge.topic("unauthenticated");
    let subscriber = edge.subscribe();
    let claims_of_another = token::forged(token::valid(), |_, claims| {
        claims.insert("oid".to_owned(), "somebody-else".into());
    });
    let other_algorithm = token::forged(token::valid(), |header, _| {
        header.insert("alg".to_owned(), "HS256".into());
    });
    let other_key = token::forged(token::valid(), |header, _| {
        header.insert("kid".to_owned(), "another".into());
    });
    let bearer = |token: &str| Some(format!("Bearer {token}"));
    let rows = [
        ("no token", None),
        ("an empty header", Some(String::new())),
        ("another scheme", Some("Basic dXNlcjpwYXNzd29yZA==".to_owned())),
        ("a scheme and nothing else", bearer("")),
        ("another scheme with a token", Some(format!("DPoP {}", token::valid()))),
        ("no scheme", Some(token::valid().to_owned())),
        ("no token at all", bearer("token")),
        ("two parts", bearer("e30.e30")),
        ("four parts", bearer(&format!("{}.e30", token::valid()))),
        ("two tokens", bearer(&format!("{0},{0}", token::valid()))),
        ("two tokens in two spellings", bearer(&format!("{0}, bearer {0}", token::valid()))),
        ("expired", bearer(&token::sign(&Token { expires_in: -3600, ..Token::default() }))),
        ("never expiring", bearer(&token::without_claim("exp"))),
        ("not valid yet", bearer(&token::with_claims([("nbf", json!(now() + 3600))]))),
        ("wrong audience", bearer(&token::with_claims([("aud", json!("https://elsewhere.example"))]))),
        (
            "wrong audiences",
            bearer(&token::with_claims([("aud", json!(["a", "https://localhost.example"]))])),
        ),
        ("no audience", bearer(&token::without_claim("aud"))),
        ("wrong issuer", bearer(&token::with_claims([("iss", json!("https://elsewhere.example"))]))),
        ("no issuer", bearer(&token::without_claim("iss"))),
        ("unsigned", bearer(&token::unsigned())),
        ("wrong signature", bearer(&token::tampered())),
        ("claims of another", bearer(&claims_of_another)),
        ("another algorithm", bearer(&other_algorithm)),
        ("another key", bearer(&other_key)),
    ];
    for protocol in Protocol::ALL {
        for (what, authorization) in &rows {
            let mut request = Request::publish(&topic).without_token().body("refused");
            if let Some(authorization) = authorization {
                request = request.header("authorization", authorization);
            }
            let answer = edge.at(protocol).send(request);
            expect_unauthenticated(&answer, what);
        }
        // A token anywhere else is none.
        let query = format!("&access_token={}", token::valid());
        let request = Request::publish(&topic).without_token().and(&query);
        expect_unauthenticated(&edge.at(protocol).send(request), "in the query");
        let request = Request::publish(&topic)
            .without_token()
            .header("cookie", format!("token={}", token::valid()))
            .header("x-authorization", format!("Bearer {}", token::valid()));
        expect_unauthenticated(&edge.at(protocol).send(request), "in other headers");
    }
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
}

#[test]
fn a_token_that_lacks_and_one_that_does_not_count_are_told_apart() {
    let edge = Edge::shared();
    let challenge = |request: Request| {
        let answer = edge.send(request);
        expect_unauthenticated(&answer, "");
        answer.header("www-authenticate").unwrap().to_owned()
    };
    let missing = challenge(Request::publish("a").without_token());
    assert!(!missing.contains("error"), "{missing}");
    for token in [token::tampered(), token::with_claims([("aud", json!("x"))])] {
        let invalid = challenge(Request::publish("a").token(&token));
        assert!(invalid.contains("error=\"invalid_token\""), "{invalid}");
    }
}

#[test]
fn the_scheme_is_case_insensitive() {
    let edge = Edge::shared();
    for protocol in Protocol::ALL {
        for scheme in ["bearer", "BEARER", "bEaReR", "Bearer "] {
            let authorization = format!("{scheme} {}", token::valid());
            let request = Request::publish(&edge.topic("scheme")).without_token();
            let answer = edge.at(protocol).send(request.header("authorization", authorization));
            assert_eq!(answer.status, 202, "{scheme:?}: {}", answer.text());
        }
    }
}

#[test]
fn a_token_for_one_of_several_audiences_counts() {
    let edge = Edge::shared();
    for audience in
        [json!("https://localhost"), json!("https://127.0.0.1"), json!(["x", "https://localhost", "y"])]
    {
        let token = token::with_claims([("aud", audience.clone())]);
        let answer = edge.send(Request::publish(&edge.topic("audience")).token(&token));
        assert_eq!(answer.status, 202, "{audience}: {}", answer.text());
    }
}

#[test]
fn a_claim_that_cannot_be_a_client_id_is_refused() {
    // Eight bytes that spell "AAAAAAAA", as a number.
    let spelling = f64::from_le_bytes(*b"AAAAAAAA");
    let rows: &[(Value, u16, &str)] = &[
        (Value::Null, 401, "Unauthenticated"),
        (json!(""), 401, "Unauthenticated"),
        (json!("x".repeat(257)), 403, "InvalidClientId"),
        (json!("a\r\nx-mqtt-cluster: other"), 403, "InvalidClientId"),
        (json!("a\u{0}b"), 403, "InvalidClientId"),
        (json!("a\u{85}b"), 403, "InvalidClientId"),
        (json!(12345), 403, "InvalidClientId"),
        (json!(spelling), 403, "InvalidClientId"),
        (json!(true), 403, "InvalidClientId"),
        (json!(["a"]), 403, "InvalidClientId"),
        (json!({ "a": "b" }), 403, "InvalidClientId"),
    ];
    let edge = Edge::shared();
    let topic = edge.topic("client-id");
    let subscriber = edge.subscribe();
    for (oid, status, code) in rows {
        let token = token::with_claims([("oid", oid.clone())]);
        let answer = edge.send(Request::publish(&topic).token(&token).body("refused"));
        assert_eq!(answer.status, *status, "{oid}: {answer:?}");
        assert_eq!(answer.expect_problem().code, *code, "{oid}");
    }
    expect_unauthenticated(
        &edge.send(Request::publish(&topic).token(&token::without_claim("oid")).body("refused")),
        "no oid",
    );
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
}

#[test]
fn no_refusal_shows_the_token() {
    let edge = Edge::shared();
    let tokens = [token::valid().to_owned(), token::tampered(), "secret-that-is-no-token".to_owned()];
    for token in &tokens {
        for target in ["/mqtt/messages?qos=9", "/elsewhere"] {
            let answer = edge.send(Request::post(target).token(token));
            let problem = answer.expect_problem();
            let shown = format!("{answer:?} {}", problem.document);
            for part in token.split('.') {
                assert!(!shown.contains(part), "{part} in {shown}");
            }
        }
    }
    let logged = edge.send(Request::publish(&edge.topic("log")).token(&tokens[1]));
    assert_eq!(edge.log_line(&logged).text("status"), "401");
    for secret in &tokens {
        let signature = secret.rsplit('.').next().unwrap();
        assert!(!edge.stack().logs().contains(signature), "a token is in the logs");
    }
}
