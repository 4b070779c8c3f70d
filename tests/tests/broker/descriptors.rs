//! A bridge that runs out of file descriptors.

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

use end_to_end::{Edge, Link, Protocol, Request, block_on, eventually};
use rig::repo;
use rig::stack::Mosquitto;

/// The bridge itself needs about 20.
const DESCRIPTORS: usize = 64;

#[test]
fn a_bridge_without_file_descriptors_serves_its_connections_and_recovers_when_others_close() {
    let script = repo::run("test-descriptors.sh");
    let bridge = repo::bridge();
    let text = format!("#!/bin/sh\nulimit -n {DESCRIPTORS}\nexec {} \"$@\"\n", bridge.display());
    std::fs::write(&script, text).expect("a script");
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).expect("an executable script");
    let (_broker, port) = Mosquitto::new().start("test-descriptors-broker").expect("a broker");
    let link = Link::to(port);
    let edge = Edge::start("descriptors", |stack| {
        stack.bridge(script).foreign_broker(link.port()).bridge_argument("--lame-duck").bridge_argument("0s")
    });
    let topic = edge.topic("a");
    edge.send(Request::publish(&topic)).expect_published(202);

    let mut before = block_on(async {
        let mut before = edge.bridge(Protocol::Http2).connect().await;
        before.send(Request::publish(&topic)).await.expect("an answer").expect_published(202);
        before
    });
    let address = edge.stack().bridge_url(0).trim_start_matches("http://").to_owned();
    let idle: Vec<_> =
        (0..DESCRIPTORS).map(|_| TcpStream::connect(&address).expect("a connection")).collect();
    eventually("the bridge to have no descriptors", || {
        edge.stack().bridge().log().contains("cannot accept a connection").then_some(())
    });
    // A connection from before goes on, and so does the session.
    for _ in 0..20 {
        let answer = block_on(before.send(Request::publish(&topic)));
        answer.expect("an answer").expect_published(202);
    }
    // A session that is cut needs a descriptor too: its own was freed, and may be taken by a connection that waits.
    link.cut();
    drop(idle);
    eventually("the bridge to publish again", || {
        (edge.send(Request::publish(&topic)).status == 202).then_some(())
    });
    edge.stack().bridge().restart().expect("the bridge ends and starts again");
}
