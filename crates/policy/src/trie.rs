//! A trie over the segments of topic templates: finding what matches a topic costs what the topic's levels cost, not what
//! the number of templates would.

use std::collections::BTreeMap;

use crate::client::Client;
use crate::template::{Part, Pattern, Segment, Template};
use crate::variable::Variable;

/// Templates, each with a value.
#[derive(Clone, Debug)]
pub(crate) struct Trie<T> {
    /// The first is the root; a child's index is always behind its parent's.
    nodes: Vec<Node<T>>,
    /// Every variable that a pattern names, once.
    variables: Vec<Variable>,
}

#[derive(Clone, Debug)]
struct Node<T> {
    literals: BTreeMap<String, usize>,
    patterns: Vec<(Vec<Slot>, usize)>,
    any_level: Option<usize>,
    /// Values of templates that end here.
    ends: Vec<T>,
    /// Values of templates that go on with `#`, which matches this level too.
    any_rest: Vec<T>,
}

/// A part of a pattern, its variable by its place among the trie's.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Slot {
    Literal(String),
    Variable(usize),
}

/// The client's values, each looked up at most once.
struct Values<'a> {
    client: &'a Client<'a>,
    variables: &'a [Variable],
    found: Vec<std::cell::OnceCell<Option<String>>>,
}

// === impl Trie ===

impl<T: Copy> Trie<T> {
    /// Adds a template.
    pub(crate) fn insert(&mut self, template: &Template, value: T) {
        let mut at = 0;
        for segment in &template.0 {
            let slots = match segment {
                Segment::Pattern(pattern) => self.slots(pattern),
                Segment::Literal(_) | Segment::AnyLevel | Segment::AnyRest => Vec::new(),
            };
            let next = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else { return };
            at = match segment {
                Segment::AnyRest => {
                    node.any_rest.push(value);
                    return;
                }
                Segment::Literal(text) => *node.literals.entry(text.clone()).or_insert(next),
                Segment::AnyLevel => *node.any_level.get_or_insert(next),
                Segment::Pattern(_) => match node.patterns.iter().find(|(known, _)| *known == slots) {
                    Some((_, child)) => *child,
                    None => {
                        node.patterns.push((slots, next));
                        next
                    }
                },
            };
            if at == next {
                self.nodes.push(Node::default());
            }
        }
        if let Some(node) = self.nodes.get_mut(at) {
            node.ends.push(value);
        }
    }

    /// Calls `visit` with the value of each template that `topic` matches, some perhaps twice.
    pub(crate) fn for_each_match(&self, topic: &str, client: &Client<'_>, mut visit: impl FnMut(T)) {
        let values = Values::new(client, &self.variables);
        self.walk(0, Some(topic), &values, &mut visit);
    }

    /// `rest` is what the topic still holds; `None` behind its last level.
    fn walk(&self, at: usize, rest: Option<&str>, values: &Values<'_>, visit: &mut impl FnMut(T)) {
        let Some(node) = self.nodes.get(at) else { return };
        node.any_rest.iter().copied().for_each(&mut *visit);
        let Some(rest) = rest else {
            node.ends.iter().copied().for_each(visit);
            return;
        };
        let (level, rest) = rest.split_once('/').map_or((rest, None), |(level, rest)| (level, Some(rest)));
        if let Some(&child) = node.literals.get(level) {
            self.walk(child, rest, values, visit);
        }
        for (slots, child) in &node.patterns {
            if values.match_slots(slots, level) {
                self.walk(*child, rest, values, visit);
            }
        }
        if let Some(child) = node.any_level {
            self.walk(child, rest, values, visit);
        }
    }

    fn slots(&mut self, pattern: &Pattern) -> Vec<Slot> {
        let slot = |part: &Part| match part {
            Part::Literal(text) => Slot::Literal(text.clone()),
            Part::Variable(variable) => {
                let known = self.variables.iter().position(|known| known == variable);
                Slot::Variable(known.unwrap_or_else(|| {
                    self.variables.push(variable.clone());
                    self.variables.len() - 1
                }))
            }
        };
        pattern.0.iter().map(slot).collect()
    }
}

impl<T> Default for Trie<T> {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], variables: Vec::new() }
    }
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self {
            literals: BTreeMap::new(),
            patterns: Vec::new(),
            any_level: None,
            ends: Vec::new(),
            any_rest: Vec::new(),
        }
    }
}

// === impl Values ===

impl<'a> Values<'a> {
    fn new(client: &'a Client<'a>, variables: &'a [Variable]) -> Self {
        Self { client, variables, found: variables.iter().map(|_| std::cell::OnceCell::new()).collect() }
    }

    /// Compares text with text: a `+`, `#` or `/` in a value is that character, and widens nothing.
    fn match_slots(&self, slots: &[Slot], level: &str) -> bool {
        let rest = slots.iter().try_fold(level, |rest, slot| match slot {
            Slot::Literal(text) => rest.strip_prefix(text.as_str()),
            Slot::Variable(index) => rest.strip_prefix(self.get(*index)?),
        });
        rest == Some("")
    }

