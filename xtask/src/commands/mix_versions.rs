//! `cargo xtask mix-versions REVISION`: what an upgrade goes through, a filter and a bridge of different versions.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rig::dev::token::Token;
use rig::error::Context;
use rig::stack::{Stack, end_on_ctrl_c, types};
use rig::{Error, Result, build, command, repo, tools};
use serde_json::json;

/// What `mix-versions` is told.
#[derive(clap::Args)]
pub(crate) struct MixVersions {
    /// The other version: a tag or a commit
    revision: String,
}

/// The two parts that are upgraded one after the other.
struct Parts {
    filter: PathBuf,
    bridge: PathBuf,
}

/// A request, and the status that both versions have to give it.
struct Exchange {
    what: &'static str,
    query: &'static str,
    headers: &'static [(&'static str, &'static str)],
    payload: &'static [u8],
    status: u16,
}

const CHECKED: &[(&str, &str)] = &[("mqtt-payload-format-indicator", "1")];

const EXCHANGES: [Exchange; 6] = [
    Exchange {
        what: "a dry run",
        query: "topic=devices%2F1&dry-run=1",
        headers: &[],
        payload: b"x",
        status: 200,
    },
    Exchange {
        what: "UTF-8",
        query: "topic=devices%2F1",
        headers: CHECKED,
        payload: "é".as_bytes(),
        status: 204,
    },
    Exchange {
        what: "not UTF-8",
        query: "topic=devices%2F1",
        headers: CHECKED,
        payload: b"a\xff",
        status: 400,
    },
    Exchange {
        what: "a wrong QoS",
        query: "topic=devices%2F1&qos=3",
        headers: &[],
        payload: b"x",
        status: 400,
    },
    Exchange { what: "not permitted", query: "topic=elsewhere", headers: &[], payload: b"x", status: 403 },
    Exchange { what: "QoS 0", query: "topic=devices%2F1&qos=0", headers: &[], payload: b"x", status: 202 },
];

/// A request that waits for ever is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

// === impl MixVersions ===

impl MixVersions {
    pub(crate) fn run(self) -> Result<()> {
        let this = Parts { filter: build::filter(tools::wasm_toolchain()?)?, bridge: build::bridge()? };
        build::demo_broker()?;
        let other = Parts::of(&self.revision)?;
        end_on_ctrl_c()?;
        let revision = &self.revision;
        mix(
            "mix-old-filter",
            &format!("the filter of {revision}, this bridge"),
            &other.filter,
            &this.bridge,
        )?;
        mix("mix-old-bridge", &format!("this filter, the bridge of {revision}"), &this.filter, &other.bridge)
    }
}

// === impl Parts ===

impl Parts {
    /// Builds those of another revision, from its sources in a directory that is kept for the next time.
    fn of(revision: &str) -> Result<Self> {
        let name = git(&["rev-parse", "--short=12", "--verify", &format!("{revision}^{{commit}}")])?;
        let directory = repo::target().join("mix").join(name.trim());
        let source = directory.join("source");
        if !source.exists() {
            std::fs::create_dir_all(&source).context(|| format!("{} cannot be made", source.display()))?;
            let archive = directory.join("source.tar");
            git(&["archive", "--format=tar", "--output", &archive.to_string_lossy(), name.trim()])?;
            command::output(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&source))?;
        }
        let target = directory.join("target");
        let mut filter = Command::new("cargo");
        filter.args(["xtask", "build-filter"]).current_dir(&source).env("CARGO_TARGET_DIR", &target);
        let printed = command::output(&mut filter)?;
        let filter = printed.lines().last().map(PathBuf::from);
        let mut bridge = Command::new("cargo");
        bridge.args(["build", "--quiet", "--locked", "--package", "postmqtt-bridge"]);
        command::output(bridge.current_dir(&source).env("CARGO_TARGET_DIR", &target))?;
        Ok(Self {
            filter: filter
                .ok_or_else(|| Error::new(format!("{revision} does not say where its filter is.")))?,
            bridge: target.join("debug").join("postmqtt-bridge"),
        })
    }
}

fn git(arguments: &[&str]) -> Result<String> {
    command::output(Command::new("git").args(arguments).current_dir(repo::root()))
}

fn mix(name: &str, what: &str, filter: &Path, bridge: &Path) -> Result<()> {
    println!("\n{what}");
    let stack = Stack::builder(name)
        .filter(filter)
        .bridge(bridge)
        // What filters up to 4500c04 need, and later ones do not mind.
        .envoy_config(|config| {
            config.each(types::WASM, |wasm| wasm["config"]["allow_on_headers_stop_iteration"] = json!(true));
        })
        .start()?;
    let token = Token::default().sign()?;
    demo::publish_once(&stack, &token)?;
    for exchange in &EXCHANGES {
        let status =
            exchange.send(&stack.http_url(), &token).map_err(|error| error.with_log(stack.logs()))?;
        println!("{}: {status}", exchange.what);
        if status != exchange.status {
            let sentence =
                format!("{what}: {} is answered {status}, not {}.", exchange.what, exchange.status);
            return Err(Error::new(sentence).with_log(stack.logs()));
        }
    }
    Ok(())
}

// === impl Exchange ===

impl Exchange {
    fn send(&self, base_url: &str, token: &str) -> Result<u16> {
        let mut request = ureq::post(format!("{base_url}/mqtt/messages?{}", self.query))
            .config()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build()
            .header("Authorization", format!("Bearer {token}"));
        for (name, value) in self.headers {
            request = request.header(*name, *value);
        }
        let response = request.send(self.payload).context(|| format!("{}: no answer", self.what))?;
        Ok(response.status().as_u16())
    }
}
