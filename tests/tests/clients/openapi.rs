//! `clients/openapi.yaml` says what the code and `envoy.yaml` say.

use std::collections::{BTreeMap, BTreeSet};

use end_to_end::Edge;
use end_to_end::raw::RawConnection;
use http_publish::{Code, Profile};
use rig::stack::{EnvoyConfig, types};
use rig::{example, repo};
use serde_json::{Map, Value, json};

/// Requests that Envoy refuses before the filter sees them, one for each status.
const HTTP_THAT_ENVOY_REFUSES: [(u64, &str); 3] = [
    (400, "POST /mqtt/messages?topic=a HTTP/1.1\r\nhost: localhost\r\ncontent-length: many\r\n\r\n"),
    (426, "POST /mqtt/messages?topic=a HTTP/1.0\r\nhost: localhost\r\n\r\n"),
    (
        501,
        "POST /mqtt/messages?topic=a HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ),
];

fn openapi() -> Value {
    let path = repo::root().join("clients/openapi.yaml");
    let text = std::fs::read_to_string(path).expect("clients/openapi.yaml");
    serde_saphyr::from_str(&text).expect("clients/openapi.yaml is YAML")
}

/// What envoy.yaml answers by itself: the codes that it writes, each with the statuses that its mapper can come with.
/// A mapper without a `status_code` keeps Envoy's status; those that can come are known here.
fn envoys_own_codes() -> BTreeMap<String, BTreeSet<u64>> {
    let mut codes = BTreeMap::<String, BTreeSet<u64>>::new();
    let mut config = EnvoyConfig::load().expect("envoy.yaml");
    config.each(types::HTTP_CONNECTION_MANAGER, |manager| {
        let mappers = manager["local_reply_config"]["mappers"].as_array().cloned().unwrap_or_default();
        for mapper in mappers {
            let Some(code) = mapper["body_format_override"]["json_format"]["code"].as_str() else { continue };
            codes.entry(code.to_owned()).or_default().extend(statuses_of(code, &mapper));
        }
    });
    codes
}

fn statuses_of(code: &str, mapper: &Value) -> Vec<u64> {
    if let Some(status) = mapper["status_code"].as_u64() {
        return vec![status];
    }
    match code {
        // HTTP that Envoy does not take: malformed, HTTP/1.0, an unknown transfer coding.
        "MalformedRequest" => HTTP_THAT_ENVOY_REFUSES.map(|(status, _)| status).to_vec(),
        "EdgeFailure" => vec![500],
        _ => {
            let expression = mapper["filter"]["extension_filter"]["typed_config"]["expression"].as_str();
            let expression = expression.unwrap_or_default();
            let numbers = expression.split(|character: char| !character.is_ascii_digit());
            let status = numbers.filter_map(|number| number.parse().ok()).find(|number| *number >= 400);
            status.or_else(|| expression.contains("Jwt_is_missing").then_some(401)).into_iter().collect()
        }
    }
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|item| item.as_str().expect("a text")).collect()
}

/// What a `$ref` points to.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).expect(reference),
        None => value,
    }
}

fn publish(document: &Value) -> &Value {
    &document["paths"]["/mqtt/messages"]["post"]
}

fn responses(document: &Value) -> impl Iterator<Item = (u64, &Value)> {
    let responses = publish(document)["responses"].as_object().expect("responses");
    responses
        .iter()
        .map(|(status, response)| (status.parse().expect("a status"), resolve(document, response)))
}

#[test]
fn its_codes_are_those_of_the_protocol_and_of_envoy_yaml() {
    let document = openapi();
    let protocol: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let envoy = envoys_own_codes();
    let listed = strings(&document["components"]["schemas"]["Code"]["enum"]);
    let (first, rest) = listed.split_at(protocol.len());
    assert_eq!(first, protocol, "the protocol's codes, in its order");
    let rest: BTreeSet<&str> = rest.iter().copied().collect();
    let expected: BTreeSet<&str> =
        envoy.keys().map(String::as_str).filter(|code| !protocol.contains(code)).collect();
    assert_eq!(rest, expected, "envoy.yaml's own codes");
}

