//! Tokens: one that is valid, and many that are not.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rig::dev::token::Token;
use serde_json::{Map, Value};

/// Who publishes with the [`valid`] token.
pub const CLIENT_ID: &str = "9d0f3a52-5f0c-4c6b-9a51-3c1b9a1f7e10";

/// A token that the edge accepts.
///
/// # Panics
/// Where it cannot be signed.
#[must_use]
pub fn valid() -> &'static str {
    static TOKEN: OnceLock<String> = OnceLock::new();
    TOKEN.get_or_init(|| sign(&Token { oid: CLIENT_ID.to_owned(), ..Token::default() }))
}

/// A token that says what it is told.
///
/// # Panics
/// Where it cannot be signed.
#[must_use]
pub fn sign(token: &Token) -> String {
    token.sign().expect("the development key signs")
}

/// A well-signed token of these claims beside the usual ones.
#[must_use]
pub fn with_claims<const N: usize>(claims: [(&str, Value); N]) -> String {
    let claims = claims.map(|(name, value)| (name.to_owned(), value)).to_vec();
    sign(&Token { claims, ..Token::default() })
}

/// A well-signed token for this client id.
#[must_use]
pub fn of_client(oid: &str) -> String {
    with_claims([("oid", oid.into())])
}

/// A well-signed token that lacks a claim.
///
/// # Panics
/// Where it cannot be signed.
#[must_use]
pub fn without_claim(claim: &str) -> String {
    let mut claims = Token::default().claims().expect("envoy.yaml names the issuer");
    assert!(claims.remove(claim).is_some(), "{claim} is no usual claim");
    rig::dev::token::sign(&claims).expect("the development key signs")
}

/// The claims and header of a token, changed after it was signed.
///
/// # Panics
/// Where it is not a token.
#[must_use]
pub fn forged(token: &str, change: impl FnOnce(&mut Map<String, Value>, &mut Map<String, Value>)) -> String {
    let mut parts = token.split('.');
    let mut header = decode(parts.next().expect("a header"));
    let mut claims = decode(parts.next().expect("claims"));
    change(&mut header, &mut claims);
    format!("{}.{}.{}", encode(&header), encode(&claims), parts.next().expect("a signature"))
}

/// A token that says that it needs no signature, and has none.
#[must_use]
pub fn unsigned() -> String {
    let forged = forged(valid(), |header, _| {
        header.insert("alg".to_owned(), "none".into());
    });
    let end = forged.rfind('.').expect("three parts");
    forged[..=end].to_owned()
}

/// A token whose signature has one wrong character, in its middle.
#[must_use]
pub fn tampered() -> String {
    let mut token = valid().to_owned();
    let at = token.len() - 100;
    let other = if &token[at..=at] == "A" { "B" } else { "A" };
    token.replace_range(at..=at, other);
    token
}

fn decode(part: &str) -> Map<String, Value> {
    let json = URL_SAFE_NO_PAD.decode(part).expect("Base64");
    serde_json::from_slice(&json).expect("a JSON object")
}

fn encode(part: &Map<String, Value>) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(part).expect("JSON"))
}
