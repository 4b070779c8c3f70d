//! Envoy's dynamic metadata as bytes: a serialised `envoy.config.core.v3.Metadata`.

use serde_json::Value;

/// The wire types of protobuf.
const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const BYTES: u8 = 2;

/// The metadata of some filters: an object with a filter's name for each member, whose value is an object again.
pub(crate) fn encode(filters: &Value) -> Vec<u8> {
    entries(filters, structure)
}

/// The fields of a `map<string, …>` with the number 1, which is what `Metadata` and `Struct` are.
fn entries(members: &Value, encode: fn(&Value) -> Vec<u8>) -> Vec<u8> {
    let members = members.as_object().into_iter().flatten();
    let entry =
        |(name, member)| [delimited(1, String::as_bytes(name)), delimited(2, &encode(member))].concat();
    members.flat_map(|member| delimited(1, &entry(member))).collect()
}

fn structure(members: &Value) -> Vec<u8> {
    entries(members, value)
}

/// A `google.protobuf.Value`.
fn value(value: &Value) -> Vec<u8> {
    match value {
        Value::Null => vec![tag(1, VARINT), 0],
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default();
            [&[tag(2, FIXED64)][..], &number.to_le_bytes()].concat()
        }
        Value::String(text) => delimited(3, text.as_bytes()),
        Value::Bool(boolean) => vec![tag(4, VARINT), u8::from(*boolean)],
        Value::Object(_) => delimited(5, &structure(value)),
        Value::Array(elements) => delimited(6, &list(elements)),
    }
}

/// One value as Envoy gives it by its path, where it does not tell its type; `None` for null, which Envoy cannot give.
pub(crate) fn encode_alone(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Null => None,
        Value::Number(number) => Some(number.as_f64().unwrap_or_default().to_le_bytes().to_vec()),
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Bool(boolean) => Some(vec![u8::from(*boolean)]),
        Value::Object(_) => Some(structure(value)),
        Value::Array(elements) => Some(list(elements)),
    }
}

fn list(elements: &[Value]) -> Vec<u8> {
    elements.iter().flat_map(|element| delimited(1, &value(element))).collect()
}

fn delimited(field: u8, bytes: &[u8]) -> Vec<u8> {
    let mut encoded = vec![tag(field, BYTES)];
    let mut rest = bytes.len();
    while rest > 0x7f {
        encoded.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    encoded.push(rest.to_le_bytes()[0]);
    encoded.extend(bytes);
    encoded
}

const fn tag(field: u8, wire: u8) -> u8 {
    field << 3 | wire
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_kind_of_value_has_its_field() {
        let rows: &[(Value, &[u8])] = &[
            (json!(null), &[0x08, 0]),
            (json!(1.0), &[0x11, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]),
            (json!("ab"), &[0x1a, 2, b'a', b'b']),
            (json!(true), &[0x20, 1]),
            (json!({}), &[0x2a, 0]),
            (json!({ "k": "v" }), &[0x2a, 10, 0x0a, 8, 0x0a, 1, b'k', 0x12, 3, 0x1a, 1, b'v']),
            (json!(["v"]), &[0x32, 5, 0x0a, 3, 0x1a, 1, b'v']),
        ];
        for (given, expected) in rows {
            assert_eq!(value(given), *expected, "{given}");
        }
    }

    #[test]
    fn a_length_takes_as_many_bytes_as_it_needs() {
        for (length, expected) in
            [(0, &[0][..]), (127, &[0x7f]), (128, &[0x80, 1]), (16_384, &[0x80, 0x80, 1])]
        {
            let encoded = delimited(1, &vec![0; length]);
            assert_eq!(&encoded[1..encoded.len() - length], expected, "{length}");
        }
    }
}
