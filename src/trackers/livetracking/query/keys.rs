//! Series as they are written in line protocol: `measurement,key=value`, with what separates escaped.

use std::sync::Arc;

use crate::ports::SeriesKey;

/// The key of a series.
pub(crate) fn series(key: &SeriesKey) -> String {
    let mut text = String::new();
    escape(&mut text, &key.measurement, &[',', ' ']);
    append_tags(&mut text, &key.tags);
    text
}

/// Appends `,key=value` for each tag that has a value.
pub(crate) fn append_tags(text: &mut String, tags: &[(Arc<str>, Arc<str>)]) {
    for (key, value) in tags.iter().filter(|(_, value)| !value.is_empty()) {
        text.push(',');
        escape(text, key, &[',', '=', ' ']);
        text.push('=');
        escape(text, value, &[',', '=', ' ']);
    }
}

fn escape(text: &mut String, part: &str, special: &[char]) {
    for character in part.chars() {
        if special.contains(&character) {
            text.push('\\');
        }
        text.push(character);
    }
}
