//! Kubernetes objects of `deploy/`.

use rig::repo;
use serde_json::Value;

/// The objects of one file.
pub(super) struct Manifests(Vec<Value>);

// === impl Manifests ===

impl Manifests {
    /// Reads `deploy/PATH`.
    pub(super) fn load(path: &str) -> Self {
        let path = repo::root().join("deploy").join(path);
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let objects = serde_saphyr::from_multiple(&text);
        Self(objects.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    /// The `spec` of the only object of a kind.
    pub(super) fn spec(&self, kind: &str) -> Value {
        let mut objects = self.0.iter().filter(|object| object["kind"] == kind);
        let object = objects.next().unwrap_or_else(|| panic!("there is no {kind}"));
        assert!(objects.next().is_none(), "there are several {kind}s");
        object["spec"].clone()
    }
}

/// Kubernetes' quantity in bytes: `32Ki`, `1Mi`.
pub(super) fn bytes(quantity: &Value) -> u64 {
    let text = quantity.as_str().expect("a quantity");
    let (number, unit) = text.split_at(text.len() - 2);
    let factor = match unit {
        "Ki" => 1024,
        "Mi" => 1024 * 1024,
        _ => panic!("what is {text}?"),
    };
    number.parse::<u64>().expect("a number") * factor
}
