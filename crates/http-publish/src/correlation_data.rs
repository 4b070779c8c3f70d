//! Correlation Data (MQTT 5.0, 3.3.2.3.6).

use crate::base64;
use crate::code::Code;
use crate::fault::Fault;
use crate::limits::Limits;

/// Bytes by which the sender of a request knows its answer again; may be empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CorrelationData(Vec<u8>);

// === impl CorrelationData ===

impl CorrelationData {
    /// Reads Base64.
    pub(crate) fn parse(raw: &[u8], limits: &Limits) -> Result<Self, Fault> {
        let bytes = base64::decode(raw)?;
        Fault::check_limit(
            Code::CorrelationDataTooLong,
            "the Correlation Data, decoded, is over the limit of bytes",
            limits.correlation_data_bytes,
            bytes.len(),
        )?;
        Ok(Self(bytes))
    }

    /// The bytes, decoded.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, decoded.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// The one spelling: standard Base64, padded.
    #[must_use]
    pub fn to_base64(&self) -> String {
        let mut out = String::new();
        self.encode_into(&mut out);
        out
    }

    /// Appends the one spelling.
    pub(crate) fn encode_into(&self, out: &mut String) {
        base64::encode_into(&self.0, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlation_data_is_base64_of_at_most_the_limit_of_bytes() {
        let encoded = |length: usize| {
            let mut out = String::new();
            base64::encode_into(&vec![0xff; length], &mut out);
            out
        };
        let rows: &[(&str, Result<&[u8], Code>)] = &[
            ("PlXCscK2wrbCuy8=", Ok(b">U\xc2\xb1\xc2\xb6\xc2\xb6\xc2\xbb/")),
            ("", Ok(b"")),
            (&encoded(256), Ok(&[0xff; 256])),
            (&encoded(257), Err(Code::CorrelationDataTooLong)),
            ("not base64", Err(Code::InvalidBase64)),
        ];
        for (given, expected) in rows {
            let read = CorrelationData::parse(given.as_bytes(), &Limits::default());
            assert_eq!(
                read.as_ref().map(CorrelationData::as_bytes).map_err(|f| f.code),
                *expected,
                "{given}"
            );
        }
    }
}
