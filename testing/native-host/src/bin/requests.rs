//! Sends requests of one kind through the filter, for a program that counts instructions: `requests KIND NUMBER`. Without
//! arguments it lists the kinds.

use http_publish::example;
use native_host::{Config, Step, Stream};

/// A kind of request. One that is named for a problem's code is refused with it.
struct Kind {
    name: &'static str,
    target: &'static str,
    fields: fn() -> Vec<(&'static str, String)>,
    body: &'static [u8],
    claims: Option<&'static str>,
}

/// `envoy.yaml`'s.
const CONFIG: &str = r##"{
    "clientId": {"from": "jwt", "metadataKey": "jwt", "claims": ["oid"]},
    "permissions": {
        "topicSpaces": [
            {"name": "devices", "templates": ["devices/#"]},
            {"name": "own", "templates": ["clients/${client.authenticationName}/#"]}
        ],
        "permissionBindings": [
            {"name": "everyone-devices", "clientGroup": "$all", "topicSpace": "devices"},
            {"name": "everyone-own", "clientGroup": "$all", "topicSpace": "own"}
        ]
    }
}"##;

/// As Envoy writes those of a development token.
const CLAIMS: Option<&str> = Some(
    r#"{"aud":"https://localhost","exp":1795630201,"iat":1795626601,"iss":"https://development.postmqtt.invalid","nbf":1795626601,"oid":"9d0f3a52-5f0c-4c6b-9a51-3c1b9a1f7e10","sub":"9d0f3a52-5f0c-4c6b-9a51-3c1b9a1f7e10"}"#,
);

const MINIMAL: Kind = Kind {
    name: "minimal",
    target: "/mqtt/messages?topic=devices%2Fa",
    fields: Vec::new,
    body: b"",
    claims: CLAIMS,
};

const KINDS: [Kind; 10] = [
    Kind {
        name: "example",
        target: example::PATH_AND_QUERY,
        fields: || example::HEADERS.map(|(name, value)| (name, value.to_owned())).to_vec(),
        body: example::PAYLOAD.as_bytes(),
        ..MINIMAL
    },
    MINIMAL,
    Kind { name: "100-user-properties", fields: || user_properties(100), ..MINIMAL },
    Kind {
        name: "text-of-16-KiB",
        fields: || vec![("mqtt-payload-format-indicator", "1".to_owned())],
        body: &[b'a'; 16_384],
        ..MINIMAL
    },
    Kind { name: "another-path", target: "/other", ..MINIMAL },
    Kind { name: "Unauthenticated", claims: None, ..MINIMAL },
    Kind { name: "NotPermitted", target: "/mqtt/messages?topic=other", ..MINIMAL },
    Kind { name: "TopicWildcard", target: "/mqtt/messages?topic=devices%2F%2B", ..MINIMAL },
    Kind { name: "InvalidQos", target: "/mqtt/messages?topic=devices%2Fa&qos=2", ..MINIMAL },
    Kind { name: "MissingTopic", target: "/mqtt/messages", ..MINIMAL },
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(number)) = (arguments.next(), arguments.next()) else {
        return KINDS.iter().for_each(|kind| println!("{}", kind.name));
    };
    let kind = KINDS.iter().find(|kind| kind.name == name).expect("a kind of request");
    let config = Config::load(CONFIG).expect("a valid configuration");
    for _ in 0..number.parse::<usize>().expect("a number of requests") {
        kind.send(&config);
    }
}

// === impl Kind ===

impl Kind {
    fn send(&self, config: &Config) {
        let mut stream = Stream::open(config);
        stream.field(":authority", "edge.example").field(":path", self.target).field(":method", "POST");
        stream.field(":scheme", "https").field("user-agent", "curl/8.14.1").field("accept", "*/*");
        stream.field("x-request-id", "0f8fad5b-d9cb-469f-a165-70867728950e");
        for (name, value) in (self.fields)() {
            stream.field(name, value);
        }
        if let Some(claims) = self.claims {
            stream.verified_token().filter_state("postmqtt.claims.jwt", claims);
        }
        if stream.head(self.body.is_empty()) == Step::Continues && !self.body.is_empty() {
            stream.body(&[self.body], true);
        }
        let refused = stream.answer().map(|answer| answer.details);
        let expected =
            self.name.starts_with(char::is_uppercase).then(|| format!("postmqtt{{{}}}", self.name));
        assert_eq!(refused, expected);
    }
}

fn user_properties(count: usize) -> Vec<(&'static str, String)> {
    let pairs: Vec<_> = (0..count).map(|at| format!(r#"{{"name{at}":"value"}}"#)).collect();
    vec![("mqtt-user-properties", format!("[{}]", pairs.join(",")))]
}
