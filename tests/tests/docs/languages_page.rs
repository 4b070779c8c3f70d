//! Every program of `docs/languages.md` that can be run here does what the page says.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use end_to_end::{
    AutomaticBroker, Conduct, Copies, Device, Edge, Message, Request, Terminal, config, eventually, token,
};
use rig::stack::{Mosquitto, Stack};
use rig::{repo, tools};
use serde_json::json;

/// A program of the page, with the heading that it follows.
struct Program {
    heading: String,
    language: String,
    text: String,
}

fn programs() -> Vec<Program> {
    let page = std::fs::read_to_string(repo::root().join("docs/languages.md")).expect("docs/languages.md");
    let mut heading = String::new();
    let mut programs = Vec::new();
    for (index, part) in page.split("```").enumerate() {
        if index % 2 == 0 {
            let last = part.lines().filter_map(|line| line.strip_prefix("## ")).next_back();
            heading = last.map_or(heading, str::to_owned);
        } else {
            let (language, text) = part.split_once('\n').expect("a block has lines");
            let (language, text) = (language.to_owned(), text.to_owned());
            programs.push(Program { heading: heading.clone(), language, text });
        }
    }
    programs.retain(|program| program.text.contains("/mqtt/"));
    programs
}

/// The headings of what is not a single message.
const MORE: [&str; 4] = ["Repeat a request", "Send a command", "Publish a batch", "Read a retained message"];

/// The programs under a heading, which are in these languages.
fn programs_of(heading: &str, languages: &[&str]) -> Vec<Program> {
    let programs: Vec<_> = programs().into_iter().filter(|program| program.heading == heading).collect();
    let seen: Vec<_> = programs.iter().map(|program| program.language.as_str()).collect();
    assert_eq!(seen, languages, "{heading}");
    programs
}

