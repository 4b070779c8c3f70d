//! A message as text: what a subscriber sees, with every property.

use rumqttc::v5::mqttbytes::v5::Publish;

/// In characters: what is shown of a payload.
const SHOWN: usize = 500;

/// The message over several lines: topic, QoS and RETAIN first, then each property that it has, then the payload.
pub(super) fn described(message: &Publish) -> String {
    let properties = message.properties.clone().unwrap_or_default();
    let retain = if message.retain { ", RETAIN" } else { "" };
    let mut lines = vec![format!("{} (QoS {}{retain})", text(&message.topic), message.qos as u8)];
    let mut line = |name: &str, value: String| lines.push(format!("  {name}: {value}"));
    if let Some(topic) = properties.response_topic {
        line("Response Topic", text(topic.as_bytes()));
    }
    if let Some(data) = properties.correlation_data {
        line("Correlation Data", text(&data));
    }
    for (name, value) in properties.user_properties {
        line("User Property", format!("{} = {}", text(name.as_bytes()), text(value.as_bytes())));
    }
    if let Some(content_type) = properties.content_type {
        line("Content Type", text(content_type.as_bytes()));
    }
    if let Some(seconds) = properties.message_expiry_interval {
        line("Message Expiry Interval", format!("{seconds} s"));
    }
    if let Some(indicator) = properties.payload_format_indicator {
        line("Payload Format Indicator", indicator.to_string());
    }
    line("Payload", payload(&message.payload));
    lines.join("\n")
}

/// UTF-8 as it is and everything else escaped, so that a message cannot control the terminal.
pub(super) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.chars().map(visible).collect(),
        Err(_) => bytes.escape_ascii().to_string(),
    }
}

fn visible(character: char) -> String {
    if character.is_control() { character.escape_default().to_string() } else { character.to_string() }
}

fn payload(bytes: &[u8]) -> String {
    let whole = text(bytes);
    match whole.char_indices().nth(SHOWN) {
        None if bytes.is_empty() => "(empty)".to_owned(),
        None => whole,
        Some((end, _)) => format!("{}… ({} bytes)", &whole[..end], bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use rumqttc::v5::mqttbytes::QoS;
    use rumqttc::v5::mqttbytes::v5::PublishProperties;

    use super::*;

    #[test]
    fn a_message_is_described_with_every_property_that_it_has() {
        let mut message = Publish::new("a/b", QoS::AtMostOnce, "hello", None);
        assert_eq!(described(&message), "a/b (QoS 0)\n  Payload: hello");
        message.retain = true;
        message.properties = Some(PublishProperties {
            payload_format_indicator: Some(1),
            message_expiry_interval: Some(60),
            response_topic: Some("a/reply".to_owned()),
            correlation_data: Some("abc".into()),
            user_properties: vec![
                ("name".to_owned(), "first".to_owned()),
                ("name".to_owned(), "second".to_owned()),
            ],
            content_type: Some("text/plain".to_owned()),
            ..PublishProperties::default()
        });
        let expected = "a/b (QoS 0, RETAIN)\n  Response Topic: a/reply\n  Correlation Data: abc\n  \
                        User Property: name = first\n  User Property: name = second\n  Content Type: text/plain\n  \
                        Message Expiry Interval: 60 s\n  Payload Format Indicator: 1\n  Payload: hello";
        assert_eq!(described(&message), expected);
    }

    #[test]
    fn a_payload_is_text_where_it_can_be_and_never_controls_the_terminal() {
        let long = "ü".repeat(SHOWN);
        let rows: [(&[u8], &str); 6] = [
            ("Grüße".as_bytes(), "Grüße"),
            (b"one\ntwo", "one\\ntwo"),
            (b"\x1b[2J", "\\u{1b}[2J"),
            (b"\xff\x00", "\\xff\\x00"),
            (b"", "(empty)"),
            (long.as_bytes(), &long),
        ];
        for (given, expected) in rows {
            assert_eq!(payload(given), expected);
        }
        assert_eq!(payload(&[b'a'; 2_000]), format!("{}… (2000 bytes)", "a".repeat(SHOWN)));
    }
}
