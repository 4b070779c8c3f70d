//! `cargo xtask test`: all set-up that the tests need, then all tests.

use std::process::Command;

use rig::{Filter, Result, build, command, filter, repo, tools};

/// What `test` is told.
#[derive(clap::Args)]
pub(crate) struct Test {
    /// Which filter Envoy runs where a test does not choose
    #[arg(long, value_enum, default_value_t)]
    filter: Filter,
    /// Arguments for `cargo test` [default: --workspace --no-fail-fast]
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
}

// === impl Test ===

impl Test {
    pub(crate) fn run(self) -> Result<()> {
        // What may be missing is fetched before anything is built.
        let toolchain = tools::wasm_toolchain()?;
        println!("envoy: {}", repo::shown(&tools::envoy()?));
        println!("mosquitto: {}", repo::shown(&tools::mosquitto()?));
        println!("prometheus: {}", repo::shown(&tools::prometheus()?));
        println!("promtool: {}", repo::shown(&tools::promtool()?));
        println!("schemathesis: {}", repo::shown(&tools::schemathesis()?));
        println!("newman: {}", repo::shown(&tools::newman()?));
        println!("bru: {}", repo::shown(&tools::bru()?));
        println!("skopeo: {}", repo::shown(&tools::skopeo()?));
        println!("docker-registry: {}", repo::shown(&tools::docker_registry()?));
        println!("helm: {}", repo::shown(&tools::helm()?));
        tools::terminal()?;
        println!("go: {}", repo::shown(&tools::go()?));
        println!("java: {}", repo::shown(&tools::java()?));
        println!("python: {}", repo::shown(&tools::python_with_http_clients()?));
        println!("axios: {}", repo::shown(&tools::axios()?));
        println!("filter: {}", repo::shown(&build::filter(toolchain)?));
        println!("filter that traps: {}", repo::shown(&build::trapping_filter(toolchain)?));
        println!("native filter: {}", repo::shown(&build::native_filter()?));
        println!("native filter that traps: {}", repo::shown(&build::trapping_native_filter()?));
        println!("bridge: {}", repo::shown(&build::bridge()?));
        println!("demo-broker: {}", repo::shown(&build::demo_broker()?));
        let mut cargo = Command::new("cargo");
        cargo.arg("test").env(filter::VARIABLE, self.filter.as_str());
        if self.arguments.is_empty() {
            cargo.args(["--workspace", "--no-fail-fast"]);
        }
        command::run(cargo.args(&self.arguments).current_dir(repo::root()))
    }
}
