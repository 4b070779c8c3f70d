//! One module a command.

pub(crate) mod chart;
pub(crate) mod fuzz;
pub(crate) mod imports;
pub(crate) mod instructions;
pub(crate) mod lint;
pub(crate) mod miri;
pub(crate) mod mix_versions;
pub(crate) mod schema;
pub(crate) mod soak;
pub(crate) mod test;
