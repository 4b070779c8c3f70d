//! The JSON Schema of the filter's configuration, as it is shipped.

/// Where it is shipped, from the root of the repository.
pub const PATH: &str = "deploy/filter-config.schema.json";

/// What the types say it is.
#[must_use]
pub fn text() -> String {
    format!("{:#}\n", edge::config_schema())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo;

    #[test]
    fn what_is_shipped_is_what_the_types_say() {
        let shipped = std::fs::read_to_string(repo::root().join(PATH)).unwrap_or_default();
        assert_eq!(shipped, text(), "`cargo xtask schema` writes it");
    }
}
