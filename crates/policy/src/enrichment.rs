//! User Properties that the edge adds to a message, by Event Grid's rules.
//!
//! A configured key belongs to the edge. Properties that a client sends under such a key are dropped, so that subscribers
//! can trust the key. The client's other properties keep their order; the edge's properties follow them in the order of
//! the configuration.

use http_publish::{PayloadFormatIndicator, Publish, UserProperties, is_mqtt_string};
use serde::Deserialize;

use crate::client::Client;
use crate::error::InvalidPolicy;
use crate::variable::{Piece, Variable, pieces};

/// The compiled properties.
#[derive(Clone, Debug, Default)]
pub struct Enrichment {
    properties: Vec<Property>,
}

/// Facts about a request that are not part of its message or its client.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestFacts<'a> {
    /// `x-request-id`; empty if there is none.
    pub request_id: &'a str,
    /// The address of the client; empty if it is not known.
    pub source_address: &'a str,
}

/// One property in the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EnrichmentDocument {
    key: String,
    value: String,
}

#[derive(Clone, Debug)]
struct Property {
    key: String,
    value: Value,
}

/// A text or a single variable.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Static(String),
    Client(Variable),
    RequestId,
    SourceAddress,
    TopicName,
    ResponseTopic,
    CorrelationData,
    PayloadFormatIndicator,
    UserProperty(String),
}

/// Event Grid's limits: characters of a key, characters of a static value, and properties.
const MAX_KEY: usize = 20;
const MAX_VALUE: usize = 128;
const MAX_PROPERTIES: usize = 20;

/// The attributes of a CloudEvent, and the prefix that Event Grid reserves for itself.
const RESERVED_KEYS: [&str; 9] =
    ["specversion", "id", "time", "type", "source", "subject", "datacontenttype", "dataschema", "data"];
const RESERVED_PREFIX: &str = "azsp";

// === impl Enrichment ===

impl Enrichment {
    /// Checks and compiles the configuration.
    ///
    /// # Errors
    /// Returns an error if there are more than 20 properties, a key is reserved, taken or not 1 to 20 of `a-z0-9`, or a
    /// value is neither a text of at most 128 characters nor one variable. It names the key and what was expected.
    pub fn compile(documents: Vec<EnrichmentDocument>) -> Result<Self, InvalidPolicy> {
        if documents.len() > MAX_PROPERTIES {
            return Err(InvalidPolicy::new(
                "enrichment",
                format_args!("at most {MAX_PROPERTIES} properties are expected"),
            ));
        }
        let mut properties = Vec::<Property>::with_capacity(documents.len());
        for EnrichmentDocument { key, value } in documents {
            check_key(&key)?;
            if properties.iter().any(|known| known.key == key) {
                return Err(invalid(&key, "the key is taken already"));
            }
            let value = Value::parse(&key, value)?;
            properties.push(Property { key, value });
        }
        Ok(Self { properties })
    }

    /// Whether there is nothing to add.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.properties.is_empty()
    }

    /// How many properties are added. They are the last of what [`apply`](Self::apply) returns.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.properties.len()
    }

    /// Whether a property has a value that differs between the messages of one topic, client and request.
    #[must_use]
    pub fn depends_on_message(&self) -> bool {
        self.properties.iter().any(|property| match property.value {
            Value::ResponseTopic
            | Value::CorrelationData
            | Value::PayloadFormatIndicator
            | Value::UserProperty(_) => true,
            Value::Static(_)
            | Value::Client(_)
            | Value::RequestId
            | Value::SourceAddress
            | Value::TopicName => false,
        })
    }

    /// Whether a property is the source address, which the edge looks up only if it is needed.
    #[must_use]
    pub fn wants_source_address(&self) -> bool {
        self.properties.iter().any(|property| property.value == Value::SourceAddress)
    }

    /// The User Properties of the message with the edge's own.
    #[must_use]
    pub fn apply(
        &self,
        publish: &Publish<'_>,
        client: &Client<'_>,
        request: RequestFacts<'_>,
    ) -> UserProperties {
        let is_ours = |name: &str| self.properties.iter().any(|property| property.key == name);
        let mut enriched: UserProperties =
            publish.user_properties.iter().filter(|(name, _)| !is_ours(name)).collect();
        for property in &self.properties {
            let value = property.value.of(publish, client, request);
            // A claim may contain characters that MQTT does not allow.
            enriched.push(&property.key, if is_mqtt_string(&value) { &value } else { "" });
        }
        enriched
    }
}

// === impl Value ===

