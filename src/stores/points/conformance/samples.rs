//! What the checks write, and how they read.

use std::ops::{ControlFlow, RangeInclusive};
use std::sync::Arc;

use trackgate_schemes::AccountId;

use crate::ports::{Batch, FieldValue, Points, PointsView, Row, ScanOrder, SeriesKey, Values};

pub(super) const ANNA: AccountId = AccountId(7);
pub(super) const BERTA: AccountId = AccountId(8);
pub(super) const ALL: RangeInclusive<i64> = i64::MIN..=i64::MAX;

/// A series: `samples` or `samples,rider=anna,team=x`.
pub(in crate::stores::points) fn key(text: &str) -> SeriesKey {
    let mut parts = text.split(',');
    let measurement = parts.next().unwrap().into();
    let tags = parts.map(|tag| tag.split_once('=').unwrap()).map(|(name, value)| (name.into(), value.into()));
    SeriesKey { measurement, tags: tags.collect() }
}

/// A point: its series, its instant, its cells.
pub(super) type Point<'a> = (&'a str, i64, &'a [(&'a str, FieldValue)]);

/// Points of series with their instants and cells.
pub(in crate::stores::points) fn batch(points: &[Point<'_>]) -> Batch {
    let mut batch = Batch::default();
    for (series, at, cells) in points {
        let series = place(&mut batch.series, key(series));
        for (field, value) in *cells {
            let field = place(&mut batch.fields, Arc::from(*field));
            batch.cells.push((field, value.clone()));
        }
        batch.rows.push(Row { series, at: *at, cells: number(cells.len()) });
    }
    batch
}

fn place<T: PartialEq>(all: &mut Vec<T>, one: T) -> u32 {
    let place = all.iter().position(|other| *other == one).unwrap_or_else(|| {
        all.push(one);
        all.len() - 1
    });
    number(place)
}

pub(super) fn number(count: usize) -> u32 {
    count.try_into().unwrap()
}

/// Points of one series and field.
pub(in crate::stores::points) fn floats(series: &str, field: &str, values: &[(i64, f64)]) -> Batch {
    Batch {
        series: vec![key(series)],
        fields: vec![field.into()],
        rows: values.iter().map(|(at, _)| Row { series: 0, at: *at, cells: 1 }).collect(),
        cells: values.iter().map(|(_, value)| (0, FieldValue::Float(*value))).collect(),
    }
}

pub(super) fn f(value: f64) -> FieldValue {
    FieldValue::Float(value)
}

pub(super) fn i(value: i64) -> FieldValue {
    FieldValue::Integer(value)
}

pub(super) fn s(value: &str) -> FieldValue {
    FieldValue::String(value.into())
}

/// All that a view has of a field within a range, in the order in which it is shown.
pub(super) fn read_in(
    view: &dyn PointsView,
    series: &str,
    field: &str,
    range: RangeInclusive<i64>,
    order: ScanOrder,
) -> Vec<(i64, FieldValue)> {
    let key = key(series);
    let Some((id, _)) = view.series(&key.measurement).into_iter().find(|(_, one)| *one == key) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    let mut visit = |slice: crate::ports::Slice<'_>| {
        assert!(!slice.times.is_empty() && slice.times.is_sorted_by(|a, b| a < b), "{:?}", slice.times);
        let mut shown: Vec<_> = slice.times.iter().copied().zip(values(slice.values)).collect();
        assert_eq!(shown.len(), slice.times.len());
        if order == ScanOrder::Descending {
            shown.reverse();
        }
        all.extend(shown);
        ControlFlow::Continue(())
    };
    view.scan(id, field, range, order, &mut visit).unwrap();
    let ordered = match order {
        ScanOrder::Ascending => all.is_sorted_by(|(a, _), (b, _)| a < b),
        ScanOrder::Descending => all.is_sorted_by(|(a, _), (b, _)| a > b),
    };
    assert!(ordered, "{all:?}");
    all
}

fn values(values: Values<'_>) -> Vec<FieldValue> {
    match values {
        Values::Boolean(values) => values.iter().map(|value| FieldValue::Boolean(*value)).collect(),
        Values::Float(values) => values.iter().map(|value| FieldValue::Float(*value)).collect(),
        Values::Integer(values) => values.iter().map(|value| FieldValue::Integer(*value)).collect(),
        Values::String(values) => values.iter().map(|value| FieldValue::String(Arc::clone(value))).collect(),
    }
}

/// All that an account has of a field now.
pub(super) fn read(points: &dyn Points, account: AccountId, series: &str, field: &str) -> Vec<(i64, FieldValue)> {
    read_in(&*points.view(account), series, field, ALL, ScanOrder::Ascending)
}
