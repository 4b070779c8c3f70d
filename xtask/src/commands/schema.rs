//! `cargo xtask schema`: writes the JSON Schema of the filter's configuration, which a test compares with the types.

use rig::error::Context;
use rig::{Result, repo, schema};

pub(crate) fn run() -> Result<()> {
    let path = repo::root().join(schema::PATH);
    std::fs::write(&path, schema::text()).context(|| format!("{} cannot be written", path.display()))?;
    println!("{}", path.display());
    Ok(())
}
