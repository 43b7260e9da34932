//! The records of `src/ports/points.rs` that the line protocol is read into. The file itself needs the store's crates.

use std::sync::Arc;

#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue {
    Boolean(bool),
    Float(f64),
    Integer(i64),
    String(Arc<str>),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey {
    pub measurement: Arc<str>,
    pub tags: Arc<[(Arc<str>, Arc<str>)]>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    pub series: Vec<SeriesKey>,
    pub fields: Vec<Arc<str>>,
    pub rows: Vec<Row>,
    pub cells: Vec<(u32, FieldValue)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub series: u32,
    pub at: i64,
    pub cells: u32,
}
