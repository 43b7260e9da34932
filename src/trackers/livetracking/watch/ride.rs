//! Reading a ride out of a view of an account's points. It blocks.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, RangeInclusive};

use trackgate_schemes::store::StoreError;

use super::thin::{Point, Thin};
use crate::ports::{PointsView, ScanOrder, SeriesId, Slice, Values};

/// The measurement that riders' programs write (contract section 6).
const MEASUREMENT: &str = "samples";

/// What can be shown as a plot.
pub(super) const PLOTTED: [&str; 6] = ["spd_kph", "hr_bpm", "pwr_w", "alt_m", "cad_rpm", "temp_c"];

/// What is shown, position first.
pub(super) const SHOWN: [&str; 16] = [
    "lat",
    "lng",
    "spd_kph",
    "hr_bpm",
    "pwr_w",
    "alt_m",
    "cad_rpm",
    "temp_c",
    "acc_m",
    "bearing",
    "battery",
    "gsm_signal",
    "dist_km",
    "dur_s",
    "pwr_w_l",
    "pwr_w_r",
];

/// A ride as a whole, thinned.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ride {
    /// Instants in nanoseconds, degrees north and east.
    pub(super) track: Vec<Point<2>>,
    /// By name, those of [`PLOTTED`] that have values.
    pub(super) plots: Vec<(&'static str, Plot)>,
    /// The newest value of each of [`SHOWN`] that has one.
    pub(super) newest: Vec<(&'static str, i64, f64)>,
}

/// One value along a ride.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plot {
    pub(super) points: Vec<Point<1>>,
    /// Of all values, not of those that are left.
    pub(super) min: f64,
    pub(super) mean: f64,
    pub(super) max: f64,
    pub(super) count: u64,
}

/// Some instants with a value, or none, for each of [`SHOWN`].
pub(super) type Rows = BTreeMap<i64, [Option<f64>; SHOWN.len()]>;

impl Ride {
    /// Reads the ride within a range of nanoseconds.
    ///
    /// # Errors
    ///
    /// [`StoreError`] of the view.
    pub(super) fn read(view: &dyn PointsView, range: &RangeInclusive<i64>) -> Result<Self, StoreError> {
        let series = view.series(MEASUREMENT);
        let known: Vec<_> = view.fields(MEASUREMENT).into_iter().map(|(name, _)| name).collect();
        let has = |name: &str| known.iter().any(|known| **known == *name);
        let mut ride = Self::default();
        let mut track = Thin::new(TRACK_STRETCHES);
        for (id, _) in &series {
            add_track(view, *id, range, &mut track)?;
        }
        ride.track = track.points();
        for name in SHOWN.into_iter().filter(|name| has(name)) {
            if !PLOTTED.contains(&name) {
                let mut newest = None;
                for (id, _) in &series {
                    newest = newest.max_by_time(newest_of(view, *id, name, range)?);
                }
                ride.newest.extend(newest.map(|(at, value)| (name, at, value)));
                continue;
            }
            let mut sum = Sum::default();
            for (id, _) in &series {
                each_value(view, *id, name, range, &mut |at, value| {
                    sum.add(at, value);
                    ControlFlow::Continue(())
                })?;
            }
            if let Some((at, value)) = sum.newest {
                ride.newest.push((name, at, value));
                ride.plots.push((name, sum.plot()));
            }
        }
        Ok(ride)
    }

    /// The newest instant of what is shown.
    pub(super) fn last(&self) -> Option<i64> {
        self.newest.iter().map(|(_, at, _)| *at).max()
    }
}

