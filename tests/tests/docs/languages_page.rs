//! Every program of `docs/languages.md` that can be run here publishes the page's message, and sees a refusal.

use std::path::{Path, PathBuf};
use std::process::Command;

use end_to_end::{Edge, Message, Terminal, token};
use rig::stack::Stack;
use rig::{repo, tools};

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
    programs.retain(|program| program.text.contains("/mqtt/messages"));
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
        "java" => ("Publish.java", tool(tools::java()), &[]),
        "csharp" => return None,
        other => panic!("how is {other} run?"),
    };
    let path = directory.join(name);
    std::fs::write(&path, text).expect("a program to write");
    let mut command = Command::new(interpreter);
    command.args(arguments).arg(path).env("GOCACHE", repo::tools().join("go-cache"));
    Some(command)
}

fn run(program: &Program, stack: &Stack, token: &str) -> Option<std::process::Output> {
    let text = program.text.replace("http://127.0.0.1:8080", &stack.http_url());
    let mut command = command(program, &text, stack.directory())?;
    // A library that a proxy of this machine is configured for would not reach 127.0.0.1.
    Some(command.env("TOKEN", token).env("NO_PROXY", "127.0.0.1").output().expect("a program to run"))
}

#[test]
fn every_program_publishes_the_message_of_the_page() {
    let edge = Edge::start("published", |stack| stack);
    let modules = tools::axios().unwrap_or_else(|error| panic!("{error}"));
    std::os::unix::fs::symlink(modules, edge.stack().directory().join("node_modules")).expect("a link");
    let subscriber = edge.subscribe_to(&["devices/#"]);
    let programs = programs();
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
