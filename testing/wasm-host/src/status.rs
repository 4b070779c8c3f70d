//! What a hostcall returns.

/// The statuses that the ABI knows. A host may return others; see [`Faults`](crate::Fault).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Status {
    /// It was done.
    Ok = 0,
    /// There is no such thing.
    NotFound = 1,
    /// An argument is wrong, or this is not the time.
    BadArgument = 2,
    /// The value cannot be written as bytes.
    SerializationFailure = 3,
    /// The bytes cannot be read.
    ParseFailure = 4,
    /// An expression is wrong.
    BadExpression = 5,
    /// An address lies outside the filter's memory.
    InvalidMemoryAccess = 6,
    /// There is nothing in it.
    Empty = 7,
    /// Somebody else was faster.
    CasMismatch = 8,
    /// The result is not of the expected kind.
    ResultMismatch = 9,
    /// The host failed.
    InternalFailure = 10,
    /// The connection is gone.
    BrokenConnection = 11,
    /// The host has no such call.
    Unimplemented = 12,
}

// === impl Status ===

impl Status {
    /// Every status but [`Status::Ok`].
    pub const FAILURES: [Self; 12] = [
        Self::NotFound,
        Self::BadArgument,
        Self::SerializationFailure,
        Self::ParseFailure,
        Self::BadExpression,
        Self::InvalidMemoryAccess,
        Self::Empty,
        Self::CasMismatch,
        Self::ResultMismatch,
        Self::InternalFailure,
        Self::BrokenConnection,
        Self::Unimplemented,
    ];
}