/// The instants after which something may have come, each with its values; `None` if they are more than `limit`.
///
/// # Errors
///
/// [`StoreError`] of the view.
pub(super) fn rows(
    view: &dyn PointsView,
    range: &RangeInclusive<i64>,
    limit: usize,
) -> Result<Option<Rows>, StoreError> {
    let mut rows = Rows::new();
    for (id, _) in view.series(MEASUREMENT) {
        for (place, name) in SHOWN.into_iter().enumerate() {
            each_value(view, id, name, range, &mut |at, value| {
                if let Some(cell) = rows.entry(at).or_default().get_mut(place) {
                    *cell = Some(value);
                }
                if rows.len() > limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            if rows.len() > limit {
                return Ok(None);
            }
        }
    }
    Ok(Some(rows))
}

/// Adds the positions of a series: instants that have a latitude and a longitude.
fn add_track(
    view: &dyn PointsView,
    id: SeriesId,
    range: &RangeInclusive<i64>,
    track: &mut Thin<2>,
) -> Result<(), StoreError> {
    let mut latitudes = Vec::new();
    each_value(view, id, "lat", range, &mut |at, value| {
        latitudes.push((at, value));
        if latitudes.len() < MAX_POSITIONS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    let mut latitudes = latitudes.into_iter().peekable();
    each_value(view, id, "lng", range, &mut |at, longitude| {
        while latitudes.next_if(|(other, _)| *other < at).is_some() {}
        if let Some((_, latitude)) = latitudes.next_if(|(other, _)| *other == at)
            && latitude.abs() <= 90.0
            && longitude.abs() <= 180.0
        {
            track.add((at, [latitude, longitude]));
        }
        ControlFlow::Continue(())
    })
}

fn newest_of(
    view: &dyn PointsView,
    id: SeriesId,
    field: &str,
    range: &RangeInclusive<i64>,
) -> Result<Option<(i64, f64)>, StoreError> {
    let mut newest = None;
    // A slice is ascending in itself, whichever comes first.
    view.scan(id, field, range.clone(), ScanOrder::Descending, &mut |slice| {
        newest = numbers(&slice).last();
        if newest.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(newest)
}

/// Shows the numbers of a field one by one, in order; texts and truths are none.
fn each_value(
    view: &dyn PointsView,
    id: SeriesId,
    field: &str,
    range: &RangeInclusive<i64>,
    visit: &mut dyn FnMut(i64, f64) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    view.scan(id, field, range.clone(), ScanOrder::Ascending, &mut |slice| {
        numbers(&slice).try_for_each(|(at, value)| visit(at, value))
    })
}

/// The numbers of a slice with their instants.
fn numbers<'a>(slice: &Slice<'a>) -> impl Iterator<Item = (i64, f64)> + use<'a> {
    let (floats, integers): (&[f64], &[i64]) = match slice.values {
        Values::Float(values) => (values, &[]),
        Values::Integer(values) => (&[], values),
        Values::Boolean(_) | Values::String(_) => (&[], &[]),
    };
    #[expect(clippy::cast_precision_loss, reason = "what is shown needs no more than 53 bits")]
    let integers = integers.iter().map(|value| *value as f64);
    slice.times.iter().copied().zip(floats.iter().copied().chain(integers)).filter(|(_, value)| value.is_finite())
}

/// Everything about one value on the way through it.
struct Sum {
    thin: Thin<1>,
    newest: Option<(i64, f64)>,
    min: f64,
    max: f64,
    total: f64,
    count: u64,
}

impl Default for Sum {
    fn default() -> Self {
        let (min, max) = (f64::INFINITY, f64::NEG_INFINITY);
        Self { thin: Thin::new(PLOT_STRETCHES), newest: None, min, max, total: 0.0, count: 0 }
    }
}

impl Sum {
    fn add(&mut self, at: i64, value: f64) {
        self.thin.add((at, [value]));
        self.newest = self.newest.max_by_time(Some((at, value)));
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.total += value;
        self.count += 1;
    }

    fn plot(&self) -> Plot {
        #[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 points")]
        let mean = self.total / self.count.max(1) as f64;
        Plot { points: self.thin.points(), min: self.min, mean, max: self.max, count: self.count }
    }
}

trait Newest {
    /// The later of two values, of equals the second.
    fn max_by_time(self, other: Self) -> Self;
}

impl Newest for Option<(i64, f64)> {
    fn max_by_time(self, other: Self) -> Self {
        match (self, other) {
            (Some(one), Some(two)) => Some(if two.0 >= one.0 { two } else { one }),
            (one, two) => one.or(two),
        }
    }
}

/// With four points in each at most 2,000 positions.
const TRACK_STRETCHES: usize = 500;

/// With two points in each at most 1,200 values.
const PLOT_STRETCHES: usize = 600;

/// Positions of one series that are looked at: ten each second of 24 hours.
const MAX_POSITIONS: usize = 864_000;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use trackgate_schemes::AccountId;

    use super::*;
    use crate::ports::{Batch, FieldValue, Points as _, Row, SeriesKey};
    use crate::stores::MemoryPoints;

    const RIDER: AccountId = AccountId(1);
    const ALL: RangeInclusive<i64> = i64::MIN..=i64::MAX;

    fn float(value: f64) -> FieldValue {
        FieldValue::Float(value)
    }

    /// Points of a series with these tags: an instant and its values each.
    async fn write(points: &MemoryPoints, tags: &[(&str, &str)], rows: &[(i64, &[(&str, FieldValue)])]) {
        let tags = tags.iter().map(|(key, value)| (Arc::from(*key), Arc::from(*value))).collect();
        let mut batch = Batch { series: vec![SeriesKey { measurement: MEASUREMENT.into(), tags }], ..Batch::default() };
        for (at, values) in rows {
            batch.rows.push(Row { series: 0, at: *at, cells: u32::try_from(values.len()).unwrap() });
            for (name, value) in *values {
                let known = batch.fields.iter().position(|field| **field == **name);
                let place = known.unwrap_or_else(|| {
                    batch.fields.push(Arc::from(*name));
                    batch.fields.len() - 1
                });
                batch.cells.push((u32::try_from(place).unwrap(), value.clone()));
            }
        }
        assert_eq!(points.write(RIDER, batch).await.unwrap().dropped, 0);
    }

    fn ride(points: &MemoryPoints) -> Ride {
        Ride::read(&*points.view(RIDER), &ALL).unwrap()
    }

    #[tokio::test]
    async fn a_place_needs_both_coordinates_and_is_on_earth() {
        let points = MemoryPoints::default();
        let rows: [(i64, &[(&str, FieldValue)]); 6] = [
            (1, &[("lat", float(53.0)), ("lng", float(8.0))]),
            (2, &[("lat", float(54.0))]),
            (3, &[("lng", float(9.0))]),
            (4, &[("lat", float(91.0)), ("lng", float(9.0))]),
            (5, &[("lat", float(1.0)), ("lng", float(-180.5))]),
            (6, &[("lat", float(-53.0)), ("lng", float(-8.0))]),
        ];
        write(&points, &[], &rows).await;
        assert_eq!(ride(&points).track, [(1, [53.0, 8.0]), (6, [-53.0, -8.0])]);
    }

    #[tokio::test]
    async fn whole_numbers_are_numbers_and_texts_are_none() {
        let points = MemoryPoints::default();
        let rows: [(i64, &[(&str, FieldValue)]); 2] = [
            (1, &[("hr_bpm", FieldValue::Integer(120)), ("pwr_w", FieldValue::String("much".into()))]),
            (2, &[("hr_bpm", FieldValue::Integer(140)), ("battery", FieldValue::Boolean(true))]),
        ];
        write(&points, &[], &rows).await;
        let ride = ride(&points);
        assert_eq!(ride.newest, [("hr_bpm", 2, 140.0)]);
        let plot = Plot { points: vec![(1, [120.0]), (2, [140.0])], min: 120.0, mean: 130.0, max: 140.0, count: 2 };
        // They lie in one second, in which both are an extreme.
        assert_eq!(ride.plots, [("hr_bpm", plot)]);
    }

    #[tokio::test]
    async fn series_of_several_devices_are_one_ride() {
        let points = MemoryPoints::default();
        let (second, third) = (2_000_000_000, 3_000_000_000);
        write(&points, &[("device", "watch")], &[(second, &[("hr_bpm", float(120.0))])]).await;
        write(&points, &[("device", "bike")], &[(third, &[("hr_bpm", float(130.0)), ("battery", float(50.0))])]).await;
        write(&points, &[], &[(1, &[("hr_bpm", float(110.0)), ("battery", float(60.0))])]).await;
        let ride = ride(&points);
        assert_eq!(ride.plots[0].1.points, [(1, [110.0]), (second, [120.0]), (third, [130.0])]);
        assert_eq!(ride.newest, [("hr_bpm", third, 130.0), ("battery", third, 50.0)]);
        assert_eq!(ride.last(), Some(third));
    }

    #[tokio::test]
    async fn a_day_of_seconds_fits_into_few_points_with_its_peaks() {
        let points = MemoryPoints::default();
        let names = ["lat", "lng", "spd_kph"];
        let rows: Vec<(i64, Vec<(&str, FieldValue)>)> = (0..28_800_i32)
            .map(|second| {
                let speed = if second == 20_001 { 88.0 } else { 25.0 };
                let values = [f64::from(second) / 1000.0, 8.0 + f64::from(second % 100) / 1000.0, speed];
                (i64::from(second) * 1_000_000_000, names.into_iter().zip(values.map(float)).collect())
            })
            .collect();
        let rows: Vec<_> = rows.iter().map(|(at, values)| (*at, values.as_slice())).collect();
        write(&points, &[], &rows).await;
        let ride = ride(&points);
        assert!((500..=2000).contains(&ride.track.len()), "{}", ride.track.len());
        let (_, speed) = &ride.plots[0];
        assert!(speed.points.len() <= 1200 && speed.points.contains(&(20_001_000_000_000, [88.0])));
        assert_eq!((speed.count, speed.max), (28_800, 88.0));
        assert!(super::super::event::ride_json(&ride).len() < 150_000);
    }

    #[tokio::test]
    async fn too_many_rows_are_none() {
        let points = MemoryPoints::default();
        let rows: Vec<(i64, &[(&str, FieldValue)])> =
            (0..10).map(|at| (at, &[("pwr_w", FieldValue::Float(1.0))][..])).collect();
        write(&points, &[], &rows).await;
        let view = points.view(RIDER);
        assert_eq!(rows_of(&*view, 10), Some(10));
        assert_eq!(rows_of(&*view, 9), None);
    }

    fn rows_of(view: &dyn PointsView, limit: usize) -> Option<usize> {
        rows(view, &ALL, limit).unwrap().map(|rows| rows.len())
    }
}
