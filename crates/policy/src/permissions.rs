//! Who may publish what: client groups, topic spaces, and the bindings between them.

use std::fmt;

use serde::Deserialize;

use crate::client::Client;
use crate::condition::{Condition, ConditionDocument};
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
    /// Of each template, the index of its space.
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
}

/// What was decided about one topic and one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// The client may publish.
    Permitted {
        /// The name of the first binding, in the order of the configuration, that says so.
        binding: &'a str,
    },
    /// It may not.
    Refused(Refusal<'a>),
}

/// Why no binding permits it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal<'a> {
    /// No template of any space matches the topic.
    NoTopicSpace,
    /// Spaces match, and the client belongs to none of the groups that they are bound to.
    NotInGroup {
        /// The names of the spaces.
        spaces: Vec<&'a str>,
        /// The names of the groups.
        groups: Vec<&'a str>,
    },
}

/// The configuration's part about permissions.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PermissionsDocument {
    #[serde(default)]
    client_groups: Vec<Object<GroupDocument>>,
    topic_spaces: Vec<Object<SpaceDocument>>,
    permission_bindings: Vec<Object<BindingDocument>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct GroupDocument {
    name: String,
    conditions: Vec<Object<ConditionDocument>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct SpaceDocument {
    name: String,
    templates: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct BindingDocument {
    name: String,
    client_group: String,
    topic_space: String,
    #[serde(default)]
    permission: Name<Permission>,
}

/// What a binding permits. Event Grid knows `subscriber` too, which has no meaning over HTTP.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
enum Permission {
    #[default]
    Publisher,
}

/// The group that every client belongs to.
const EVERYONE: &str = "$all";

// === impl Permissions ===

impl Permissions {
    /// Checks and compiles the configuration.
    ///
    /// # Errors
    /// A sentence that names the group, space or binding and what was expected of it.
    pub fn compile(document: PermissionsDocument) -> Result<Self, InvalidPolicy> {
        let PermissionsDocument { client_groups, topic_spaces, permission_bindings } = document;
        let mut groups = vec![Group { name: EVERYONE.to_owned(), conditions: Vec::new() }];
        for Object(group) in client_groups {
            check_name("client group", &group.name, groups.iter().map(|known| &known.name))?;
            groups.push(Group::compile(group)?);
        }
        let mut spaces = Vec::<Space>::new();
        let mut templates = Trie::default();
        for Object(SpaceDocument { name, templates: texts }) in topic_spaces {
            check_name("topic space", &name, spaces.iter().map(|known| &known.name))?;
            for text in &texts {
                let template = Template::parse(text)
                    .map_err(|error| InvalidPolicy::new(format_args!("topic space {name:?}"), error))?;
                templates.insert(&template, spaces.len());
            }
            spaces.push(Space { name, bindings: Vec::new() });
        }
        let mut bindings = Vec::<Binding>::new();
        for Object(binding) in permission_bindings {
            let BindingDocument { name, client_group, topic_space, permission: Name(Permission::Publisher) } =
                binding;
            check_name("permission binding", &name, bindings.iter().map(|known| &known.name))?;
            let unknown = |what: &str, missing: &str| {
                InvalidPolicy::new(
                    format_args!("permission binding {name:?}"),
                    format_args!("there is no {what} {missing:?}"),
                )
            };
            let group = groups
                .iter()
                .position(|group| group.name == client_group)
                .ok_or_else(|| unknown("client group", &client_group))?;
            let space = spaces
                .iter_mut()
                .find(|space| space.name == topic_space)
                .ok_or_else(|| unknown("topic space", &topic_space))?;
            space.bindings.push(bindings.len());
            bindings.push(Binding { name, group });
        }
        Ok(Self { groups, spaces, bindings, templates })
    }

    /// Decides whether that client may publish to that topic.
    #[must_use]
    pub fn judge(&self, topic: &str, client: &Client<'_>) -> Verdict<'_> {
        let spaces = self.spaces_of(topic, client);
        let mut bindings: Vec<usize> =
            spaces.iter().flat_map(|space| space.bindings.iter().copied()).collect();
        bindings.sort_unstable();
        let bindings: Vec<&Binding> = bindings.iter().filter_map(|&index| self.bindings.get(index)).collect();
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

// === impl Refusal ===

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTopicSpace => formatter.write_str("the topic matches no topic space"),
            Self::NotInGroup { spaces, groups } if groups.is_empty() => {
                write!(
                    formatter,
                    "the topic matches {}, to which no client group is bound",
                    spaces.join(", ")
                )
            }
            Self::NotInGroup { spaces, groups } => write!(
                formatter,
                "the topic matches {}, but the client is in none of the client groups bound to it: {}",
                spaces.join(", "),
                groups.join(", ")
            ),
        }
    }
}

fn check_name<'a>(
    kind: &str,
    name: &str,
    mut known: impl Iterator<Item = &'a String>,
) -> Result<(), InvalidPolicy> {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    if known.any(|known| known == name) {
        return Err(InvalidPolicy::new(format_args!("{kind} {name:?}"), "the name is taken already"));
    }
    if name.is_empty() || !name.chars().all(is_plain) {
        return Err(InvalidPolicy::new(
            format_args!("{kind} {name:?}"),
            "a name is made of letters, digits and - _ .",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
