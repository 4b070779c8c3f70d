//! `SHA256SUMS`, as `sha256sum --check` reads it.

use std::fs;
use std::path::Path;

use rig::Result;
use rig::error::Context;

use super::layout::sha256;

/// The file's name.
pub(super) const NAME: &str = "SHA256SUMS";

/// Writes the sums of all other files of a directory; its directories are left out.
pub(super) fn write(directory: &Path) -> Result<()> {
    let wrong = || format!("{} cannot be read", directory.display());
    let mut lines = Vec::new();
    for entry in fs::read_dir(directory).context(wrong)? {
        let entry = entry.context(wrong)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == NAME || !entry.file_type().context(wrong)?.is_file() {
            continue;
        }
        let bytes = fs::read(entry.path()).context(wrong)?;
        lines.push(format!("{}  {name}\n", sha256(&bytes).trim_start_matches("sha256:")));
    }
    // By name, which starts after 64 digits and two spaces.
    lines.sort_by(|a, b| a[66..].cmp(&b[66..]));
    fs::write(directory.join(NAME), lines.concat()).context(|| format!("{NAME} cannot be written"))
}
