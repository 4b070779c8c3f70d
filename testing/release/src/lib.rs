//! `cargo xtask package`: everything that a release consists of, in `target/dist`.
//!
//! | file | what it is |
//! |---|---|
//! | `postmqtt-VERSION.wasm` | the filter |
//! | `libpostmqtt-VERSION-linux-ARCHITECTURE.so` | the filter as a dynamic module of Envoy |
//! | `postmqtt-bridge-VERSION-linux-ARCHITECTURE` | the bridge, a static program |
//! | `*.cdx.json` | the bill of materials of each, in CycloneDX |
//! | `LICENCES.txt` | the licences of all crates inside, with their texts |
//! | `oci/` | the images, as one OCI layout |
//! | `DIGESTS` | the digest of each image, which Envoy Gateway and Istio call its sha256 |
//! | `SHA256SUMS` | the sums of the files above |
//!
//! The same commit makes the same images: times are the commit's, and names are in order.

mod authorities;
mod bill;
mod build;
mod image;
mod layout;
mod licences;
mod origin;
mod parts;
mod registry;
mod sums;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use oci_spec::image::Digest;
use rig::error::Context;
use rig::{Result, repo, tools};

use bill::Package as Crate;
use build::Architecture;
use image::{Image, Origin};
use layout::Layout;
use registry::Transport;

/// What `package` is told.
#[derive(clap::Args)]
pub struct Package {
    /// What the bridge and the native module are built for
    #[arg(long, value_name = "ARCHITECTURE", value_delimiter = ',', default_value = "amd64,arm64")]
    architectures: Vec<Architecture>,
    /// Pushes the images there too, as REPOSITORY/filter, REPOSITORY/module and REPOSITORY/bridge
    #[arg(long, value_name = "REPOSITORY")]
    push: Option<String>,
    /// The registry is reached without TLS
    #[arg(long, requires = "push")]
    plain_http: bool,
}

/// What is built for one architecture.
struct Native {
    architecture: Architecture,
    module: PathBuf,
    bridge: PathBuf,
}

const FILTER: Crate = Crate { name: "postmqtt", directory: "." };
const FILTER_TARGET: &str = "wasm32-wasip1";
const MODULE: Crate = Crate { name: "postmqtt-envoy-module", directory: "crates/envoy-module" };
const BRIDGE: Crate = Crate { name: "postmqtt-bridge", directory: "crates/bridge" };

// === impl Package ===

impl Package {
    /// Builds everything, writes `target/dist`, and pushes the images if that is asked for.
    ///
    /// # Errors
    /// Returns an error if a part cannot be built or written, or the registry refuses an image.
    pub fn run(self) -> Result<()> {
        let directory = repo::target().join("dist");
        if directory.exists() {
            fs::remove_dir_all(&directory)
                .context(|| format!("{} cannot be removed", directory.display()))?;
        }
        fs::create_dir_all(&directory).context(|| format!("{} cannot be made", directory.display()))?;
        let origin = Origin::of_work_tree()?;
        let version = origin.version.clone();

        let filter = directory.join(format!("postmqtt-{version}.wasm"));
        copy(&rig::build::filter(tools::wasm_toolchain()?)?, &filter)?;
        let mut natives = Vec::new();
        for &architecture in &self.architectures {
            let name = architecture.name();
            let module = directory.join(format!("libpostmqtt-{version}-linux-{name}.so"));
            copy(&build::module(architecture)?, &module)?;
            let bridge = directory.join(format!("postmqtt-bridge-{version}-linux-{name}"));
            copy(&build::bridge(architecture)?, &bridge)?;
            natives.push(Native { architecture, module, bridge });
        }
        write_papers(&directory, &origin, &self.architectures)?;

        let layout = directory.join("oci");
        let digests = write_layout(&layout, &origin, &filter, &natives)?;
        let lines: String = digests.iter().map(|(tag, digest)| format!("{digest}  {tag}\n")).collect();
        write(&directory.join("DIGESTS"), lines.as_bytes())?;
        sums::write(&directory)?;
        print!("{lines}");

        if let Some(repository) = &self.push {
            let transport = if self.plain_http { Transport::PlainHttp } else { Transport::Tls };
            for (tag, _) in &digests {
                registry::push(&layout, tag, repository, transport)?;
            }
        }
        println!("{}", repo::shown(&directory));
        Ok(())
    }
}

/// The images, each under the name and the tag that it has in a registry.
fn write_layout(
    directory: &Path,
    origin: &Origin,
    filter: &Path,
    natives: &[Native],
) -> Result<Vec<(String, Digest)>> {
    let wasm = fs::read(filter).context(|| format!("{} cannot be read", filter.display()))?;
    let modules = natives
        .iter()
        .map(|native| Image::module(native.architecture.oci(), &native.module))
        .collect::<Result<Vec<_>>>()?;
    let bridges = natives
        .iter()
        .map(|native| Image::bridge(native.architecture.oci(), &native.bridge, authorities::pem()))
        .collect::<Result<Vec<_>>>()?;
    let version = &origin.version;
    let mut layout = Layout::create(directory, origin.clone())?;
    let mut digests = Vec::new();
    for (tag, image) in [
        (format!("filter:{version}"), Image::plugin(&wasm)),
        (format!("filter:{version}-artifact"), Image::artifact(&wasm)),
    ] {
        let digest = layout.add(&tag, &image)?;
        digests.push((tag, digest));
    }
    for (tag, images) in [(format!("module:{version}"), modules), (format!("bridge:{version}"), bridges)] {
        let digest = layout.add_for_platforms(&tag, &images)?;
        digests.push((tag, digest));
    }
    layout.finish()?;
    Ok(digests)
}

/// What is inside, and under which licences.
fn write_papers(directory: &Path, origin: &Origin, architectures: &[Architecture]) -> Result<()> {
    let version = &origin.version;
    let bill_of = |name: &str| directory.join(format!("{name}.cdx.json"));
    bill::write(&FILTER, FILTER_TARGET, origin.seconds, &bill_of(&format!("postmqtt-{version}")))?;
    let mut parts = parts::of(FILTER.name, FILTER_TARGET)?;
    for architecture in architectures {
        let name = architecture.name();
        for (package, file, target) in [
            (&MODULE, "libpostmqtt", architecture.glibc()),
            (&BRIDGE, "postmqtt-bridge", architecture.musl()),
        ] {
            bill::write(
                package,
                target,
                origin.seconds,
                &bill_of(&format!("{file}-{version}-linux-{name}")),
            )?;
            parts.extend(parts::of(package.name, target)?);
        }
    }
    parts.sort();
    parts.dedup();
    write(&directory.join("LICENCES.txt"), licences::text(&parts)?.as_bytes())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).map(drop).context(|| format!("{} cannot be copied", from.display()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).context(|| format!("{} cannot be written", path.display()))
}