    fn get(&self, index: usize) -> Option<&str> {
        let variable = self.variables.get(index)?;
        self.found.get(index)?.get_or_init(|| variable.value(self.client)).as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::{ClaimPath, Claims, NoClaims, Presence};
    use proptest::prelude::*;

    struct Site(&'static str);

    impl Claims for Site {
        fn text(&self, path: &ClaimPath) -> Option<String> {
            path.names().eq(["site"]).then(|| self.0.to_owned())
        }
        fn number(&self, _: &ClaimPath) -> Option<f64> {
            None
        }
        fn boolean(&self, _: &ClaimPath) -> Option<bool> {
            None
        }
        fn list(&self, _: &ClaimPath) -> Option<Vec<String>> {
            None
        }
        fn presence(&self, path: &ClaimPath) -> Presence {
            self.text(path).map_or(Presence::Absent, |_| Presence::Present)
        }
    }

    fn matches(templates: &[&str], topic: &str, client: &Client<'_>) -> Vec<usize> {
        let mut trie = Trie::default();
        for (index, template) in templates.iter().enumerate() {
            trie.insert(&Template::parse(template).unwrap(), index);
        }
        let mut found = Vec::new();
        trie.for_each_match(topic, client, |index| found.push(index));
        found.sort_unstable();
        found.dedup();
        found
    }

    #[test]
    fn a_topic_finds_the_templates_that_match_it() {
        let client = Client { authentication_name: Some("pump-7"), claims: &Site("north") };
        let rows: &[(&str, &str, bool)] = &[
            ("a/b", "a/b", true),
            ("a/b", "a/B", false),
            ("a/b", "a", false),
            ("a/b", "a/b/c", false),
            ("a/b", "a/b/", false),
            ("/a", "/a", true),
            ("/a", "a", false),
            ("a//b", "a//b", true),
            ("+", "a", true),
            ("+", "", true),
            ("+", "a/b", false),
            ("a/+/c", "a/b/c", true),
            ("a/+/c", "a//c", true),
            ("a/+/c", "a/b/d", false),
            ("#", "a/b/c", true),
            ("#", "/", true),
            ("a/#", "a", true),
            ("a/#", "a/", true),
            ("a/#", "a/b/c", true),
            ("a/#", "ab", false),
            ("a/+/#", "a", false),
            ("clients/${client.authenticationName}/#", "clients/pump-7/x", true),
            ("clients/${client.authenticationName}/#", "clients/pump-7", true),
            ("clients/${client.authenticationName}/#", "clients/pump-70/x", false),
            ("clients/${client.authenticationName}/#", "clients/pump/x", false),
            ("m/${client.attributes.site}-${client.authenticationName}.f/t", "m/north-pump-7.f/t", true),
            ("m/${client.attributes.site}-${client.authenticationName}.f/t", "m/north-pump-7.g/t", false),
            ("m/${client.attributes.missing}/t", "m//t", false),
            ("m/${client.attributes.missing}/t", "m/missing/t", false),
        ];
        for (template, topic, expected) in rows {
            assert_eq!(!matches(&[template], topic, &client).is_empty(), *expected, "{template} {topic}");
        }
    }

    #[test]
    fn a_value_with_wildcards_slashes_or_nothing_in_it_widens_nothing() {
        let template = ["clients/${client.authenticationName}/t"];
        for name in ["+", "#", "a/b", "", "+/+", "a/#", "${client.authenticationName}"] {
            let client = Client { authentication_name: Some(name), claims: &NoClaims };
            for topic in
                ["clients/x/t", "clients//t", "clients/a/b/t", "clients/a/t", "clients/t", "other/x/t"]
            {
                assert!(matches(&template, topic, &client).is_empty(), "{name} {topic}");
            }
        }
        let client = Client { authentication_name: Some("ä b"), claims: &NoClaims };
        assert_eq!(matches(&template, "clients/ä b/t", &client), [0]);
    }

    /// The rules of MQTT 5.0, 4.7.1, said as simply as possible.
    fn matches_filter(filter: &[&str], topic: &[&str]) -> bool {
        match (filter, topic) {
            (["#"], _) | ([], []) => true,
            (["+", filter @ ..], [_, topic @ ..]) => matches_filter(filter, topic),
            ([wanted, filter @ ..], [level, topic @ ..]) if wanted == level => matches_filter(filter, topic),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn the_trie_finds_what_asking_each_filter_would_find(
            filters in proptest::collection::vec("(([ab]|\\+|)/){0,3}([ab]|\\+|#)", 1..12),
            topic in "([ab]|)(/([ab]|)){0,4}",
        ) {
            let client = Client { authentication_name: None, claims: &NoClaims };
            let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
            let levels: Vec<&str> = topic.split('/').collect();
            let expected: Vec<usize> = filters.iter().enumerate()
                .filter(|(_, filter)| matches_filter(&filter.split('/').collect::<Vec<_>>(), &levels))
                .map(|(index, _)| index)
                .collect();
            prop_assert_eq!(matches(&filters, &topic, &client), expected);
        }
    }
}
