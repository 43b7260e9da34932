//! Points of several series in order of time. Points of one instant come in the order in which the original's heap
//! gives them, which begins anew with each of its shards.

use std::cmp::Ordering;
use std::sync::Arc;

use super::bucket::Buckets;
use super::column::{Column, Wanted};
use super::group::{Group, Member};
use super::heap::Heap;
use super::meter::{Meter, Outcome};
use super::node::Node;
use super::value::Value;
use crate::ports::{FieldType, ScanOrder};

/// How long a shard of the original is.
const SHARD: i64 = 3_600_000_000_000;

/// The number of the shard that an instant is in.
pub(crate) fn shard(at: i64) -> i64 {
    at.div_euclid(SHARD)
}

/// The last instant of a shard.
pub(crate) fn shard_end(shard: i64) -> i64 {
    shard.saturating_add(1).saturating_mul(SHARD).saturating_sub(1)
}

/// The points of a series that count, with the fields that are wanted.
#[derive(Debug)]
pub(crate) struct Points<'a> {
    /// Its place in the group.
    pub(crate) member: usize,
    columns: Vec<Column<'a>>,
    filter: Option<(Node, Vec<Column<'a>>)>,
    order: ScanOrder,
    row: Vec<Value>,
    next: Option<i64>,
    ties: Vec<Tie>,
    /// The texts by which it comes before or after other points of its instant.
    texts: Vec<Arc<str>>,
}

/// By what points of one instant are put in order, as far as those are texts.
#[derive(Clone, Debug)]
pub(crate) enum Tie {
    /// The field at that place.
    Field(usize),
    /// The same for all points of the series; nothing if it has not got that tag.
    Tag(Option<Arc<str>>),
}

impl<'a> Points<'a> {
    fn new(member: usize, columns: Vec<Column<'a>>, filter: Option<(Node, Vec<Column<'a>>)>, order: ScanOrder) -> Self {
        Self { member, columns, filter, order, row: Vec::new(), next: None, ties: Vec::new(), texts: Vec::new() }
    }

    /// The values of the point at which it stands, as the fields were wanted.
    pub(crate) fn values(&mut self, at: i64, values: &mut Vec<Value>) -> Outcome<()> {
        values.clear();
        for column in &mut self.columns {
            values.push(column.value_at(at)?);
        }
        Ok(())
    }

    /// Goes on to the next point that counts.
    fn advance(&mut self) -> Outcome<Option<i64>> {
        if let Some(at) = self.next {
            self.skip(at)?;
        }
        self.next = self.find()?;
        if let Some(at) = self.next {
            self.look_at_ties(at)?;
        }
        Ok(self.next)
    }

    fn look_at_ties(&mut self, at: i64) -> Outcome<()> {
        self.texts.clear();
        for tie in &self.ties {
            let text = match tie {
                Tie::Field(place) => match self.columns.get_mut(*place) {
                    Some(column) => match column.value_at(at)? {
                        Value::String(text) => Some(text),
                        _ => None,
                    },
                    None => None,
                },
                Tie::Tag(text) => text.clone(),
            };
            let Some(text) = text else {
                break;
            };
            self.texts.push(text);
        }
        Ok(())
    }

    fn find(&mut self) -> Outcome<Option<i64>> {
        loop {
            let Some(at) = self.first()? else {
                return Ok(None);
            };
            let Some((node, columns)) = &mut self.filter else {
                return Ok(Some(at));
            };
            self.row.clear();
            for column in columns {
                column.seek(at)?;
                self.row.push(column.value_at(at)?);
            }
            if node.holds(&self.row) {
                return Ok(Some(at));
            }
            self.skip(at)?;
        }
    }

    fn first(&mut self) -> Outcome<Option<i64>> {
        let mut first = None;
        for column in &mut self.columns {
            first = match (first, column.peek()?) {
                (Some(left), Some(right)) => Some(match self.order {
                    ScanOrder::Ascending => i64::min(left, right),
                    ScanOrder::Descending => i64::max(left, right),
                }),
                (left, right) => left.or(right),
            };
        }
        Ok(first)
    }

    fn skip(&mut self, at: i64) -> Outcome<()> {
        for column in &mut self.columns {
            if column.peek()? == Some(at) {
                column.advance();
            }
        }
        Ok(())
    }
}

