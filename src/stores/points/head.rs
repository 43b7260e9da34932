//! The points of one account that are in memory only.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::runs::Runs;
use crate::ports::{Batch, FieldValue, SeriesKey};

/// The points of one account. A clone shares all of them; what is written to then is copied.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    series: HashMap<SeriesKey, Arc<SeriesHead>>,
}

/// The points of one series, field by field.
#[derive(Clone, Debug, Default)]
pub(super) struct SeriesHead {
    fields: Vec<(Arc<str>, Arc<Runs>)>,
}

impl Head {
    pub(super) fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// The series, in no order; each has a point.
    pub(super) fn series(&self) -> impl Iterator<Item = (&SeriesKey, &SeriesHead)> {
        self.series.iter().map(|(key, series)| (key, &**series))
    }

    /// The values of a field.
    pub(super) fn runs(&self, key: &SeriesKey, field: &str) -> Option<&Runs> {
        self.series.get(key)?.fields().find_map(|(name, runs)| (&**name == field).then_some(runs))
    }

    /// Adds the points of a batch whose numbers fit and whose types are settled.
    pub(super) fn apply(&mut self, batch: Batch) {
        let mut cells = batch.cells.into_iter();
        let mut rows = batch.rows.into_iter().peekable();
        while let Some(first) = rows.next() {
            let Some(key) = batch.series.get(first.series as usize) else { return };
            let series = Arc::make_mut(self.of(key));
            series.apply(first.at, cells.by_ref().take(first.cells as usize), &batch.fields);
            while let Some(row) = rows.next_if(|row| row.series == first.series) {
                series.apply(row.at, cells.by_ref().take(row.cells as usize), &batch.fields);
            }
        }
    }

    fn of(&mut self, key: &SeriesKey) -> &mut Arc<SeriesHead> {
        if !self.series.contains_key(key) {
            self.series.insert(key.clone(), Arc::default());
        }
        self.series.get_mut(key).expect("it was put there above")
    }

    /// Removes the points of these series within `range`.
    pub(super) fn remove(&mut self, keys: &[SeriesKey], range: &RangeInclusive<i64>) {
        for key in keys {
            let Some(series) = self.series.get_mut(key) else { continue };
            let series = Arc::make_mut(series);
            for (_, runs) in &mut series.fields {
                Arc::make_mut(runs).remove(range);
            }
            series.fields.retain(|(_, runs)| !runs.is_empty());
            if series.fields.is_empty() {
                self.series.remove(key);
            }
        }
    }
}

impl SeriesHead {
    /// The fields with their values, in no order; each has some.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&Arc<str>, &Runs)> {
        self.fields.iter().map(|(name, runs)| (name, &**runs))
    }

    fn apply(&mut self, at: i64, cells: impl Iterator<Item = (u32, FieldValue)>, names: &[Arc<str>]) {
        // Points of a series mostly name their fields in the same order: the next is looked for there first.
        let mut next = 0;
        for (field, value) in cells {
            let Some(name) = names.get(field as usize) else { continue };
            let place = self.place(name, next);
            if let Some((_, runs)) = self.fields.get_mut(place) {
                // A type may be forgotten and the field come back with another.
                if runs.kind() != value.kind() {
                    *runs = Arc::new(Runs::new(value.kind()));
                }
                Arc::make_mut(runs).set(at, value);
            } else {
                let mut runs = Runs::new(value.kind());
                runs.set(at, value);
                self.fields.push((Arc::clone(name), Arc::new(runs)));
            }
            next = place + 1;
        }
    }

    /// Where a field is, or where it belongs if it is new.
    fn place(&self, name: &Arc<str>, hint: usize) -> usize {
        if self.fields.get(hint).is_some_and(|(there, _)| there == name) {
            return hint;
        }
        self.fields.iter().position(|(there, _)| there == name).unwrap_or(self.fields.len())
    }
}