#[test]
fn a_status_has_the_codes_that_come_with_it_and_no_others() {
    let mut expected = BTreeMap::<u64, BTreeSet<String>>::new();
    let codes = Code::ALL.iter().map(|code| (code.as_str().to_owned(), u64::from(code.status())));
    let envoys = envoys_own_codes();
    let envoys = envoys.iter().flat_map(|(code, all)| all.iter().map(|status| (code.clone(), *status)));
    for (code, status) in codes.chain(envoys) {
        expected.entry(status).or_default().insert(code);
    }

    let document = openapi();
    let listed = responses(&document).filter(|(status, _)| *status >= 400).map(|(status, response)| {
        let own = &response["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"];
        assert_eq!(own["status"]["const"], status);
        (status, strings(&own["code"]["enum"]).into_iter().map(str::to_owned).collect())
    });
    assert_eq!(listed.collect::<BTreeMap<_, BTreeSet<String>>>(), expected);
}

#[test]
fn http_that_envoy_refuses_is_answered_as_it_says() {
    let edge = Edge::shared();
    for (status, request) in HTTP_THAT_ENVOY_REFUSES {
        let mut connection = RawConnection::open(edge.address());
        connection.write(request.as_bytes());
        let problem = connection.read_answer().expect("an answer").expect_problem();
        assert_eq!(
            (u64::from(problem.status), problem.code.as_str()),
            (status, "MalformedRequest"),
            "{request}"
        );
    }
}

#[test]
fn an_answer_has_the_headers_that_its_status_calls_for() {
    let document = openapi();
    for (status, response) in responses(&document) {
        let headers = response["headers"].as_object().expect("headers");
        let is_required = |name: &str| {
            headers.get(name).is_some_and(|header| resolve(&document, header)["required"] == json!(true))
        };
        assert!(is_required("x-request-id"), "{status}");
        assert_eq!(is_required("mqtt-reason-code"), matches!(status, 202 | 204), "{status}");
        assert_eq!(is_required("www-authenticate"), status == 401, "{status}");
        assert_eq!(is_required("allow"), status == 405, "{status}");
        assert_eq!(is_required("retry-after"), matches!(status, 409 | 429 | 503), "{status}");
    }
}

#[test]
fn an_examples_title_is_its_codes() {
    let document = openapi();
    for (status, response) in responses(&document) {
        let examples = response["content"]["application/problem+json"]["examples"].as_object();
        for example in examples.into_iter().flat_map(Map::values) {
            let problem = &example["value"];
            let code = Code::ALL.iter().find(|code| problem["code"] == json!(code.as_str())).expect("a code");
            assert_eq!(problem["title"], code.title());
            assert_eq!(problem["status"], status);
            assert_eq!(problem["type"], format!("urn:problem-type:postmqtt:{}", code.as_str()));
        }
    }
}

#[test]
fn its_limits_and_versions_are_the_defaults() {
    let document = openapi();
    let parameters = &document["components"]["parameters"];
    let limits = Profile::Azure.limits();
    assert_eq!(parameters["topic"]["schema"]["maxLength"], limits.topic_bytes);
    // Percent-encoded, a byte may be three.
    assert_eq!(parameters["mqtt-response-topic"]["schema"]["maxLength"], limits.response_topic_bytes * 3);
    let base64 = limits.correlation_data_bytes.div_ceil(3) * 4;
    assert_eq!(parameters["mqtt-correlation-data"]["schema"]["maxLength"], base64);
    assert_eq!(parameters["mqtt-message-expiry"]["schema"]["maximum"], limits.message_expiry_seconds);
    let versions = http_publish::Rules::default().api_versions;
    assert_eq!(parameters["api-version"]["schema"]["enum"], json!(versions));
}

#[test]
fn its_first_example_is_the_documentations() {
    let document = openapi();
    let parameters = publish(&document)["parameters"].as_array().expect("parameters");
    let example_of = |name: &str, place: &str| {
        let parameter = parameters
            .iter()
            .map(|parameter| resolve(&document, parameter))
            .find(|parameter| parameter["name"] == name && parameter["in"] == place)?;
        let value = &parameter["examples"]["documentation"]["value"];
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    assert_eq!(example_of("topic", "query").as_deref(), Some(example::TOPIC));
    assert!(example::PATH_AND_QUERY.ends_with(&example_of("api-version", "query").expect("api-version")));
    for (name, value) in example::HEADERS {
        if name != "content-type" {
            assert_eq!(example_of(name, "header").as_deref(), Some(value), "{name}");
        }
    }
    let body = &publish(&document)["requestBody"]["content"][example::CONTENT_TYPE];
    assert_eq!(body["examples"]["documentation"]["value"], example::PAYLOAD);
}