impl Value {
    fn parse(key: &str, text: String) -> Result<Self, InvalidPolicy> {
        match pieces(&text).as_deref() {
            Some([Piece::VariableName(name)]) => Self::from_variable(name).ok_or_else(|| {
                invalid(key, "a variable is ${client.authenticationName}, ${client.attributes.NAME}, ${mqtt.message.topicName}, ${mqtt.message.responseTopic}, ${mqtt.message.correlationData}, ${mqtt.message.pfi}, ${mqtt.message.userProperties.NAME}, ${request.id} or ${source.address}")
            }),
            Some([] | [Piece::Literal(_)]) if text.chars().count() <= MAX_VALUE => {
                if text.chars().any(char::is_control) {
                    return Err(invalid(key, "a value has no control characters"));
                }
                Ok(Self::Static(text))
            }
            Some([] | [Piece::Literal(_)]) => {
                Err(invalid(key, format_args!("a value has at most {MAX_VALUE} characters")))
            }
            _ => Err(invalid(key, "a value is a text, or one variable and nothing else")),
        }
    }

    fn from_variable(name: &str) -> Option<Self> {
        match name {
            "request.id" => Some(Self::RequestId),
            "source.address" => Some(Self::SourceAddress),
            "mqtt.message.topicName" => Some(Self::TopicName),
            "mqtt.message.responseTopic" => Some(Self::ResponseTopic),
            "mqtt.message.correlationData" => Some(Self::CorrelationData),
            "mqtt.message.pfi" => Some(Self::PayloadFormatIndicator),
            _ => match name.strip_prefix("mqtt.message.userProperties") {
                Some(accessor) => user_property_name(accessor).map(Self::UserProperty),
                None => Variable::from_name(name).map(Self::Client),
            },
        }
    }

    /// The value for one message; empty if its source is missing, as in Event Grid.
    fn of(&self, publish: &Publish<'_>, client: &Client<'_>, request: RequestFacts<'_>) -> String {
        match self {
            Self::Static(text) => text.clone(),
            Self::Client(Variable::Attribute(claim)) => {
                let joined = || client.claims.list(claim).map(|list| list.join(","));
                client.claims.text(claim).or_else(joined).unwrap_or_default()
            }
            Self::Client(Variable::AuthenticationName) => {
                client.authentication_name.unwrap_or_default().to_owned()
            }
            Self::RequestId => request.request_id.to_owned(),
            Self::SourceAddress => request.source_address.to_owned(),
            Self::TopicName => publish.topic_name.as_str().to_owned(),
            Self::ResponseTopic => {
                publish.response_topic.as_ref().map(|topic| topic.as_str().to_owned()).unwrap_or_default()
            }
            Self::CorrelationData => publish
                .correlation_data
                .as_ref()
                .map(http_publish::CorrelationData::to_base64)
                .unwrap_or_default(),
            Self::PayloadFormatIndicator => match publish.payload_format_indicator {
                PayloadFormatIndicator::UnspecifiedBytes => "0".to_owned(),
                PayloadFormatIndicator::Utf8 => "1".to_owned(),
            },
            Self::UserProperty(name) => {
                let values = publish.user_properties.iter().filter(|(given, _)| given == name);
                values.map(|(_, value)| value).collect::<Vec<_>>().join(",")
            }
        }
    }
}

/// Reads `.NAME` or `['NAME']`, where `\'` and `\\` are escapes.
fn user_property_name(accessor: &str) -> Option<String> {
    if let Some(name) = accessor.strip_prefix('.') {
        return (!name.is_empty()).then(|| name.to_owned());
    }
    let quoted = accessor.strip_prefix("['")?.strip_suffix("']")?;
    let mut name = String::with_capacity(quoted.len());
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => name.push(characters.next().filter(|next| matches!(next, '\'' | '\\'))?),
            '\'' => return None,
            _ => name.push(character),
        }
    }
    Some(name)
}

fn check_key(key: &str) -> Result<(), InvalidPolicy> {
    let is_plain = key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if key.is_empty() || key.len() > MAX_KEY || !is_plain {
        return Err(invalid(key, format_args!("a key is 1 to {MAX_KEY} of the characters a-z and 0-9")));
    }
    if RESERVED_KEYS.contains(&key) || key.starts_with(RESERVED_PREFIX) {
        return Err(invalid(key, "the key is reserved"));
    }
    Ok(())
}

fn invalid(key: &str, expected: impl std::fmt::Display) -> InvalidPolicy {
    InvalidPolicy::new(format_args!("enrichment {key:?}"), expected)
}

#[cfg(test)]
mod tests;
