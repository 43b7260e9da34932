//! Functions that take a row of points to another: differences, sums so far, averages of neighbours.

use std::collections::VecDeque;

use super::function::{Function, Sign};
use super::point::Point;
use super::value::Value;
use crate::ports::ScanOrder;

/// Takes points in the order of the scan to others; those without a value are passed over. `interval` is that of the
/// buckets, 0 for none.
pub(crate) fn transform(
    function: &Function,
    points: impl Iterator<Item = Point>,
    interval: i64,
    order: ScanOrder,
) -> Vec<Point> {
    let points = points.filter(|point| !point.value.is_null());
    match function {
        Function::CumulativeSum => cumulative(points),
        Function::Derivative { unit, sign } => {
            let unit = match (unit, interval) {
                (0, 0) => 1_000_000_000,
                (0, interval) => interval,
                (unit, _) => *unit,
            };
            derivative(points, unit, *sign, order)
        }
        Function::Difference { sign } => difference(points, *sign),
        Function::Elapsed { unit } => elapsed(points, *unit),
        Function::MovingAverage { points: many } => moving_average(points, *many),
        _ => Vec::new(),
    }
}

fn cumulative(points: impl Iterator<Item = Point>) -> Vec<Point> {
    let mut sum: Option<Value> = None;
    points
        .map(|point| {
            let next = match (sum.take(), point.value) {
                (Some(Value::Integer(sum)), Value::Integer(value)) => Value::Integer(sum.wrapping_add(value)),
                (Some(Value::Float(sum)), Value::Float(value)) => Value::Float(sum + value),
                (_, value) => value,
            };
            sum = Some(next.clone());
            Point::new(point.at, next)
        })
        .collect()
}

/// Neighbours; of points of one instant only the first counts.
fn pairs(points: impl Iterator<Item = Point>) -> impl Iterator<Item = (Point, Point)> {
    let mut last: Option<Point> = None;
    points.filter_map(move |point| {
        if last.as_ref().is_some_and(|last| last.at == point.at) {
            return None;
        }
        let before = last.replace(point.clone());
        before.map(|before| (before, point))
    })
}

#[expect(clippy::cast_precision_loss, reason = "as the original counts")]
fn derivative(points: impl Iterator<Item = Point>, unit: i64, sign: Sign, order: ScanOrder) -> Vec<Point> {
    let slopes = pairs(points).filter_map(|(before, point)| {
        let difference = match (&before.value, &point.value) {
            (Value::Integer(before), Value::Integer(value)) => value.wrapping_sub(*before) as f64,
            (before, value) => value.number()? - before.number()?,
        };
        let elapsed = match order {
            ScanOrder::Ascending => point.at.wrapping_sub(before.at),
            ScanOrder::Descending => before.at.wrapping_sub(point.at),
        };
        let value = difference / (elapsed as f64 / unit as f64);
        let shown = sign == Sign::Any || difference >= 0.0;
        shown.then(|| Point::new(point.at, Value::Float(value)))
    });
    slopes.collect()
}

fn difference(points: impl Iterator<Item = Point>, sign: Sign) -> Vec<Point> {
    let differences = pairs(points).filter_map(|(before, point)| {
        let value = match (&before.value, &point.value) {
            (Value::Integer(before), Value::Integer(value)) => Value::Integer(value.wrapping_sub(*before)),
            (before, value) => Value::Float(value.number()? - before.number()?),
        };
        let shown = sign == Sign::Any || value.number().is_some_and(|value| value >= 0.0);
        shown.then(|| Point::new(point.at, value))
    });
    differences.collect()
}

fn elapsed(points: impl Iterator<Item = Point>, unit: i64) -> Vec<Point> {
    let mut last: Option<i64> = None;
    let times = points.filter_map(|point| {
        let before = last.replace(point.at)?;
        let elapsed = point.at.wrapping_sub(before).checked_div(unit).unwrap_or(0);
        Some(Point::new(point.at, Value::Integer(elapsed)))
    });
    times.collect()
}

#[expect(clippy::cast_precision_loss, reason = "as the original counts")]
fn moving_average(points: impl Iterator<Item = Point>, many: usize) -> Vec<Point> {
    let mut window: VecDeque<Value> = VecDeque::new();
    let (mut sum, mut whole) = (0.0, 0_i64);
    let averages = points.filter_map(|point| {
        if window.len() == many {
            match window.pop_front()? {
                Value::Integer(value) => whole = whole.wrapping_sub(value),
                value => sum -= value.number()?,
            }
        }
        let integer = matches!(point.value, Value::Integer(_));
        match &point.value {
            Value::Integer(value) => whole = whole.wrapping_add(*value),
            value => sum += value.number()?,
        }
        window.push_back(point.value);
        let average = if integer { whole as f64 } else { sum } / many as f64;
        (window.len() == many).then(|| Point::new(point.at, Value::Float(average)))
    });
    averages.collect()
}
