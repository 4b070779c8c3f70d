//! Promises that a broken Envoy would not keep.

/// What a stream does wrong, every time that it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It says that a head has no fields.
    NoFields,
    /// It says that a head has more fields than fit into an address space.
    TooManyFields,
    /// It says that there is no head.
    NoHead,
    /// It leaves the last field out.
    FieldLeftOut,
    /// The name of the last field is a null pointer with a length.
    NullName,
    /// The value of the last field is a null pointer with a length.
    NullValue,
    /// The value of the last field is longer than an address space.
    HugeValue,
    /// It does not change fields.
    FieldNotSet,
    /// It says that there is no body.
    NoBody,
    /// It says that a body has more chunks than fit into an address space.
    TooManyChunks,
    /// The last chunk of a body is a null pointer with a length.
    NullChunk,
    /// The last chunk of a body is longer than an address space.
    HugeChunk,
    /// The last chunk of a body lacks its last byte.
    ShortChunk,
    /// It removes nothing from a body.
    BodyNotDrained,
    /// It adds nothing to a body.
    BodyNotAppended,
    /// Filter state is a null pointer with a length.
    NullFilterState,
    /// An attribute is longer than an address space.
    HugeAttribute,
    /// It knows no counter.
    NoCounter,
}
