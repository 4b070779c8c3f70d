//! The commands that are short enough to be one module. `bench`, `demo` and `package` are crates in `testing/`.

pub(crate) mod chart;
pub(crate) mod cluster;
pub(crate) mod fuzz;
pub(crate) mod imports;
pub(crate) mod instructions;
pub(crate) mod lint;
pub(crate) mod miri;
pub(crate) mod mix_versions;
pub(crate) mod schema;
pub(crate) mod soak;
pub(crate) mod test;
