//! Rows for buckets without points.

use std::iter::Peekable;
use std::vec::IntoIter;

use super::bucket::Buckets;
use super::gather::line;
use super::meter::{Outcome, Stop};
use super::point::Point;
use super::time::FIRST;
use super::value::Value;
use crate::ports::{FieldType, ScanOrder};
use crate::trackers::livetracking::influxql::ast::Fill;

/// The most buckets that are made for one function and table.
const MOST: i64 = 1_000_000;

/// Points with those between them that were made up.
#[derive(Debug)]
pub(crate) struct Filled {
    points: Peekable<IntoIter<Point>>,
    fill: Option<Filling>,
    skip: usize,
    left: usize,
}

/// How buckets are filled.
#[derive(Debug)]
struct Filling {
    fill: Fill,
    kind: FieldType,
    interval: i64,
    order: ScanOrder,
    buckets: Buckets,
    /// The next bucket.
    at: i64,
    /// The last one.
    end: i64,
    last: Option<Point>,
}

impl Filled {
    /// Points as they are.
    pub(crate) fn bare(points: Vec<Point>) -> Self {
        Self { points: points.into_iter().peekable(), fill: None, skip: 0, left: usize::MAX }
    }

    /// Points of buckets, filled if there are any. `counted` is whether they are numbers of points.
    ///
    /// # Errors
    ///
    /// [`Stop::Said`] if there would be too many.
    pub(crate) fn new(
        points: Vec<Point>,
        (fill, kind): (Fill, FieldType),
        counted: Counted,
        buckets: &Buckets,
        order: ScanOrder,
        wanted: usize,
    ) -> Outcome<Self> {
        let fill = match (fill, counted) {
            (Fill::Null, Counted::Yes) => Fill::Number(0.0),
            (fill, _) => fill,
        };
        let Some(first) = points.first().map(|point| point.at) else {
            return Ok(Self::bare(points));
        };
        if buckets.is_whole() || fill == Fill::None {
            return Ok(Self::bare(points));
        }
        let (from, to) = match order {
            ScanOrder::Ascending => (buckets.first, buckets.last),
            ScanOrder::Descending => (buckets.last, buckets.first),
        };
        // Without a bound the first or last point is one.
        let at = if from <= FIRST { first } else { buckets.of(from).0 };
        let last = points.last().map_or(first, |point| point.at);
        let end = if to <= FIRST { last } else { buckets.of(to).0 };
        let many = (i128::from(at) - i128::from(end)).abs() / i128::from(buckets.interval) + 1;
        if many.min(wanted as i128) > i128::from(MOST) {
            return Err(Stop::Said(format!("max-select-buckets limit exceeded: ({many}/{MOST})")));
        }
        let filling =
            Filling { fill, kind, interval: buckets.interval, order, buckets: buckets.clone(), at, end, last: None };
        Ok(Self { points: points.into_iter().peekable(), fill: Some(filling), skip: 0, left: usize::MAX })
    }

    /// Only these many, after so many; 0 for all.
    #[must_use]
    pub(crate) fn limited(mut self, limit: usize, offset: usize) -> Self {
        self.skip = offset;
        self.left = if limit == 0 { usize::MAX } else { limit };
        self
    }
}

/// Whether values are numbers of points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    No,
    Yes,
}

impl Iterator for Filled {
    type Item = Point;

    fn next(&mut self) -> Option<Point> {
        while self.skip > 0 {
            self.skip -= 1;
            self.advance()?;
        }
        self.left = self.left.checked_sub(1)?;
        self.advance()
    }
}

impl Filled {
    fn advance(&mut self) -> Option<Point> {
        let Some(fill) = &mut self.fill else {
            return self.points.next();
        };
        let over = match fill.order {
            ScanOrder::Ascending => fill.at > fill.end,
            ScanOrder::Descending => fill.at < fill.end,
        };
        if over && self.points.peek().is_none() {
            return None;
        }
        let there = self.points.next_if(|point| match fill.order {
            ScanOrder::Ascending => point.at <= fill.at,
            ScanOrder::Descending => point.at >= fill.at,
        });
        let point = match there {
            Some(point) => {
                fill.last = Some(point.clone());
                point
            }
            None => Point::new(fill.at, fill.value(self.points.peek())),
        };
        fill.go_on();
        Some(point)
    }
}

impl Filling {
    fn go_on(&mut self) {
        let next = match self.order {
            ScanOrder::Ascending => self.at.saturating_add(self.interval),
            ScanOrder::Descending => self.at.saturating_sub(self.interval),
        };
        // Buckets of a zone move with its clocks.
        self.at = if self.buckets.zone.is_some() { self.buckets.of(next).0 } else { next };
    }

    fn value(&self, next: Option<&Point>) -> Value {
        match self.fill {
            Fill::Linear => self.linear(next).unwrap_or_default(),
            Fill::None | Fill::Null => Value::Null,
            Fill::Number(number) => match self.kind {
                FieldType::Boolean => Value::Boolean(false),
                FieldType::Float => Value::Float(number),
                FieldType::Integer => Value::Float(number).cast(FieldType::Integer),
                FieldType::String => Value::text(""),
            },
            Fill::Previous => self.last.as_ref().map(|point| point.value.clone()).unwrap_or_default(),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "as the original counts")]
    fn linear(&self, next: Option<&Point>) -> Option<Value> {
        let (last, next) = (self.last.as_ref()?, next?);
        let place = |at: i64| at / self.interval;
        let number = |point: &Point| Some((place(point.at), point.value.number()?));
        let value = line(place(self.at), number(last)?, number(next)?);
        Some(match next.value {
            Value::Integer(_) => Value::Integer(value as i64),
            _ => Value::Float(value),
        })
    }
}
