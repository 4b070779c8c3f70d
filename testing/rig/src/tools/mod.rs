//! What the work here needs and the machine may lack: found where it is there, fetched where it is not.
//!
//! Every function is quick when nothing is to be done, and keeps what it fetches in Cargo's target directory.

mod apt;
mod bruno;
mod cargo_cyclonedx;
mod cargo_deny;
mod chromium;
mod compose;
mod curl;
mod debootstrap;
mod dockerd;
mod envoy;
mod h2load;
mod helm;
mod languages;
mod mosquitto;
mod newman;
mod nft;
mod node_red;
mod npm;
mod prometheus;
mod protoc;
mod schemathesis;
mod skopeo;
mod terminal;
mod valgrind;
mod wasm;
mod wasm_opt;
mod wheel;
mod zigbuild;

pub use bruno::bru;
pub use cargo_cyclonedx::cargo_cyclonedx;
pub use cargo_deny::cargo_deny;
pub use chromium::chromium;
pub use compose::docker_compose;
pub use curl::curl;
pub use debootstrap::debootstrap;
pub use dockerd::dockerd;
pub use envoy::envoy;
pub use h2load::h2load;
pub use helm::helm;
pub use languages::{axios, go, java, node, python_with_http_clients};
pub use mosquitto::{mosquitto, mosquitto_passwd};
pub use newman::newman;
pub use nft::nft;
pub use node_red::node_red;
pub use prometheus::{prometheus, promtool};
pub use protoc::protoc;
pub use schemathesis::schemathesis;
pub use skopeo::{docker_registry, skopeo};
pub use terminal::terminal;
pub use valgrind::valgrind;
pub use wasm::{WasmToolchain, wasm_toolchain};
pub use wasm_opt::wasm_opt;
pub use zigbuild::{cargo_zigbuild, rust_target};
