//! `postmqtt-bridge`: see `--help`.

use std::process::ExitCode;

use clap::Parser;
use mqtt_sessions::{Chain, Pool};
use postmqtt_bridge::bridge::Bridge;
use postmqtt_bridge::cli::{Cli, Command, Plan, Settings};
use postmqtt_bridge::http::ListenerTls;
use postmqtt_bridge::{log, open_files, signal};
use tokio_util::sync::CancellationToken;

/// The exit status for invalid settings, the same as clap's.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(Command::Healthcheck(healthcheck)) = cli.subcommand() {
        return match healthcheck.run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(1, &error),
        };
    }
    if let Err(error) = log::start(cli.log()) {
        return fail(USAGE, &error);
    }
    let check_config = cli.check_config();
    let settings = match cli.into_settings() {
        Ok(settings) => settings,
        Err(error) => return fail(USAGE, &error),
    };
    if check_config {
        return check(&settings);
    }
    open_files::check(&settings);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &error),
    };
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let bridge = match Bridge::start(settings).await {
            Ok(bridge) => bridge,
            Err(error) => return fail(1, &error),
        };
        tokio::spawn(signal::handle(stop.clone(), bridge.reloader()));
        tell_systemd(stop.clone());
        bridge.run(stop).await;
        ExitCode::SUCCESS
    })
}

/// Says that the bridge listens, and later that it stops.
#[cfg(target_os = "linux")]
fn tell_systemd(stop: CancellationToken) {
    use postmqtt_bridge::systemd::{State, notify};

    notify(State::Ready);
    tokio::spawn(async move {
        stop.cancelled().await;
        notify(State::Stopping);
    });
}

#[cfg(not(target_os = "linux"))]
fn tell_systemd(_stop: CancellationToken) {}

/// Reads the files that the settings name, and prints what a bridge would do.
fn check(settings: &Settings) -> ExitCode {
    if let Err(error) = Pool::check(&settings.mqtt) {
        return fail(USAGE, &error);
    }
    if let Some(Err(error)) = settings.tls.clone().map(ListenerTls::open) {
        return fail(USAGE, &error);
    }
    print!("The settings are valid.\n{}", Plan(settings));
    ExitCode::SUCCESS
}

fn fail(status: u8, error: &(dyn std::error::Error + 'static)) -> ExitCode {
    eprintln!("error: {}", Chain(error));
    ExitCode::from(status)
}
