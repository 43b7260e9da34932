//! What functions give: one row of points for each table.

use super::value::Value;

/// A value of a function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point {
    /// The instant that its row shows.
    pub(crate) at: i64,
    pub(crate) value: Value,
    /// The point that was chosen, if one was.
    pub(crate) chosen: Option<Chosen>,
}

/// A point that a function chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// Its series' place in the group.
    pub(crate) member: usize,
    pub(crate) at: i64,
}

impl Point {
    /// A value that is of no point alone.
    pub(crate) fn new(at: i64, value: Value) -> Self {
        Self { at, value, chosen: None }
    }
}
