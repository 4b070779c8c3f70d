//! docs/performance.md, whose tables and plots are those of a run.

use std::fs;
use std::path::{Path, PathBuf};

use rig::error::Context;
use rig::{Error, Result, repo};

use crate::report::Report;

/// The document and the directory of its plots.
pub(super) struct Document {
    path: PathBuf,
    plots: PathBuf,
}

// === impl Document ===

impl Document {
    pub(super) fn of_this_repository() -> Self {
        let docs = repo::root().join("docs");
        Self { path: docs.join("performance.md"), plots: docs.join("performance") }
    }

    /// Replaces a section's tables and plots.
    ///
    /// # Errors
    /// Returns an error if a file cannot be written, or the document has no place for the section.
    pub(super) fn write(&self, section: &str, how: &str, report: &Report) -> Result<()> {
        let text = fs::read_to_string(&self.path).context(|| cannot("read", &self.path))?;
        let text = replace(&text, section, &body(how, report))?;
        fs::create_dir_all(&self.plots).context(|| cannot("made", &self.plots))?;
        report.plots.iter().try_for_each(|plot| plot.write(&self.plots))?;
        fs::write(&self.path, text).context(|| cannot("written", &self.path))
    }
}

fn cannot(what: &str, path: &Path) -> String {
    format!("{} cannot be {what}", repo::shown(path))
}

fn body(how: &str, report: &Report) -> String {
    let image = |plot: &crate::plot::Plot| format!("\n![{}](performance/{})\n", plot.title, plot.file);
    let images: String = report.plots.iter().map(image).collect();
    format!("{how}\n\n{report}{images}")
}

/// Puts `body` between the two comments that enclose a section.
fn replace(text: &str, section: &str, body: &str) -> Result<String> {
    let (start, end) = (format!("<!-- bench {section} -->\n"), format!("<!-- /bench {section} -->\n"));
    let parts = text.split_once(&start).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let missing = || Error::new(format!("The document has no place for the section {section}."));
    let (before, after) = parts.ok_or_else(missing)?;
    Ok(format!("{before}{start}{body}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;
    use crate::Part;

    const TEXT: &str = "# Title\n<!-- bench a -->\nold\n<!-- /bench a -->\nbetween\n<!-- bench b -->\n<!-- /bench b -->\nend\n";

    #[test]
    fn only_the_section_is_replaced() {
        let once = replace(TEXT, "a", "new\n").unwrap();
        assert_eq!(once, TEXT.replace("old", "new"));
        assert_eq!(replace(&once, "a", "new\n").unwrap(), once);
        assert!(replace(TEXT, "c", "new\n").is_err());
    }

    #[test]
    fn the_document_has_a_place_for_every_part() {
        let text = fs::read_to_string(Document::of_this_repository().path).unwrap();
        for part in Part::value_variants() {
            replace(&text, part.section(), "").unwrap();
        }
    }
}
