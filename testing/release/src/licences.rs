//! The licences of what is inside, with their texts: most of them ask that the text goes along.

use std::fmt::Write;
use std::fs;

use rig::Result;
use rig::error::Context;

use super::parts::Part;

/// One document for all crates, in order.
pub(super) fn text(parts: &[Part]) -> Result<String> {
    let mut document = String::from(
        "This release contains code of the following crates, each under the licence named with it.\n",
    );
    for part in parts {
        let licence = if part.licence.is_empty() { "see below" } else { &part.licence };
        // Writing to a String does not fail.
        let _ = write!(document, "\n{}\n{} {} ({licence})\n", "=".repeat(78), part.name, part.version);
        for (name, text) in files(part)? {
            let _ = write!(document, "\n--- {name}\n\n{}\n", text.trim_end());
        }
    }
    Ok(document)
}

/// The files of a crate that have licences and notices in them.
fn files(part: &Part) -> Result<Vec<(String, String)>> {
    let wrong = || format!("{} cannot be read", part.directory.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(&part.directory).context(wrong)? {
        let entry = entry.context(wrong)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_licence(&name) && entry.path().is_file() {
            let bytes = fs::read(entry.path()).context(wrong)?;
            files.push((name, String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    files.sort();
    Ok(files)
}

fn is_licence(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let starts = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];
    starts.iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_and_notices_are_known_by_their_names() {
        let rows = [
            ("LICENSE", true),
            ("LICENSE-MIT", true),
            ("license-apache-2.0", true),
            ("COPYING.txt", true),
            ("NOTICE", true),
            ("README.md", false),
            ("Cargo.toml", false),
        ];
        for (name, expected) in rows {
            assert_eq!(is_licence(name), expected, "{name}");
        }
    }
}
