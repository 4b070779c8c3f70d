//! `cargo xtask`: the commands of this repository.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use commands::{chart, cluster, fuzz, imports, instructions, lint, miri, mix_versions, schema, soak, test};
use rig::dev::token::Token;
use rig::{Result, build, tools};

/// The commands of this repository
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the whole path on this machine: edge, bridge and broker
    Demo(demo::Demo),
    /// Prints a development token
    Token(Token),
    /// Builds the filter; the last line is its path
    BuildFilter,
    /// Builds the filter as a dynamic module of Envoy; the last line is its path
    BuildNative,
    /// Sets up what the tests need, and runs all tests
    Test(test::Test),
    /// Runs the long tests: 200,000 requests through Envoy, 1,000,000 through the filter alone; or random faults
    Soak(soak::Soak),
    /// Kills one node of a cluster of three brokers under load, and says whether publishing goes on and whether a subscriber
    /// receives all that was acknowledged
    Cluster(cluster::Cluster),
    /// Measures what the filter and the bridge cost, beside what does less or nothing
    Bench(bench::Bench),
    /// Counts the native filter's instructions, and compares them with what is written down
    Instructions(instructions::Instructions),
    /// Runs each target of fuzz/ for a bounded time
    Fuzz(fuzz::Fuzz),
    /// Checks formatting, lints, documentation, dependencies and configuration
    Lint,
    /// Runs the code that reads the host's memory under Miri
    Miri,
    /// Lists the functions that the filter asks of its host
    Imports,
    /// Runs the filter and the bridge of two versions together, as an upgrade does
    MixVersions(mix_versions::MixVersions),
    /// Makes what a release consists of: the filter, bridges, images, bills of materials and sums
    Package(release::Package),
    /// Renders the plain Kubernetes manifests from the Helm chart
    Chart,
    /// Runs docker-compose.yml with a Docker engine, which is started if none is running
    ComposeCheck,
    /// Writes the JSON Schema of the filter's configuration
    Schema,
    /// Sets up what demo, test, lint and bench need
    Tools,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Demo(demo) => demo.run(),
        Command::Token(token) => {
            println!("{}", token.sign()?);
            Ok(())
        }
        Command::BuildFilter => {
            println!("{}", build::filter(tools::wasm_toolchain()?)?.display());
            Ok(())
        }
        Command::BuildNative => {
            println!("{}", build::native_filter()?.display());
            Ok(())
        }
        Command::Test(test) => test.run(),
        Command::Soak(soak) => soak.run(),
        Command::Cluster(cluster) => cluster.run(),
        Command::Bench(bench) => bench.run(),
        Command::Fuzz(fuzz) => fuzz.run(),
        Command::Instructions(instructions) => instructions.run(),
        Command::Lint => lint::run(),
        Command::Miri => miri::run(),
        Command::Imports => imports::run(),
        Command::MixVersions(mix) => mix.run(),
        Command::Package(package) => package.run(),
        Command::Chart => chart::run(),
        Command::ComposeCheck => {
            rig::stack::end_on_ctrl_c()?;
            rig::compose::check()
        }
        Command::Schema => schema::run(),
        Command::Tools => {
            tools::wasm_toolchain()?;
            println!("envoy: {}", tools::envoy()?.display());
            println!("mosquitto: {}", tools::mosquitto()?.display());
            println!("prometheus: {}", tools::prometheus()?.display());
            println!("promtool: {}", tools::promtool()?.display());
            println!("h2load: {}", tools::h2load()?.display());
            println!("schemathesis: {}", tools::schemathesis()?.display());
            println!("newman: {}", tools::newman()?.display());
            println!("bru: {}", tools::bru()?.display());
            tools::terminal()?;
            println!("go: {}", tools::go()?.display());
            println!("java: {}", tools::java()?.display());
            println!("python: {}", tools::python_with_http_clients()?.display());
            println!("axios: {}", tools::axios()?.display());
            println!("cargo-deny: {}", tools::cargo_deny()?.display());
            println!("compose: {}", rig::command::line(&tools::docker_compose()?));
            Ok(())
        }
    }
}
