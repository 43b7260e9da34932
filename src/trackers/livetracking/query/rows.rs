//! Points as they are: `SELECT a, b FROM m`.

use std::sync::Arc;

use super::group::{Group, Member};
use super::merge::{Merge, Tie};
use super::meter::{Meter, Outcome};
use super::plan::{Missing, Plan, Shown};
use super::schema::Meaning;
use super::sink::Sink;
use super::value::Value;
use super::writer::Head;

/// Gives the points of a group.
pub(crate) fn rows(plan: &Plan, group: &Group<'_>, meter: &Meter<'_>, sink: &mut dyn Sink) -> Outcome<()> {
    let fields: Vec<_> = plan
        .shown
        .iter()
        .filter_map(|shown| match shown.meaning {
            Meaning::Field(kind) => Some((Arc::clone(&shown.name), kind)),
            _ => None,
        })
        .collect();
    let tags: Vec<_> = group.members.iter().map(|member| tags(plan, member)).collect();
    let points = Merge::new(group, &fields, &plan.buckets, plan.order, meter);
    let mut points = points.ordered(group.members.iter().map(|member| ties(plan, member)));
    let mut output = Output::new(plan, group);
    let (mut values, mut skip) = (Vec::new(), plan.offset);
    let mut left = if plan.limit == 0 { usize::MAX } else { plan.limit };
    while left > 0 {
        let Some((at, point)) = points.next()? else {
            break;
        };
        if skip > 0 {
            skip -= 1;
            continue;
        }
        left -= 1;
        point.values(at, &mut values)?;
        let mut fields = values.drain(..);
        let mut tags = tags.get(point.member).into_iter().flatten();
        for (place, shown) in plan.shown.iter().enumerate() {
            let value = match shown.meaning {
                Meaning::Field(_) => fields.next().unwrap_or_default(),
                _ => tags.next().cloned().unwrap_or_default(),
            };
            output.put(place, value);
        }
        drop(fields);
        output.row(at, sink)?;
        meter.tick(1)?;
    }
    Ok(())
}

fn tags(plan: &Plan, member: &Member<'_>) -> Vec<Value> {
    let tags = plan.shown.iter().filter(|shown| !matches!(shown.meaning, Meaning::Field(_)));
    tags.map(|shown| member.tag(&shown.name)).collect()
}

/// By what points of one instant are put in order: what is shown of them, by name, fields before tags.
fn ties(plan: &Plan, member: &Member<'_>) -> Vec<Tie> {
    let is_tag = |shown: &Shown| !matches!(shown.meaning, Meaning::Field(_));
    let mut fields = 0..;
    let mut ties: Vec<_> = plan
        .shown
        .iter()
        .map(|shown| {
            let tie = match member.tag(&shown.name) {
                _ if !is_tag(shown) => Tie::Field(fields.next().unwrap_or_default()),
                Value::String(text) => Tie::Tag(Some(text)),
                _ => Tie::Tag(None),
            };
            ((&shown.name, is_tag(shown)), tie)
        })
        .collect();
    ties.sort_by_key(|(name, _)| *name);
    ties.into_iter().map(|(_, tie)| tie).collect()
}

/// A table in the making.
#[derive(Debug)]
pub(crate) struct Output<'a> {
    plan: &'a Plan,
    /// The head, until the first row.
    head: Option<Head>,
    /// The values that columns are made of.
    slots: Vec<Value>,
    missing: Vec<Missing>,
    cells: Vec<Value>,
}

impl<'a> Output<'a> {
    pub(crate) fn new(plan: &'a Plan, group: &Group<'_>) -> Self {
        let head = Head {
            name: Arc::clone(&group.name),
            tags: group.tags.clone(),
            columns: plan.titles.clone(),
            zone: plan.buckets.zone.clone(),
        };
        Self {
            plan,
            head: Some(head),
            slots: vec![Value::Null; plan.calls.len() + plan.shown.len()],
            missing: plan.missing(),
            cells: Vec::new(),
        }
    }

    /// Puts what a function gave in its place, also if that is nothing.
    pub(crate) fn given(&mut self, place: usize, value: Value) {
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = value;
        }
    }

    /// Puts a value in its place; where there is none, what the statement fills with.
    pub(crate) fn put(&mut self, place: usize, value: Value) {
        let (Some(slot), Some(missing)) = (self.slots.get_mut(place), self.missing.get(place)) else {
            return;
        };
        match (missing, value.is_null()) {
            (Missing::Kept, true) => {}
            (Missing::Value(missing), true) => slot.clone_from(missing),
            (_, false) => *slot = value,
        }
    }

    /// Gives the row.
    pub(crate) fn row(&mut self, at: i64, sink: &mut dyn Sink) -> Outcome<()> {
        if let Some(head) = self.head.take() {
            sink.table(head)?;
        }
        self.cells.clear();
        self.cells.push(Value::Time(at));
        self.cells.extend(self.plan.outputs.iter().map(|output| output.eval(&self.slots)));
        sink.row(&self.cells)
    }
}
