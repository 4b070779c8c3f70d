//! Envoy's own refusals: what arrives too slowly, what is too much at once, and bridges that cannot be spoken with.
//! Each is a problem like every other, and nothing of it is published.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use end_to_end::raw::RawConnection;
use end_to_end::{Answer, Edge, Problem, Protocol, Request, config, eventually, token};
use rig::stack::{Mosquitto, types};
use serde_json::json;

fn expect(answer: &Answer, status: u16, code: &str) -> Problem {
    let problem = answer.expect_problem();
    assert_eq!((problem.status, problem.code.as_str()), (status, code), "{:#}", problem.document);
    problem
}

#[test]
fn a_payload_that_does_not_come_in_time_is_408_at_the_edge_and_at_the_bridge() {
    let edge = Edge::start("slow-payload", |stack| {
        stack
            .mosquitto(Mosquitto::new())
            .bridge_argument("--body-timeout")
            .bridge_argument("500ms")
            .envoy_config(|config| {
                config.each(types::HTTP_CONNECTION_MANAGER, |manager| {
                    manager["request_timeout"] = json!("0.5s")
                });
            })
    });
    let topic = edge.topic("slow");
    let subscriber = edge.subscribe();
    for address in [edge.address(), edge.bridge(Protocol::Http1).address()] {
        for format in ["0", "1"] {
            let mut connection = RawConnection::open(address);
            connection.write(
                format!(
                    "POST /mqtt/messages?topic={topic} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
                     mqtt-payload-format-indicator: {format}\r\ncontent-length: 10\r\n\r\nfirst",
                    token::valid()
                )
                .as_bytes(),
            );
            let answer = connection.read_answer().expect("an answer");
            expect(&answer, 408, "RequestTimeout");
        }
    }
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
}

#[test]
fn a_head_that_does_not_come_in_time_is_408() {
    let edge = Edge::start("slow-head", |stack| {
        stack.envoy_config(|config| {
            config.each(types::HTTP_CONNECTION_MANAGER, |manager| {
                manager["request_headers_timeout"] = json!("0.5s")
            });
        })
    });
    let mut connection = RawConnection::open(edge.address());
    connection.write(b"POST /mqtt/messages?topic=a HTTP/1.1\r\nhost: localhost\r\n");
    expect(&connection.read_answer().expect("an answer"), 408, "RequestTimeout");
}

#[test]
fn more_than_the_circuit_breaker_lets_through_is_503_at_once() {
    let edge = Edge::start("circuit-breaker", |stack| {
        stack.mosquitto(Mosquitto::new()).envoy_config(|config| {
            config.bridges(|cluster| cluster["circuit_breakers"]["thresholds"][0]["max_requests"] = json!(2));
        })
    });
    let topic = edge.topic("a");
    edge.send(Request::publish(&topic)).expect_published(202);
    edge.stack().broker().freeze();
    let under_way = Protocol::PLAIN.map(|protocol| edge.at(protocol).begin(Request::publish(&topic)));
    eventually("two requests to be under way", || {
        (edge.stat("cluster.mqtt_bridge.upstream_rq_active") == 2).then_some(())
    });
    for protocol in Protocol::ALL {
        expect(&edge.at(protocol).send(Request::publish(&topic)), 503, "EdgeOverloaded");
    }
    edge.stack().broker().thaw();
    for pending in under_way {
        pending.answer().expect_published(202);
    }
    edge.send(Request::publish(&topic)).expect_published(202);
}

#[test]
fn more_than_the_bridge_may_have_under_way_is_503_at_once() {
    let edge = Edge::start("in-flight", |stack| {
        let stack = stack.bridge_argument("--in-flight-limit").bridge_argument("2");
        let stack = stack.bridge_argument("--client-share").bridge_argument("100%");
        stack.mosquitto(Mosquitto::new())
    });
    let topic = edge.topic("a");
    edge.send(Request::publish(&topic)).expect_published(202);
    edge.stack().broker().freeze();
    let sent: Vec<_> =
        (0..4).flat_map(|_| edge.with_and_without()).map(|at| at.begin(Request::publish(&topic))).collect();
    let total = sent.len();
    // Which two are let in is not said; all others are told at once.
    let (answers, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for pending in sent {
            let answers = answers.clone();
            scope.spawn(move || answers.send(pending.answer()).expect("the receiver waits for every answer"));
        }
        drop(answers);
        for answer in told.iter().take(total - 2) {
            expect(&answer, 503, "Overloaded");
        }
        edge.stack().broker().thaw();
        for answer in told.iter().take(2) {
            answer.expect_published(202);
        }
    });
    edge.send(Request::publish(&topic)).expect_published(202);
}

#[test]
fn a_bridge_that_takes_too_long_is_504() {
    let edge = Edge::start("route-timeout", |stack| {
        stack.mosquitto(Mosquitto::new()).envoy_config(|config| {
            config.each(types::HTTP_CONNECTION_MANAGER, |manager| {
                let routes =
                    manager["route_config"]["virtual_hosts"][0]["routes"].as_array_mut().expect("routes");
                for route in routes.iter_mut().filter(|route| route.get("route").is_some()) {
                    route["route"]["timeout"] = json!("0.5s");
                }
            });
        })
    });
    edge.send(Request::publish("a")).expect_published(202);
    edge.stack().broker().freeze();
    for protocol in Protocol::ALL {
        expect(&edge.at(protocol).send(Request::publish("a")), 504, "BridgeTimeout");
    }
    edge.stack().broker().thaw();
}

#[test]
fn a_bridge_that_speaks_something_else_is_503() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            // Whatever comes of it.
            let _ = stream.write_all(b"220 mail.example ESMTP\r\n");
            let _ = stream.read(&mut [0; 1024]);
        }
    });
    let edge = Edge::start("garbage", |stack| {
        stack.envoy_config(move |config| {
            let endpoints = config::endpoints(&[port]);
            config.bridges(|cluster| cluster["load_assignment"]["endpoints"] = endpoints);
        })
    });
    for protocol in Protocol::ALL {
        let problem = edge.at(protocol).send(Request::publish("a")).expect_problem();
        assert_eq!(problem.status, 503, "{:#}", problem.document);
        assert!(problem.code.starts_with("Bridge"), "{:#}", problem.document);
    }
}
