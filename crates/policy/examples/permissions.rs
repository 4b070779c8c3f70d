//! Judges topics by the claims of a token.
//!
//! `cargo run -p policy --example permissions`

use policy::{ClaimPath, Claims, Client, Permissions, PermissionsDocument, Presence, Refusal, Verdict};
use serde_json::{Value, json};

/// The claims of a verified token.
struct Token(Value);

impl Token {
    fn find(&self, path: &ClaimPath) -> Option<&Value> {
        path.names().try_fold(&self.0, |value, name| value.get(name))
    }
}

impl Claims for Token {
    fn text(&self, path: &ClaimPath) -> Option<String> {
        self.find(path)?.as_str().map(str::to_owned)
    }

    fn number(&self, path: &ClaimPath) -> Option<f64> {
        self.find(path)?.as_f64()
    }

    fn boolean(&self, path: &ClaimPath) -> Option<bool> {
        self.find(path)?.as_bool()
    }

    fn list(&self, path: &ClaimPath) -> Option<Vec<String>> {
        let items = self.find(path)?.as_array()?;
        Some(items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    fn presence(&self, path: &ClaimPath) -> Presence {
        match self.find(path) {
            None => Presence::Absent,
            Some(Value::Null) => Presence::Null,
            Some(_) => Presence::Present,
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let document: PermissionsDocument = serde_json::from_value(json!({
        "clientGroups": [
            { "name": "operators", "conditions": [{ "claim": "roles", "contains": "operator" }] },
        ],
        "topicSpaces": [
            { "name": "own", "templates": ["clients/${client.authenticationName}/#"] },
            { "name": "machines", "templates": ["machines/+/command"] },
        ],
        "permissionBindings": [
            { "name": "everyone-own", "clientGroup": "$all", "topicSpace": "own" },
            { "name": "operators-machines", "clientGroup": "operators", "topicSpace": "machines" },
        ],
    }))?;
    let permissions = Permissions::compile(document)?;

    let viewer = Token(json!({ "roles": ["viewer"] }));
    let operator = Token(json!({ "roles": ["viewer", "operator"] }));
    for (name, claims) in [("pump-7", &viewer), ("ada", &operator)] {
        let client = Client { authentication_name: Some(name), claims };
        for topic in ["clients/pump-7/state", "machines/1/command", "machines/1/comand"] {
            match permissions.judge(topic, &client) {
                Verdict::Permitted { binding } => println!("{name}: {topic} is permitted by {binding}"),
                Verdict::Refused(refusal) => {
                    println!("{name}: {topic} is refused: {refusal}");
                    let closest = permissions.closest_template(topic, &client);
                    if let (Refusal::NoTopicSpace, Some(template)) = (refusal, closest) {
                        println!("    the closest template is {template}");
                    }
                }
            }
        }
    }
    Ok(())
}
