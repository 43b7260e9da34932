//! Functions that need all values of a bucket together.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::bucket::{Buckets, shown};
use super::function::{Function, Ranking};
use super::group::Group;
use super::merge::Merge;
use super::meter::{Meter, Outcome};
use super::point::{Chosen, Point};
use super::value::Value;
use crate::ports::{FieldType, ScanOrder};

/// A value with its instant and series.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) at: i64,
    pub(crate) value: Value,
    /// Its series' place in the group.
    pub(crate) member: usize,
}

/// The values of a field of a group in the order of the scan.
pub(crate) fn samples(
    (field, kind): (&Arc<str>, FieldType),
    group: &Group<'_>,
    buckets: &Buckets,
    order: ScanOrder,
    meter: &Meter<'_>,
) -> Outcome<Vec<Sample>> {
    let mut all = Vec::new();
    let mut points = Merge::new(group, &[(Arc::clone(field), kind)], buckets, order, meter);
    let mut values = Vec::new();
    while let Some((at, point)) = points.next()? {
        point.values(at, &mut values)?;
        let member = point.member;
        let Some(value) = values.pop().filter(|value| !value.is_null()) else {
            continue;
        };
        meter.hold(size_of::<Sample>() + value.held())?;
        all.push(Sample { at, value, member });
    }
    Ok(all)
}

/// Takes the values of each bucket to one point, or to some.
pub(crate) fn gather(
    function: &Function,
    samples: &[Sample],
    group: &Group<'_>,
    buckets: &Buckets,
    order: ScanOrder,
) -> Vec<Point> {
    let mut points = Vec::new();
    for bucket in samples.chunk_by(|left, right| buckets.of(left.at).0 == buckets.of(right.at).0) {
        let start = bucket.first().map_or(0, |sample| shown(buckets.of(sample.at).0));
        match function {
            Function::Bottom(ranking) => points.extend(ranked(ranking, bucket, group, Ordering::Less, order)),
            Function::Top(ranking) => points.extend(ranked(ranking, bucket, group, Ordering::Greater, order)),
            Function::Distinct => {
                points.extend(distinct(bucket, order).into_iter().map(|value| Point::new(start, value)));
            }
            Function::Median => points.extend(median(bucket).map(|value| Point::new(start, value))),
            Function::Mode => points.extend(mode(bucket).map(|value| Point::new(start, value))),
            Function::Percentile { of_hundred } => points.extend(percentile(*of_hundred, bucket).map(|sample| Point {
                at: start,
                value: sample.value.clone(),
                chosen: Some(Chosen { member: sample.member, at: sample.at }),
            })),
            Function::Spread => points.extend(spread(bucket).map(|value| Point::new(start, value))),
            Function::Stddev => points.push(Point::new(start, stddev(bucket))),
            _ => {}
        }
    }
    points
}

/// How many different values each bucket has.
pub(crate) fn count_distinct(samples: &[Sample], buckets: &Buckets) -> Vec<Point> {
    let bucketed = samples.chunk_by(|left, right| buckets.of(left.at).0 == buckets.of(right.at).0);
    bucketed
        .map(|bucket| {
            let start = bucket.first().map_or(0, |sample| shown(buckets.of(sample.at).0));
            let count = distinct(bucket, ScanOrder::Ascending).len();
            Point::new(start, Value::Integer(i64::try_from(count).unwrap_or(i64::MAX)))
        })
        .collect()
}

/// The area under the values of each bucket, by trapezia, with the bounds of buckets interpolated.
#[expect(clippy::cast_precision_loss, reason = "as the original counts")]
pub(crate) fn integral(unit: i64, samples: &[Sample], buckets: &Buckets, order: ScanOrder) -> Vec<Point> {
    let window = |at: i64| {
        if buckets.is_whole() {
            return (0, None);
        }
        let start = buckets.of(at).0;
        let end = start.saturating_add(buckets.interval);
        match order {
            ScanOrder::Ascending => (start, Some(end)),
            ScanOrder::Descending => (end, Some(start)),
        }
    };
    let beyond = |at: i64, end: i64| match order {
        ScanOrder::Ascending => at >= end,
        ScanOrder::Descending => at <= end,
    };
    let mut points = Vec::new();
    let mut samples = samples.iter().filter_map(|sample| Some((sample.at, sample.value.number()?)));
    let Some(mut last) = samples.next() else {
        return points;
    };
    let (mut start, mut end) = window(last.0);
    let mut sum = 0.0;
    for (at, value) in samples {
        if at == last.0 {
            last = (at, value);
            continue;
        }
        if let Some(bound) = end
            && beyond(at, bound)
        {
            if last.0 != bound {
                let there = line(bound, last, (at, value));
                sum += 0.5 * (there + last.1) * ((bound - last.0) as f64 / unit as f64);
                last = (bound, there);
            }
            points.push(Point::new(start, Value::Float(sum)));
            (start, end) = window(at);
            sum = 0.0;
        }
        sum += 0.5 * (value + last.1) * ((at - last.0) as f64 / unit as f64);
        last = (at, value);
    }
    if last.0 != start {
        points.push(Point::new(start, Value::Float(sum)));
    }
    points
}

/// The value at an instant on the line through two.
#[expect(clippy::cast_precision_loss, reason = "as the original counts")]
pub(crate) fn line(at: i64, from: (i64, f64), to: (i64, f64)) -> f64 {
    let slope = (to.1 - from.1) / (to.0 - from.0) as f64;
    slope * (at - from.0) as f64 + from.1
}

fn numbers(bucket: &[Sample]) -> Vec<f64> {
    bucket.iter().filter_map(|sample| sample.value.number()).collect()
}

