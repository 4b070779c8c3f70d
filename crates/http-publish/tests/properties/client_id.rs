//! A client id goes into a field and comes out of it as what it was.

use http_publish::{ClientId, Code};

use crate::mqtt_text::is_mqtt_text;

/// Takes bytes as a verified identity, and as a field that a client wrote.
///
/// # Panics
/// Where a promise is broken.
pub(crate) fn check(bytes: &[u8]) {
    check_identity(bytes);
    check_field(bytes);
}

fn check_identity(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).ok();
    let expected = text.filter(|text| is_mqtt_text(text) && (1..=256).contains(&text.len()));
    let client = ClientId::new(bytes);
    assert_eq!(client.as_ref().ok().map(ClientId::as_str), expected, "{}", bytes.escape_ascii());
    match client {
        Ok(client) => check_round_trip(&client),
        Err(problem) => assert_eq!(problem.code(), Code::InvalidClientId),
    }
}

/// What a field says is written back in one spelling, which says the same.
fn check_field(bytes: &[u8]) {
    match ClientId::from_field(bytes) {
        Ok(client) => check_round_trip(&client),
        Err(problem) => assert_eq!(problem.code(), Code::InvalidClientId),
    }
}

fn check_round_trip(client: &ClientId<'_>) {
    let field = client.to_field();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
    assert!(!field.is_empty() && field.bytes().all(is_plain), "{field}");
    let again = ClientId::from_field(field.as_bytes()).expect("the field is a client id");
    assert_eq!((again.as_str(), &again.to_field()), (client.as_str(), &field));
}
