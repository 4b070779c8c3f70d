//! The example of the API's documentation, from the client's request to the subscriber's message.

use end_to_end::{Edge, Message, Protocol, Request, Terminal, eventually, token};
use rig::example;
use rig::stack::Mosquitto;

/// The command of the documentation's cURL tutorial, as it stands.
const TUTORIAL: &str = r#"curl -X POST "https://contoso.westus3-1.ts.eventgrid.azure.net/mqtt/messages?topic=devices%2FCXa-23112%2Fprompt&api-version=2025-02-15-preview" \
  -H "Authorization: Bearer <ENTRA_TOKEN_HERE>" \
  -H "mqtt-qos: 1" \
  -H "mqtt-retain: 0" \
  -H "mqtt-response-topic: devices%2FCXa-23112%2Freply" \
  -H "mqtt-correlation-data: PlXCscK2wrbCuy8=" \
  -H "mqtt-user-properties: W3siVXJnZW5jeSI6ImFsZXJ0In0seyJSZXF1ZXN0SWQiOiI1NWY0YTdlZS1iMGI0LTRkN2YtOGViNS0yZWRiYTJjZWQ1ZDcifV0=" \
  -H "Content-Type: text/plain;charset=UTF-8" \
  --data-raw "Please accept terms of licensing and agreement""#;

fn expected() -> Message {
    let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Message {
        topic: "devices/CXa-23112/prompt".to_owned(),
        qos: 1,
        retain: false,
        response_topic: Some("devices/CXa-23112/reply".to_owned()),
        correlation_data: Some(b">U\xc2\xb1\xc2\xb6\xc2\xb6\xc2\xbb/".to_vec()),
        user_properties: vec![
            pair(("Urgency", "alert")),
            pair(("RequestId", "55f4a7ee-b0b4-4d7f-8eb5-2edba2ced5d7")),
        ],
        content_type: Some("text/plain;charset=UTF-8".to_owned()),
        message_expiry: None,
        payload_format_indicator: None,
        payload: b"Please accept terms of licensing and agreement".to_vec(),
    }
}

fn the_example_arrives(edge: &Edge, protocol: Protocol) {
    let subscriber = edge.subscribe_to(&[example::TOPIC]);
    let request = Request::post(example::PATH_AND_QUERY)
        .headers(&example::HEADERS)
        .header("date", "Sun, 06 Nov 1994 08:49:37 GMT")
        .body(example::PAYLOAD);
    let answer = edge.at(protocol).send(request);
    answer.expect_published(204);
    assert_eq!(answer.header("mqtt-reason-code"), Some("0"), "{protocol:?}");
    assert_eq!(subscriber.next(), expected(), "{protocol:?}");
}

#[test]
fn the_example_arrives_with_every_property_over_every_protocol() {
    let edge = Edge::start("every-protocol", |stack| stack.mosquitto(Mosquitto::new()));
    for protocol in Protocol::ALL {
        the_example_arrives(&edge, protocol);
    }
}

#[test]
fn the_example_arrives_through_the_demonstrations_broker() {
    let edge = Edge::start("demonstration", |stack| stack);
    for protocol in Protocol::ALL {
        the_example_arrives(&edge, protocol);
    }
}

#[test]
fn the_tutorials_curl_command_arrives_at_mosquitto_sub() {
    let edge = Edge::start("tutorial", |stack| stack.mosquitto(Mosquitto::new().setting("log_type all")));
    let subscriber = Terminal::type_in(&format!(
        "mosquitto_sub -V 5 -i tutorial -h 127.0.0.1 -p {} -t 'devices/CXa-23112/prompt' -q 1 -C 1 \
         -F '%t|%q|%r|%R|%D|%P|%C|%p'",
        edge.stack().mqtt_port()
    ));
    eventually("mosquitto_sub to be subscribed", || {
        edge.stack().broker().log().contains("Sending SUBACK to tutorial").then_some(())
    });

    let command = TUTORIAL
        .replace("https://contoso.westus3-1.ts.eventgrid.azure.net", &edge.stack().https_url())
        .replace("<ENTRA_TOKEN_HERE>", token::valid());
    let trust = format!("--cacert {} -sS -w '%{{http_code}}'", edge.stack().certificate().display());
    let answer = Terminal::type_in(&format!("{command} {trust}")).output();

    assert_eq!(answer, "204");
    assert_eq!(
        subscriber.output(),
        "devices/CXa-23112/prompt|1|0|devices/CXa-23112/reply|>U±¶¶»/|Urgency:alert \
         RequestId:55f4a7ee-b0b4-4d7f-8eb5-2edba2ced5d7|text/plain;charset=UTF-8|\
         Please accept terms of licensing and agreement\n"
    );
}

#[test]
fn every_step_of_the_tour_is_answered_as_it_says() {
    let edge = Edge::as_shipped("tour", demo::prepare);
    demo::tour(edge.stack(), token::valid()).unwrap_or_else(|error| panic!("{error}"));
}