#[expect(clippy::cast_precision_loss, reason = "as the original counts")]
fn median(bucket: &[Sample]) -> Option<Value> {
    let mut values: Vec<_> = bucket.iter().map(|sample| &sample.value).collect();
    values.sort_by(|left, right| left.order(right));
    let middle = values.len() / 2;
    let upper = values.get(middle)?;
    if values.len() % 2 == 1 {
        return upper.number().map(Value::Float);
    }
    Some(Value::Float(match (values.get(middle - 1)?, upper) {
        (Value::Integer(lower), Value::Integer(upper)) => *lower as f64 + upper.wrapping_sub(*lower) as f64 / 2.0,
        (lower, upper) => {
            let (lower, upper) = (lower.number()?, upper.number()?);
            lower + (upper - lower) / 2.0
        }
    }))
}

/// The value that is there most often; of those, the one whose value came first.
fn mode(bucket: &[Sample]) -> Option<Value> {
    let mut sorted: Vec<_> = bucket.iter().collect();
    sorted.sort_by(|left, right| left.value.order(&right.value));
    let first = sorted.first()?;
    let (mut most, mut mode, mut mode_at) = (0, &first.value, first.at);
    let (mut times, mut current, mut current_at) = (0, &first.value, first.at);
    for sample in &sorted {
        if sample.value != *current {
            (times, current, current_at) = (1, &sample.value, sample.at);
            continue;
        }
        times += 1;
        if most > times || (most == times && current_at > mode_at) {
            continue;
        }
        (most, mode, mode_at) = (times, &sample.value, sample.at);
    }
    Some(mode.clone())
}

fn spread(bucket: &[Sample]) -> Option<Value> {
    let least = bucket.iter().map(|sample| &sample.value).min_by(|left, right| left.order(right))?;
    let greatest = bucket.iter().map(|sample| &sample.value).max_by(|left, right| left.order(right))?;
    Some(match (least, greatest) {
        (Value::Integer(least), Value::Integer(greatest)) => Value::Integer(greatest.wrapping_sub(*least)),
        (least, greatest) => Value::Float(greatest.number()? - least.number()?),
    })
}

#[expect(clippy::cast_precision_loss, reason = "as the original counts")]
fn stddev(bucket: &[Sample]) -> Value {
    let values = numbers(bucket);
    if values.len() < 2 {
        return Value::Null;
    }
    let mut mean = 0.0;
    for (count, value) in values.iter().enumerate() {
        mean += (value - mean) / (count + 1) as f64;
    }
    let variance: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Value::Float((variance / (values.len() - 1) as f64).sqrt())
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "as the original counts")]
fn percentile(of_hundred: f64, bucket: &[Sample]) -> Option<&Sample> {
    let place = (bucket.len() as f64 * of_hundred / 100.0 + 0.5).floor() as i64 - 1;
    let mut sorted: Vec<_> = bucket.iter().collect();
    sorted.sort_by(|left, right| left.value.order(&right.value));
    sorted.get(usize::try_from(place).ok()?).copied()
}

/// The different values, those of one instant by value, else as they came.
fn distinct(bucket: &[Sample], order: ScanOrder) -> Vec<Value> {
    let mut seen = HashSet::new();
    let mut first: Vec<_> = bucket.iter().filter(|sample| seen.insert(identity(&sample.value))).collect();
    first.sort_by(|left, right| {
        let time = match order {
            ScanOrder::Ascending => left.at.cmp(&right.at),
            ScanOrder::Descending => right.at.cmp(&left.at),
        };
        time.then_with(|| left.value.order(&right.value))
    });
    first.into_iter().map(|sample| sample.value.clone()).collect()
}

/// What makes a value the same as another of its type.
#[derive(PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Identity {
    Bits(u64),
    Text(Arc<str>),
}

fn identity(value: &Value) -> Identity {
    match value {
        Value::Boolean(value) => Identity::Bits(u64::from(*value)),
        Value::Float(value) => Identity::Bits(if *value == 0.0 { 0 } else { value.to_bits() }),
        Value::Integer(value) | Value::Time(value) => Identity::Bits(value.cast_unsigned()),
        Value::Null => Identity::Bits(0),
        Value::String(text) => Identity::Text(Arc::clone(text)),
    }
}

/// The greatest or least values by time; of equal ones the earlier; with tags named, at most one for each.
fn ranked(ranking: &Ranking, bucket: &[Sample], group: &Group<'_>, wanted: Ordering, order: ScanOrder) -> Vec<Point> {
    let wins = |left: &Sample, right: &Sample| {
        let by_value = left.value.order(&right.value);
        let by_value = if wanted == Ordering::Greater { by_value.reverse() } else { by_value };
        by_value.then(left.at.cmp(&right.at))
    };
    let mut best: Vec<&Sample> = if ranking.by.is_empty() {
        bucket.iter().collect()
    } else {
        let mut of_tags: BTreeMap<Vec<Identity>, &Sample> = BTreeMap::new();
        for sample in bucket {
            let tags = ranking.by.iter().map(|name| {
                let value = group.members.get(sample.member).map_or(Value::Null, |member| member.tag(name));
                identity(&value)
            });
            let best = of_tags.entry(tags.collect()).or_insert(sample);
            if wins(sample, best).is_lt() {
                *best = sample;
            }
        }
        of_tags.into_values().collect()
    };
    best.sort_by(|left, right| wins(left, right));
    best.truncate(ranking.points);
    best.sort_by(|left, right| match order {
        ScanOrder::Ascending => left.at.cmp(&right.at),
        ScanOrder::Descending => right.at.cmp(&left.at),
    });
    let point = |sample: &Sample| Point {
        at: sample.at,
        value: sample.value.clone(),
        chosen: Some(Chosen { member: sample.member, at: sample.at }),
    };
    best.into_iter().map(point).collect()
}