/// Points of all series of a group.
#[derive(Debug)]
pub(crate) struct Merge<'a> {
    order: ScanOrder,
    all: Vec<Points<'a>>,
    /// Places of those that have points in the shard.
    heap: Heap,
    shard: i64,
    begun: bool,
}

impl<'a> Merge<'a> {
    /// Reads these fields of a group within the range of the buckets.
    pub(crate) fn new(
        group: &Group<'a>,
        fields: &[(Arc<str>, FieldType)],
        buckets: &Buckets,
        order: ScanOrder,
        meter: &'a Meter<'a>,
    ) -> Self {
        let together = group.members.len() * fields.len();
        let all = group.members.iter().enumerate().map(|(place, member)| {
            let there = fields.iter().filter(|(field, _)| member.table.field(field).is_some());
            let column = |(field, kind): &(Arc<str>, FieldType)| {
                let wanted = wanted(member, field, *kind, buckets, order);
                Column::new(wanted, together, meter)
            };
            // Columns of fields that are not there are kept, so that places stay: they have no values.
            let columns = if there.count() == 0 { Vec::new() } else { fields.iter().map(column).collect() };
            let filter = member.filter.as_ref();
            let filter = filter.map(|filter| (filter.node.clone(), filter.fields.iter().map(column).collect()));
            Points::new(place, columns, filter, order)
        });
        Self { order, all: all.collect(), heap: Heap::default(), shard: 0, begun: false }
    }

    /// Puts points of one instant in order by these, given for each series.
    #[must_use]
    pub(crate) fn ordered(mut self, ties: impl Iterator<Item = Vec<Tie>>) -> Self {
        if self.all.len() > 1 {
            self.all.iter_mut().zip(ties).for_each(|(points, ties)| points.ties = ties);
        }
        self
    }

    /// The next point: its instant and where its values are.
    pub(crate) fn next(&mut self) -> Outcome<Option<(i64, &mut Points<'a>)>> {
        if self.begun {
            self.go_on()?;
        } else {
            for points in &mut self.all {
                points.advance()?;
            }
            self.begun = true;
        }
        if self.heap.first().is_none() {
            self.next_shard();
        }
        let Some(place) = self.heap.first() else {
            return Ok(None);
        };
        let points = self.all.get_mut(place);
        Ok(points.and_then(|points| Some((points.next?, points))))
    }

    /// Takes the point that was given out of the heap, and puts the next one of its series in.
    fn go_on(&mut self) -> Outcome<()> {
        let Some(place) = self.heap.pop(&less(&self.all, self.order)) else {
            return Ok(());
        };
        let next = match self.all.get_mut(place) {
            Some(points) => points.advance()?,
            None => None,
        };
        if next.is_some_and(|at| shard(at) == self.shard) {
            self.heap.push(place, &less(&self.all, self.order));
        }
        Ok(())
    }

    fn next_shard(&mut self) {
        let shards = self.all.iter().filter_map(|points| points.next).map(shard);
        let Some(next) = (match self.order {
            ScanOrder::Ascending => shards.min(),
            ScanOrder::Descending => shards.max(),
        }) else {
            return;
        };
        self.shard = next;
        let within = |points: &&Points<'_>| points.next.is_some_and(|at| shard(at) == next);
        let places = self.all.iter().filter(within).map(|points| points.member).collect();
        self.heap = Heap::of(places, &less(&self.all, self.order));
    }
}

fn less(all: &[Points<'_>], order: ScanOrder) -> impl Fn(usize, usize) -> bool {
    move |left, right| {
        let (Some(left), Some(right)) = (all.get(left), all.get(right)) else {
            return false;
        };
        let texts = left.texts.iter().zip(&right.texts).map(|(left, right)| left.cmp(right));
        let by_text = texts.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal);
        let by_time = left.next.cmp(&right.next).then(by_text);
        match order {
            ScanOrder::Ascending => by_time.is_lt(),
            ScanOrder::Descending => by_time.is_gt(),
        }
    }
}

/// A field of a series within the range of the buckets.
pub(crate) fn wanted<'a>(
    member: &Member<'a>,
    field: &Arc<str>,
    kind: FieldType,
    buckets: &Buckets,
    order: ScanOrder,
) -> Wanted<'a> {
    Wanted {
        view: member.view,
        series: member.id,
        field: Arc::clone(field),
        kind,
        first: buckets.first,
        last: buckets.last,
        order,
    }
}
