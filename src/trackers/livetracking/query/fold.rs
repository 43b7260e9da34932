//! Functions that need no more than one pass over the values: folded over slices, bucket by bucket.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::bucket::{Buckets, shown};
use super::column::unreadable;
use super::function::Function;
use super::group::{Group, Member};
use super::merge::{Merge, shard, shard_end};
use super::meter::{Meter, Outcome};
use super::part::{self, Part};
use super::point::{Chosen, Point};
use super::value::Value;
use crate::ports::{FieldType, ScanOrder, Slice, Values};

/// How values are folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fold {
    Count,
    First,
    Last,
    Max,
    Mean,
    Min,
    Sum,
}

impl Fold {
    /// How a function folds, if it does.
    pub(crate) fn of(function: &Function) -> Option<Self> {
        Some(match function {
            Function::Count => Self::Count,
            Function::First => Self::First,
            Function::Last => Self::Last,
            Function::Max => Self::Max,
            Function::Mean => Self::Mean,
            Function::Min => Self::Min,
            Function::Sum => Self::Sum,
            _ => return None,
        })
    }

    fn chooses(self) -> bool {
        matches!(self, Self::First | Self::Last | Self::Max | Self::Min)
    }
}

/// Folds a field of a group: one point for each bucket with values, in the order of the scan.
pub(crate) fn fold(
    fold: Fold,
    (field, kind): (&Arc<str>, FieldType),
    group: &Group<'_>,
    buckets: &Buckets,
    order: ScanOrder,
    meter: &Meter<'_>,
) -> Outcome<Vec<Point>> {
    let mut parts = Vec::new();
    for (place, member) in group.members.iter().enumerate() {
        let Some(stored) = member.table.field(field) else {
            continue;
        };
        let mut folder = Folder { fold, buckets, order, member: place, parts: &mut parts, open: None };
        if member.filter.is_some() || stored != kind {
            one_by_one(&mut folder, (field, kind), group, member, meter)?;
        } else {
            slices(&mut folder, field, member, meter)?;
        }
        folder.close();
    }
    if group.members.len() > 1 {
        match order {
            ScanOrder::Ascending => parts.sort_by_key(|part| (part.start, part.shard)),
            ScanOrder::Descending => parts.sort_by_key(|part| std::cmp::Reverse((part.start, part.shard))),
        }
    }
    Ok(part::merged(fold, parts, order)
        .into_iter()
        .map(|part| Point {
            at: shown(part.start),
            value: part.value,
            chosen: fold.chooses().then_some(Chosen { member: part.member, at: part.at }),
        })
        .collect())
}

