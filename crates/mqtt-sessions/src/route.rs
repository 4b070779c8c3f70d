//! The way of one session through the brokers: which one it connects to, and which one is next.
//!
//! Sessions are spread: session i starts at broker i mod n, and at another address if the broker's name has several. A session
//! stays at a broker that works, or returns from it after a while to the one that it started at, its home. It goes to the next one when an attempt fails, when a connection was too short to be of use,
//! and when the broker says that it shuts down or names another server.

use std::net::SocketAddr;

use crate::broker::{BrokerAddress, Brokers};
use crate::codec::disconnect::Disconnect;
use crate::reason_code::ReasonCode;
use crate::server_reference::{Redirection, ServerReferences};

/// The way of one session.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    brokers: Brokers,
    references: ServerReferences,
    /// The number of the session among those that are spread.
    number: usize,
    /// The place of the configured broker.
    place: usize,
    /// The server that the broker named, in place of the broker.
    redirected: Option<BrokerAddress>,
    /// How many Server References in a row were followed without use.
    hops: u32,
    /// The address of the last connection, which may still have the session.
    last: Option<SocketAddr>,
}

/// What a connection leads to, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The configured broker at this place, counted from 0.
    Configured(usize),
    /// A server that a broker named.
    Redirected,
}

/// Whether a route leads somewhere else now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// To another broker.
    Taken,
    /// It leads where it led before.
    Straight,
}

/// How many Server References in a row are followed, so that two brokers cannot send a session back and forth for ever.
const MAXIMUM_HOPS: u32 = 3;

// === impl Route ===

impl Route {
    pub(crate) fn new(brokers: Brokers, references: ServerReferences, number: usize) -> Self {
        let place = number.checked_rem(brokers.count()).unwrap_or_default();
        Self { brokers, references, number, place, redirected: None, hops: 0, last: None }
    }

    pub(crate) fn broker(&self) -> &BrokerAddress {
        self.redirected.as_ref().unwrap_or_else(|| self.brokers.at(self.place))
    }

    pub(crate) const fn destination(&self) -> Destination {
        match self.redirected {
            Some(_) => Destination::Redirected,
            None => Destination::Configured(self.place),
        }
    }

    /// The addresses of the broker's name in the order in which to try them: that of the last connection; then those of the
    /// family that the system prefers, turned by the session's number; then the others.
    pub(crate) fn order(&self, mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
        let Some(preferred) = addresses.first().map(SocketAddr::is_ipv4) else { return addresses };
        addresses.sort_by_key(|address| address.is_ipv4() != preferred);
        let family = addresses.partition_point(|address| address.is_ipv4() == preferred);
        let turn = self.number.checked_div(self.brokers.count()).and_then(|round| round.checked_rem(family));
        if let Some((family, turn)) = addresses.get_mut(..family).zip(turn) {
            family.rotate_left(turn);
        }
        addresses.sort_by_key(|address| Some(*address) != self.last);
        addresses
    }

    /// The broker has accepted a connection to this address.
    pub(crate) const fn connected(&mut self, address: SocketAddr) {
        self.last = Some(address);
    }

    /// A connection was of use, or the session has waited: Server References are followed again.
    pub(crate) const fn reset_hops(&mut self) {
        self.hops = 0;
    }

    /// Leads to the next configured broker, or from a server that was named back to the one that named it.
    pub(crate) fn advance(&mut self) {
        if self.redirected.take().is_none() {
            self.place = (self.place + 1).checked_rem(self.brokers.count()).unwrap_or_default();
        }
    }

    /// The route of a session that returns from another configured broker to the one that it started at.
    pub(crate) fn homeward(&self) -> Option<Self> {
        let home = Self::new(self.brokers.clone(), self.references, self.number);
        (self.redirected.is_none() && self.place != home.place).then_some(home)
    }

    /// Follows a Server Reference, if that is switched on and there were not too many.
    pub(crate) fn redirect(&mut self, redirection: &Redirection<'_>) -> Turn {
        if self.references == ServerReferences::Ignored || self.hops >= MAXIMUM_HOPS {
            return Turn::Straight;
        }
        let Some(target) = redirection.target(self.broker().transport) else { return Turn::Straight };
        tracing::debug!("{} names another server: {target}", self.broker());
        self.hops += 1;
        self.redirected = Some(target);
        Turn::Taken
    }

