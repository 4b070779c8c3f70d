//! Series as Prometheus reads them: a name, labels, and a number that does not matter here.

use std::collections::BTreeMap;

/// A series of a scrape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// The name, with its ending (`_total`, `_bucket`).
    pub name: String,
    /// The labels.
    pub labels: BTreeMap<String, String>,
}

// === impl Series ===

impl Series {
    /// The series of a text in the format of Prometheus or OpenMetrics.
    ///
    /// # Panics
    /// Where a line is neither a series nor a comment.
    #[must_use]
    pub fn of_scrape(text: &str) -> Vec<Self> {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(|line| Self::of_line(line).unwrap_or_else(|| panic!("no series: {line}"))).collect()
    }

    fn of_line(line: &str) -> Option<Self> {
        let end = line.find(['{', ' '])?;
        let (name, rest) = line.split_at(end);
        let mut labels = BTreeMap::new();
        let mut rest = rest.strip_prefix('{').unwrap_or_default();
        while let Some((label, value)) = rest.split_once("=\"") {
            let (value, after) = value.split_once('"')?;
            labels.insert(label.to_owned(), value.to_owned());
            rest = after.trim_start_matches(',');
            if rest.starts_with('}') {
                break;
            }
        }
        Some(Self { name: name.to_owned(), labels })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_name_labels_and_a_number() {
        let text = "# HELP a Words.\na 1\nb_bucket{le=\"+Inf\"} 2\nc{d=\"e\",f=\"g h\"} 3.5\n\n# EOF\n";
        let rows: [(&str, &[(&str, &str)]); 3] =
            [("a", &[]), ("b_bucket", &[("le", "+Inf")]), ("c", &[("d", "e"), ("f", "g h")])];
        let expected = rows.map(|(name, labels)| {
            let labels = labels.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned()));
            Series { name: name.to_owned(), labels: labels.collect() }
        });
        assert_eq!(Series::of_scrape(text), expected);
    }
}
