//! The listener that Prometheus reaches has two pages of Envoy's administration and no other.

use std::net::SocketAddr;

use end_to_end::{Edge, Endpoint, Protocol, Request};

#[test]
fn the_listener_for_statistics_has_two_pages_and_no_way_to_the_rest_of_the_administration() {
    let edge = Edge::shared();
    let address: SocketAddr =
        edge.stack().stats_url().trim_start_matches("http://").parse().expect("an address");
    let stats = Endpoint::plain("statistics", address, Protocol::Http1);
    let rows = [
        ("GET", "/ready", 200),
        ("GET", "/stats/prometheus", 200),
        ("GET", "/stats/prometheus?usedonly", 200),
        ("POST", "/ready", 404),
        ("POST", "/stats/prometheus", 404),
        ("GET", "/", 404),
        ("GET", "/stats", 404),
        ("GET", "/config_dump", 404),
        ("GET", "/ready/../config_dump", 404),
        ("GET", "/ready/%2e%2e/config_dump", 404),
        ("GET", "//config_dump", 404),
        ("POST", "/quitquitquit", 404),
        ("POST", "/healthcheck/fail", 404),
        ("POST", "/mqtt/messages?topic=devices%2Fa", 404),
    ];
    for (method, target, status) in rows {
        let answer = stats.send(Request::post(target).method(method).without_token());
        assert_eq!(answer.status, status, "{method} {target}: {}", answer.text());
    }
}
