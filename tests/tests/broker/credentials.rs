//! Passwords that the broker checks: the bridge's own, which changes while it runs, and a client's token.

use std::path::PathBuf;
use std::process::Command;

use end_to_end::{Answer, Edge, Endpoint, Link, Protocol, Request, deploy, eventually, token};
use rig::stack::{Mosquitto, Service, types};
use rig::{repo, tools};
use serde_json::json;

/// A Mosquitto that checks the Password of who names a User Name.
struct Broker {
    service: Service,
    port: u16,
    passwords: PathBuf,
}

// === impl Broker ===

impl Broker {
    fn start(name: &str) -> Self {
        let directory = repo::run(name);
        std::fs::create_dir_all(&directory).expect("a directory");
        let passwords = directory.join("passwords");
        std::fs::write(&passwords, "").expect("a file");
        let mosquitto = Mosquitto::new().setting(format!("password_file {}", passwords.display()));
        let (service, port) = mosquitto.start(name).expect("a broker");
        Self { service, port, passwords }
    }

    /// Sets a Password, and lets the broker read it.
    fn set(&self, user_name: &str, password: &str) {
        let program = tools::mosquitto_passwd().expect("mosquitto_passwd");
        let mut command = Command::new(program);
        let status = command.arg("-b").arg(&self.passwords).args([user_name, password]).status();
        assert!(status.expect("mosquitto_passwd runs").success());
        self.service.reload();
    }
}

/// The answer at the moment, until there is one of this status.
fn until(edge: &Edge, status: u16, request: &Request) -> Answer {
    eventually(&format!("an answer of {status}"), || {
        Some(edge.send(request.clone())).filter(|answer| answer.status == status)
    })
}

#[test]
fn the_password_of_the_bridge_changes_at_the_broker_and_in_its_file_without_a_restart() {
    let broker = Broker::start("credentials-broker");
    broker.set("bridge", "first-secret");
    let link = Link::to(broker.port);
    let file = broker.passwords.with_file_name("password-of-the-bridge");
    std::fs::write(&file, "first-secret\n").expect("a file");
    let edge = Edge::start("credentials", |stack| {
        let file = format!("--password-file={}", file.display());
        stack.foreign_broker(link.port()).bridge_argument("--username=bridge").bridge_argument(file)
    });
    let request = Request::publish(&edge.topic("a"));
    edge.send(request.clone()).expect_published(202);

    // The broker has another Password: the bridge's own is refused as soon as it has to log in again.
    broker.set("bridge", "second-secret");
    link.cut();
    let refused = until(&edge, 502, &request).expect_problem();
    assert_eq!(refused.code, "BrokerLoginFailed", "{:#}", refused.document);

    std::fs::write(&file, "second-secret\n").expect("a file");
    edge.stack().bridge().reload();
    until(&edge, 202, &request);
    link.cut();
    until(&edge, 202, &request);
    let log = edge.stack().bridge().log();
    assert!(log.contains("read the password and TLS files again"), "{log}");
    assert!(!log.contains("secret"), "{log}");
}

#[test]
fn the_token_of_a_client_is_its_password_at_the_broker() {
    let of =
        |client: &str, number: u8| token::with_claims([("oid", client.into()), ("number", number.into())]);
    let (old, new, stranger) = (of("A", 1), of("A", 2), of("B", 1));
    let broker = Broker::start("tokens-broker");
    broker.set("A", &old);
    broker.set("B", "not a token");
    let link = Link::to(broker.port);
    let piece = deploy::piece("client-sessions.yaml");
    let edge = Edge::start("tokens", |stack| {
        let stack = stack.foreign_broker(link.port()).envoy_config(move |edge| {
            deploy::put(edge, &piece);
            edge.each(types::JWT_AUTHN, |jwt| {
                for provider in jwt["providers"].as_object_mut().expect("providers").values_mut() {
                    provider["forward"] = json!(true);
                }
            });
        });
        ["--sessions-of=client", "--client-password=token", "--log=trace"]
            .into_iter()
            .fold(stack, |stack, argument| stack.bridge_argument(argument))
    });
    let topic = edge.topic("a");
    let by = |token: &str| Request::publish(&topic).token(token);

    for protocol in Protocol::ALL {
        edge.at(protocol).send(by(&old)).expect_published(202);
        let refused = edge.at(protocol).send(by(&stranger)).expect_problem();
        assert_eq!((refused.status, refused.code.as_str()), (403, "NotAuthorized"), "{:#}", refused.document);
        assert_eq!(refused.document["mqttReasonCode"], 135, "{:#}", refused.document);
    }

    broker.set("A", &new);
    link.cut();
    until(&edge, 403, &by(&old));
    // It is tried at once. The session that it opens is the client's, whatever its other requests have.
    edge.send(by(&new)).expect_published(202);
    edge.send(by(&old)).expect_published(202);

    let metrics = Request::post("/metrics").method("GET").without_token();
    let address = edge.stack().bridge_url(0).trim_start_matches("http://").parse().expect("an address");
    let metrics = Endpoint::plain("bridge", address, Protocol::Http1).send(metrics).text();
    let log = edge.stack().bridge().log();
    assert!(log.contains("DEBUG"), "it logs all that it can");
    for token in [old, new, stranger] {
        assert!(!log.contains(&token) && !metrics.contains(&token));
    }
}