/// The message of the page.
fn expected() -> Message {
    Message {
        response_topic: Some("devices/hall 2/reply".to_owned()),
        correlation_data: Some(b"order-4711".to_vec()),
        user_properties: vec![("Urgency".to_owned(), "alert".to_owned())],
        content_type: Some("application/json".to_owned()),
        ..Message::new("devices/hall 2/prompt", r#"{"text":"Grüße"}"#)
    }
}

/// Writes the program down and says how to run it; `None` if it cannot be run here.
fn command(program: &Program, text: &str, directory: &Path) -> Option<Command> {
    let tool = |found: rig::Result<PathBuf>| found.unwrap_or_else(|error| panic!("{error}"));
    let (name, interpreter, arguments): (_, _, &[&str]) = match program.language.as_str() {
        "sh" => ("publish.sh", "bash".into(), &[]),
        "python" => ("publish.py", tool(tools::python_with_http_clients()), &[]),
        "javascript" => ("publish.mjs", tool(tools::node()), &[]),
        "go" => ("publish.go", tool(tools::go()), &["run"]),
        "java" => ("Program.java", tool(tools::java()), &[]),
        "csharp" => return None,
        other => panic!("how is {other} run?"),
    };
    let path = directory.join(name);
    std::fs::write(&path, text).expect("a program to write");
    let mut command = Command::new(interpreter);
    command.args(arguments).arg(path).env("GOCACHE", repo::tools().join("go-cache"));
    Some(command)
}

/// Starts it in front of this stack; `None` if it cannot be run here.
fn start(program: &Program, stack: &Stack, token: &str) -> Option<Child> {
    let text = program.text.replace("http://127.0.0.1:8080", &stack.http_url());
    let mut command = command(program, &text, stack.directory())?;
    // A library that a proxy of this machine is configured for would not reach 127.0.0.1.
    command.env("TOKEN", token).env("NO_PROXY", "127.0.0.1");
    Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a program to run"))
}

fn run(program: &Program, stack: &Stack, token: &str) -> Option<Output> {
    start(program, stack, token).map(end)
}

fn end(program: Child) -> Output {
    program.wait_with_output().expect("a program to end")
}

/// What a program printed, if it succeeded.
fn printed(program: &Program, output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} of {}: {errors}", program.language, program.heading);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn every_program_publishes_the_message_of_the_page() {
    let edge = Edge::start("published", |stack| stack);
    let modules = tools::axios().unwrap_or_else(|error| panic!("{error}"));
    std::os::unix::fs::symlink(modules, edge.stack().directory().join("node_modules")).expect("a link");
    let subscriber = edge.subscribe_to(&["devices/#"]);
    let mut programs = programs();
    programs.retain(|program| !MORE.contains(&program.heading.as_str()));
    let mut ran = Vec::new();
    for program in &programs {
        let Some(output) = run(program, edge.stack(), token::valid()) else { continue };
        let printed = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(printed, "204\n", "{} of {}: {errors}", program.language, program.heading);
        assert_eq!(subscriber.next(), expected(), "{} of {}", program.language, program.heading);
        ran.push(program.heading.as_str());

        let Some(refused) = run(program, edge.stack(), "no-token") else { continue };
        let printed =
            [refused.stdout, refused.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        let printed = printed.concat();
        assert!(printed.contains("401") && printed.contains("\"code\""), "{printed}");
    }
    assert_eq!(ran, ["curl", "Python", "Python", "JavaScript", "JavaScript", "Go", "Java"]);
    assert_eq!(edge.published_until_now(&subscriber, "devices/last"), []);
}

#[test]
fn a_repeat_after_504_publishes_nothing_and_gets_the_answer_of_the_first_message() {
    for program in programs_of("Repeat a request", &["sh", "python", "javascript", "go"]) {
        let broker = AutomaticBroker::start();
        let name = format!("repeat-{}", program.language);
        let edge = Edge::start(&name, |stack| {
            stack.foreign_broker(broker.port()).bridge_argument("--publish-timeout=1s")
        });
        broker.behave(Conduct { is_late: true, ..Conduct::default() });
        let running = start(&program, edge.stack(), token::valid()).expect("a program");
        eventually("504", || edge.log_lines().find(|line| line.text("status") == "504"));
        broker.behave(Conduct::default());
        let printed = printed(&program, &end(running));
        assert!(printed.ends_with("204 true\n"), "{}: {printed}", program.language);
        let copies = broker.seen().copies["open"];
        assert_eq!(copies, Copies { first: 1, again: 0, acknowledged: 1 }, "{}", program.language);
    }
}

#[test]
fn a_command_is_answered_with_the_reply_of_the_device() {
    let edge = Edge::start("command", |stack| stack.mosquitto(Mosquitto::new()));
    let reply = |command: &Message| vec![command.reply([b"{\"done\":", &command.payload[..], b"}"].concat())];
    let _device = Device::new(edge.stack().mqtt_port(), "devices/pump-7/command", reply);
    for program in programs_of("Send a command", &["sh", "python", "javascript", "java"]) {
        let output = run(&program, edge.stack(), token::valid()).expect("a program");
        let printed = printed(&program, &output);
        let plain: String = printed.chars().filter(|c| !" \"'\n".contains(*c)).collect();
        assert_eq!(plain, "{done:{speed:3}}200", "{}: {printed}", program.language);
    }
}

#[test]
fn each_message_of_a_batch_has_its_line_in_the_answer() {
    let edge = Edge::start("batch", |stack| stack.mosquitto(Mosquitto::new()));
    let subscriber = edge.subscribe_to(&["devices/#"]);
    for program in programs_of("Publish a batch", &["sh", "python", "javascript"]) {
        let output = run(&program, edge.stack(), token::valid()).expect("a program");
        let expected = match program.language.as_str() {
            "sh" => {
                "{\"index\":0,\"status\":204,\"mqttReasonCode\":0}\n\
                 {\"index\":1,\"status\":204,\"mqttReasonCode\":0}\n200\n"
            }
            _ => "3 204\n5 204\n200\n",
        };
        assert_eq!(printed(&program, &output), expected, "{}", program.language);
        let received: Vec<_> = subscriber.next_many(2).iter().map(Message::text).collect();
        assert_eq!(received, ["3", "5"], "{}", program.language);
    }
}

#[test]
fn a_retained_message_is_read_and_then_found_unchanged() {
    let edge = Edge::start("retained", |stack| {
        let stack = stack.mosquitto(Mosquitto::new()).bridge_argument("--retained-reads=4");
        stack.envoy_config(|edge| config::set(edge, "retainedMessages", &json!("on")))
    });
    let state = Request::publish("devices/pump-7/state").and("&retain=1").body(r#"{"speed":3}"#);
    assert_eq!(edge.send(state).status, 202);
    for program in programs_of("Read a retained message", &["sh", "python", "javascript"]) {
        let output = run(&program, edge.stack(), token::valid()).expect("a program");
        let expected = match program.language.as_str() {
            "sh" => "{\"speed\":3} 200\n",
            _ => "{\"speed\":3} 200\nthe same\n",
        };
        assert_eq!(printed(&program, &output), expected, "{}", program.language);
    }
}

#[test]
fn the_broken_escape_of_azures_sample_is_refused() {
    let edge = Edge::shared();
    let curl = format!(
        "curl -s -d x -H 'Authorization: Bearer {}' '{}/mqtt/messages?topic=devices%2XXXX'",
        token::valid(),
        edge.stack().http_url()
    );
    let problem = Terminal::type_in(&curl).output();
    assert!(problem.contains("\"code\":\"InvalidPercentEncoding\""), "{problem}");
}
