//! Copies images between a layout and a registry, with skopeo: credentials are those of `skopeo login` or
//! `docker login`.

use std::path::Path;
use std::process::Command;

use rig::{Result, command, tools};

/// How a registry is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Tls,
    /// For a registry on this machine.
    PlainHttp,
}

/// Copies the image `tag` of a layout to `repository`, with the index and all platforms where it has them. The digest
/// stays what it is.
pub(super) fn push(layout: &Path, tag: &str, repository: &str, transport: Transport) -> Result<()> {
    let mut skopeo = Command::new(tools::skopeo()?);
    skopeo.args(["copy", "--quiet", "--all", "--preserve-digests"]);
    if transport == Transport::PlainHttp {
        skopeo.arg("--dest-tls-verify=false");
    }
    skopeo.arg(format!("oci:{}:{tag}", layout.display())).arg(format!("docker://{repository}/{tag}"));
    command::output(&mut skopeo).map(drop)
}
