//! Points of several series in order of time. Points of one instant come in the order in which the original's heap
//! gives them, which begins anew with each of its shards.

use std::sync::Arc;

use super::bucket::Buckets;
use super::column::{Column, Wanted};
use super::group::{Group, Member};
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
}

impl<'a> Points<'a> {
    fn new(member: usize, columns: Vec<Column<'a>>, filter: Option<(Node, Vec<Column<'a>>)>, order: ScanOrder) -> Self {
        Self { member, columns, filter, order, row: Vec::new(), next: None }
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
        Ok(self.next)
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
    /// Places of those that have points in the shard, as a heap.
    heap: Vec<usize>,
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
        Self { order, all: all.collect(), heap: Vec::new(), shard: 0, begun: false }
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
        if self.heap.is_empty() {
            self.next_shard();
        }
        let Some(place) = self.heap.first().copied() else {
            return Ok(None);
        };
        let points = self.all.get_mut(place);
        Ok(points.and_then(|points| Some((points.next?, points))))
    }

    /// Takes the point that was given out of the heap, and puts the next one of its series in.
    fn go_on(&mut self) -> Outcome<()> {
        let Some(place) = self.pop() else {
            return Ok(());
        };
        let next = match self.all.get_mut(place) {
            Some(points) => points.advance()?,
            None => None,
        };
        if next.is_some_and(|at| shard(at) == self.shard) {
            self.heap.push(place);
            self.up(self.heap.len() - 1);
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
        self.heap = self.all.iter().filter(within).map(|points| points.member).collect();
        for at in (0..self.heap.len() / 2).rev() {
            self.down(at, self.heap.len());
        }
    }

    fn less(&self, left: usize, right: usize) -> bool {
        let at = |place: usize| self.heap.get(place).and_then(|place| self.all.get(*place)?.next);
        match self.order {
            ScanOrder::Ascending => at(left) < at(right),
            ScanOrder::Descending => at(left) > at(right),
        }
    }

    fn pop(&mut self) -> Option<usize> {
        let last = self.heap.len().checked_sub(1)?;
        self.heap.swap(0, last);
        self.down(0, last);
        self.heap.pop()
    }

    fn up(&mut self, mut at: usize) {
        while at > 0 {
            let parent = (at - 1) / 2;
            if !self.less(at, parent) {
                break;
            }
            self.heap.swap(at, parent);
            at = parent;
        }
    }

    fn down(&mut self, mut at: usize, length: usize) {
        loop {
            let left = 2 * at + 1;
            if left >= length {
                break;
            }
            let right = left + 1;
            let child = if right < length && self.less(right, left) { right } else { left };
            if !self.less(child, at) {
                break;
            }
            self.heap.swap(at, child);
            at = child;
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
