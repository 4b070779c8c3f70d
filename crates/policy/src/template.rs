//! Topic templates: topic filters (MQTT 5.0, 4.7) with variables of the client in their segments.

use http_publish::is_mqtt_string;

use crate::error::InvalidPolicy;
use crate::variable::{Piece, Variable, pieces};

/// The segments of a template; only the last one can be `#`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(pub(crate) Vec<Segment>);

/// A condition on one level of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// The level is this text, which may be empty.
    Literal(String),
    /// The level is this text with the client's values in place of the variables.
    Pattern(Pattern),
    /// `+`: any level.
    AnyLevel,
    /// `#`: any number of levels.
    AnyRest,
}

/// The parts of a segment with at least one variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(pub(crate) Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Literal(String),
    Variable(Variable),
}

// === impl Template ===

impl Template {
    /// Reads a template, which may have variables.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidPolicy> {
        if text.is_empty() {
            return Err(InvalidPolicy::new("template", "at least one character is expected"));
        }
        if text.starts_with('$') && !text.starts_with("${") {
            return Err(InvalidPolicy::new(
                format_args!("template {text:?}"),
                "topics that start with $ are reserved for the broker",
            ));
        }
        if !is_mqtt_string(text) {
            return Err(invalid(
                text,
                "it holds a character that no topic can have, or is longer than any topic",
            ));
        }
        let levels = levels(text);
        let last = levels.len().saturating_sub(1);
        let segments = levels.iter().enumerate().map(|(index, level)| match *level {
            "+" => Ok(Segment::AnyLevel),
            "#" if index == last => Ok(Segment::AnyRest),
            "#" => Err(invalid(text, "# stands only as the last segment")),
            level => Segment::parse(level, text),
        });
        segments.collect::<Result<_, _>>().map(Self)
    }

    /// Reads a topic filter: a template without variables.
    pub(crate) fn parse_filter(text: &str) -> Result<Self, InvalidPolicy> {
        let template = Self::parse(text)?;
        if template.0.iter().any(|segment| matches!(segment, Segment::Pattern(_))) {
            return Err(InvalidPolicy::new(
                format_args!("filter {text:?}"),
                "a topic filter has no variables",
            ));
        }
        Ok(template)
    }
}

impl Segment {
    fn parse(level: &str, template: &str) -> Result<Self, InvalidPolicy> {
        let pieces = pieces(level).ok_or_else(|| invalid(template, "a ${ has no } in its segment"))?;
        let mut parts = Vec::with_capacity(pieces.len());
        for piece in pieces {
            parts.push(match piece {
                Piece::Literal(text) if text.contains(['+', '#']) => {
                    return Err(invalid(template, "a wildcard fills a whole segment"));
                }
                Piece::Literal(text) => Part::Literal(text.to_owned()),
                Piece::VariableName(name) => Part::Variable(Variable::from_name(name).ok_or_else(|| {
                    invalid(
                        template,
                        "a variable is ${client.authenticationName} or ${client.attributes.NAME}",
                    )
                })?),
            });
        }
        match parts.as_slice() {
            [] => Ok(Self::Literal(String::new())),
            [Part::Literal(text)] => Ok(Self::Literal(text.clone())),
            _ => Ok(Self::Pattern(Pattern(parts))),
        }
    }
}

/// Splits at each `/` outside the name of a variable, since the name of a claim may be a URL.
pub(crate) fn levels(text: &str) -> Vec<&str> {
    let mut is_name = false;
    let mut previous = '\0';
    text.split(|character| {
        match (previous, character) {
            ('$', '{') => is_name = true,
            (_, '}') => is_name = false,
            _ => {}
        }
        previous = character;
        character == '/' && !is_name
    })
    .collect()
}

fn invalid(template: &str, expected: &str) -> InvalidPolicy {
    InvalidPolicy::new(format_args!("template {template:?}"), expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::ClaimPath;

    fn literal(text: &str) -> Segment {
        Segment::Literal(text.to_owned())
    }

    #[test]
    fn a_template_has_segments_of_text_variables_and_wildcards() {
        let name = || Part::Variable(Variable::AuthenticationName);
        let attribute = |claim| Part::Variable(Variable::Attribute(ClaimPath::named(claim)));
        let rows = [
            ("a", vec![literal("a")]),
            ("/a//", vec![literal(""), literal("a"), literal(""), literal("")]),
            ("a/+/#", vec![literal("a"), Segment::AnyLevel, Segment::AnyRest]),
            ("#", vec![Segment::AnyRest]),
            (
                "clients/${client.authenticationName}/#",
                vec![literal("clients"), Segment::Pattern(Pattern(vec![name()])), Segment::AnyRest],
            ),
            (
                "${client.attributes.site}-${client.authenticationName}.x",
                vec![Segment::Pattern(Pattern(vec![
                    attribute("site"),
                    Part::Literal("-".to_owned()),
                    name(),
                    Part::Literal(".x".to_owned()),
                ]))],
            ),
            (
                "${client.attributes.https://a/b}",
                vec![Segment::Pattern(Pattern(vec![attribute("https://a/b")]))],
            ),
        ];
        for (given, expected) in rows {
            assert_eq!(Template::parse(given), Ok(Template(expected)), "{given}");
        }
    }

    #[test]
    fn an_invalid_template_is_refused() {
        let rows = [
            "",
            "$SYS/#",
            "a/#/b",
            "a#",
            "a\u{1}",
            "a/b+",
            "+${client.authenticationName}",
            "${client.name}",
            "${client.attributes.}",
            "${client.authenticationName",
            "${}",
        ];
        for given in rows {
            assert!(Template::parse(given).is_err(), "{given}");
        }
    }
}
