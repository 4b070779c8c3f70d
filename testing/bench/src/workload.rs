//! What is sent: the documentation's example, with another payload, QoS, and Payload Format Indicator.

use std::fmt;

use rig::example;

/// Requests of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Workload {
    /// How many in one round.
    pub(super) requests: u32,
    /// The number of connections, each with one request at a time.
    pub(super) connections: u32,
    protocol: Protocol,
    qos: u8,
    /// Bytes of the payload.
    payload: usize,
    payload_format: PayloadFormat,
    grouping: Grouping,
    validity: Validity,
}

/// Whether an edge accepts the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Validity {
    Valid,
    /// One parameter is wrong.
    InvalidQoS,
    /// The topic is not permitted.
    ForbiddenTopic,
}

/// How messages are put into requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grouping {
    /// One message a request.
    Single,
    /// So many messages of one topic in a batch.
    Batch(u32),
}

/// What is spoken to Envoy, without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// The Payload Format Indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PayloadFormat {
    /// 0, and the payload streams by.
    Unspecified,
    /// 1, and the payload is held until the filter has checked all of it.
    Utf8,
}

/// As many topics as this, so that every session of the bridge has some.
const TOPICS: usize = 32;

// === impl Workload ===

const USUAL: Workload = Workload {
    requests: 2_000,
    connections: 32,
    protocol: Protocol::Http1,
    qos: 1,
    payload: 256,
    payload_format: PayloadFormat::Unspecified,
    grouping: Grouping::Single,
    validity: Validity::Valid,
};

impl Workload {
    /// Not measured.
    pub(super) const WARM_UP: Self = Self { requests: 5_000, ..USUAL };

    /// What a batch is compared with.
    pub(super) const SINGLE: usize = 0;
    /// The batch in [`ALL`](Self::ALL).
    pub(super) const BATCH: usize = 6;

    pub(super) const ALL: [Self; 7] = [
        USUAL,
        Self { connections: 1, requests: 1_000, ..USUAL },
        Self { protocol: Protocol::Http2, ..USUAL },
        Self { qos: 0, ..USUAL },
        Self { payload: 16 * 1024, ..USUAL },
        Self { payload_format: PayloadFormat::Utf8, ..USUAL },
        Self { requests: 400, connections: 8, grouping: Grouping::Batch(100), ..USUAL },
    ];

    /// What the edges are measured with.
    pub(super) const ACCEPTED: Self = Self { requests: 5_000, connections: 16, ..USUAL };
    /// … and what they refuse with 400.
    pub(super) const INVALID: Self = Self { validity: Validity::InvalidQoS, ..Self::ACCEPTED };
    /// … and what they refuse with 403.
    pub(super) const FORBIDDEN: Self = Self { validity: Validity::ForbiddenTopic, ..Self::ACCEPTED };

    /// What a bridge alone is measured with.
    pub(super) const CROWD: Self = Self { requests: 10_000, connections: 256, ..USUAL };

    /// What a bridge and its peers are measured with.
    pub(super) const FEW: Self = Self { requests: 2_000, connections: 64, ..USUAL };

    /// The status of every answer of a bridge, also with QoS 1, since nothing subscribes.
    pub(super) const fn due(&self) -> u16 {
        match self.grouping {
            Grouping::Single => 202,
            Grouping::Batch(_) => 200,
        }
    }

    /// The number of all messages.
    pub(super) const fn messages(&self) -> u32 {
        match self.grouping {
            Grouping::Single => self.requests,
            Grouping::Batch(messages) => self.requests * messages,
        }
    }

    /// The same over this protocol.
    pub(super) const fn over(self, protocol: Protocol) -> Self {
        Self { protocol, ..self }
    }

    pub(super) fn protocol(&self) -> Protocol {
        self.protocol
    }

    pub(super) fn payload(&self) -> String {
        let payload = "a".repeat(self.payload);
        match self.grouping {
            Grouping::Single => payload,
            Grouping::Batch(messages) => {
                let line = format!("{{\"payload\":\"{payload}\",\"qos\":{}}}\n", self.qos);
                line.repeat(messages as usize)
            }
        }
    }

    /// Paths and queries, used in turn.
    pub(super) fn targets(&self) -> Vec<String> {
        let (from, to) = match self.validity {
            Validity::ForbiddenTopic => ("devices%2FCXa-23112", "elsewhere%2FCXa-"),
            Validity::Valid | Validity::InvalidQoS => ("CXa-23112", "CXa-"),
        };
        let device = |number: usize| example::PATH_AND_QUERY.replace(from, &format!("{to}{number}"));
        let target = |number| match self.grouping {
            Grouping::Single => device(number),
            Grouping::Batch(_) => device(number).replacen('?', "/batch?", 1),
        };
        (0..TOPICS).map(target).collect()
    }

    /// The headers, without the token.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        if self.grouping != Grouping::Single {
            return vec![("content-type", "application/x-ndjson".to_owned())];
        }
        let of_example = example::HEADERS.iter().map(|(name, value)| {
            let value = match (*name, self.validity) {
                ("mqtt-qos", Validity::InvalidQoS) => "3".to_owned(),
                ("mqtt-qos", _) => self.qos.to_string(),
                _ => (*value).to_owned(),
            };
            (*name, value)
        });
        let format = (self.payload_format == PayloadFormat::Utf8)
            .then(|| ("mqtt-payload-format-indicator", "1".to_owned()));
        of_example.chain(format).collect()
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        })
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, qos, payload, connections, .. } = self;
        write!(f, "QoS {qos}, {payload} bytes, {protocol}, {connections} at a time")?;
        match self.payload_format {
            PayloadFormat::Unspecified => {}
            PayloadFormat::Utf8 => f.write_str(", Payload Format Indicator 1: held and checked")?,
        }
        match self.grouping {
            Grouping::Single => {}
            Grouping::Batch(messages) => write!(f, ", {messages} messages a batch")?,
        }
        f.write_str(match self.validity {
            Validity::Valid => "",
            Validity::InvalidQoS => ", with QoS 3",
            Validity::ForbiddenTopic => ", to a topic that is not permitted",
        })
    }
}
