//! A client, as the policy sees it.

use crate::claim::Claims;

/// Who sent the request: what the edge verified, and nothing that the client could choose.
#[derive(Clone, Copy)]
pub struct Client<'a> {
    /// Event Grid's `client.authenticationName`: the client id. `None` where clients have no id.
    pub authentication_name: Option<&'a str>,
    /// Event Grid's `client.attributes`: the claims of the token.
    pub claims: &'a dyn Claims,
}
