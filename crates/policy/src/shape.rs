//! JSON in the shape that a configuration is documented to have. serde alone accepts more: an array in place of an object,
//! its values assigned to the fields by position, and an object in place of an enum's name.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IntoDeserializer, MapAccess, Visitor};

/// A `T` that is a JSON object.
#[derive(Clone, Debug, Default)]
pub struct Object<T>(pub T);

/// A `T` that is a JSON string: one of an enum's names.
#[derive(Clone, Debug, Default)]
pub struct Name<T>(pub T);

struct ObjectVisitor<T>(PhantomData<T>);

// === impl Object ===

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    /// Out of line: inlined, each object would be compiled into the one that it is a part of.
    #[inline(never)]
    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields)).map(Object)
    }
}

// === impl Name ===

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Name<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        T::deserialize(name.into_deserializer()).map(Name)
    }
}

/// A schema shows what is inside, which has its shape already.
#[cfg(feature = "schema")]
macro_rules! schema_of_what_is_inside {
    ($($shape:ident)*) => { $(
        impl<T: schemars::JsonSchema> schemars::JsonSchema for $shape<T> {
            fn inline_schema() -> bool {
                T::inline_schema()
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                T::schema_name()
            }

            fn schema_id() -> std::borrow::Cow<'static, str> {
                T::schema_id()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                T::json_schema(generator)
            }
        }
    )* };
}

#[cfg(feature = "schema")]
schema_of_what_is_inside! { Name Object }
