//! Functions side by side: each gives its points, and points of one instant make a row.

use std::iter::Peekable;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::bucket::Buckets;
use super::column::unreadable;
use super::fill::{Counted, Filled};
use super::fold::{Fold, fold};
use super::function::Function;
use super::gather;
use super::group::Group;
use super::meter::{Meter, Outcome};
use super::plan::{Call, Input, Plan};
use super::point::{Chosen, Point};
use super::rows::Output;
use super::schema::Meaning;
use super::sink::Sink;
use super::transform::transform;
use super::value::Value;
use crate::ports::{FieldType, ScanOrder};

/// Gives the rows of a group.
pub(crate) fn table(plan: &Plan, group: &Group<'_>, meter: &Meter<'_>, sink: &mut dyn Sink) -> Outcome<()> {
    let mut columns = Vec::with_capacity(plan.calls.len());
    for call in &plan.calls {
        let points = Functions { plan, group, meter }.outer(call)?;
        columns.push(points.limited(plan.limit, plan.offset).peekable());
    }
    let mut output = Output::new(plan, group);
    while let Some(at) = next(&mut columns, plan.order) {
        meter.tick(columns.len())?;
        let mut chosen = None;
        for (place, column) in columns.iter_mut().enumerate() {
            match column.next_if(|point| point.at == at) {
                Some(point) => {
                    chosen = point.chosen;
                    output.given(place, point.value);
                }
                None => output.put(place, Value::Null),
            }
        }
        for (place, shown) in plan.shown.iter().enumerate() {
            let value = chosen.map_or(Ok(Value::Null), |chosen| beside(group, chosen, &shown.name, shown.meaning))?;
            output.put(plan.calls.len() + place, value);
        }
        output.row(at, sink)?;
    }
    Ok(())
}

fn next(columns: &mut [Peekable<Filled>], order: ScanOrder) -> Option<i64> {
    let times = columns.iter_mut().filter_map(|column| column.peek().map(|point| point.at));
    match order {
        ScanOrder::Ascending => times.min(),
        ScanOrder::Descending => times.max(),
    }
}

/// What else the point has that was chosen.
fn beside(group: &Group<'_>, chosen: Chosen, name: &Arc<str>, meaning: Meaning) -> Outcome<Value> {
    let Some(member) = group.members.get(chosen.member) else {
        return Ok(Value::Null);
    };
    match meaning {
        Meaning::Field(kind) => {
            let mut value = Value::Null;
            let range = chosen.at..=chosen.at;
            let scanned = member.view.scan(member.id, name, range, ScanOrder::Ascending, &mut |slice| {
                value = Value::at(slice.values, 0).cast(kind);
                ControlFlow::Break(())
            });
            scanned.map_err(unreadable)?;
            Ok(value)
        }
        Meaning::Tag => Ok(member.tag(name)),
        Meaning::Unknown => Ok(Value::Null),
    }
}

/// Works out functions for a group.
struct Functions<'a> {
    plan: &'a Plan,
    group: &'a Group<'a>,
    meter: &'a Meter<'a>,
}

impl Functions<'_> {
    fn outer(&self, call: &Call) -> Outcome<Filled> {
        let buckets = &self.plan.buckets;
        let wanted = match self.plan.limit {
            0 => usize::MAX,
            limit => limit.saturating_add(self.plan.offset),
        };
        let mut filled = self.points(call, buckets, wanted)?;
        // One point that was chosen shows its own time.
        if self.plan.selector && buckets.is_whole() {
            let own = |point: Point| match point.chosen {
                Some(chosen) => Point { at: chosen.at, ..point },
                None => point,
            };
            filled = Filled::bare(filled.map(own).collect());
        }
        Ok(filled)
    }

    /// The points of a function within buckets, filled where the original fills.
    fn points(&self, call: &Call, buckets: &Buckets, wanted: usize) -> Outcome<Filled> {
        let order = self.plan.order;
        if call.function.is_transformation() {
            return self.transformed(call, buckets).map(Filled::bare);
        }
        let (field, kind) = call.field();
        if let (Function::Count, Input::Call(_)) = (&call.function, &call.input) {
            let samples = gather::samples((field, kind), self.group, buckets, order, self.meter)?;
            let points = gather::count_distinct(&samples, buckets);
            let fill = (self.plan.fill, FieldType::Integer);
            return Filled::new(points, fill, Counted::Yes, buckets, order, wanted);
        }
        let points = if let Some(way) = Fold::of(&call.function) {
            fold(way, (field, kind), self.group, buckets, order, self.meter)?
        } else {
            let samples = gather::samples((field, kind), self.group, buckets, order, self.meter)?;
            match call.function {
                Function::Integral { unit } => gather::integral(unit, &samples, buckets, order),
                _ => gather::gather(&call.function, &samples, self.group, buckets, order),
            }
        };
        match call.function {
            Function::Bottom(_) | Function::Distinct | Function::Integral { .. } | Function::Top(_) => {
                Ok(Filled::bare(points))
            }
            _ => {
                let counted = if call.function == Function::Count { Counted::Yes } else { Counted::No };
                let kind: FieldType = call.function.gives(kind);
                Filled::new(points, (self.plan.fill, kind), counted, buckets, order, wanted)
            }
        }
    }

    fn transformed(&self, call: &Call, buckets: &Buckets) -> Outcome<Vec<Point>> {
        let order = self.plan.order;
        let looks_back = match call.function {
            Function::CumulativeSum => 0,
            _ => 1,
        };
        let mut buckets = buckets.clone();
        let back = buckets.interval.saturating_mul(looks_back);
        match order {
            ScanOrder::Ascending => buckets.first = buckets.first.saturating_sub(back).max(super::time::FIRST),
            ScanOrder::Descending => buckets.last = buckets.last.saturating_add(back).min(super::time::LAST),
        }
        let interval = buckets.interval;
        match &call.input {
            Input::Call(inner) => {
                let points = self.points(inner, &buckets, usize::MAX)?;
                Ok(transform(&call.function, points, interval, order))
            }
            Input::Field { name, kind } => {
                let samples = gather::samples((name, *kind), self.group, &buckets, order, self.meter)?;
                let points = samples.into_iter().map(|sample| Point::new(sample.at, sample.value));
                Ok(transform(&call.function, points, interval, order))
            }
        }
    }
}
