//! The values of a field of a series, one after the other: what a store shows in slices, taken when it is wanted.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::meter::{Meter, Outcome, Stop};
use super::value::Value;
use crate::ports::{FieldType, PointsView, ScanOrder, SeriesId, Slice, Values};

/// What is wanted of a series.
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) view: &'a dyn PointsView,
    pub(crate) series: SeriesId,
    pub(crate) field: Arc<str>,
    /// What the values are turned into.
    pub(crate) kind: FieldType,
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) order: ScanOrder,
}

/// A place in the values of a field.
#[derive(Debug)]
pub(crate) struct Column<'a> {
    wanted: Wanted<'a>,
    meter: &'a Meter<'a>,
    /// Values read ahead, in the order in which they are given.
    times: Vec<i64>,
    values: Buffer,
    at: usize,
    /// How many to read next, and at most.
    batch: usize,
    most: usize,
    /// What was counted as held.
    held: usize,
    done: bool,
}

/// Values that were read ahead.
#[derive(Debug)]
enum Buffer {
    Boolean(Vec<bool>),
    Float(Vec<f64>),
    Integer(Vec<i64>),
    String(Vec<Arc<str>>),
}

/// Bytes that a value read ahead takes, about.
const CELL: usize = 24;
/// Values read ahead of all columns together, about.
const AHEAD: usize = 256 * 1024;

impl<'a> Column<'a> {
    /// Stands before the first value; it is one of so many columns that are read together.
    pub(crate) fn new(wanted: Wanted<'a>, together: usize, meter: &'a Meter<'a>) -> Self {
        let most = (AHEAD / together.max(1)).clamp(16, 8192);
        Self {
            wanted,
            meter,
            times: Vec::new(),
            values: Buffer::Float(Vec::new()),
            at: 0,
            batch: most.min(256),
            most,
            held: 0,
            done: false,
        }
    }

    /// The instant of the next value, if there is one.
    pub(crate) fn peek(&mut self) -> Outcome<Option<i64>> {
        if self.at >= self.times.len() {
            if self.done {
                return Ok(None);
            }
            self.read()?;
        }
        Ok(self.times.get(self.at).copied())
    }

    /// The next value, if it is at that instant.
    pub(crate) fn value_at(&mut self, at: i64) -> Outcome<Value> {
        Ok(if self.peek()? == Some(at) { self.value() } else { Value::Null })
    }

    /// Goes on behind the next value.
    pub(crate) fn advance(&mut self) {
        self.at += 1;
    }

    /// Goes on to the first value that is not before an instant.
    pub(crate) fn seek(&mut self, at: i64) -> Outcome<()> {
        while let Some(next) = self.peek()? {
            let before = match self.wanted.order {
                ScanOrder::Ascending => next < at,
                ScanOrder::Descending => next > at,
            };
            if !before {
                break;
            }
            self.advance();
        }
        Ok(())
    }

    fn value(&self) -> Value {
        let values = match &self.values {
            Buffer::Boolean(all) => Values::Boolean(all),
            Buffer::Float(all) => Values::Float(all),
            Buffer::Integer(all) => Values::Integer(all),
            Buffer::String(all) => Values::String(all),
        };
        Value::at(values, self.at).cast(self.wanted.kind)
    }

    fn read(&mut self) -> Outcome<()> {
        self.at = 0;
        self.times.clear();
        self.values.clear();
        self.make_room()?;
        let Wanted { view, series, order, first, last, .. } = self.wanted;
        if first <= last {
            let (times, values, batch) = (&mut self.times, &mut self.values, self.batch);
            let scanned = view.scan(series, &self.wanted.field, first..=last, order, &mut |slice| {
                take(times, values, &slice, batch - times.len(), order);
                if times.len() < batch { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            scanned.map_err(unreadable)?;
        }
        self.meter.tick(self.times.len())?;
        match self.times.last() {
            Some(_) if self.times.len() < self.batch => self.done = true,
            None => self.done = true,
            Some(at) => match order {
                ScanOrder::Ascending => self.wanted.first = at.saturating_add(1),
                ScanOrder::Descending => self.wanted.last = at.saturating_sub(1),
            },
        }
        Ok(())
    }

    /// Counts room for twice as many values as the last time, or for as many if there is no more.
    fn make_room(&mut self) -> Outcome<()> {
        if self.held == 0 {
            self.meter.hold(self.batch * CELL)?;
            self.held = self.batch * CELL;
            return Ok(());
        }
        let more = (self.batch * 2).min(self.most);
        if self.meter.hold((more - self.batch) * CELL).is_ok() {
            self.held = more * CELL;
            self.batch = more;
        }
        Ok(())
    }
}

/// What the client is told of a store that cannot be read.
#[expect(clippy::needless_pass_by_value, reason = "to be given to `map_err`")]
pub(crate) fn unreadable(error: trackgate_schemes::store::StoreError) -> Stop {
    Stop::Said(format!("what is stored {}", error.kind()))
}

impl Buffer {
    fn clear(&mut self) {
        match self {
            Self::Boolean(all) => all.clear(),
            Self::Float(all) => all.clear(),
            Self::Integer(all) => all.clear(),
            Self::String(all) => all.clear(),
        }
    }
}

/// Takes at most so many values of a slice, from the end that comes first.
fn take(times: &mut Vec<i64>, values: &mut Buffer, slice: &Slice<'_>, most: usize, order: ScanOrder) {
    append(times, slice.times, most, order);
    match (&mut *values, slice.values) {
        (Buffer::Boolean(all), Values::Boolean(new)) => append(all, new, most, order),
        (Buffer::Float(all), Values::Float(new)) => append(all, new, most, order),
        (Buffer::Integer(all), Values::Integer(new)) => append(all, new, most, order),
        (Buffer::String(all), Values::String(new)) => append(all, new, most, order),
        (_, new) => {
            *values = match new {
                Values::Boolean(_) => Buffer::Boolean(Vec::new()),
                Values::Float(_) => Buffer::Float(Vec::new()),
                Values::Integer(_) => Buffer::Integer(Vec::new()),
                Values::String(_) => Buffer::String(Vec::new()),
            };
            match (values, new) {
                (Buffer::Boolean(all), Values::Boolean(new)) => append(all, new, most, order),
                (Buffer::Float(all), Values::Float(new)) => append(all, new, most, order),
                (Buffer::Integer(all), Values::Integer(new)) => append(all, new, most, order),
                (Buffer::String(all), Values::String(new)) => append(all, new, most, order),
                _ => {}
            }
        }
    }
}

fn append<T: Clone>(all: &mut Vec<T>, new: &[T], most: usize, order: ScanOrder) {
    let count = new.len().min(most);
    match order {
        ScanOrder::Ascending => all.extend_from_slice(new.get(..count).unwrap_or_default()),
        ScanOrder::Descending => {
            all.extend(new.get(new.len() - count..).unwrap_or_default().iter().rev().cloned());
        }
    }
}
