//! The images of a release, each in the form that its consumers expect.
//!
//! - [`Image::plugin`]: what Envoy Gateway and Istio load, `FROM scratch` with exactly one layer that holds
//!   `/plugin.wasm` (solo-io/wasm, spec/spec-compat.md; Envoy Gateway, tasks/extensibility/build-wasm-image)
//! - [`Image::artifact`]: the same module as an artefact, a configuration and the module as it is (solo-io/wasm,
//!   spec/spec.md)
//! - [`Image::module`]: the native filter for one platform, one layer with `/libpostmqtt.so`
//! - [`Image::bridge`]: the bridge for one platform, `FROM scratch`

use std::path::Path;

use oci_spec::image::{Arch, MediaType, Os};
use rig::Result;
use rig::error::Context;

/// What says which source an image was made from, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) version: String,
    /// The commit, `-dirty` added where the work tree differs from it.
    pub(super) revision: String,
    /// The commit's time as RFC 3339 has it, so that the same commit makes the same images.
    pub(super) created: String,
    /// The same in seconds since 1970.
    pub(super) seconds: u64,
}

/// One image for one platform, or for none in particular.
pub(super) struct Image {
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    pub(super) content: Content,
}

/// What an image consists of.
pub(super) enum Content {
    /// Files in one layer, and how a container runs them.
    Files { arch: Arch, files: Vec<File>, run: Option<Run> },
    /// Blobs as they are.
    Artifact { config: Blob, layers: Vec<Blob> },
}

/// A file of a layer.
pub(super) struct File {
    /// Without the leading `/`.
    pub(super) path: &'static str,
    pub(super) mode: Mode,
    pub(super) bytes: Vec<u8>,
}

/// Who may do what with a file.
#[derive(Clone, Copy)]
pub(super) enum Mode {
    Read,
    Execute,
}

/// How a container runs.
pub(super) struct Run {
    pub(super) entrypoint: &'static str,
    pub(super) arguments: &'static [&'static str],
    pub(super) port: &'static str,
}

/// Bytes of one media type.
pub(super) struct Blob {
    pub(super) media_type: MediaType,
    /// The name under which a client stores it.
    pub(super) title: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// `nobody`, as distroless images have it.
pub(super) const USER: &str = "65534:65534";

/// What the filter's module is for.
const FILTER: &str = "An Envoy filter that publishes HTTP requests as MQTT 5 messages";

// === impl Image ===

impl Image {
    /// The filter as Envoy Gateway and Istio load it. Its platform is the one that every tool accepts.
    pub(super) fn plugin(wasm: &[u8]) -> Self {
        let file = File { path: "plugin.wasm", mode: Mode::Read, bytes: wasm.to_vec() };
        Self {
            title: "postmqtt filter",
            description: FILTER,
            content: Content::Files { arch: Arch::Amd64, files: vec![file], run: None },
        }
    }

    /// The filter as an artefact. The configuration is a layer too: Istio counts two layers (pkg/wasm/imagefetcher.go).
    pub(super) fn artifact(wasm: &[u8]) -> Self {
        let config = || Blob {
            media_type: MediaType::from("application/vnd.module.wasm.config.v1+json"),
            title: "runtime-config.json",
            // The root context has no name: `root_id` stays empty.
            bytes: br#"{"type":"envoy_proxy","abiVersions":["0.2.1"],"config":{"root_ids":[""]}}"#.to_vec(),
        };
        let module = Blob {
            media_type: MediaType::from("application/vnd.module.wasm.content.layer.v1+wasm"),
            title: "plugin.wasm",
            bytes: wasm.to_vec(),
        };
        Self {
            title: "postmqtt filter",
            description: FILTER,
            content: Content::Artifact { config: config(), layers: vec![config(), module] },
        }
    }

    /// The filter as a dynamic module of Envoy, for image volumes and for init containers that copy it.
    pub(super) fn module(arch: Arch, library: &Path) -> Result<Self> {
        let file = File { path: "libpostmqtt.so", mode: Mode::Read, bytes: read(library)? };
        Ok(Self {
            title: "postmqtt module",
            description: "The postmqtt filter as a dynamic module of Envoy",
            content: Content::Files { arch, files: vec![file], run: None },
        })
    }

    /// The bridge: a static program, and Mozilla's certificate authorities for brokers that are reached over TLS.
    pub(super) fn bridge(arch: Arch, program: &Path, authorities: String) -> Result<Self> {
        let files = vec![
            File {
                path: "etc/ssl/certs/ca-certificates.crt",
                mode: Mode::Read,
                bytes: authorities.into_bytes(),
            },
            File { path: "postmqtt-bridge", mode: Mode::Execute, bytes: read(program)? },
        ];
        let run = Run {
            entrypoint: "/postmqtt-bridge",
            arguments: &["--listen", "0.0.0.0:8081"],
            port: "8081/tcp",
        };
        Ok(Self {
            title: "postmqtt bridge",
            description: "Publishes the messages that Envoy forwards, over MQTT 5",
            content: Content::Files { arch, files, run: Some(run) },
        })
    }

    /// Linux for files, none for an artefact.
    pub(super) fn platform(&self) -> Option<(Os, Arch)> {
        match &self.content {
            Content::Files { arch, .. } => Some((Os::Linux, arch.clone())),
            Content::Artifact { .. } => None,
        }
    }
}

// === impl Mode ===

impl Mode {
    pub(super) fn bits(self) -> u32 {
        match self {
            Self::Read => 0o644,
            Self::Execute => 0o755,
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).context(|| format!("{} cannot be read", path.display()))
}
