//! The codes of problems: stable names for programs, each with its HTTP status, who is at fault, and a title.

/// Who has to act before the request can succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AtFault {
    /// The client.
    Client,
    /// The operator of the filter or its Envoy.
    Edge,
    /// The operator of the bridge.
    Bridge,
    /// The operator of the MQTT broker or the network in front of it.
    Broker,
    /// The MQTT client that answers requests, or that published the message.
    Responder,
}

macro_rules! codes {
    ($( $(#[$doc:meta])* $name:ident $status:literal $fault:ident $title:literal; )*) => {
        /// Why a request was refused. The name is the problem's `code`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $( $(#[$doc])* $name, )*
        }

        impl Code {
            /// Every code, in the order of the documentation's table.
            pub const ALL: &'static [Self] = &[ $( Self::$name, )* ];

            /// The name, as in a problem document.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$name => stringify!($name), )* }
            }

            /// The HTTP status of the answer.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $( Self::$name => $status, )* }
            }

            /// Who is at fault.
            #[must_use]
            pub const fn at_fault(self) -> AtFault {
                match self { $( Self::$name => AtFault::$fault, )* }
            }

            /// The `title` of the problem: the same sentence for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $( Self::$name => $title, )* }
            }
        }
    };
}

codes! {
    /// `topic` is not in the query.
    MissingTopic 400 Client "The topic is missing";
    /// The Topic Name or Response Topic has no characters.
    EmptyTopic 400 Client "The topic is empty";
    /// A parameter was given more than once.
    DuplicateParameter 400 Client "A parameter was given more than once";
    /// A `%` is not followed by two hexadecimal digits.
    InvalidPercentEncoding 400 Client "The percent-encoding is broken";
    /// A text is not UTF-8.
    InvalidUtf8 400 Client "The text is not UTF-8";
    /// A text has a character that MQTT forbids or advises against (MQTT 5.0, 1.5.4).
    InvalidCharacter 400 Client "The text has a character that MQTT does not allow";
    /// QoS is neither 0 nor 1.
    InvalidQos 400 Client "The QoS is not 0 or 1";
    /// RETAIN is neither 0 nor 1.
    InvalidRetain 400 Client "The RETAIN flag is not 0 or 1";
    /// The Response Topic has a wildcard.
    ResponseTopicWildcard 400 Client "The Response Topic has a wildcard";
    /// The Response Topic is over the limit.
    ResponseTopicTooLong 400 Client "The Response Topic is too long";
    /// The value is not Base64.
    InvalidBase64 400 Client "The Base64 is broken";
    /// The Correlation Data is a bare UUID, which is Base64 by accident.
    InvalidCorrelationData 400 Client "The Correlation Data is invalid";
    /// The Correlation Data is over the limit.
    CorrelationDataTooLong 400 Client "The Correlation Data is too long";
    /// The User Properties are not a JSON array of objects with string values.
    InvalidUserProperties 400 Client "The User Properties are not an array of objects with string values";
    /// The User Properties are over the limit.
    UserPropertiesTooLarge 400 Client "The User Properties are too large";
    /// The Content Type is over the limit.
    ContentTypeTooLong 400 Client "The Content Type is too long";
    /// The Message Expiry Interval is not a number of seconds, or is over the limit.
    InvalidMessageExpiry 400 Client "The Message Expiry Interval is not a number of seconds in range";
    /// The Payload Format Indicator is neither 0 nor 1.
    InvalidPayloadFormatIndicator 400 Client "The Payload Format Indicator is not 0 or 1";
    /// The Idempotency-Key is not a string of 1 to 255 visible ASCII characters.
    InvalidIdempotencyKey 400 Client "The Idempotency-Key is invalid";
    /// `api-version` is not on the configured list.
    UnsupportedApiVersion 400 Client "The API version is not supported";
    /// `dry-run` is neither 0 nor 1.
    InvalidDryRun 400 Client "The dry-run parameter is not 0 or 1";
    /// A Topic Filter has a wildcard where none may be.
    InvalidTopicFilter 400 Client "The Topic Filter is invalid";
    /// `maxResults` is not a number from 1 to 100.
    InvalidMaxResults 400 Client "The number of results is out of range";
    /// `continuationToken` is not one that a `nextLink` had.
    InvalidContinuationToken 400 Client "The continuation token is invalid";
    /// A parameter does not exist, and the rules refuse it.
    UnknownParameter 400 Client "A parameter does not exist";
    /// A line of a batch is not a JSON object that describes a message.
    InvalidBatchLine 400 Client "A line of the batch is not a message";
    /// The Payload Format Indicator is 1 and the payload is not UTF-8.
    PayloadNotUtf8 400 Client "The payload is not UTF-8";
    /// The request ended before its payload did.
    IncompletePayload 400 Client "The payload is incomplete";
    /// The request has no verified identity.
    Unauthenticated 401 Client "The client is not authenticated";
    /// The verified identity cannot be used as a client id.
    InvalidClientId 403 Client "The client id cannot be used";
    /// No permission binding lets the client publish to the topic.
    NotPermitted 403 Client "The client may not publish to this topic";
    /// The Topic Name has a wildcard.
    TopicWildcard 403 Client "The Topic Name has a wildcard";
    /// The Topic Name starts with `$`.
    TopicReserved 403 Client "The Topic Name is reserved";
    /// The Topic Name is over the limit of bytes.
    TopicTooLong 403 Client "The Topic Name is too long";
    /// The Topic Name is over the limit of segments.
    TopicTooManySegments 403 Client "The Topic Name has too many segments";
    /// A topic has no retained message.
    NoRetainedMessage 404 Client "The topic has no retained message";
    /// No such resource.
    NotFound 404 Client "There is nothing at this path";
    /// The method is not one that the path has.
    MethodNotAllowed 405 Client "The method is not allowed";
    /// The request was not received in time.
    RequestTimeout 408 Client "The request did not arrive in time";
    /// The first request with this Idempotency-Key is under way.
    IdempotencyKeyInUse 409 Client "A request with this Idempotency-Key is under way";
    /// The payload is over the limit.
    PayloadTooLarge 413 Client "The payload is too large";
    /// `content-encoding` names a coding other than `identity`.
    UnsupportedContentEncoding 415 Client "The content coding is not supported";
    /// An earlier request with this Idempotency-Key had another message.
    IdempotencyKeyReused 422 Client "The Idempotency-Key was used for another message";

    /// PUBACK 0x90.
    TopicNameInvalid 400 Broker "The broker does not accept the Topic Name";
    /// PUBACK 0x99.
    PayloadFormatInvalid 400 Broker "The broker found that the payload is not what its Payload Format Indicator says";
    /// The broker does not retain messages (CONNACK Retain Available 0, or 0x9A).
    RetainNotSupported 400 Broker "The broker does not support retained messages";
    /// The broker supports only QoS 0 (CONNACK Maximum QoS 0, or 0x9B).
    QosNotSupported 400 Broker "The broker does not support this QoS";
    /// PUBACK 0x87.
    NotAuthorized 403 Broker "The broker does not authorise this publish";
    /// The packet is over the broker's Maximum Packet Size (0x95).
    PacketTooLarge 413 Broker "The message is larger than the broker's Maximum Packet Size";
    /// The client has its share of the messages or bytes in flight.
    ClientShareExceeded 429 Client "The client has too many messages in flight";
    /// PUBACK 0x97.
    QuotaExceeded 429 Broker "The broker's quota is exceeded";
    /// A connection was refused or closed because of its rate or quota (0x96, 0x97 or 0x9F).
    BrokerRateExceeded 429 Broker "The broker's rate is exceeded";
    /// PUBACK 0x80.
    UnspecifiedError 500 Broker "The broker failed to route the message";
    /// PUBACK 0x83.
    ImplementationSpecificError 500 Broker "The broker failed to route the message for an implementation-specific reason";
    /// The broker rejects the credentials or the identifier of the bridge.
    BrokerLoginFailed 502 Broker "The bridge cannot log in to the broker";
    /// The broker sent a packet or a Reason Code that MQTT does not allow there.
    BrokerProtocolError 502 Broker "The broker violated the MQTT protocol";
    /// PUBACK 0x91.
    PacketIdentifierInUse 503 Bridge "The Packet Identifier is in use";
    /// The bridge has no connection to the broker.
    BrokerUnavailable 503 Broker "The broker is not reachable";
    /// The connection and its session were lost before the PUBACK. The message may or may not be published.
    ConnectionLost 503 Broker "The connection to the broker was lost before it acknowledged the message";
    /// The bridge is at its limit of requests or bytes in flight.
    Overloaded 503 Bridge "The bridge is overloaded";
    /// No PUBACK arrived in time. The message may or may not be published.
    AcknowledgementTimeout 504 Broker "The broker did not acknowledge the message in time";
    /// The bridge cannot subscribe at the broker: SUBACK 0x80 or higher, or none.
    SubscriptionFailed 502 Broker "The broker does not let the bridge subscribe";
    /// A message has a property that does not fit into the answer.
    UnusableMessage 502 Responder "The message cannot be passed on";
    /// PUBACK 0x10 for a request that waits for a reply.
    NoResponder 503 Responder "Nothing subscribes to this topic";
    /// No reply arrived in time. The message was published.
    NoReply 504 Responder "No reply arrived in time";
    /// The bridge publishes over sessions of clients, and the edge did not name the client, or not a valid one.
    UnidentifiedClient 500 Edge "The edge did not identify the client";
    /// The filter or Envoy failed.
    EdgeFailure 500 Edge "The edge failed to handle the request";
}

impl Code {
    /// Whether the same request may succeed later. Its answer has `Retry-After`.
    #[must_use]
    pub const fn may_succeed_later(self) -> bool {
        matches!(self.status(), 409 | 429 | 503)
    }
}

impl<'de> serde::Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let code = Self::ALL.iter().find(|code| code.as_str() == name);
        code.copied().ok_or_else(|| serde::de::Error::custom("there is no such code"))
    }
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_an_error_status_and_a_unique_title() {
        let mut titles: Vec<&str> = Code::ALL.iter().map(|code| code.title()).collect();
        titles.sort_unstable();
        titles.dedup();
        assert_eq!(titles.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!((400..600).contains(&code.status()), "{code:?}");
            assert!(code.status() < 500 || code.at_fault() != AtFault::Client, "{code:?}");
        }
    }
}
