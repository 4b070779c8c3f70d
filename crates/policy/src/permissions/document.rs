//! The configuration's part about permissions, as it is written.

use serde::Deserialize;

use crate::condition::ConditionDocument;
use crate::shape::{Name, Object};

/// The configuration's part about permissions.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PermissionsDocument {
    #[serde(default)]
    pub(super) client_groups: Vec<Object<GroupDocument>>,
    pub(super) topic_spaces: Vec<Object<SpaceDocument>>,
    pub(super) permission_bindings: Vec<Object<BindingDocument>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct GroupDocument {
    pub(super) name: String,
    pub(super) conditions: Vec<Object<ConditionDocument>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct SpaceDocument {
    pub(super) name: String,
    pub(super) templates: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct BindingDocument {
    pub(super) name: String,
    pub(super) client_group: String,
    pub(super) topic_space: String,
    #[serde(default)]
    pub(super) permission: Name<Permission>,
}

/// What a binding permits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) enum Permission {
    /// Publishing to the topics of the space.
    #[default]
    Publisher,
    /// Reading the retained messages of the topics of the space.
    Subscriber,
}
