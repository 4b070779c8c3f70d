//! Every command of `docs/clients.md` works, and shows what the page says that it shows.

use std::path::PathBuf;
use std::process::Command;

use end_to_end::{Edge, Terminal, eventually, token};
use rig::stack::{Mosquitto, Stack};
use rig::{command, repo, tools};

/// A block of the page between its fences.
struct Block {
    language: String,
    text: String,
}

fn blocks() -> Vec<Block> {
    let page = std::fs::read_to_string(repo::root().join("docs/clients.md")).expect("docs/clients.md");
    let fenced = page.split("```").skip(1).step_by(2);
    let block = |fenced: &str| {
        let (language, text) = fenced.split_once('\n').expect("a block has lines");
        Block { language: language.to_owned(), text: text.trim_end().to_owned() }
    };
    fenced.map(block).collect()
}

/// The demonstration's ports, files and programs, and what they are beside this stack.
fn replacements(stack: &Stack) -> [(&'static str, String); 10] {
    let program = |found: rig::Result<PathBuf>| match found {
        Ok(path) => path.display().to_string(),
        Err(error) => panic!("{error}"),
    };
    let certificate = format!(" {}", stack.certificate().display());
    [
        ("https://localhost:8443", stack.https_url()),
        ("namespace=localhost:8443", stack.https_url().replace("https://", "namespace=")),
        ("http://127.0.0.1:8080", stack.http_url()),
        ("-p 1883", format!("-p {}", stack.mqtt_port())),
        (" ../../target/dev/tls.crt", certificate.clone()),
        (" target/dev/tls.crt", certificate),
        ("$(cargo xtask token)", token::valid().to_owned()),
        ("npx --yes newman@6", program(tools::newman())),
        ("npx --yes @usebruno/cli@4", program(tools::bru())),
        ("schemathesis run", format!("{} run", program(tools::schemathesis()))),
    ]
}

#[test]
fn every_command_of_the_page_works() {
    let edge = Edge::as_shipped("page", |stack| {
        demo::prepare(stack.mosquitto(Mosquitto::new().setting("log_type all")))
    });
    let replacements = replacements(edge.stack());
    let blocks = blocks();
    let mut subscriber = None;
    let mut shown = None;
    for (block, next) in blocks.iter().zip(blocks.iter().skip(1).map(Some).chain([None])) {
        let text =
            replacements.iter().fold(block.text.clone(), |text, (page, here)| text.replace(page, here));
        match block.language.as_str() {
            "sh" if text.starts_with("mosquitto_sub") => {
                subscriber = Some(Terminal::type_in(&format!("{text} -i page -C 1")));
                eventually("mosquitto_sub to be subscribed", || {
                    edge.stack().broker().log().contains("Sending SUBACK to page").then_some(())
                });
            }
            "sh" => {
                let mut bash = Command::new("timeout");
                bash.args(["--kill-after=10", "300", "bash", "-euo", "pipefail", "-c", &text]);
                bash.current_dir(repo::root())
                    .env("TOKEN", token::valid())
                    .env("PYTHONDONTWRITEBYTECODE", "1");
                let printed = command::output(&mut bash).unwrap_or_else(|error| panic!("{error}"));
                let promised = next.filter(|next| next.language == "http");
                for line in promised.into_iter().flat_map(|promised| promised.text.lines()) {
                    assert!(
                        printed.contains(line),
                        "{line} is not in what this printed:\n{text}\n\n{printed}"
                    );
                }
            }
            "text" => shown = Some(block.text.clone()),
            "http" => {}
            other => panic!("what is a block of {other}"),
        }
    }
    let received = subscriber.expect("the page has a subscriber").output();
    assert_eq!(received.trim_end(), shown.expect("the page shows what the subscriber prints"));
}
