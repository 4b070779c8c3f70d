//! A message that a subscriber received, as the header fields of an answer: the same fields that publish it.

use crate::code::Code;
use crate::{Limits, Problem, UserProperties, base64, field, mqtt_string, percent};

/// The properties of a message (MQTT 5.0, 3.3.2.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceivedProperties<'a> {
    /// The Content Type.
    pub content_type: Option<&'a str>,
    /// The Response Topic.
    pub response_topic: Option<&'a str>,
    /// The Correlation Data.
    pub correlation_data: Option<&'a [u8]>,
    /// The User Properties.
    pub user_properties: UserProperties,
    /// The rest of the Message Expiry Interval in seconds.
    pub message_expiry_interval: Option<u32>,
    /// Whether the Payload Format Indicator is 1.
    pub is_utf8: bool,
}

// === impl ReceivedProperties ===

impl ReceivedProperties<'_> {
    /// The header fields in normal form, in which a property that is absent has no field.
    ///
    /// # Errors
    /// Returns [`Code::UnusableMessage`] if a property is over its limit or not fit for a header field. The publisher of the
    /// message is at fault.
    pub fn fields(&self, limits: &Limits) -> Result<Vec<(&'static str, String)>, Problem> {
        let text = |what: &str, text: &str, limit: usize| {
            if text.len() > limit {
                return Err(unusable(format!("its {what} has {} bytes; the limit is {limit}", text.len())));
            }
            if !mqtt_string::is_mqtt_string(text) {
                return Err(unusable(format!("its {what} has a character that is not allowed")));
            }
            Ok(())
        };
        let mut fields = Vec::new();
        if let Some(content_type) = self.content_type {
            text("Content Type", content_type, limits.content_type_bytes)?;
            fields.push((field::CONTENT_TYPE, content_type.to_owned()));
        }
        if let Some(response_topic) = self.response_topic {
            text("Response Topic", response_topic, limits.response_topic_bytes)?;
            let mut encoded = String::new();
            percent::encode_into(response_topic, &mut encoded);
            fields.push((field::RESPONSE_TOPIC, encoded));
        }
        if let Some(data) = self.correlation_data {
            let (length, limit) = (data.len(), limits.correlation_data_bytes);
            if length > limit {
                return Err(unusable(format!(
                    "its Correlation Data has {length} bytes; the limit is {limit}"
                )));
            }
            let mut encoded = String::new();
            base64::encode_into(data, &mut encoded);
            fields.push((field::CORRELATION_DATA, encoded));
        }
        if !self.user_properties.is_empty() {
            self.user_properties.check_size(limits).map_err(|fault| unusable(fault.detail.into_owned()))?;
            let mut encoded = String::new();
            self.user_properties.encode_into(&mut encoded);
            fields.push((field::USER_PROPERTIES, encoded));
        }
        if let Some(seconds) = self.message_expiry_interval {
            fields.push((field::MESSAGE_EXPIRY, seconds.to_string()));
        }
        if self.is_utf8 {
            fields.push((field::PAYLOAD_FORMAT_INDICATOR, "1".to_owned()));
        }
        Ok(fields)
    }
}

fn unusable(why: String) -> Problem {
    Problem::new(Code::UnusableMessage, format!("the message cannot be passed on: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RequestHead, Rules, read};

    #[test]
    fn the_fields_are_those_that_publish_the_same_message() {
        let received = ReceivedProperties {
            content_type: Some("text/plain"),
            response_topic: Some("a/b c"),
            correlation_data: Some(&[0xFB, 0xFF]),
            user_properties: UserProperties::from_iter([("a", "1"), ("a", "2")]),
            message_expiry_interval: Some(60),
            is_utf8: true,
        };
        let limits = Limits::default();
        let fields = received.fields(&limits).unwrap();
        let start = [(&b":method"[..], &b"POST"[..]), (b":path", b"/mqtt/messages?topic=t")];
        let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let head = RequestHead::from_fields(start.into_iter().chain(fields));
        let rules = Rules::default();
        let publish = read(&head, &rules).unwrap();
        assert_eq!(publish.content_type.as_ref().map(|text| text.as_str()), received.content_type);
        assert_eq!(publish.response_topic.as_ref().map(|topic| topic.as_str()), received.response_topic);
        assert_eq!(publish.correlation_data.as_ref().map(|data| data.as_bytes()), received.correlation_data);
        assert_eq!(publish.user_properties, received.user_properties);
        assert_eq!(publish.message_expiry_interval.map(|interval| interval.seconds()), Some(60));
        assert_eq!(ReceivedProperties::default().fields(&limits), Ok(vec![]));
    }

    #[test]
    fn a_property_that_is_not_fit_for_a_field_makes_the_message_unusable() {
        let limits = Limits::default();
        let long = "x".repeat(257);
        let rows = [
            ReceivedProperties { content_type: Some("text/plain\r\nx: y"), ..ReceivedProperties::default() },
            ReceivedProperties { content_type: Some(&long), ..ReceivedProperties::default() },
            ReceivedProperties { response_topic: Some(&long), ..ReceivedProperties::default() },
            ReceivedProperties { correlation_data: Some(long.as_bytes()), ..ReceivedProperties::default() },
            ReceivedProperties {
                user_properties: UserProperties::from_iter([("x", "y".repeat(32 * 1024).as_str())]),
                ..ReceivedProperties::default()
            },
        ];
        for given in rows {
            assert_eq!(given.fields(&limits).unwrap_err().code(), Code::UnusableMessage);
        }
    }
}
