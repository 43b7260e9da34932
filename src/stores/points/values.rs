//! Values of one type in a row, with their instants.

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use crate::ports::{FieldType, FieldValue, Slice, Values};

/// Values of one type.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Column {
    Boolean(Vec<bool>),
    Float(Vec<f64>),
    Integer(Vec<i64>),
    String(Vec<Arc<str>>),
}

/// Does the same with the vector inside, whatever its type.
macro_rules! each {
    ($column:expr, $inner:ident => $what:expr) => {
        match $column {
            Column::Boolean($inner) => $what,
            Column::Float($inner) => $what,
            Column::Integer($inner) => $what,
            Column::String($inner) => $what,
        }
    };
}

/// Does the same with the vectors of two columns of one type, nothing if they are not.
macro_rules! both {
    ($left:expr, $right:expr, $a:ident, $b:ident => $what:expr) => {
        match ($left, $right) {
            (Column::Boolean($a), Column::Boolean($b)) => $what,
            (Column::Float($a), Column::Float($b)) => $what,
            (Column::Integer($a), Column::Integer($b)) => $what,
            (Column::String($a), Column::String($b)) => $what,
            _ => {}
        }
    };
}

impl Column {
    /// None yet.
    pub(super) fn new(kind: FieldType) -> Self {
        match kind {
            FieldType::Boolean => Self::Boolean(Vec::new()),
            FieldType::Float => Self::Float(Vec::new()),
            FieldType::Integer => Self::Integer(Vec::new()),
            FieldType::String => Self::String(Vec::new()),
        }
    }

    pub(super) fn kind(&self) -> FieldType {
        match self {
            Self::Boolean(_) => FieldType::Boolean,
            Self::Float(_) => FieldType::Float,
            Self::Integer(_) => FieldType::Integer,
            Self::String(_) => FieldType::String,
        }
    }

    pub(super) fn len(&self) -> usize {
        each!(self, values => values.len())
    }

    /// Those at these places, which must be there.
    fn slice(&self, range: Range<usize>) -> Option<Values<'_>> {
        Some(match self {
            Self::Boolean(values) => Values::Boolean(values.get(range)?),
            Self::Float(values) => Values::Float(values.get(range)?),
            Self::Integer(values) => Values::Integer(values.get(range)?),
            Self::String(values) => Values::String(values.get(range)?),
        })
    }

    /// Puts a value, which must be of its type, at `at`: before the one there, or in place of it.
    fn put(&mut self, at: usize, value: FieldValue, replace: bool) {
        match (self, value) {
            (Self::Boolean(values), FieldValue::Boolean(value)) => place(values, at, value, replace),
            (Self::Float(values), FieldValue::Float(value)) => place(values, at, value, replace),
            (Self::Integer(values), FieldValue::Integer(value)) => place(values, at, value, replace),
            (Self::String(values), FieldValue::String(value)) => place(values, at, value, replace),
            _ => {}
        }
    }

    fn push_from(&mut self, other: &Self, range: Range<usize>) {
        both!(self, other, mine, theirs => mine.extend_from_slice(theirs.get(range).unwrap_or_default()));
    }

    fn split_off(&mut self, at: usize) -> Self {
        match self {
            Self::Boolean(values) => Self::Boolean(values.split_off(at)),
            Self::Float(values) => Self::Float(values.split_off(at)),
            Self::Integer(values) => Self::Integer(values.split_off(at)),
            Self::String(values) => Self::String(values.split_off(at)),
        }
    }

    fn drain(&mut self, range: Range<usize>) {
        each!(self, values => drop(values.drain(range)));
    }
}

fn place<T>(values: &mut Vec<T>, at: usize, value: T, replace: bool) {
    match values.get_mut(at).filter(|_| replace) {
        Some(there) => *there = value,
        None => values.insert(at.min(values.len()), value),
    }
}

/// Instants, strictly ascending, and the value at each.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    times: Vec<i64>,
    values: Column,
}

impl Run {
    /// None yet.
    pub(super) fn new(kind: FieldType) -> Self {
        Self { times: Vec::new(), values: Column::new(kind) }
    }

    /// Of these, if they are as many instants as values, and the instants ascend.
    pub(super) fn of(times: Vec<i64>, values: Column) -> Option<Self> {
        let ascending = times.is_sorted_by(|a, b| a < b);
        (ascending && times.len() == values.len()).then_some(Self { times, values })
    }

