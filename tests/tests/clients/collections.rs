//! What API people use, against a running edge: schemathesis on `clients/openapi.yaml`, and the collections of
//! `clients/postman` and `clients/bruno` in the programs that they are for.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use end_to_end::{Device, Edge, Message, config, eventually, percent_encoded, token};
use rig::stack::Mosquitto;
use rig::{command, example, repo, tools};
use serde_json::{Value, json};

/// A tool, in a folder of `clients`; one that does not end in time is ended.
fn tool(program: rig::Result<PathBuf>, folder: &str) -> Command {
    let program = program.unwrap_or_else(|error| panic!("{error}"));
    let mut command = Command::new("timeout");
    command.args(["--kill-after=10", "300"]).arg(program).current_dir(clients(folder));
    command
}

fn clients(path: &str) -> PathBuf {
    repo::root().join("clients").join(path)
}

/// Runs it; where it fails, everything that it printed is shown.
fn succeed(command: &mut Command) -> String {
    command::output(command).unwrap_or_else(|error| panic!("{error}"))
}

fn host_of(url: &str) -> &str {
    url.rsplit('/').next().expect("a URL ends in host and port")
}

fn postman() -> Value {
    let path = clients("postman/postmqtt_HTTP_Publish_Postman_Collection.json");
    let text = std::fs::read_to_string(path).expect("the collection");
    serde_json::from_str(&text).expect("the collection is JSON")
}

/// An edge that lets clients read retained messages, and a device below `topic` that replies to commands.
fn edge_and_device(name: &str, topic: &str) -> (Edge, Device) {
    let edge = reading_edge(name);
    let commands = format!("{topic}/command");
    let device = Device::new(edge.stack().mqtt_port(), &commands, |command| vec![command.reply("started")]);
    (edge, device)
}

fn reading_edge(name: &str) -> Edge {
    Edge::start(name, |stack| {
        let stack = stack.mosquitto(Mosquitto::new()).bridge_argument("--retained-reads=8");
        stack.bridge_argument("--retained-quiet=0s").envoy_config(|edge| {
            config::set(edge, "retainedMessages", &json!("on"));
        })
    })
}

/// The variables of both collections, as arguments of their programs.
fn variables(edge: &Edge, topic: &str) -> Vec<String> {
    let stack = edge.stack();
    let variables = [
        format!("namespace={}", host_of(&stack.https_url())),
        format!("topic={}", percent_encoded(topic)),
        format!("entra_token={}", token::valid()),
        format!("bridge={}", stack.bridge_url(0)),
    ];
    variables.into_iter().flat_map(|variable| ["--env-var".to_owned(), variable]).collect()
}

/// What both collections publish, in the order of each topic; the dry run at the end is not among it.
fn expect_the_successes(topic: &str, received: &[Message]) {
    let first = received.first().expect("a message");
    assert_eq!(first.topic, topic);
    assert_eq!(first.payload, example::PAYLOAD.as_bytes());
    assert_eq!(first.content_type.as_deref(), Some(example::CONTENT_TYPE));
    assert_eq!(first.response_topic.as_deref(), Some(example::RESPONSE_TOPIC));
    assert_eq!(first.correlation_data.as_deref(), Some(example::CORRELATION_DATA));
    let properties: Vec<_> =
        first.user_properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(properties, example::USER_PROPERTIES);

    let payloads = |levels: &str| -> Vec<_> {
        let topic = format!("{topic}{levels}");
        let received = received.iter().skip(1).filter(|message| message.topic == topic);
        received.map(|message| String::from_utf8_lossy(&message.payload)).collect()
    };
    assert_eq!(
        payloads(""),
        [
            "",
            "at most once",
            "at most once",
            "kept",
            "",
            r#"{"command":"restart","delaySeconds":5}"#,
            "with two properties of one name",
            "the correlation data are the bytes FB FF",
            "once",
            "first",
            "second",
            "third",
        ]
    );
    assert_eq!(payloads("/command"), ["start"]);
    assert_eq!(payloads("/first"), ["to one"]);
    assert_eq!(payloads("/second"), ["kept too", "", "to the other"]);
}

/// The device's reply was the answer to the command.
fn expect_the_reply(edge: &Edge, topic: &str) {
    let commands = format!("{topic}/command");
    let line = edge.log_lines().find(|line| line.text("topic") == commands).expect("a command");
    assert_eq!(line.text("status"), "200");
}

