//! The manifests of `deploy/envoy-gateway` and `deploy/istio`, as those control planes translate them for Envoy.
//!
//! Neither control plane runs here. What it generates is rebuilt from its sources, which each module names, and every
//! value that an operator writes is taken from the shipped manifest.

mod envoy_gateway;
mod istio;
mod manifests;

use end_to_end::{Answer, Edge, Request, Subscriber, token};
use rig::dev::token::Token;
use rig::stack::{EnvoyConfig, Mosquitto};
use serde_json::{Value, json};

/// An Envoy that a control plane configures, with a bridge and a broker.
struct ControlPlane {
    edge: Edge,
    issuer: String,
    audience: String,
}

/// What the stack has already, for what is generated around it.
struct Places {
    http: Value,
    bridges: Value,
}

// === impl ControlPlane ===

impl ControlPlane {
    /// Starts an Envoy with what `generate` makes of the stack's places. `jwt` is the manifest's only issuer.
    fn start(name: &str, jwt: &Value, generate: impl FnOnce(&Places) -> Value + Send + 'static) -> Self {
        let text = |pointer: &str| jwt.pointer(pointer).and_then(Value::as_str).expect(pointer).to_owned();
        let edge = Edge::as_shipped(name, |stack| {
            stack.mosquitto(Mosquitto::new()).envoy_config(|config| replace(config, generate))
        });
        Self { edge, issuer: text("/issuer"), audience: text("/audiences/0") }
    }

    /// A token of the manifest's issuer for this subject.
    fn token(&self, subject: &str) -> String {
        let mut claims = Token::default().claims().expect("envoy.yaml names the issuer");
        claims.remove("oid");
        claims.extend([
            ("iss".to_owned(), json!(self.issuer)),
            ("aud".to_owned(), json!(self.audience)),
            ("sub".to_owned(), json!(subject)),
        ]);
        rig::dev::token::sign(&claims).expect("the development key signs")
    }

    fn send(&self, request: Request) -> Answer {
        self.edge.send(request.token(&self.token("sensor-7")))
    }