    /// Follows the broker's DISCONNECT: to the server that it names, or to the next broker if this one goes away.
    pub(crate) fn disconnected(&mut self, disconnect: &Disconnect) -> Turn {
        let reference = disconnect.server_reference.as_deref();
        let redirection = Redirection::from_broker(&disconnect.reason, reference);
        if redirection.is_some_and(|redirection| self.redirect(&redirection) == Turn::Taken) {
            return Turn::Taken;
        }
        match disconnect.reason.reason_code {
            ReasonCode::SERVER_SHUTTING_DOWN | ReasonCode::USE_ANOTHER_SERVER | ReasonCode::SERVER_MOVED => {
                self.advance();
            }
            _ => {}
        }
        Turn::Straight
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason_code::BrokerReason;

    fn brokers(hosts: &[&str]) -> Brokers {
        let mut addresses = hosts.iter().map(|host| BrokerAddress::tls(*host, 8883));
        Brokers::new(addresses.next().unwrap(), addresses)
    }

    fn route(hosts: &[&str], number: usize) -> Route {
        Route::new(brokers(hosts), ServerReferences::Followed, number)
    }

    fn disconnect(reason_code: u8, server_reference: Option<&str>) -> Disconnect {
        let reason = BrokerReason { reason_code: ReasonCode(reason_code), reason_string: None };
        Disconnect { reason, server_reference: server_reference.map(str::to_owned) }
    }

    #[test]
    fn session_i_starts_at_broker_i_mod_n_and_goes_round() {
        for (number, expected) in [(0, "abca"), (1, "bcab"), (2, "cabc"), (5, "cabc")] {
            let mut route = route(&["a", "b", "c"], number);
            let mut way = String::new();
            for _ in 0..4 {
                way.push_str(&route.broker().host);
                route.advance();
            }
            assert_eq!(way, expected, "{number}");
        }
    }

    #[test]
    fn a_session_returns_home_from_another_broker_and_not_from_a_server_that_was_named() {
        let mut route = route(&["a", "b", "c"], 4);
        assert!(route.homeward().is_none());
        route.advance();
        assert_eq!(route.homeward().unwrap().broker().host, "b");
        assert_eq!(route.disconnected(&disconnect(0x9C, Some("x"))), Turn::Taken);
        assert!(route.homeward().is_none());
    }

    #[test]
    fn sessions_of_one_broker_are_spread_over_its_addresses_of_the_preferred_family() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let resolved = ["[::1]:1", "10.0.0.1:1", "[::2]:1", "[::3]:1"].map(address);
        // Two brokers: sessions 0, 2 and 4 start at the first.
        let rows = [
            (0, ["[::1]:1", "[::2]:1", "[::3]:1", "10.0.0.1:1"]),
            (2, ["[::2]:1", "[::3]:1", "[::1]:1", "10.0.0.1:1"]),
            (4, ["[::3]:1", "[::1]:1", "[::2]:1", "10.0.0.1:1"]),
            (6, ["[::1]:1", "[::2]:1", "[::3]:1", "10.0.0.1:1"]),
        ];
        for (number, expected) in rows {
            assert_eq!(
                route(&["a", "b"], number).order(resolved.to_vec()),
                expected.map(address),
                "{number}"
            );
        }
        let mut route = route(&["a", "b"], 0);
        route.connected(address("10.0.0.1:1"));
        assert_eq!(route.order(resolved.to_vec())[0], address("10.0.0.1:1"));
        assert_eq!(route.order(Vec::new()), []);
    }

    #[test]
    fn a_disconnect_leads_to_the_server_that_it_names_or_to_the_next_broker_if_this_one_goes_away() {
        let rows = [
            (0x9C, Some("x:1"), "mqtts://x:1"),
            (0x9D, Some("x"), "mqtts://x:8883"),
            (0x9C, None, "mqtts://b:8883"),
            (0x9C, Some("?"), "mqtts://b:8883"),
            (0x8B, Some("x"), "mqtts://b:8883"),
            (0x8E, None, "mqtts://a:8883"),
            (0x00, None, "mqtts://a:8883"),
        ];
        for (reason_code, reference, expected) in rows {
            let mut route = route(&["a", "b"], 0);
            let turn = route.disconnected(&disconnect(reason_code, reference));
            assert_eq!(route.broker().to_string(), expected, "{reason_code:#x} {reference:?}");
            assert_eq!(turn == Turn::Taken, route.destination() == Destination::Redirected);
        }
    }

    #[test]
    fn three_server_references_in_a_row_are_followed() {
        let mut route = route(&["a"], 0);
        for named in ["x", "y", "z"] {
            assert_eq!(route.disconnected(&disconnect(0x9C, Some(named))), Turn::Taken);
        }
        assert_eq!(route.disconnected(&disconnect(0x9C, Some("w"))), Turn::Straight);
        assert_eq!(route.broker().host, "a");
        route.reset_hops();
        assert_eq!(route.disconnected(&disconnect(0x9C, Some("w"))), Turn::Taken);
    }

    #[test]
    fn server_references_are_ignored_unless_switched_on() {
        let mut route = Route::new(brokers(&["a"]), ServerReferences::Ignored, 0);
        assert_eq!(route.disconnected(&disconnect(0x9C, Some("x"))), Turn::Straight);
        assert_eq!(route.broker().host, "a");
    }
}
