//! What skopeo and a registry say of the images, and that two runs make the same.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rig::{command, repo, tools};
use serde_json::Value;

use super::registry::{self, Transport};
use super::{Architecture, Native, write_layout};
use crate::image::Origin;

const WASM: &[u8] = b"\0asm\x01\0\0\0";
const PROGRAM: &[u8] = b"\x7fELF and so on";

/// A directory of one test, empty.
fn directory(name: &str) -> PathBuf {
    let directory = repo::run("package").join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn layout_in(directory: &Path) -> PathBuf {
    let [filter, native, layout] = ["filter", "native", "oci"].map(|name| directory.join(name));
    fs::write(&filter, WASM).unwrap();
    fs::write(&native, PROGRAM).unwrap();
    let origin = Origin {
        version: "1.2.3".to_owned(),
        revision: "4b825dc642cb6eb9a060e54bf8d69288fbee4904".to_owned(),
        created: "2026-11-25T14:09:46Z".to_owned(),
        seconds: 1_795_615_786,
    };
    let natives = [Architecture::Amd64, Architecture::Arm64].map(|architecture| Native {
        architecture,
        module: native.clone(),
        bridge: native.clone(),
    });
    write_layout(&layout, &origin, &filter, &natives).unwrap();
    layout
}

fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut pending = vec![directory.to_path_buf()];
    while let Some(next) = pending.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else {
                found.insert(path.strip_prefix(directory).unwrap().to_path_buf(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn two_runs_make_the_same_layout() {
    let (first, second) = (layout_in(&directory("first")), layout_in(&directory("second")));
    assert_eq!(files(&first), files(&second));
}

fn skopeo(arguments: &[&str]) -> Value {
    let mut skopeo = Command::new(tools::skopeo().unwrap());
    serde_json::from_str(&command::output(skopeo.args(arguments)).unwrap()).unwrap()
}

fn media_types(manifest: &Value) -> Vec<&str> {
    manifest["layers"].as_array().unwrap().iter().map(|layer| layer["mediaType"].as_str().unwrap()).collect()
}

/// Debian's registry on a free port, with its images in a directory.
struct Registry {
    process: Child,
    address: String,
}

impl Registry {
    fn start(directory: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let config = directory.join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{ level: error }}\nstorage: {{ filesystem: {{ rootdirectory: {} }} }}\n\
             http: {{ addr: \"{address}\" }}\n",
            directory.join("storage").display()
        );
        fs::write(&config, text).unwrap();
        let process = Command::new(tools::docker_registry().unwrap())
            .arg("serve")
            .arg(config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let registry = Self { process, address };
        let until = Instant::now() + Duration::from_secs(30);
        while ureq::get(&format!("http://{}/v2/", registry.address)).call().is_err() {
            assert!(Instant::now() < until, "the registry does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        registry
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_registry_takes_every_image_and_gives_it_back_under_the_same_digest() {
    let directory = directory("registry");
    let layout = layout_in(&directory);
    let registry = Registry::start(&directory);
    let repository = format!("{}/postmqtt", registry.address);
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    for image in index["manifests"].as_array().unwrap() {
        let tag = image["annotations"]["org.opencontainers.image.ref.name"].as_str().unwrap();
        registry::push(&layout, tag, &repository, Transport::PlainHttp).unwrap();
        let media_type = image["mediaType"].as_str().unwrap();
        let (name, version) = tag.split_once(':').unwrap();
        let answer =
            ureq::get(&format!("http://{}/v2/postmqtt/{name}/manifests/{version}", registry.address))
                .header("accept", media_type)
                .call()
                .unwrap();
        // The registry's own opinion of the digest.
        assert_eq!(answer.headers()["docker-content-digest"], image["digest"].as_str().unwrap(), "{tag}");
    }

    let raw = |tag: &str| {
        skopeo(&["inspect", "--raw", "--tls-verify=false", &format!("docker://{repository}/{tag}")])
    };
    // Istio, pkg/wasm/imagefetcher.go: the last layer is tar+gzip and holds plugin.wasm; or there are two layers, of
    // which one is the module. Envoy Gateway's fetcher is the same.
    let plugin = raw("filter:1.2.3");
    assert_eq!(media_types(&plugin), ["application/vnd.oci.image.layer.v1.tar+gzip"]);
    let artifact = raw("filter:1.2.3-artifact");
    assert_eq!(artifact["config"]["mediaType"], "application/vnd.module.wasm.config.v1+json");
    assert_eq!(
        media_types(&artifact),
        ["application/vnd.module.wasm.config.v1+json", "application/vnd.module.wasm.content.layer.v1+wasm"]
    );
    for manifest in [&plugin, &artifact] {
        let annotation = |key: &str| &manifest["annotations"][format!("org.opencontainers.image.{key}")];
        assert_eq!(annotation("version"), "1.2.3");
        assert_eq!(annotation("licenses"), "Apache-2.0");
        assert_eq!(annotation("created"), "2026-11-25T14:09:46Z");
    }

    let pulled = directory.join("pulled");
    let mut copy = Command::new(tools::skopeo().unwrap());
    copy.args(["copy", "--quiet", "--src-tls-verify=false"]);
    copy.args([format!("docker://{repository}/filter:1.2.3"), format!("dir:{}", pulled.display())]);
    command::output(&mut copy).unwrap();
    let layer = plugin["layers"][0]["digest"].as_str().unwrap().trim_start_matches("sha256:");
    let mut tar = Command::new("tar");
    let listed = command::output(tar.arg("-tzvf").arg(pulled.join(layer))).unwrap();
    assert_eq!(listed.lines().count(), 1, "{listed}");
    assert!(listed.starts_with("-rw-r--r-- 0/0") && listed.trim_end().ends_with(" plugin.wasm"), "{listed}");
    let unpacked = Command::new("tar").arg("-xzOf").arg(pulled.join(layer)).output().unwrap().stdout;
    assert_eq!(unpacked, WASM);

    for tag in ["module:1.2.3", "bridge:1.2.3"] {
        let index = raw(tag);
        let platforms: Vec<&str> = index["manifests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["platform"]["architecture"].as_str().unwrap())
            .collect();
        assert_eq!(platforms, ["amd64", "arm64"], "{tag}");
    }
    let config = skopeo(&[
        "inspect",
        "--config",
        "--tls-verify=false",
        "--override-arch=arm64",
        &format!("docker://{repository}/bridge:1.2.3"),
    ]);
    assert_eq!(config["architecture"], "arm64");
    assert_eq!(config["config"]["User"], "65534:65534");
    assert_eq!(config["config"]["Entrypoint"], serde_json::json!(["/postmqtt-bridge"]));
}
