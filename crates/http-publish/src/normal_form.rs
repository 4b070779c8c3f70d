//! The normal form: a request with exactly one way to write each part of a message. It is again a valid HTTP Publish
//! request, and normalising it changes nothing.

use std::fmt::Write;

use crate::field;
use crate::head::{RequestHead, Slot};
use crate::{PayloadFormatIndicator, Publish, Purpose, Rules};

/// A change that puts a field into normal form. The target is the field `:path`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// Set the field to this value only.
    Set {
        /// The field.
        name: &'static str,
        /// The value in normal form: visible ASCII.
        value: &'a str,
    },
    /// Remove the field: its value is the default.
    Remove {
        /// The field.
        name: &'static str,
    },
}

// === impl Publish ===

impl Publish<'_> {
    /// Calls `apply` for each field of `head` that is not in normal form. `content-type` always is.
    ///
    /// # Errors
    /// Returns the first error of `apply`.
    pub fn changes<E>(
        &self,
        head: &RequestHead<'_>,
        rules: &Rules,
        mut apply: impl FnMut(Change<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        // The target in normal form is usually as long as it was sent, and longer than what the fields become.
        let mut scratch = String::with_capacity(head.target().len() + 32);
        let mut settle = |name: &'static str, given: Slot<'_>, wanted: Option<&str>| match (given, wanted) {
            (Slot::Absent, None) => Ok(()),
            (Slot::Once(given), Some(wanted)) if same(given, wanted.as_bytes()) => Ok(()),
            (_, Some(value)) => apply(Change::Set { name, value }),
            (_, None) => apply(Change::Remove { name }),
        };

        self.write_target(rules, &mut scratch);
        settle(field::PATH, Slot::Once(head.target()), Some(&scratch))?;
        settle(field::QOS, head.qos, Some(self.qos.as_str()))?;
        settle(field::RETAIN, head.retain, Some(self.retain.as_str()))?;
        let response_topic = self.response_topic.as_ref().map(|topic| {
            scratch.clear();
            topic.encode_into(&mut scratch);
            scratch.as_str()
        });
        settle(field::RESPONSE_TOPIC, head.response_topic, response_topic)?;
        let correlation_data = self.correlation_data.as_ref().map(|data| {
            scratch.clear();
            data.encode_into(&mut scratch);
            scratch.as_str()
        });
        settle(field::CORRELATION_DATA, head.correlation_data, correlation_data)?;
        if self.user_properties.is_empty() || !self.user_properties.is_normal() {
            let user_properties = (!self.user_properties.is_empty()).then(|| {
                scratch.clear();
                self.user_properties.encode_into(&mut scratch);
                scratch.as_str()
            });
            settle(field::USER_PROPERTIES, head.user_properties, user_properties)?;
        }
        let message_expiry = self.message_expiry_interval.map(|interval| {
            scratch.clear();
            // Writing to a String cannot fail.
            let _ = write!(scratch, "{}", interval.seconds());
            scratch.as_str()
        });
        settle(field::MESSAGE_EXPIRY, head.message_expiry, message_expiry)?;
        let format = (self.payload_format_indicator == PayloadFormatIndicator::Utf8).then_some("1");
        settle(field::PAYLOAD_FORMAT_INDICATOR, head.payload_format_indicator, format)?;
        let idempotency_key = self.idempotency_key.as_ref().map(|key| {
            scratch.clear();
            key.encode_into(&mut scratch);
            scratch.as_str()
        });
        settle(field::IDEMPOTENCY_KEY, head.idempotency_key, idempotency_key)
    }

    /// Writes the path and the topic, and if they were given, the API version and `dry-run`.
    fn write_target(&self, rules: &Rules, out: &mut String) {
        out.push_str(&rules.path);
        out.push_str("?topic=");
        self.topic_name.encode_into(out);
        if let Some(version) = self.api_version {
            out.push_str("&api-version=");
            out.push_str(version.as_str());
        }
        if self.purpose == Purpose::DryRun {
            out.push_str("&dry-run=1");
        }
    }
}

/// Whether two texts are the same, looked at eight bytes at a time: in WebAssembly, `==` goes byte by byte.
fn same(left: &[u8], right: &[u8]) -> bool {
    let (left_words, left_rest) = left.as_chunks::<8>();
    let (right_words, right_rest) = right.as_chunks::<8>();
    left.len() == right.len()
        && left_words
            .iter()
            .zip(right_words)
            .all(|(left, right)| u64::from_ne_bytes(*left) == u64::from_ne_bytes(*right))
        && left_rest == right_rest
}

#[cfg(test)]
mod tests;