fn slices(folder: &mut Folder<'_>, field: &str, member: &Member<'_>, meter: &Meter<'_>) -> Outcome<()> {
    let Buckets { first, last, .. } = *folder.buckets;
    if first > last {
        return Ok(());
    }
    // Where one value of all is wanted, the first that comes may be it.
    let order = match (folder.fold, folder.buckets.is_whole()) {
        (Fold::First, true) => ScanOrder::Ascending,
        (Fold::Last, true) => ScanOrder::Descending,
        _ => folder.order,
    };
    let one = folder.buckets.is_whole() && matches!(folder.fold, Fold::First | Fold::Last);
    folder.order = order;
    let mut stopped = Ok(());
    let scanned = member.view.scan(member.id, field, first..=last, order, &mut |slice| {
        if one {
            folder.one(&slice);
            return ControlFlow::Break(());
        }
        let before = folder.parts.len();
        folder.slice(&slice);
        stopped =
            meter.tick(slice.times.len()).and_then(|()| meter.hold((folder.parts.len() - before) * size_of::<Part>()));
        if stopped.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    scanned.map_err(unreadable)?;
    stopped
}

/// Folds what must be looked at value by value: what a condition chooses, or what has another type here.
fn one_by_one(
    folder: &mut Folder<'_>,
    (field, kind): (&Arc<str>, FieldType),
    group: &Group<'_>,
    member: &Member<'_>,
    meter: &Meter<'_>,
) -> Outcome<()> {
    let order = match (folder.fold, folder.buckets.is_whole()) {
        (Fold::First, true) => ScanOrder::Ascending,
        (Fold::Last, true) => ScanOrder::Descending,
        _ => folder.order,
    };
    folder.order = order;
    let one = folder.buckets.is_whole() && matches!(folder.fold, Fold::First | Fold::Last);
    let alone = Group { name: Arc::clone(&group.name), tags: Vec::new(), members: vec![member.clone()] };
    let mut points = Merge::new(&alone, &[(Arc::clone(field), kind)], folder.buckets, order, meter);
    let mut values = Vec::new();
    while let Some((at, point)) = points.next()? {
        point.values(at, &mut values)?;
        let before = folder.parts.len();
        match values.first() {
            Some(Value::Boolean(value)) => folder.slice(&Slice { times: &[at], values: Values::Boolean(&[*value]) }),
            Some(Value::Float(value)) => folder.slice(&Slice { times: &[at], values: Values::Float(&[*value]) }),
            Some(Value::Integer(value)) => folder.slice(&Slice { times: &[at], values: Values::Integer(&[*value]) }),
            Some(Value::String(value)) => {
                folder.slice(&Slice { times: &[at], values: Values::String(&[Arc::clone(value)]) });
            }
            _ => continue,
        }
        meter.hold((folder.parts.len() - before) * size_of::<Part>())?;
        if one {
            break;
        }
    }
    Ok(())
}

/// Folds the values of one series.
struct Folder<'a> {
    fold: Fold,
    buckets: &'a Buckets,
    order: ScanOrder,
    member: usize,
    parts: &'a mut Vec<Part>,
    open: Option<Open>,
}

/// The bucket that is being folded.
struct Open {
    start: i64,
    /// The first and last instants that surely are in it, and in the shard.
    from: i64,
    to: i64,
    shard: i64,
    count: i64,
    state: State,
    at: i64,
}

/// What is known so far of a bucket.
#[derive(Clone, Debug)]
enum State {
    Boolean(bool),
    Float(f64),
    Integer(i64),
    String(Arc<str>),
}

impl Folder<'_> {
    /// The first value that comes is the one that is wanted.
    fn one(&mut self, slice: &Slice<'_>) {
        let place = match self.order {
            ScanOrder::Ascending => 0,
            ScanOrder::Descending => slice.times.len().saturating_sub(1),
        };
        if let Some(at) = slice.times.get(place) {
            let value = Value::at(slice.values, place);
            let (start, _) = self.buckets.of(*at);
            self.parts.push(Part { start, shard: 0, count: 1, value, member: self.member, at: *at });
        }
    }

    fn slice(&mut self, slice: &Slice<'_>) {
        match slice.values {
            Values::Boolean(values) => self.runs(
                slice.times,
                values,
                |fold, order, value: &bool, open| {
                    let State::Boolean(state) = open else { return false };
                    let better = better(fold, order, value, state);
                    *state = if better { *value } else { *state };
                    better
                },
                |value| State::Boolean(*value),
            ),
            Values::Float(values) => self.numbers(slice.times, values),
            Values::Integer(values) => self.whole_numbers(slice.times, values),
            Values::String(values) => self.runs(
                slice.times,
                values,
                |fold, order, value: &Arc<str>, open| {
                    let State::String(state) = open else { return false };
                    let better = better(fold, order, value, state);
                    if better {
                        state.clone_from(value);
                    }
                    better
                },
                |value| State::String(Arc::clone(value)),
            ),
        }
    }

    fn numbers(&mut self, times: &[i64], values: &[f64]) {
        self.runs(
            times,
            values,
            |fold, order, value, open| {
                let State::Float(state) = open else { return false };
                match fold {
                    Fold::Mean | Fold::Sum => {
                        *state += value;
                        false
                    }
                    fold => {
                        let better = better(fold, order, value, state);
                        *state = if better { *value } else { *state };
                        better
                    }
                }
            },
            |value| State::Float(*value),
        );
    }

    fn whole_numbers(&mut self, times: &[i64], values: &[i64]) {
        self.runs(
            times,
            values,
            |fold, order, value, open| {
                let State::Integer(state) = open else { return false };
                match fold {
                    Fold::Mean | Fold::Sum => {
                        *state = state.wrapping_add(*value);
                        false
                    }
                    fold => {
                        let better = better(fold, order, value, state);
                        *state = if better { *value } else { *state };
                        better
                    }
                }
            },
            |value| State::Integer(*value),
        );
    }

    /// Folds values bucket by bucket; `add` says whether it took the value's place.
    fn runs<T>(
        &mut self,
        times: &[i64],
        values: &[T],
        add: impl Fn(Fold, ScanOrder, &T, &mut State) -> bool,
        begin: impl Fn(&T) -> State,
    ) {
        let (fold, order) = (self.fold, self.order);
        let mut each = |at: i64, value: &T| {
            if let Some(open) = &mut self.open
                && open.from <= at
                && at <= open.to
            {
                open.count += 1;
                if fold != Fold::Count && add(fold, order, value, &mut open.state) {
                    open.at = at;
                }
                return;
            }
            self.open(at, begin(value));
        };
        match order {
            ScanOrder::Ascending => times.iter().zip(values).for_each(|(at, value)| each(*at, value)),
            ScanOrder::Descending => times.iter().zip(values).rev().for_each(|(at, value)| each(*at, value)),
        }
    }

    /// Begins a bucket with its first value, or goes on with one whose bounds are not known.
    fn open(&mut self, at: i64, state: State) {
        self.close();
        let (start, end) = self.buckets.of(at);
        let shard = shard(at);
        let (from, to) = match self.order {
            ScanOrder::Ascending => (at, end.min(shard_end(shard))),
            ScanOrder::Descending if end == at && self.buckets.zone.is_some() => (at, at),
            ScanOrder::Descending => (start.max(shard_end(shard - 1).saturating_add(1)), at),
        };
        self.open = Some(Open { start, from, to, shard, count: 1, state, at });
    }

    #[expect(clippy::cast_precision_loss, reason = "as the original counts")]
    fn close(&mut self) {
        let Some(open) = self.open.take() else {
            return;
        };
        let value = match (self.fold, open.state) {
            (Fold::Count, _) => Value::Integer(open.count),
            (Fold::Mean, State::Float(sum)) => Value::Float(sum / open.count as f64),
            (Fold::Mean, State::Integer(sum)) => Value::Float(sum as f64 / open.count as f64),
            (_, State::Boolean(value)) => Value::Boolean(value),
            (_, State::Float(value)) => Value::Float(value),
            (_, State::Integer(value)) => Value::Integer(value),
            (_, State::String(value)) => Value::String(value),
        };
        let Open { start, shard, count, at, .. } = open;
        self.parts.push(Part { start, shard, count, value, member: self.member, at });
    }
}

/// Whether a value that comes later in the scan takes the place of one.
fn better<T: PartialOrd>(fold: Fold, order: ScanOrder, value: &T, than: &T) -> bool {
    match (fold, order) {
        (Fold::First, ScanOrder::Descending) | (Fold::Last, ScanOrder::Ascending) => true,
        (Fold::Max, ScanOrder::Ascending) => value > than,
        (Fold::Max, ScanOrder::Descending) => value >= than,
        (Fold::Min, ScanOrder::Ascending) => value < than,
        (Fold::Min, ScanOrder::Descending) => value <= than,
        _ => false,
    }
}
