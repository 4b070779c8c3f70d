//! Every configuration of the filter in this repository is one that the schema describes and the filter takes.

use std::path::{Path, PathBuf};

use edge::Config;
use rig::repo;
use serde_json::{Value, json};

fn schema() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(&rig::schema::text()).expect("the schema is JSON");
    jsonschema::validator_for(&schema).expect("the schema is one")
}

/// What Envoy would hand to a filter: each `StringValue` in a YAML file that holds a JSON object.
fn configurations(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).expect("the file can be read");
    let documents: Vec<Value> =
        serde_saphyr::from_str_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut found = Vec::new();
    documents.iter().for_each(|document| collect(document, &mut found));
    found
}

fn collect(value: &Value, found: &mut Vec<Value>) {
    let json = || serde_json::from_str(value.get("value")?.as_str()?).ok();
    match value {
        Value::Object(object)
            if value["@type"].as_str().is_some_and(|name| name.ends_with("StringValue")) =>
        {
            found.extend(json().or_else(|| object.get("value").cloned()));
        }
        Value::Object(object) => object.values().for_each(|value| collect(value, found)),
        Value::Array(array) => array.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}

/// All but Helm's templates, which are no YAML.
fn yaml_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("the directory can be read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "templates") {
                yaml_files(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
}

#[test]
fn every_configuration_in_the_repository_fits_the_schema_and_compiles() {
    let mut files = vec![repo::envoy_yaml()];
    yaml_files(&repo::root().join("deploy"), &mut files);
    let schema = schema();
    let mut count = 0;
    for file in files {
        for configuration in configurations(&file) {
            let problems: Vec<String> =
                schema.iter_errors(&configuration).map(|error| error.to_string()).collect();
            assert!(problems.is_empty(), "{}: {problems:?}", file.display());
            let compiled = Config::from_json(configuration.to_string().as_bytes());
            assert!(compiled.is_ok(), "{}: {}", file.display(), compiled.unwrap_err());
            count += 1;
        }
    }
    assert!(count > 0, "envoy.yaml configures the filter");
}

#[test]
fn what_the_filter_refuses_by_its_shape_the_schema_refuses_too() {
    let rows = [
        json!({ "pth": "/x" }),
        json!({ "path": 7 }),
        json!({ "path": null }),
        json!({ "limits": { "profile": "gcp" } }),
        json!({ "limits": { "topicBytes": -1 } }),
        json!({ "limits": { "topicBytes": "1" } }),
        json!({ "clientId": { "from": "header" } }),
        json!({ "clientId": { "from": "jwt", "claim": "oid" } }),
        json!({ "permissions": { "topicSpaces": [] } }),
        json!({ "routing": { "routes": [{ "filters": ["a"] }] } }),
        json!({ "enrichment": [{ "key": "k" }] }),
    ];
    let schema = schema();
    for row in rows {
        assert!(Config::from_json(row.to_string().as_bytes()).is_err(), "{row}");
        assert!(!schema.is_valid(&row), "{row}");
    }
    assert!(schema.is_valid(&json!({})));
}
