//! As much of `PromQL` as it takes to find out which series a query is about.

use std::collections::BTreeMap;

use crate::series::Series;

/// What a query asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Its selectors.
    pub selectors: Vec<Selector>,
    /// The labels that it groups by.
    pub grouped_by: Vec<String>,
}

/// `name{matchers}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// The name of the metric.
    pub name: String,
    /// The matchers.
    pub matchers: Vec<Matcher>,
}

/// `label="value"`, `label=~"one|other"`, and their opposites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    /// The label.
    pub label: String,
    /// Whether it asks for these values, or for any other.
    pub asks: bool,
    /// The values; those of a regular expression may be alternatives, and nothing else.
    pub values: Vec<String>,
}

/// What is left of a query.
struct Reader<'a>(&'a str);

/// Words that are neither functions nor metrics.
const OPERATORS: [&str; 5] = ["and", "or", "unless", "bool", "offset"];
/// What follows a function or an aggregation.
const AFTER_FUNCTION: [&str; 3] = ["(", "by (", "without ("];
/// Words before a list of labels.
const BEFORE_LABELS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

// === impl Query ===

impl Query {
    /// Reads a query.
    ///
    /// # Panics
    /// Where it is not one, or has more in it than this module knows.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut query = Self::default();
        let mut reader = Reader(text);
        while let Some(next) = reader.0.chars().next() {
            match next {
                '[' => _ = reader.until(']'),
                // A number, with or without a unit.
                '0'..='9' => _ = reader.word(),
                'a'..='z' | 'A'..='Z' | '_' | ':' => {
                    let word = reader.word();
                    reader.skip_space();
                    if BEFORE_LABELS.contains(&word) {
                        let labels = reader.until(')').trim_start_matches('(').split(',');
                        query.grouped_by.extend(labels.map(|label| label.trim().to_owned()));
                    } else if !OPERATORS.contains(&word)
                        && !AFTER_FUNCTION.iter().any(|next| reader.0.starts_with(next))
                    {
                        let matchers = reader.matchers();
                        query.selectors.push(Selector { name: word.to_owned(), matchers });
                    }
                }
                '(' | ')' | ' ' | '\n' | '+' | '-' | '*' | '/' | '<' | '>' | '=' | '!' | ',' | '.' => {
                    reader.0 = &reader.0[1..];
                }
                other => panic!("{other} in {text}"),
            }
        }
        assert!(!query.selectors.is_empty(), "no series in {text}");
        query
    }
}

// === impl Selector ===

impl Selector {
    /// What it asks for and no series has: one line each.
    #[must_use]
    pub fn missing_in(&self, scraped: &[Series]) -> Vec<String> {
        let named: Vec<&Series> = scraped.iter().filter(|series| series.name == self.name).collect();
        if named.is_empty() {
            return vec![format!("{} is no series", self.name)];
        }
        let has = |label: &str, value: &str| {
            named.iter().any(|series| {
                let others = self.matchers.iter().filter(|matcher| matcher.label != label);
                series.labels.get(label).is_some_and(|is| is == value)
                    && others.into_iter().all(|matcher| matcher.takes(&series.labels))
            })
        };
        let values = self.matchers.iter().flat_map(|matcher| {
            matcher.values.iter().map(move |value| (matcher.label.as_str(), value.as_str()))
        });
        values
            .filter(|(label, value)| !has(label, value))
            .map(|(label, value)| format!("{} has no {label}=\"{value}\"", self.name))
            .collect()
    }
}

// === impl Matcher ===

impl Matcher {
    fn takes(&self, labels: &BTreeMap<String, String>) -> bool {
        labels.get(&self.label).is_some_and(|value| self.values.contains(value)) == self.asks
    }
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn word(&mut self) -> &'a str {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let (word, rest) = self.0.split_at(self.0.find(|c| !is_part(c)).unwrap_or(self.0.len()));
        self.0 = rest;
        word
    }

    fn skip_space(&mut self) {
        self.0 = self.0.trim_start();
    }

    fn until(&mut self, end: char) -> &'a str {
        let (text, rest) = self.0.split_once(end).unwrap_or_else(|| panic!("no {end} in {}", self.0));
        self.0 = rest;
        text
    }

    fn matchers(&mut self) -> Vec<Matcher> {
        let Some(rest) = self.0.strip_prefix('{') else { return Vec::new() };
        self.0 = rest;
        let mut matchers = Vec::new();
        while !self.0.starts_with('}') {
            let label = self.word().to_owned();
            let operator = self.until('"').trim();
            let text = self.until('"');
            let values = match operator {
                "=" | "!=" => vec![text.to_owned()],
                "=~" | "!~" => text.split('|').map(str::to_owned).collect(),
                other => panic!("{other} is no operator of a matcher"),
            };
            matchers.push(Matcher { label, asks: operator.starts_with('='), values });
            self.0 = self.0.trim_start_matches([',', ' ']);
        }
        self.until('}');
        matchers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(name: &str, matchers: &[(&str, bool, &[&str])]) -> Selector {
        let matcher = |(label, asks, values): &(&str, bool, &[&str])| Matcher {
            label: (*label).to_owned(),
            asks: *asks,
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        Selector { name: name.to_owned(), matchers: matchers.iter().map(matcher).collect() }
    }

    #[test]
    fn a_query_names_its_series_and_the_labels_that_it_groups_by() {
        let rows = [
            ("a", vec![selector("a", &[])], vec![]),
            ("a == 0 and b < 0.5", vec![selector("a", &[]), selector("b", &[])], vec![]),
            (
                "sum by (x, y) (rate(a{b=\"c\", d!~\"e|f\"}[5m])) > 1",
                vec![selector("a", &[("b", true, &["c"]), ("d", false, &["e", "f"])])],
                vec!["x", "y"],
            ),
            ("histogram_quantile(0.99, sum by (le) (rate(a[5m])))", vec![selector("a", &[])], vec!["le"]),
        ];
        for (text, selectors, grouped_by) in rows {
            let grouped_by = grouped_by.into_iter().map(str::to_owned).collect();
            assert_eq!(Query::read(text), Query { selectors, grouped_by }, "{text}");
        }
    }

    #[test]
    fn what_no_series_has_is_missing() {
        let scraped = Series::of_scrape("a{b=\"c\",d=\"e\"} 1\na{b=\"f\",d=\"g\"} 1\n");
        let rows: [(&str, &[&str]); 7] = [
            ("a", &[]),
            ("a{b=\"c\"}", &[]),
            ("a{b=~\"c|f\"}", &[]),
            ("z", &["z is no series"]),
            ("a{b=~\"c|x\"}", &["a has no b=\"x\""]),
            ("a{z=\"c\"}", &["a has no z=\"c\""]),
            ("a{b=\"c\",d=\"g\"}", &["a has no b=\"c\"", "a has no d=\"g\""]),
        ];
        for (text, expected) in rows {
            assert_eq!(Query::read(text).selectors[0].missing_in(&scraped), expected, "{text}");
        }
    }
}
