//! Parts of buckets, and how they become whole.
//!
//! The original folds each series within each of its shards, and then folds the results, three times over. A mean of
//! means is rounded each time; to give the same last digit, this does so too.

use std::collections::VecDeque;

use super::fold::Fold;
use super::heap::Heap;
use super::value::Value;
use crate::ports::ScanOrder;

/// What the values of a bucket were folded to.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Where the bucket begins.
    pub(crate) start: i64,
    pub(crate) shard: i64,
    pub(crate) count: i64,
    pub(crate) value: Value,
    pub(crate) member: usize,
    /// The instant of the value that was chosen.
    pub(crate) at: i64,
}

/// Folds the parts of each bucket, which are neighbours, into one.
pub(crate) fn merged(fold: Fold, parts: Vec<Part>, order: ScanOrder) -> Vec<Part> {
    let of_shards = neighbours(fold, parts, |left, right| left.start == right.start && left.shard == right.shard);
    let of_shards = through_heap(of_shards, order);
    let of_buckets = neighbours(fold, of_shards, |left, right| left.start == right.start);
    neighbours(fold, of_buckets, |left, right| left.start == right.start)
}

/// Puts the parts of each bucket into the order in which the original folds its shards. Sums depend on it.
fn through_heap(mut parts: Vec<Part>, order: ScanOrder) -> Vec<Part> {
    // Parts of one bucket are neighbours: only where there are more than two does the order change.
    let (mut moved, mut at) = (false, 0);
    while let Some(first) = parts.get(at) {
        let many = parts.iter().skip(at).take_while(|part| part.start == first.start).count();
        moved |= many > 2;
        at += many;
    }
    if !moved {
        return parts;
    }
    parts.sort_by_key(|part| part.shard);
    let mut shards: Vec<_> = Vec::new();
    for part in parts {
        match shards.last_mut() {
            Some((shard, queue)) if *shard == part.shard => VecDeque::push_back(queue, part),
            _ => shards.push((part.shard, VecDeque::from([part]))),
        }
    }
    let less = |shards: &[(i64, VecDeque<Part>)], left: usize, right: usize| {
        let start = |place: usize| Some(shards.get(place)?.1.front()?.start);
        match order {
            ScanOrder::Ascending => start(left) < start(right),
            ScanOrder::Descending => start(left) > start(right),
        }
    };
    let mut heap = Heap::of((0..shards.len()).collect(), &|left, right| less(&shards, left, right));
    let mut all = Vec::new();
    while let Some(place) = heap.pop(&|left, right| less(&shards, left, right)) {
        let Some((_, queue)) = shards.get_mut(place) else { break };
        let Some(first) = queue.pop_front() else { continue };
        let start = first.start;
        all.push(first);
        while queue.front().is_some_and(|part| part.start == start) {
            all.extend(queue.pop_front());
        }
        if !queue.is_empty() {
            heap.push(place, &|left, right| less(&shards, left, right));
        }
    }
    all
}

/// Folds neighbours that belong together.
fn neighbours(fold: Fold, mut parts: Vec<Part>, together: impl Fn(&Part, &Part) -> bool) -> Vec<Part> {
    let alone = |pair: &[Part]| !matches!(pair, [left, right] if together(left, right));
    if parts.windows(2).all(alone) {
        for part in parts.iter_mut().filter(|_| fold == Fold::Mean) {
            part.value = Sum::of(fold, part).mean();
        }
        return parts;
    }
    let mut all: Vec<Part> = Vec::with_capacity(parts.len());
    let mut parts = parts.into_iter().peekable();
    while let Some(first) = parts.next() {
        let mut sum = Sum::of(fold, &first);
        let mut merged = first;
        while let Some(part) = parts.next_if(|part| together(&merged, part)) {
            sum.add(&part);
            merge(fold, &mut merged, part);
        }
        if fold == Fold::Mean {
            merged.value = sum.mean();
            merged.count = sum.count;
        }
        all.push(merged);
    }
    all
}

fn merge(fold: Fold, merged: &mut Part, part: Part) {
    match fold {
        Fold::Mean => {}
        Fold::Count | Fold::Sum => {
            merged.value = match (&merged.value, &part.value) {
                (Value::Integer(left), Value::Integer(right)) => Value::Integer(left.wrapping_add(*right)),
                (Value::Float(left), Value::Float(right)) => Value::Float(left + right),
                _ => return,
            };
        }
        Fold::First | Fold::Last | Fold::Max | Fold::Min => {
            let order = part.value.order(&merged.value);
            let earlier = part.at < merged.at;
            let wins = match fold {
                Fold::First => earlier || (part.at == merged.at && order.is_gt()),
                Fold::Last => part.at > merged.at || (part.at == merged.at && order.is_gt()),
                Fold::Max => order.is_gt() || (order.is_eq() && earlier),
                _ => order.is_lt() || (order.is_eq() && earlier),
            };
            if wins {
                *merged = Part { shard: merged.shard, ..part };
            }
        }
    }
}

/// A mean of means.
struct Sum {
    sum: f64,
    count: i64,
}

impl Sum {
    fn of(fold: Fold, part: &Part) -> Self {
        let mut sum = Self { sum: 0.0, count: 0 };
        if fold == Fold::Mean {
            sum.add(part);
        }
        sum
    }

    #[expect(clippy::cast_precision_loss, reason = "as the original counts")]
    fn add(&mut self, part: &Part) {
        let mean = part.value.number().unwrap_or(0.0);
        self.sum += if part.count >= 2 { mean * part.count as f64 } else { mean };
        self.count += part.count;
    }

    #[expect(clippy::cast_precision_loss, reason = "as the original counts")]
    fn mean(&self) -> Value {
        Value::Float(self.sum / self.count as f64)
    }
}
