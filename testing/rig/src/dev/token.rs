//! Development tokens: JWTs (RFC 7519) with the claims of Microsoft Entra ID, signed by the development key.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::keys;
use crate::error::{Context, Result};
use crate::stack::EnvoyConfig;

/// The client of a token for which none is named.
const OID: &str = "9d0f3a52-5f0c-4c6b-9a51-3c1b9a1f7e10";

/// In seconds.
const LIFETIME: i64 = 3600;

/// What a token is to say.
#[derive(Clone, Debug, clap::Args)]
pub struct Token {
    /// The object id of who publishes, which becomes the MQTT client id
    #[arg(long, default_value = OID, value_name = "ID")]
    pub oid: String,
    /// A role; may be given several times
    #[arg(long = "role", value_name = "ROLE")]
    pub roles: Vec<String>,
    /// Any other claim, or another value for one; the value is JSON, or else text
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = parse_claim)]
    pub claims: Vec<(String, Value)>,
    /// The audience [default: the first that envoy.yaml accepts]
    #[arg(long, value_name = "AUDIENCE")]
    pub audience: Option<String>,
    /// For how long it is valid; a negative number makes an expired token
    #[arg(long, default_value_t = LIFETIME, value_name = "SECONDS", allow_negative_numbers = true)]
    pub expires_in: i64,
}

// === impl Token ===

impl Default for Token {
    fn default() -> Self {
        Self {
            oid: OID.to_owned(),
            roles: Vec::new(),
            claims: Vec::new(),
            audience: None,
            expires_in: LIFETIME,
        }
    }
}

impl Token {
    /// Signs it.
    ///
    /// # Errors
    /// Where `envoy.yaml` or the development key cannot be read.
    pub fn sign(&self) -> Result<String> {
        sign(&self.claims()?)
    }

    /// What it says.
    ///
    /// # Errors
    /// Where `envoy.yaml` cannot be read.
    pub fn claims(&self) -> Result<Map<String, Value>> {
        let (issuer, audience) = EnvoyConfig::load()?.token_rules()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let start = now.min(now.saturating_add(self.expires_in));
        let mut claims = Map::new();
        claims.insert("iss".to_owned(), issuer.into());
        claims.insert("aud".to_owned(), self.audience.clone().unwrap_or(audience).into());
        claims.insert("sub".to_owned(), self.oid.clone().into());
        claims.insert("oid".to_owned(), self.oid.clone().into());
        claims.insert("iat".to_owned(), start.into());
        claims.insert("nbf".to_owned(), start.into());
        claims.insert("exp".to_owned(), now.saturating_add(self.expires_in).into());
        if !self.roles.is_empty() {
            claims.insert("roles".to_owned(), self.roles.clone().into());
        }
        claims.extend(self.claims.iter().cloned());
        Ok(claims)
    }
}

/// Signs claims of any kind.
///
/// # Errors
/// Where the development key cannot be read.
pub fn sign(claims: &Map<String, Value>) -> Result<String> {
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": keys::KEY_ID });
    let claims = serde_json::to_vec(claims).context(|| "The claims are not JSON".to_owned())?;
    let unsigned = format!("{}.{}", part(header.to_string()), part(claims));
    let signature = keys::sign(unsigned.as_bytes())?;
    Ok(format!("{unsigned}.{}", part(signature)))
}

fn part(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn parse_claim(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("a claim is written NAME=VALUE")?;
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_json_where_it_can_be_and_text_where_not() {
        let rows = [
            ("site=berlin", json!("berlin")),
            ("level=3", json!(3)),
            ("flag=true", json!(true)),
            (r#"list=["a","b"]"#, json!(["a", "b"])),
            ("empty=", json!("")),
            ("a=b=c", json!("b=c")),
        ];
        for (given, expected) in rows {
            assert_eq!(parse_claim(given).unwrap().1, expected, "{given}");
        }
        assert!(parse_claim("no-value").is_err());
    }

    #[test]
    fn a_token_has_the_issuer_and_audience_that_the_edge_accepts() {
        let token = Token { claims: vec![("site".to_owned(), json!("berlin"))], ..Token::default() };
        let signed = token.sign().unwrap();
        let parts: Vec<Vec<u8>> =
            signed.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
        let claims: Value = serde_json::from_slice(&parts[1]).unwrap();
        let (issuer, audience) = EnvoyConfig::load().unwrap().token_rules().unwrap();
        assert_eq!(parts.len(), 3);
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(issuer), &json!(audience)));
        assert_eq!((&claims["oid"], &claims["site"]), (&json!(token.oid), &json!("berlin")));
        assert_eq!(claims["exp"].as_i64(), claims["nbf"].as_i64().map(|start| start + LIFETIME));
    }
}
