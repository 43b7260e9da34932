//! What there is of one account at one moment.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, RangeInclusive};
use std::sync::{Arc, OnceLock};

use trackgate_schemes::store::StoreError;

use super::layer::Layer;
use super::merge;
use crate::ports::{FieldType, PointsView, ScanOrder, SeriesId, SeriesKey, Slice};

/// The layers of one account: what a later one has of an instant goes before what an earlier one has.
#[derive(Debug)]
pub(super) struct View {
    layers: Vec<Layer>,
    series: OnceLock<Vec<Series>>,
}

/// A series that has points, and its fields that have some, by name.
#[derive(Debug)]
struct Series {
    key: SeriesKey,
    fields: Vec<(Arc<str>, FieldType)>,
}

impl View {
    /// Of these layers, oldest first.
    pub(super) fn new(layers: Vec<Layer>) -> Self {
        Self { layers, series: OnceLock::new() }
    }

    /// All series, sorted; the number of one is its place.
    fn all(&self) -> &[Series] {
        self.series.get_or_init(|| {
            let mut found: BTreeMap<&SeriesKey, BTreeMap<&Arc<str>, FieldType>> = BTreeMap::new();
            // Later layers go first: if a field had another type before, its old values are not shown any more.
            for layer in self.layers.iter().rev() {
                layer.each_field(&mut |key, field, kind| {
                    found.entry(key).or_default().entry(field).or_insert(kind);
                });
            }
            let fields = |fields: BTreeMap<&Arc<str>, FieldType>| {
                fields.into_iter().map(|(name, kind)| (Arc::clone(name), kind)).collect()
            };
            found.into_iter().map(|(key, of)| Series { key: key.clone(), fields: fields(of) }).collect()
        })
    }

    /// All fields of all series, in order.
    pub(super) fn all_fields(&self) -> impl Iterator<Item = (&SeriesKey, &Arc<str>, FieldType)> {
        self.all().iter().flat_map(|series| series.fields.iter().map(|(name, kind)| (&series.key, name, *kind)))
    }

    /// Shows the values of a field of this type: see [`PointsView::scan`].
    pub(super) fn scan_field(
        &self,
        key: &SeriesKey,
        field: &str,
        kind: FieldType,
        range: &RangeInclusive<i64>,
        order: ScanOrder,
        visit: &mut dyn FnMut(Slice<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut pieces = Vec::new();
        for (rank, layer) in self.layers.iter().enumerate() {
            layer.pieces(key, field, kind, range, rank, &mut pieces);
        }
        merge::scan(pieces, range, order, visit)
    }

    /// The series of a measurement, with the number of the first.
    fn of(&self, measurement: &str) -> (usize, &[Series]) {
        let all = self.all();
        let from = all.partition_point(|series| &*series.key.measurement < measurement);
        let to = all.partition_point(|series| &*series.key.measurement <= measurement);
        (from, all.get(from..to).unwrap_or_default())
    }
}

impl PointsView for View {
    fn measurements(&self) -> Vec<Arc<str>> {
        let mut names: Vec<_> = self.all().iter().map(|series| Arc::clone(&series.key.measurement)).collect();
        names.dedup();
        names
    }

    fn fields(&self, measurement: &str) -> Vec<(Arc<str>, FieldType)> {
        let (_, series) = self.of(measurement);
        let all: BTreeMap<_, _> = series.iter().flat_map(|series| series.fields.iter().cloned()).collect();
        all.into_iter().collect()
    }

    fn series(&self, measurement: &str) -> Vec<(SeriesId, SeriesKey)> {
        let (first, series) = self.of(measurement);
        series.iter().zip(first as u64..).map(|(series, number)| (SeriesId(number), series.key.clone())).collect()
    }

    fn scan(
        &self,
        series: SeriesId,
        field: &str,
        range: RangeInclusive<i64>,
        order: ScanOrder,
        visit: &mut dyn FnMut(Slice<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let Some(series) = usize::try_from(series.0).ok().and_then(|place| self.all().get(place)) else {
            return Ok(());
        };
        let Some((_, kind)) = series.fields.iter().find(|(name, _)| &**name == field) else { return Ok(()) };
        self.scan_field(&series.key, field, *kind, &range, order, visit)
    }
}