#[test]
fn schemathesis_finds_nothing_that_openapi_yaml_does_not_say() {
    let edge = reading_edge("schemathesis");
    let mut schemathesis = tool(tools::schemathesis(), "schemathesis");
    schemathesis
        .args(["run", "../openapi.yaml", "--no-color", "--url", &edge.stack().http_url()])
        .env("POSTMQTT_TOKEN", token::valid())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("HYPOTHESIS_STORAGE_DIRECTORY", edge.stack().directory().join("hypothesis"));
    println!("{}", succeed(&mut schemathesis));

    // It did ask for all that: publishes, dry runs, and refusals of several kinds.
    let expected: BTreeSet<String> = ["200", "202", "400", "401", "405"].map(str::to_owned).into();
    eventually("answers of every kind in the access log", || {
        let seen: BTreeSet<String> = edge.log_lines().map(|line| line.text("status")).collect();
        expected.is_subset(&seen).then_some(())
    });
}

#[test]
fn the_postman_collection_passes_and_its_messages_arrive() {
    let topic = "postman/ä";
    let (edge, _device) = edge_and_device("postman", topic);
    let subscriber = edge.subscribe_to(&[&format!("{topic}/#")]);
    let mut newman = tool(tools::newman(), "postman");
    newman
        .args(["run", "postmqtt_HTTP_Publish_Postman_Collection.json", "--color", "off"])
        .args(["--timeout-request", "30000", "--ssl-extra-ca-certs"])
        .arg(edge.stack().certificate())
        .args(variables(&edge, topic));
    println!("{}", succeed(&mut newman));
    expect_the_successes(topic, &edge.published_until_now(&subscriber, topic));
    expect_the_reply(&edge, topic);
}

#[test]
fn the_bruno_collection_passes_and_its_messages_arrive() {
    let topic = "bruno/ä";
    let (edge, _device) = edge_and_device("bruno", topic);
    let subscriber = edge.subscribe_to(&[&format!("{topic}/#")]);
    let mut bru = tool(tools::bru(), "bruno");
    bru.args(["run", "-r", "--noproxy", "--ignore-truststore", "--cacert"])
        .arg(edge.stack().certificate())
        .args(variables(&edge, topic));
    println!("{}", succeed(&mut bru));
    expect_the_successes(topic, &edge.published_until_now(&subscriber, topic));
    expect_the_reply(&edge, topic);
}

/// Folder and name of every request, in order.
type Names = Vec<(String, String)>;

fn names_in_postman() -> Names {
    let name = |item: &Value| item["name"].as_str().expect("a name").to_owned();
    let items = |item: &Value| item["item"].as_array().cloned().expect("items");
    let folders = items(&postman());
    folders
        .iter()
        .flat_map(|folder| items(folder).into_iter().map(|item| (name(folder), name(&item))))
        .collect()
}

fn names_in_bruno() -> Names {
    let entry = |path: PathBuf, label: &str| {
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let line = text.lines().find_map(|line| line.trim().strip_prefix(&format!("{label}: ")));
        line.unwrap_or_else(|| panic!("{} has no {label}", path.display())).to_owned()
    };
    let requests = ["successes", "refusals"].into_iter().flat_map(|folder| {
        let directory = clients("bruno").join(folder);
        let folder = entry(directory.join("folder.bru"), "name");
        let files = std::fs::read_dir(directory).expect("a folder").map(|file| file.expect("a file").path());
        let mut requests: Vec<(usize, (String, String))> = files
            .filter(|path| !path.ends_with("folder.bru"))
            .map(|path| {
                let place = entry(path.clone(), "seq").parse().expect("a number");
                (place, (folder.clone(), entry(path, "name")))
            })
            .collect();
        requests.sort();
        requests.into_iter().map(|(_, names)| names).collect::<Names>()
    });
    requests.collect()
}

#[test]
fn both_collections_hold_the_same_requests() {
    assert_eq!(names_in_bruno(), names_in_postman());
}

#[test]
fn every_request_of_the_postman_collection_asserts_its_status_and_a_refusal_its_code() {
    for folder in postman()["item"].as_array().expect("folders") {
        for request in folder["item"].as_array().expect("requests") {
            let script = request["event"][0]["script"]["exec"].to_string();
            assert!(script.contains("the status is"), "{}", request["name"]);
            assert_eq!(folder["name"] == "Refusals", script.contains("the code is"), "{}", request["name"]);
        }
    }
}
