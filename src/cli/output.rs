//! Tables for people, JSON for programs.

use std::io::Write;
use std::time::SystemTime;

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use super::CliError;

/// Prints a text and a line end to standard output.
pub(super) fn print(text: &str) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        // A reader such as `head` that has seen enough is no failure.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => done.map_err(CliError::io("writing to standard output")),
    }
}

/// Prints rows as a table, or `values` as a JSON array.
pub(super) fn list<T: Serialize>(
    json: bool,
    header: &[&str],
    values: &[T],
    row: impl Fn(&T) -> Vec<String>,
    nothing: &str,
) -> Result<(), CliError> {
    if json {
        return value(values);
    }
    if values.is_empty() {
        return print(nothing);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().map(|word| word.to_uppercase()));
    for value in values {
        table.add_row(row(value));
    }
    let lines: Vec<_> = table.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    print(&lines.join("\n"))
}

/// Prints a value as JSON.
pub(super) fn value<T: Serialize + ?Sized>(value: &T) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| CliError::refused(error.to_string()))?;
    print(&text)
}

/// A time in UTC to the second, RFC 3339.
pub(super) fn time(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at).map(|time| format!("{time:.0}")).unwrap_or_default()
}

/// The text of a value, or `-`.
pub(super) fn or_dash(text: Option<impl ToString>) -> String {
    text.map_or_else(|| "-".to_owned(), |text| text.to_string())
}
