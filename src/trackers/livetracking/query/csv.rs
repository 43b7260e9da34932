//! Answers as CSV: a table for each statement that has rows, with an empty line before each but the first.
//! Errors within an answer are not told, as in the original.

use super::output::Epoch;
use super::value::Value;
use super::writer::{Ending, Head, Writer};
use super::{keys, number};

/// Writes CSV.
#[derive(Debug)]
pub(crate) struct Csv {
    epoch: Epoch,
    /// The statement whose tables are being written.
    statement: usize,
    /// The last one that had tables.
    shown: Option<usize>,
    /// The first two cells of each row of the table.
    lead: Vec<u8>,
}

impl Csv {
    pub(crate) fn new(epoch: Epoch) -> Self {
        Self { epoch, statement: 0, shown: None, lead: Vec::new() }
    }
}

impl Writer for Csv {
    fn statement(&mut self, _: &mut Vec<u8>, id: usize) {
        self.statement = id;
    }

    fn table(&mut self, out: &mut Vec<u8>, head: &Head) {
        if self.shown != Some(self.statement) {
            if self.shown.is_some() {
                out.push(b'\n');
            }
            self.shown = Some(self.statement);
            out.extend_from_slice(b"name,tags");
            for column in &head.columns {
                out.push(b',');
                cell(out, column);
            }
            out.push(b'\n');
        }
        self.lead.clear();
        cell(&mut self.lead, &head.name);
        self.lead.push(b',');
        let mut tags = String::new();
        keys::append_tags(&mut tags, &head.tags);
        cell(&mut self.lead, tags.strip_prefix(',').unwrap_or(&tags));
    }

    fn row(&mut self, out: &mut Vec<u8>, cells: &[Value]) {
        out.extend_from_slice(&self.lead);
        for value in cells {
            out.push(b',');
            match value {
                Value::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
                Value::Float(value) => number::plain(out, *value),
                Value::Integer(value) => number::integer(out, *value),
                Value::Null => {}
                Value::String(value) => cell(out, value),
                Value::Time(at) => number::integer(out, at / self.epoch.unit().unwrap_or(1)),
            }
        }
        out.push(b'\n');
    }

    fn end_table(&mut self, _: &mut Vec<u8>, _: bool) {}

    fn end_statement(&mut self, _: &mut Vec<u8>, _: &Ending) {}

    fn end_document(&mut self, _: &mut Vec<u8>) {}
}

/// A table with the error alone.
pub(crate) fn error(message: &str) -> Vec<u8> {
    let mut out = b"error\n".to_vec();
    cell(&mut out, message);
    out.push(b'\n');
    out
}

/// Appends a cell, in quotes if it needs them.
fn cell(out: &mut Vec<u8>, text: &str) {
    let special = |character: char| matches!(character, ',' | '"' | '\r' | '\n');
    if text != "\\." && !text.contains(special) && !text.starts_with(char::is_whitespace) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        for (text, written) in
            [("a", "a"), ("", ""), ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\""), (" a", "\" a\""), ("a\n", "\"a\n\"")]
        {
            let mut out = Vec::new();
            cell(&mut out, text);
            assert_eq!(String::from_utf8(out).unwrap(), written);
        }
    }

    #[test]
    fn an_error_is_a_table() {
        assert_eq!(error("found x, expected y"), b"error\n\"found x, expected y\"\n");
    }
}
