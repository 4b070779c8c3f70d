//! `docs/problems.md` lists the problems that Envoy answers by itself as `envoy.yaml` has them.

use http_publish::Code;
use rig::repo;
use rig::stack::{EnvoyConfig, types};
use serde_json::Value;

/// Code, published, title, and the status where the mapper names one, of every problem that is Envoy's alone.
fn mapped() -> Vec<(String, &'static str, String, Option<String>)> {
    let mut mapped = Vec::new();
    let mut config = EnvoyConfig::load().expect("envoy.yaml");
    config.each(types::HTTP_CONNECTION_MANAGER, |manager| {
        mapped = manager["local_reply_config"]["mappers"]
            .as_array()
            .expect("mappers")
            .iter()
            .filter_map(row)
            .collect();
    });
    mapped
}

fn row(mapper: &Value) -> Option<(String, &'static str, String, Option<String>)> {
    let problem = mapper.pointer("/body_format_override/json_format")?;
    let text = |member: &str| problem[member].as_str().expect("a text").to_owned();
    if Code::ALL.iter().any(|known| known.as_str() == text("code")) {
        return None;
    }
    let detail = text("detail");
    let published = match (detail.contains("nothing was published"), detail.contains("is not known")) {
        (true, false) => "no",
        (false, true) => "not known",
        _ => panic!("{detail} does not say whether the message was published"),
    };
    let expression = mapper.pointer("/filter/extension_filter/typed_config/expression")?.as_str()?;
    let status =
        expression.strip_prefix("response.code == ").and_then(|rest| rest.get(..3)).map(str::to_owned);
    let status = mapper["status_code"].as_u64().map(|status| status.to_string()).or(status);
    Some((text("code"), published, text("title"), status))
}

#[test]
fn the_table_of_envoys_own_problems_says_what_envoy_yaml_says() {
    let page = std::fs::read_to_string(repo::root().join("docs/problems.md")).expect("docs/problems.md");
    let rows: Vec<Vec<&str>> = page
        .lines()
        .skip_while(|line| !line.starts_with("## Envoy's own"))
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let expected = mapped();
    assert!(expected.len() > 5, "{expected:?}");
    assert_eq!(rows.len(), expected.len(), "{rows:?}");
    for (row, (code, published, title, status)) in rows.iter().zip(expected) {
        assert_eq!((row[0], row[3], row[4]), (&*format!("`{code}`"), published, &*title));
        if let Some(status) = status {
            assert_eq!(row[1], status, "{code}");
        }
        assert!(["client", "edge", "bridge"].contains(&row[2]), "{code}");
    }
}
