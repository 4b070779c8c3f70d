//! Correlation Data (MQTT 5.0, 3.3.2.3.6).

use crate::base64;
use crate::code::Code;
use crate::fault::Fault;
use crate::limits::Limits;

/// Bytes that tell the sender of a request which request a response belongs to. They may be empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CorrelationData(Vec<u8>);

// === impl CorrelationData ===

impl CorrelationData {
    /// Reads Base64. A bare UUID is rejected: it is URL-safe Base64 by accident, for 27 other bytes.
    pub(crate) fn parse(raw: &[u8], limits: &Limits) -> Result<Self, Fault> {
        if is_uuid(raw) {
            return Err(uuid_fault(raw));
        }
        let bytes = base64::decode(raw)?;
        Fault::check_limit(
            Code::CorrelationDataTooLong,
            "the decoded Correlation Data is over the limit of bytes",
            limits.correlation_data_bytes,
            bytes.len(),
        )?;
        Ok(Self(bytes))
    }

    /// The decoded bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The decoded bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// The normal form: standard Base64, padded.
    #[must_use]
    pub fn to_base64(&self) -> String {
        let mut out = String::new();
        self.encode_into(&mut out);
        out
    }

    /// Appends the normal form.
    pub(crate) fn encode_into(&self, out: &mut String) {
        base64::encode_into(&self.0, out);
    }
}

/// The text form of a UUID (RFC 9562, 4): 8, 4, 4, 4 and 12 hexadecimal digits.
fn is_uuid(raw: &[u8]) -> bool {
    raw.len() == 36
        && raw.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn uuid_fault(uuid: &[u8]) -> Fault {
    let mut right = String::new();
    base64::encode_into(uuid, &mut right);
    Fault::new(
        Code::InvalidCorrelationData,
        format!("this is a UUID, not Base64; the Base64 of its 36 characters is {right}"),
    )
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

    #[test]
    fn a_bare_uuid_is_refused_with_the_base64_that_is_right() {
        let detail = |given: &str| {
            let fault = CorrelationData::parse(given.as_bytes(), &Limits::default()).unwrap_err();
            assert_eq!(fault.code, Code::InvalidCorrelationData, "{given}");
            fault.detail.into_owned()
        };
        // The Base64 was computed by base64(1) of coreutils.
        assert_eq!(
            detail("55f4a7ee-b0b4-4d7f-8eb5-2edba2ced5d7"),
            "this is a UUID, not Base64; the Base64 of its 36 characters is \
             NTVmNGE3ZWUtYjBiNC00ZDdmLThlYjUtMmVkYmEyY2VkNWQ3"
        );
        detail("55F4A7EE-B0B4-4D7F-8EB5-2EDBA2CED5D7");

        // Other Base64 with dashes or of the same length.
        for given in [
            "55f4a7ee-b0b4-4d7f-8eb5-2edba2ced5dg",
            "55f4a7eeb0b44d7f8eb52edba2ced5d7abcd",
            "-_8",
            "55f4a7ee-b0b4-4d7f_8eb5-2edba2ced5d7",
        ] {
            assert!(CorrelationData::parse(given.as_bytes(), &Limits::default()).is_ok(), "{given}");
        }
    }
}