    pub(super) fn kind(&self) -> FieldType {
        self.values.kind()
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    pub(super) fn times(&self) -> &[i64] {
        &self.times
    }

    pub(super) fn values(&self) -> &Column {
        &self.values
    }

    /// The first instant and the last.
    pub(super) fn span(&self) -> Option<(i64, i64)> {
        Some((*self.times.first()?, *self.times.last()?))
    }

    /// Sets the value at an instant.
    pub(super) fn set(&mut self, at: i64, value: FieldValue) {
        if self.kind() != value.kind() {
            return;
        }
        if self.times.last().is_none_or(|last| *last < at) {
            self.times.push(at);
            self.values.put(self.times.len() - 1, value, false);
            return;
        }
        match self.times.binary_search(&at) {
            Ok(place) => self.values.put(place, value, true),
            Err(place) => {
                self.times.insert(place, at);
                self.values.put(place, value, false);
            }
        }
    }

    /// Takes the second half out of it.
    pub(super) fn split(&mut self) -> Self {
        let half = self.times.len() / 2;
        Self { times: self.times.split_off(half), values: self.values.split_off(half) }
    }

    /// A copy of those at these places.
    pub(super) fn part(&self, places: Range<usize>) -> Self {
        let mut part = Self::new(self.kind());
        part.push_from(self, places);
        part
    }

    /// Adds all of `other`, which are later and of the same type.
    pub(super) fn append(&mut self, other: &Self) {
        self.push_from(other, 0..other.len());
    }

    /// Adds those of `other` within `range`, which are later and of the same type.
    pub(super) fn append_within(&mut self, other: &Self, range: &RangeInclusive<i64>) {
        self.push_from(other, other.places(range));
    }

    /// Adds values that are later and of the same type.
    pub(super) fn append_slice(&mut self, slice: &Slice<'_>) {
        self.times.extend_from_slice(slice.times);
        match (&mut self.values, slice.values) {
            (Column::Boolean(mine), Values::Boolean(theirs)) => mine.extend_from_slice(theirs),
            (Column::Float(mine), Values::Float(theirs)) => mine.extend_from_slice(theirs),
            (Column::Integer(mine), Values::Integer(theirs)) => mine.extend_from_slice(theirs),
            (Column::String(mine), Values::String(theirs)) => mine.extend_from_slice(theirs),
            _ => self.times.truncate(self.values.len()),
        }
    }

    /// Its first instant that is not before this one.
    pub(super) fn first_from(&self, at: i64) -> Option<i64> {
        self.times.get(self.times.partition_point(|time| *time < at)).copied()
    }

    /// Adds those of `other` from this range of places, all of which must be later and of the same type.
    fn push_from(&mut self, other: &Self, range: Range<usize>) {
        self.times.extend_from_slice(other.times.get(range.clone()).unwrap_or_default());
        self.values.push_from(&other.values, range);
    }

    /// The places of the instants within `range`.
    fn places(&self, range: &RangeInclusive<i64>) -> Range<usize> {
        let from = self.times.partition_point(|at| at < range.start());
        let to = self.times.partition_point(|at| at <= range.end());
        from..to.max(from)
    }

    /// What is within `range`, `None` for nothing.
    pub(super) fn within(&self, range: &RangeInclusive<i64>) -> Option<Slice<'_>> {
        let places = self.places(range);
        let times = self.times.get(places.clone()).filter(|times| !times.is_empty())?;
        Some(Slice { times, values: self.values.slice(places)? })
    }

    /// Removes what is within `range`.
    pub(super) fn remove(&mut self, range: &RangeInclusive<i64>) {
        let places = self.places(range);
        if places.is_empty() {
            return;
        }
        self.times.drain(places.clone());
        self.values.drain(places);
    }

    /// Both together; where both have an instant, the value is that of `newer`. They are of one type.
    pub(super) fn merged(older: &Self, newer: &Self) -> Self {
        let mut merged = Self::new(older.kind());
        let (mut i, mut j) = (0, 0);
        while let (Some(left), Some(right)) = (older.times.get(i), newer.times.get(j)) {
            if left < right {
                let end = i + gallop(older.times.get(i..).unwrap_or_default(), *right);
                merged.push_from(older, i..end);
                i = end;
                continue;
            }
            i += usize::from(left == right);
            let stop = older.times.get(i).copied().unwrap_or(i64::MAX);
            let end = j + gallop(newer.times.get(j..).unwrap_or_default(), stop).max(1);
            merged.push_from(newer, j..end);
            j = end;
        }
        merged.push_from(older, i..older.len());
        merged.push_from(newer, j..newer.len());
        merged
    }
}

/// How many of these ascending instants lie before `stop`.
fn gallop(times: &[i64], stop: i64) -> usize {
    let mut reach = 1;
    while times.get(reach).is_some_and(|at| *at < stop) {
        reach *= 2;
    }
    times.get(..reach.min(times.len())).unwrap_or(times).partition_point(|at| *at < stop)
}
