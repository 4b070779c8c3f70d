//! Which text MQTT carries, said once more in other words than the crate's.

/// Neither a control character nor a non-character, and no longer than two bytes can count.
pub(crate) fn is_mqtt_text(text: &str) -> bool {
    let is_non_character = |character: char| {
        let in_plane = u32::from(character) & 0xffff;
        in_plane >= 0xfffe || ('\u{fdd0}'..='\u{fdef}').contains(&character)
    };
    text.len() <= 0xffff
        && !text.chars().any(|character| character.is_control() || is_non_character(character))
}
