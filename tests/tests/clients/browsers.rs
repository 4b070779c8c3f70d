//! `deploy/browsers.yaml`, with `fetch()` from pages of two origins in Chromium.

use end_to_end::{Edge, Page, deploy, token};
use rig::stack::Mosquitto;
use serde_json::json;

/// A script that publishes a message and asks for a refusal, at the edge at this URL.
fn script(edge: &str, topic: &str) -> String {
    let script = r#"
        const ask = async (target, token) => {
            try {
                const answer = await fetch(EDGE + target, {
                    method: 'POST',
                    headers: {
                        'Authorization': 'Bearer ' + token,
                        'Content-Type': 'application/json',
                        'mqtt-user-properties': '[{"from":"a page"}]',
                    },
                    body: '{"pressed":true}',
                });
                const field = name => answer.headers.get(name);
                return {
                    status: answer.status,
                    reason: field('mqtt-reason-code'),
                    id: field('x-request-id') !== null,
                    problem: answer.status < 300 ? null : (await answer.json()).code,
                };
            } catch (error) {
                return { error: error.name };
            }
        };
        return [
            await ask('/mqtt/messages?topic=' + TOPIC, TOKEN),
            await ask('/mqtt/messages?topic=' + TOPIC + '&qos=2', TOKEN),
            await ask('/mqtt/messages?topic=' + TOPIC, 'e30.e30.e30'),
        ];"#;
    let text = |text: &str| json!(text).to_string();
    script.replace("EDGE", &text(edge)).replace("TOPIC", &text(topic)).replace("TOKEN", &text(token::valid()))
}

#[test]
fn a_page_of_an_allowed_origin_publishes_and_reads_refusals_and_another_page_cannot() {
    let [allowed, other] = [Page::start(), Page::start()];
    let mut piece = deploy::piece("browsers.yaml");
    let policy = &mut piece["virtual_host"]["typed_per_filter_config"]["envoy.filters.http.cors"];
    policy["allow_origin_string_match"] = json!([{ "exact": allowed.origin() }]);
    let edge = Edge::start("browsers", move |stack| {
        stack.mosquitto(Mosquitto::new()).envoy_config(move |config| deploy::put(config, &piece))
    });
    let topic = edge.topic("page");
    let subscriber = edge.subscribe();
    let script = script(&edge.stack().http_url(), &topic);

    assert_eq!(
        allowed.open(&script),
        json!([
            { "status": 204, "reason": "0", "id": true, "problem": null },
            { "status": 400, "reason": null, "id": true, "problem": "InvalidQos" },
            { "status": 401, "reason": null, "id": true, "problem": "Unauthenticated" },
        ])
    );
    let message = subscriber.next();
    assert_eq!(message.payload, br#"{"pressed":true}"#);
    assert_eq!(message.user_properties, [("from".to_owned(), "a page".to_owned())]);

    // The Fetch standard makes every network error a TypeError.
    let kept_away = json!({ "error": "TypeError" });
    assert_eq!(other.open(&script), json!([kept_away, kept_away, kept_away]));
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
}
