//! What every form of an answer can write.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::output::{Format, Output};
use super::value::Value;
use super::{csv, json, msgpack};

/// The head of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Head {
    /// The measurement; empty for none.
    pub(crate) name: Arc<str>,
    /// The tags that the table is of, sorted.
    pub(crate) tags: Vec<(Arc<str>, Arc<str>)>,
    pub(crate) columns: Vec<Arc<str>>,
    /// The zone of times that are written as text; none for UTC.
    pub(crate) zone: Option<TimeZone>,
}

/// How the part of a statement that stands in one document ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ending {
    /// What went wrong.
    pub(crate) error: Option<String>,
    /// Warnings.
    pub(crate) messages: Vec<String>,
    /// Whether more of the statement follows in another document.
    pub(crate) partial: bool,
}

/// Writes documents: each has statements, a statement has tables, a table has rows.
pub(crate) trait Writer: std::fmt::Debug {
    /// A statement begins, the first one of a document as well as the next one.
    fn statement(&mut self, out: &mut Vec<u8>, id: usize);

    /// A table begins.
    fn table(&mut self, out: &mut Vec<u8>, head: &Head);

    /// A row of it.
    fn row(&mut self, out: &mut Vec<u8>, cells: &[Value]);

    /// The table ends; if `partial`, it goes on in another document.
    fn end_table(&mut self, out: &mut Vec<u8>, partial: bool);

    /// The statement ends.
    fn end_statement(&mut self, out: &mut Vec<u8>, ending: &Ending);

    /// The document ends.
    fn end_document(&mut self, out: &mut Vec<u8>);

    /// Bytes that it keeps and has not given out.
    fn held(&self) -> usize {
        0
    }
}

/// The writer for what a client takes.
pub(crate) fn writer(output: Output) -> Box<dyn Writer> {
    match output.format {
        Format::Csv => Box::new(csv::Csv::new(output.epoch)),
        Format::Json => Box::new(json::Json::new(json::Layout::Compact, output.epoch)),
        Format::JsonPretty => Box::new(json::Json::new(json::Layout::Pretty, output.epoch)),
        Format::Msgpack => Box::new(msgpack::Msgpack::new(output.epoch)),
    }
}
