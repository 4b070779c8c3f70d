//! How a client's session logs in.

use std::fmt;
use std::future::pending;
use std::sync::Arc;

use tokio::sync::watch;

/// The client that publishes a message. The `Debug` form does not show the Password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Client<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its own Password, with [`ClientLogin::Own`](crate::config::ClientLogin::Own). It is ignored otherwise.
    pub password: Option<&'a str>,
}

/// A Password. The `Debug` form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Password(Arc<str>);

/// The own login of a client, as its session's task sees it.
#[derive(Clone, Debug)]
pub(crate) struct OwnLogin {
    pub(crate) user_name: Arc<str>,
    password: watch::Receiver<Password>,
}

/// Passes on the Password of the latest message to the session's task.
#[derive(Clone, Debug)]
pub(crate) struct LatestPassword(Arc<watch::Sender<Password>>);

/// The login of a client whose session is opened with this Password.
pub(crate) fn own_login(client: &Arc<str>, password: &str) -> (LatestPassword, OwnLogin) {
    let (sender, receiver) = watch::channel(Password::new(password));
    let login = OwnLogin { user_name: Arc::clone(client), password: receiver };
    (LatestPassword(Arc::new(sender)), login)
}

// === impl Client ===

impl<'a> From<&'a str> for Client<'a> {
    /// Without a Password.
    fn from(id: &'a str) -> Self {
        Self { id, password: None }
    }
}

impl fmt::Debug for Client<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("id", &self.id).finish_non_exhaustive()
    }
}

// === impl Password ===

impl Password {
    fn new(text: &str) -> Self {
        Self(text.into())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(redacted)")
    }
}

// === impl OwnLogin ===

impl OwnLogin {
    /// The Password for a connection that is made now. It is not [new](Self::has_new_password) any more.
    pub(crate) fn take_password(&mut self) -> Password {
        self.password.borrow_and_update().clone()
    }

    /// Whether a message has come with another Password than that of the last attempt to connect.
    pub(crate) fn has_new_password(&self) -> bool {
        // Without a sender, the session is about to end.
        self.password.has_changed().unwrap_or(false)
    }

    /// Waits for such a message.
    pub(crate) async fn new_password(&mut self) {
        if self.password.changed().await.is_err() {
            pending().await
        }
    }
}

// === impl LatestPassword ===

impl LatestPassword {
    pub(crate) fn update(&self, password: &str) {
        if &*self.0.borrow().0 != password {
            self.0.send_replace(Password::new(password));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_new_until_a_connection_uses_it_and_never_shown() {
        let (latest, mut login) = own_login(&"pump".into(), "first");
        login.take_password();
        latest.update("first");
        assert!(!login.has_new_password());
        latest.update("second");
        assert!(login.has_new_password());
        assert_eq!(login.take_password().as_bytes(), b"second");
        assert!(!login.has_new_password());
        let client = Client { id: "pump", password: Some("second") };
        assert!(!format!("{latest:?} {login:?} {client:?}").contains("second"));
    }
}