    /// What holds behind every control plane.
    fn expect_the_essentials(&self) {
        let subscriber = self.edge.subscribe_to(&["devices/#", "clients/#"]);

        // Published, with its properties and with the payload as it is.
        let request = Request::publish("devices/a b/état")
            .headers(&[("mqtt-response-topic", "devices%2Freply"), ("mqtt-correlation-data", "AAEC")])
            .header("mqtt-user-properties", r#"[{"unit":"°C"}]"#)
            .header("content-type", "text/plain")
            .body("21.5");
        let answer = self.send(request);
        answer.expect_published(204);
        let message = subscriber.next();
        assert_eq!((message.topic.as_str(), message.payload.as_slice()), ("devices/a b/état", &b"21.5"[..]));
        assert_eq!(message.response_topic.as_deref(), Some("devices/reply"));
        assert_eq!(message.correlation_data.as_deref(), Some(&[0, 1, 2][..]));
        assert_eq!(message.user_properties, [("unit".to_owned(), "°C".to_owned())]);

        // The claim of the token is the client: what is its own, it may publish to, and nothing else.
        self.send(Request::publish("clients/sensor-7/x").body("own")).expect_published(204);
        assert_eq!(subscriber.next().topic, "clients/sensor-7/x");
        let problem = self.send(Request::publish("clients/sensor-8/x").body("foreign")).expect_problem();
        assert_eq!((problem.status, problem.code.as_str()), (403, "NotPermitted"));

        // Refused with every violation at once.
        let problem =
            self.send(Request::publish("devices/a").and("&qos=3&retain=2").body("x")).expect_problem();
        assert_eq!(problem.status, 400);
        assert_eq!(problem.places(), [("query", "qos", "InvalidQos"), ("query", "retain", "InvalidRetain")]);

        // A payload that has to be checked is checked, and a dry run is answered: neither waits for ever.
        let utf8 = |payload: Vec<u8>| {
            Request::publish("devices/utf8").header("mqtt-payload-format-indicator", "1").body(payload)
        };
        self.send(utf8("é".repeat(10_000).into_bytes())).expect_published(204);
        assert_eq!(subscriber.next().payload_format_indicator, Some(1));
        let problem = self.send(utf8(b"ok until here \xff".to_vec())).expect_problem();
        assert_eq!(problem.status, 400);
        let dry = self.send(Request::publish("devices/dry").and("&dry-run=1").body("x"));
        assert_eq!((dry.status, dry.header("content-type")), (200, Some("application/json")), "{dry:?}");

        // The largest payload passes by.
        let large = vec![b'x'; 512 * 1024];
        self.send(Request::publish("devices/large").body(large.clone())).expect_published(204);
        assert_eq!(subscriber.next().payload.len(), large.len());

        self.expect_batches(&subscriber);

        // Reading retained messages needs a binding that the manifests do not have.
        let read = Request::post("/mqtt/retainedMessages/message?topic=devices%2Flarge").method("GET");
        let problem = self.send(read).expect_problem();
        assert_eq!((problem.status, problem.code.as_str()), (403, "NotPermitted"));

        // What was refused was not published.
        let rest = {
            self.send(Request::publish("devices/end").body("end")).expect_published(204);
            subscriber.until(b"end")
        };
        assert!(rest.is_empty(), "{rest:?}");
    }

    /// A batch with a topic is judged by its head, one without by its lines.
    fn expect_batches(&self, subscriber: &Subscriber) {
        let batch = |query: &str, lines: &[Value]| {
            let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let request = Request::post(format!("/mqtt/messages/batch{query}"));
            self.send(request.header("content-type", "application/x-ndjson").body(body))
        };
        let rows = [
            ("?topic=devices%2Fbatch", vec![json!({ "payload": "0" }), json!({ "payload": "1" })], 200),
            ("?topic=devices%2Fbatch", vec![json!({ "payload": "2" }), json!({ "qos": 3 })], 207),
            ("", vec![json!({ "topic": "devices/batch", "payload": "3" })], 200),
            (
                "",
                vec![
                    json!({ "topic": "clients/sensor-8/x", "payload": "foreign" }),
                    json!({ "topic": "devices/batch", "payload": "4" }),
                ],
                207,
            ),
        ];
        for (query, lines, status) in rows {
            let answer = batch(query, &lines);
            let refused = if status == 200 { "0" } else { "1" };
            assert_eq!(
                (answer.status, answer.header("mqtt-batch-refused")),
                (status, Some(refused)),
                "{answer:?}"
            );
        }
        for payload in ["0", "1", "2", "3", "4"] {
            let message = subscriber.next();
            assert_eq!((message.topic.as_str(), message.text().as_str()), ("devices/batch", payload));
        }
        let problem = batch("?topic=clients%2Fsensor-8%2Fx", &[json!({})]).expect_problem();
        assert_eq!((problem.status, problem.code.as_str()), (403, "NotPermitted"));
    }

    fn refuse_the_tokens_of_others(&self) {
        let foreign = token::with_claims([("iss", json!("https://elsewhere.example")), ("aud", json!("x"))]);
        let request = || Request::publish("devices/a").body("x");
        assert_eq!(self.edge.send(request().token(&foreign)).status, 401);
        assert_eq!(self.edge.send(request().without_token()).status, 401);
    }
}

/// Puts the generated configuration in the place of `envoy.yaml`'s.
fn replace(config: &mut EnvoyConfig, generate: impl FnOnce(&Places) -> Value) {
    let old = config.value();
    let places = Places {
        http: old["static_resources"]["listeners"][0]["address"].clone(),
        bridges: old["static_resources"]["clusters"][0]["load_assignment"]["endpoints"].clone(),
    };
    let mut new = generate(&places);
    for kept in ["node", "admin"] {
        new[kept] = old[kept].clone();
    }
    *config.value() = new;
}

/// A server of one file, for what Envoy fetches.
fn serve(path: &str, bytes: Vec<u8>) -> u16 {
    end_to_end::FileServer::start(path, bytes).port()
}

/// A cluster of one port of this machine.
fn cluster(name: &str, port: u16) -> Value {
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "10s",
        "load_assignment": { "cluster_name": name, "endpoints": end_to_end::config::endpoints(&[port]) },
    })
}
