//! The template that a topic nearly matches.

use std::borrow::Cow;

use crate::client::Client;
use crate::template;
use crate::variable::{Piece, Variable, pieces};

/// What separates a topic from a template. The template with the smallest distance is the closest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Distance {
    /// The number of levels that differ, are missing, or are too many.
    levels: usize,
    /// The bytes by which these levels differ.
    bytes: usize,
}

/// The closest of `templates`; of several, the first. `None` if the topic has no level that is like a template's.
pub(super) fn closest<'t>(
    topic: &str,
    client: &Client<'_>,
    templates: impl Iterator<Item = &'t str>,
) -> Option<&'t str> {
    let levels: Vec<&str> = topic.split('/').collect();
    let distances = templates.filter_map(|template| Some((distance(&levels, template, client)?, template)));
    distances.min_by_key(|(distance, _)| *distance).map(|(_, template)| template)
}

fn distance(topic: &[&str], template: &str, client: &Client<'_>) -> Option<Distance> {
    let mut distance = Distance::default();
    let mut is_alike = false;
    let mut wanted = template::levels(template).into_iter();
    let mut given = topic.iter();
    loop {
        let bytes = match (wanted.next(), given.next()) {
            (None, None) | (Some("#"), _) => break,
            (Some("+"), Some(_)) => continue,
            (Some(wanted), Some(given)) => {
                let bytes = bytes_apart(&with_values(wanted, client), given);
                is_alike |= 2 * bytes < given.len();
                bytes
            }
            (Some(level), None) | (None, Some(&level)) => level.len().max(1),
        };
        distance.levels += usize::from(bytes > 0);
        distance.bytes += bytes;
    }
    is_alike.then_some(distance)
}

/// A template's level with the client's values in it; a variable without a value stays as it is written.
fn with_values<'t>(level: &'t str, client: &Client<'_>) -> Cow<'t, str> {
    let Some(pieces) = level.contains("${").then(|| pieces(level)).flatten() else {
        return Cow::Borrowed(level);
    };
    let piece = |piece: &Piece<'_>| match *piece {
        Piece::Literal(text) => text.to_owned(),
        Piece::VariableName(name) => Variable::from_name(name)
            .and_then(|variable| variable.value(client))
            .unwrap_or_else(|| format!("${{{name}}}")),
    };
    Cow::Owned(pieces.iter().map(piece).collect())
}

/// The length of what has to be replaced to turn one text into the other: all but their common start and end.
fn bytes_apart(one: &str, other: &str) -> usize {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let (shorter, longer) = (one.len().min(other.len()), one.len().max(other.len()));
    let start = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let end = one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
    longer - start - end.min(shorter - start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::NoClaims;

    #[test]
    fn the_closest_template_differs_in_the_fewest_levels_and_bytes() {
        let templates =
            ["clients/${client.authenticationName}/#", "machines/+/command", "machines/all", "mail/in/#"];
        let client = Client { authentication_name: Some("pump-7"), claims: &NoClaims };
        let rows = [
            ("machines/7/comand", Some("machines/+/command")),
            ("machine/7/command", Some("machines/+/command")),
            ("machines/7/command/now", Some("machines/+/command")),
            ("machines/al", Some("machines/all")),
            ("client/pump-7/state", Some("clients/${client.authenticationName}/#")),
            ("clients/pump-8/state", Some("clients/${client.authenticationName}/#")),
            ("mail/out/1", Some("mail/in/#")),
            ("/machines/7/command", None),
            ("x/y", None),
            ("", None),
        ];
        for (topic, expected) in rows {
            assert_eq!(closest(topic, &client, templates.into_iter()), expected, "{topic}");
        }
    }

    #[test]
    fn bytes_apart_leaves_out_the_common_start_and_end() {
        let rows = [
            ("", "", 0),
            ("a", "a", 0),
            ("a", "", 1),
            ("comand", "command", 1),
            ("aa", "a", 1),
            ("abc", "xyz", 3),
        ];
        for (one, other, expected) in rows {
            assert_eq!(bytes_apart(one, other), expected, "{one} {other}");
            assert_eq!(bytes_apart(other, one), expected, "{other} {one}");
        }
    }
}
