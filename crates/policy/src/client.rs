//! The client that a policy decides about.

use crate::claim::Claims;

/// The sender of a request, as the edge verified it. Nothing here is under the control of the client.
#[derive(Clone, Copy)]
pub struct Client<'a> {
    /// Event Grid's `client.authenticationName`: the client id. `None` if clients have no id.
    pub authentication_name: Option<&'a str>,
    /// Event Grid's `client.attributes`: the claims of the token.
    pub claims: &'a dyn Claims,
}
