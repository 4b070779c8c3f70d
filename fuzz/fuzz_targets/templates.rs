//! Topic templates: the first line is a topic or a Topic Filter, the second a client id, each further line a template.
#![no_main]

use libfuzzer_sys::fuzz_target;
use policy::{Client, NoClaims, Permissions, PermissionsDocument, Verdict};

const VARIABLE: &str = "${client.authenticationName}";

fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let (Some(topic), Some(client_id)) = (lines.next(), lines.next()) else { return };
    let templates: Vec<&str> = lines.filter(|template| compile(&[template]).is_some()).collect();
    let Some(permissions) = compile(&templates) else { return };
    let client = Client { authentication_name: Some(client_id), claims: &NoClaims };
    let permitted = matches!(permissions.judge(topic, &client), Verdict::Permitted { .. });
    assert_eq!(permitted, templates.iter().any(|template| matches_alone(template, topic, client_id)));
});

fn compile(templates: &[&str]) -> Option<Permissions> {
    let document: PermissionsDocument = serde_json::from_value(serde_json::json!({
        "topicSpaces": [{ "name": "space", "templates": templates }],
        "permissionBindings": [{ "name": "binding", "clientGroup": "$all", "topicSpace": "space" }],
    }))
    .expect("the document is well-formed");
    Permissions::compile(document).ok()
}

/// MQTT 5.0, 4.7.1, said as simply as possible; other variables have no value here. A Topic Filter for a topic is matched
/// by a template that matches every topic which the filter matches.
fn matches_alone(template: &str, topic: &str, client_id: &str) -> bool {
    let mut levels = topic.split('/').map(Some).chain([None]);
    for segment in segments(template) {
        match (segment.as_str(), levels.next().flatten()) {
            ("#", _) => return true,
            (_, Some("#")) => return false,
            ("+", Some(_)) => {}
            (_, Some("+")) => return false,
            (segment, Some(level)) => {
                let without = segment.replace(VARIABLE, "");
                let has_value = !segment.contains(VARIABLE) || !client_id.is_empty();
                if without.contains("${") || !has_value || segment.replace(VARIABLE, client_id) != level {
                    return false;
                }
            }
            (_, None) => return false,
        }
    }
    levels.next().flatten().is_none()
}

/// The name of a claim may hold a `/`.
fn segments(template: &str) -> Vec<String> {
    let mut segments = vec![String::new()];
    let mut is_name = false;
    for character in template.chars() {
        let segment = segments.last_mut().expect("there is always one");
        match character {
            '/' if !is_name => {
                segments.push(String::new());
                continue;
            }
            '{' if segment.ends_with('$') => is_name = true,
            '}' => is_name = false,
            _ => {}
        }
        segment.push(character);
    }
    segments
}
