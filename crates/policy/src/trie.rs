//! A trie over the segments of topic templates. A look-up visits the topic's levels, not the templates: its time hardly
//! depends on their number.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use crate::client::Client;
use crate::template::{Part, Pattern, Segment, Template};
use crate::variable::Variable;

/// Templates, each with a value.
#[derive(Clone, Debug)]
pub(crate) struct Trie<T> {
    /// The first one is the root; a child's index is always greater than its parent's.
    nodes: Vec<Node<T>>,
    /// Every variable of the patterns, once.
    variables: Vec<Variable>,
    /// Maps each variable to its index in `variables`.
    variable_indices: BTreeMap<Variable, usize>,
}

#[derive(Clone, Debug)]
struct Node<T> {
    literals: BTreeMap<String, usize>,
    patterns: BTreeMap<Vec<Slot>, usize>,
    any_level: Option<usize>,
    /// Values of the templates that end here.
    ends: Vec<T>,
    /// Values of the templates that continue with `#`, which matches this level too (MQTT 5.0, 4.7.1.2).
    any_rest: Vec<T>,
}

/// A part of a pattern; a variable is an index into the trie's variables.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    Literal(String),
    Variable(usize),
}

/// The client's values, each looked up at most once.
struct Values<'a> {
    client: &'a Client<'a>,
    variables: &'a [Variable],
    found: Vec<OnceCell<Option<String>>>,
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
                Segment::Pattern(_) => *node.patterns.entry(slots).or_insert(next),
            };
            if at == next {
                self.nodes.push(Node::default());
            }
        }
        if let Some(node) = self.nodes.get_mut(at) {
            node.ends.push(value);
        }
    }

    /// Calls `visit` with the value of each template that `topic` matches. It may visit a value more than once.
    ///
    /// With a Topic Filter for a topic, these are the templates that match every topic that the filter matches.
    pub(crate) fn for_each_match(&self, topic: &str, client: &Client<'_>, mut visit: impl FnMut(T)) {
        let values = Values::new(client, &self.variables);
        self.walk(0, Some(topic), &values, &mut visit);
    }

    /// `rest` is the part of the topic below this node; `None` after its last level.
    fn walk(&self, at: usize, rest: Option<&str>, values: &Values<'_>, visit: &mut impl FnMut(T)) {
        let Some(node) = self.nodes.get(at) else { return };
        node.any_rest.iter().copied().for_each(&mut *visit);
        let Some(rest) = rest else {
            node.ends.iter().copied().for_each(visit);
            return;
        };
        let (level, rest) = rest.split_once('/').map_or((rest, None), |(level, rest)| (level, Some(rest)));
        match level {
            // Of the templates, only one with `#` here matches all that this matches.
            "#" => return,
            "+" => {}
            level => {
                if let Some(&child) = node.literals.get(level) {
                    self.walk(child, rest, values, visit);
                }
                for (slots, child) in &node.patterns {
                    if values.match_slots(slots, level) {
                        self.walk(*child, rest, values, visit);
                    }
                }
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
                Slot::Variable(*self.variable_indices.entry(variable.clone()).or_insert_with(|| {
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
        Self { nodes: vec![Node::default()], variables: Vec::new(), variable_indices: BTreeMap::new() }
    }
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self {
            literals: BTreeMap::new(),
            patterns: BTreeMap::new(),
            any_level: None,
            ends: Vec::new(),
            any_rest: Vec::new(),
        }
    }
}

// === impl Values ===

impl<'a> Values<'a> {
    fn new(client: &'a Client<'a>, variables: &'a [Variable]) -> Self {
        Self { client, variables, found: variables.iter().map(|_| OnceCell::new()).collect() }
    }

    /// Compares text with text: a `+`, `#` or `/` in a value matches only itself.
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
    fn a_filter_finds_the_templates_that_match_all_that_it_matches() {
        let client = Client { authentication_name: Some("+"), claims: &Site("#") };
        let rows: &[(&str, &str, bool)] = &[
            ("#", "#", true),
            ("#", "a/+", true),
            ("a/#", "a/#", true),
            ("a/#", "a/+/b/#", true),
            ("a/#", "+/b", false),
            ("a/#", "#", false),
            ("a/+", "a/+", true),
            ("a/+", "a/#", false),
            ("a/+/c", "a/+/c", true),
            ("a/+/c", "a/+/+", false),
            ("a/b", "a/+", false),
            ("a/b/#", "a/+/#", false),
            ("+/+", "a/+", true),
            ("+", "+", true),
            ("+", "#", false),
            ("c/${client.authenticationName}", "c/+", false),
            ("c/${client.attributes.site}", "c/#", false),
            ("c/${client.authenticationName}/#", "c/+/#", false),
        ];
        for (template, filter, expected) in rows {
            assert_eq!(!matches(&[template], filter, &client).is_empty(), *expected, "{template} {filter}");
        }
    }

    #[test]
    fn a_value_never_matches_more_than_its_own_text() {
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

    /// The matching rules of MQTT 5.0, 4.7.1, as a recursive definition.
    fn matches_filter(filter: &[&str], topic: &[&str]) -> bool {
        match (filter, topic) {
            (["#"], _) | ([], []) => true,
            (["+", filter @ ..], [_, topic @ ..]) => matches_filter(filter, topic),
            ([wanted, filter @ ..], [level, topic @ ..]) if wanted == level => matches_filter(filter, topic),
            _ => false,
        }
    }

    proptest! {
        /// A filter that finds a template by mistake would show itself by a topic.
        #[test]
        fn a_topic_that_a_filter_matches_matches_every_template_that_the_filter_finds(
            template in "(([ab]|\\+|)/){0,3}([ab]|\\+|#)",
            filter in "(([ab]|\\+|)/){0,3}([ab]|\\+|#)",
            topic in "([ab]|)(/([ab]|)){0,4}",
        ) {
            let client = Client { authentication_name: None, claims: &NoClaims };
            let filter_levels: Vec<&str> = filter.split('/').collect();
            let topic_levels: Vec<&str> = topic.split('/').collect();
            let is_matched = matches_filter(&filter_levels, &topic_levels);
            if is_matched && !matches(&[template.as_str()], &filter, &client).is_empty() {
                prop_assert_eq!(matches(&[template.as_str()], &topic, &client), [0]);
            }
        }

        #[test]
        fn the_trie_finds_every_filter_that_matches_by_itself(
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
