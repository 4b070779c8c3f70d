//! What permissions cost: loading 10,000 bindings, and judging a topic among ten templates and among ten thousand.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use policy::{Client, NoClaims, Permissions, PermissionsDocument};
use serde_json::{Value, json};

const CLIENT: Client<'_> =
    Client { authentication_name: Some("55f4a7ee-b0b4-4d7f-8eb5-2edba2ced5d7"), claims: &NoClaims };

/// One topic space with templates of four kinds.
fn one_space(templates: usize) -> Value {
    let templates: Vec<String> = (0..templates)
        .map(|index| match index % 4 {
            0 => format!("sites/site-{index}/#"),
            1 => format!("sites/site-{index}/clients/${{client.authenticationName}}/state"),
            2 => format!("devices/+/slot-{index}/command"),
            _ => format!("devices/device-{index}/+/reply"),
        })
        .collect();
    json!({
        "topicSpaces": [{ "name": "all", "templates": templates }],
        "permissionBindings": [{ "name": "all", "clientGroup": "$all", "topicSpace": "all" }],
    })
}

/// A client group, a topic space and a binding for each of `count` sites. `template` is the template of one site.
fn one_space_each(count: usize, template: impl Fn(usize) -> String) -> Value {
    let each = |part: &dyn Fn(usize) -> Value| (0..count).map(part).collect::<Value>();
    json!({
        "clientGroups": each(&|index| json!({
            "name": format!("group-{index}"),
            "conditions": [{ "claim": "site", "equals": format!("site-{index}") }],
        })),
        "topicSpaces": each(&|index| json!({
            "name": format!("space-{index}"),
            "templates": [template(index)],
        })),
        "permissionBindings": each(&|index| json!({
            "name": format!("binding-{index}"),
            "clientGroup": format!("group-{index}"),
            "topicSpace": format!("space-{index}"),
        })),
    })
}

fn document(json: &Value) -> PermissionsDocument {
    serde_json::from_value(json.clone()).expect("the document is well-formed")
}

fn load(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("load 10,000 bindings over 10,000 topic spaces");
    let sites = one_space_each(10_000, |index| format!("sites/site-{index}/#"));
    let text = sites.to_string();
    group.bench_function("from JSON", |bencher| {
        bencher.iter(|| {
            let document = serde_json::from_str(black_box(&text)).expect("the document is well-formed");
            Permissions::compile(document).expect("the templates are valid")
        });
    });
    let attributes =
        one_space_each(10_000, |index| format!("sites/${{client.attributes.site-{index}}}/state"));
    for (name, json) in [("literals", sites), ("variables", attributes)] {
        let document = document(&json);
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || document.clone(),
                |document| Permissions::compile(document).expect("the templates are valid"),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn judge(criterion: &mut Criterion) {
    let topic = "sites/site-5/clients/55f4a7ee-b0b4-4d7f-8eb5-2edba2ced5d7/state";
    for templates in [10, 10_000] {
        let permissions =
            Permissions::compile(document(&one_space(templates))).expect("the templates are valid");
        criterion.bench_function(&format!("judge, {templates} templates"), |bencher| {
            bencher.iter(|| permissions.judge(black_box(topic), &CLIENT));
        });
        criterion.bench_function(&format!("closest of {templates} templates"), |bencher| {
            bencher.iter(|| permissions.closest_template(black_box("devices/device-3/1/repl"), &CLIENT));
        });
    }
}

criterion_group!(benches, load, judge);
criterion_main!(benches);
