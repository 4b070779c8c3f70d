//! Who may publish what: client groups, topic spaces, and the bindings between them.

mod closest;
mod document;
mod names;
mod refusal;

pub use document::PermissionsDocument;
pub use refusal::Refusal;

use document::{BindingDocument, GroupDocument, Permission, SpaceDocument};
use names::Names;

use crate::client::Client;
use crate::condition::Condition;
use crate::error::InvalidPolicy;
use crate::shape::{Name, Object};
use crate::template::Template;
use crate::trie::Trie;

/// The compiled bindings.
#[derive(Clone, Debug)]
pub struct Permissions {
    groups: Vec<Group>,
    spaces: Vec<Space>,
    bindings: Vec<Binding>,
    /// Every template as it is written, in the order of the configuration.
    texts: Vec<String>,
    /// Maps each template to the index of its space.
    templates: Trie<usize>,
}

#[derive(Clone, Debug)]
struct Group {
    name: String,
    /// All of them have to hold.
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug)]
struct Space {
    name: String,
    /// The bindings that name it, in the order of the configuration.
    bindings: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Binding {
    name: String,
    group: usize,
    permission: Permission,
}

/// The decision about one topic, or Topic Filter, and one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// The client may.
    Permitted {
        /// The name of the first binding, in the order of the configuration, that permits it.
        binding: &'a str,
    },
    /// The client may not.
    Refused(Refusal<'a>),
}

/// The group that every client belongs to.
const EVERYONE: &str = "$all";

// === impl Permissions ===

impl Permissions {
    /// Checks and compiles the configuration. The time is proportional to its size.
    ///
    /// # Errors
    /// Returns an error if a name is taken or unknown, a group has no conditions, or a template is not a topic template.
    /// It names the group, space or binding and what was expected.
    pub fn compile(document: PermissionsDocument) -> Result<Self, InvalidPolicy> {
        let PermissionsDocument { client_groups, topic_spaces, permission_bindings } = document;

        let mut group_names = Names::new("client group");
        group_names.add_reserved(EVERYONE);
        let mut groups = vec![Group { name: EVERYONE.to_owned(), conditions: Vec::new() }];
        for Object(group) in client_groups {
            group_names.add(&group.name)?;
            groups.push(Group::compile(group)?);
        }

        let mut space_names = Names::new("topic space");
        let mut spaces = Vec::with_capacity(topic_spaces.len());
        let mut templates = Trie::default();
        let mut texts = Vec::new();
        for Object(SpaceDocument { name, templates: of_space }) in topic_spaces {
            let space = space_names.add(&name)?;
            for text in of_space {
                let template = Template::parse(&text)
                    .map_err(|error| error.within(format_args!("topic space {name:?}")))?;
                templates.insert(&template, space);
                texts.push(text);
            }
            spaces.push(Space { name, bindings: Vec::new() });
        }

        let mut binding_names = Names::new("permission binding");
        let mut bindings = Vec::with_capacity(permission_bindings.len());
        for Object(binding) in permission_bindings {
            let BindingDocument { name, client_group, topic_space, permission: Name(permission) } = binding;
            let index = binding_names.add(&name)?;
            let unknown = |what: &str, missing: &str| {
                InvalidPolicy::new(
                    format_args!("permission binding {name:?}"),
                    format_args!("there is no {what} {missing:?}"),
                )
            };
            let group =
                group_names.find(&client_group).ok_or_else(|| unknown("client group", &client_group))?;
            let space = space_names
                .find(&topic_space)
                .and_then(|space| spaces.get_mut(space))
                .ok_or_else(|| unknown("topic space", &topic_space))?;
            space.bindings.push(index);
            bindings.push(Binding { name, group, permission });
        }
        Ok(Self { groups, spaces, bindings, texts, templates })
    }

    /// Decides whether that client may publish to that topic.
    #[must_use]
    pub fn judge(&self, topic: &str, client: &Client<'_>) -> Verdict<'_> {
        self.judge_for(Permission::Publisher, topic, client)
    }

    /// Decides whether that client may read the retained messages of that topic, or of every topic that a Topic Filter
    /// matches. A filter is permitted only if a single template matches all that it matches.
    #[must_use]
    pub fn judge_reading(&self, topic_filter: &str, client: &Client<'_>) -> Verdict<'_> {
        self.judge_for(Permission::Subscriber, topic_filter, client)
    }

    fn judge_for(&self, permission: Permission, topic: &str, client: &Client<'_>) -> Verdict<'_> {
        let spaces = self.spaces_of(topic, client);
        let mut bindings: Vec<usize> =
            spaces.iter().flat_map(|space| space.bindings.iter().copied()).collect();
        bindings.sort_unstable();
        let bindings = bindings.iter().filter_map(|&index| self.bindings.get(index));
        let bindings: Vec<&Binding> = bindings.filter(|binding| binding.permission == permission).collect();
        let groups = bindings.iter().filter_map(|binding| self.groups.get(binding.group));
        match bindings.iter().zip(groups.clone()).find(|(_, group)| group.holds(client)) {
            Some((binding, _)) => Verdict::Permitted { binding: &binding.name },
            None if spaces.is_empty() => Verdict::Refused(Refusal::NoTopicSpace),
            None => Verdict::Refused(Refusal::NotInGroup {
                spaces: spaces.iter().map(|space| space.name.as_str()).collect(),
                groups: groups.map(|group| group.name.as_str()).collect(),
            }),
        }
    }

    /// The template that is closest to a topic that no template matches, as the configuration spells it: what its sender
    /// probably meant. `None` if no template has a level in common with the topic.
    ///
    /// Looks at every template, so it is meant for dry runs: 10,000 templates take about a millisecond.
    #[must_use]
    pub fn closest_template(&self, topic: &str, client: &Client<'_>) -> Option<&str> {
        closest::closest(topic, client, self.texts.iter().map(String::as_str))
    }

    /// The spaces that match, each once, in the order of the configuration.
    fn spaces_of(&self, topic: &str, client: &Client<'_>) -> Vec<&Space> {
        let mut found = Vec::new();
        self.templates.for_each_match(topic, client, |space| found.push(space));
        found.sort_unstable();
        found.dedup();
        found.into_iter().filter_map(|space| self.spaces.get(space)).collect()
    }
}

// === impl Group ===

impl Group {
    fn compile(document: GroupDocument) -> Result<Self, InvalidPolicy> {
        let GroupDocument { name, conditions } = document;
        if conditions.is_empty() {
            return Err(InvalidPolicy::new(
                format_args!("client group {name:?}"),
                format_args!("at least one condition is expected; the group of all clients is {EVERYONE}"),
            ));
        }
        let conditions = conditions.into_iter().map(|Object(condition)| Condition::compile(condition, &name));
        Ok(Self { conditions: conditions.collect::<Result<_, _>>()?, name })
    }

    fn holds(&self, client: &Client<'_>) -> bool {
        self.conditions.iter().all(|condition| condition.holds(client.claims))
    }
}

#[cfg(test)]
mod tests;
