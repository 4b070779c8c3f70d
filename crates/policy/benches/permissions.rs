//! What a permission costs with ten templates and with ten thousand.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use policy::{Client, NoClaims, Permissions, PermissionsDocument};

fn permissions(templates: usize) -> Permissions {
    let templates: Vec<String> = (0..templates)
        .map(|index| match index % 4 {
            0 => format!("sites/site-{index}/#"),
            1 => format!("sites/site-{index}/clients/${{client.authenticationName}}/state"),
            2 => format!("devices/+/slot-{index}/command"),
            _ => format!("devices/device-{index}/+/reply"),
        })
        .collect();
    let document: PermissionsDocument = serde_json::from_value(serde_json::json!({
        "topicSpaces": [{ "name": "all", "templates": templates }],
        "permissionBindings": [{ "name": "all", "clientGroup": "$all", "topicSpace": "all" }],
    }))
    .expect("the document is well-formed");
    Permissions::compile(document).expect("the templates are valid")
}

fn judge(criterion: &mut Criterion) {
    let client =
        Client { authentication_name: Some("55f4a7ee-b0b4-4d7f-8eb5-2edba2ced5d7"), claims: &NoClaims };
    let topic = "sites/site-5/clients/55f4a7ee-b0b4-4d7f-8eb5-2edba2ced5d7/state";
    for templates in [10, 10_000] {
        let permissions = permissions(templates);
        criterion.bench_function(&format!("judge, {templates} templates"), |bencher| {
            bencher.iter(|| permissions.judge(black_box(topic), &client));
        });
    }
}

criterion_group!(benches, judge);
criterion_main!(benches);
