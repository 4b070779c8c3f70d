//! The images that the Dockerfile and docker-compose.yml start from: pulled where a registry can be reached; elsewhere
//! made under the official names from Debian's packages and this machine's own tools.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::engine::Engine;
use crate::error::{Context, Error, Result};
use crate::{command, repo, tools};

const DEBIAN: &str = "debian:bookworm-slim";
const RUST: &str = "rust:1.95.0-bookworm";
const ENVOY: &str = "envoyproxy/envoy:distroless-v1.40.0";
const MOSQUITTO: &str = "eclipse-mosquitto:2.0.22";
const PROMETHEUS: &str = "prom/prometheus:v3.5.0";

/// Has every base image in the engine.
///
/// # Errors
/// Returns an error if an image can neither be pulled nor made.
pub(super) fn ensure(engine: &Engine) -> Result<()> {
    for image in [DEBIAN, RUST, ENVOY, MOSQUITTO, PROMETHEUS] {
        if command::output(&mut engine.docker(&["image", "inspect", image])).is_ok() {
            continue;
        }
        if command::output(&mut engine.docker(&["pull", "--quiet", image])).is_ok() {
            println!("{image}: pulled");
            continue;
        }
        make(engine, image)?;
        println!("{image}: cannot be pulled, so this machine made one under this name");
    }
    Ok(())
}

fn make(engine: &Engine, image: &str) -> Result<()> {
    match image {
        DEBIAN => make_debian(engine),
        RUST => build(engine, image, "rust", &sysroot()?),
        ENVOY => build(engine, image, "envoy", &envoy_directory()?),
        PROMETHEUS => build(engine, image, "prometheus", &stand_ins()),
        _ => build(engine, image, "mosquitto", &stand_ins()),
    }
}

fn make_debian(engine: &Engine) -> Result<()> {
    let debootstrap = tools::debootstrap()?;
    let directory = repo::run("debian");
    // What an interrupted run left is incomplete.
    let _ = std::fs::remove_dir_all(&directory);
    let mut bootstrap = Command::new(debootstrap);
    bootstrap.args(["--variant=minbase", "--include=ca-certificates", "bookworm"]).arg(&directory);
    command::output(bootstrap.arg("http://deb.debian.org/debian"))?;
    // The image trusts what this machine trusts, a proxy's authority for example.
    let authorities = "etc/ssl/certs/ca-certificates.crt";
    std::fs::copy(Path::new("/").join(authorities), directory.join(authorities))
        .context(|| format!("/{authorities} cannot be copied"))?;
    let mut tar = Command::new("tar");
    tar.arg("-C").arg(&directory).args(["-c", "."]).stdout(Stdio::piped());
    let mut tar = tar.spawn().context(|| "`tar` cannot be started".to_owned())?;
    let archive = tar.stdout.take().ok_or_else(|| Error::new("`tar` has no output."))?;
    let import = engine.docker(&["import", "-", DEBIAN]).stdin(archive).stdout(Stdio::null()).status();
    let imported = import.is_ok_and(|status| status.success());
    let packed = tar.wait().is_ok_and(|status| status.success());
    let _ = std::fs::remove_dir_all(&directory);
    if imported && packed { Ok(()) } else { Err(Error::new(format!("{DEBIAN} cannot be imported."))) }
}

fn build(engine: &Engine, image: &str, name: &str, context: &Path) -> Result<()> {
    let dockerfile = stand_ins().join(format!("{name}.Dockerfile"));
    let mut build = engine.docker(&["build", "--quiet", "--network", "host", "--tag", image, "--file"]);
    command::output(build.arg(dockerfile).arg(context)).map(drop)
}

fn stand_ins() -> PathBuf {
    repo::root().join("testing").join("rig").join("stand-ins")
}

/// Where the toolchain in use is, with the targets of the images.
fn sysroot() -> Result<PathBuf> {
    let mut rustup = Command::new("rustup");
    command::output(rustup.args(["target", "add", "wasm32-wasip1", "x86_64-unknown-linux-musl"]))?;
    let printed = command::output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let sysroot = PathBuf::from(printed.trim());
    sysroot.canonicalize().context(|| format!("{} cannot be read", sysroot.display()))
}

/// The directory of the program itself. The wheel's `bin/envoy` is a script that starts it.
fn envoy_directory() -> Result<PathBuf> {
    let envoy = tools::envoy()?;
    let mut first_line = Vec::new();
    std::fs::File::open(&envoy)
        .and_then(|file| BufReader::new(file.take(4096)).read_until(b'\n', &mut first_line))
        .context(|| format!("{} cannot be read", envoy.display()))?;
    let Some(python) = first_line.strip_prefix(b"#!") else {
        return Ok(envoy.parent().unwrap_or(&envoy).to_path_buf());
    };
    let python = String::from_utf8_lossy(python).trim().to_owned();
    let mut locate = Command::new(python);
    locate.args(["-c", "import envoy, pathlib; print(pathlib.Path(envoy.__file__).parent / '_bin')"]);
    command::output(&mut locate).map(|printed| PathBuf::from(printed.trim()))
}
