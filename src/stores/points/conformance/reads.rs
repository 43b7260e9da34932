//! Rules about reading.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::samples::{ALL, ANNA, BERTA, Point, batch, f, floats, i, key, read, read_in};
use crate::ports::{FieldType, FieldValue, Points, ScanOrder, SeriesId};

pub(super) async fn an_account_without_points_is_empty(points: Arc<dyn Points>) {
    let view = points.view(ANNA);
    assert!(view.measurements().is_empty());
    assert!(view.fields("m").is_empty());
    assert!(view.series("m").is_empty());
    let mut visit = |_: crate::ports::Slice<'_>| panic!("there is nothing");
    view.scan(SeriesId(0), "x", ALL, ScanOrder::Ascending, &mut visit).unwrap();
}

pub(super) async fn names_are_sorted_and_those_of_points(points: Arc<dyn Points>) {
    let written: &[Point<'_>] = &[
        ("wind", 1, &[("speed", f(1.0))]),
        ("samples,rider=b", 1, &[("lat", f(1.0)), ("alt", i(1))]),
        ("samples,rider=a", 2, &[("lat", f(1.0)), ("note", FieldValue::String("x".into()))]),
        ("samples", 3, &[("lat", f(1.0))]),
    ];
    points.write(ANNA, batch(written)).await.unwrap();
    let view = points.view(ANNA);
    assert_eq!(view.measurements(), ["samples".into(), "wind".into()]);
    let fields = [("alt", FieldType::Integer), ("lat", FieldType::Float), ("note", FieldType::String)];
    assert_eq!(view.fields("samples"), fields.map(|(name, kind)| (name.into(), kind)));
    let series: Vec<_> = view.series("samples").into_iter().map(|(_, key)| key).collect();
    assert_eq!(series, [key("samples"), key("samples,rider=a"), key("samples,rider=b")]);
    assert_eq!(view.series("wind").len(), 1);
    assert!(view.series("win").is_empty());
    assert!(view.fields("samples,rider=a").is_empty());
}

pub(super) async fn scans_keep_to_their_range_and_order(points: Arc<dyn Points>) {
    let values: Vec<_> = (0..1000).map(|n| (i64::from(n) * 10, f64::from(n))).collect();
    points.write(ANNA, floats("m", "x", &values)).await.unwrap();
    let view = points.view(ANNA);
    for (range, count) in
        [(0..=9990, 1000), (5..=25, 2), (10..=20, 2), (11..=19, 0), (-5..=-1, 0), (9990..=i64::MAX, 1), (0..=4999, 500)]
    {
        let up = read_in(&*view, "m", "x", range.clone(), ScanOrder::Ascending);
        assert_eq!(up.len(), count, "{range:?}");
        assert!(
            up.iter()
                .all(|(at, value)| range.contains(at) && *value == f(f64::from(i32::try_from(*at).unwrap()) / 10.0))
        );
        let mut down = read_in(&*view, "m", "x", range, ScanOrder::Descending);
        down.reverse();
        assert_eq!(up, down);
    }
    #[expect(clippy::reversed_empty_ranges, reason = "it is what is asked")]
    let none = read_in(&*view, "m", "x", 20..=10, ScanOrder::Ascending);
    assert!(none.is_empty());
    assert!(read_in(&*view, "m", "y", ALL, ScanOrder::Ascending).is_empty());
}

pub(super) async fn a_scan_ends_when_it_is_told_to(points: Arc<dyn Points>) {
    let values: Vec<_> = (0..5000).map(|n| (i64::from(n), f64::from(n))).collect();
    points.write(ANNA, floats("m", "x", &values)).await.unwrap();
    let view = points.view(ANNA);
    let (id, _) = view.series("m")[0];
    for (order, first) in [(ScanOrder::Ascending, 0), (ScanOrder::Descending, 4999)] {
        let mut seen = Vec::new();
        let mut visit = |slice: crate::ports::Slice<'_>| {
            seen.push((slice.times[0], slice.times[slice.times.len() - 1]));
            ControlFlow::Break(())
        };
        view.scan(id, "x", ALL, order, &mut visit).unwrap();
        assert_eq!(seen.len(), 1);
        assert!(seen[0].0 == first || seen[0].1 == first, "{seen:?}");
    }
}

pub(super) async fn a_view_does_not_see_later_writes(points: Arc<dyn Points>) {
    points.write(ANNA, floats("m", "x", &[(5, 1.0)])).await.unwrap();
    let view = points.view(ANNA);
    points.write(ANNA, floats("m", "x", &[(3, 0.0), (5, 2.0), (6, 2.0)])).await.unwrap();
    points.write(ANNA, floats("n", "y", &[(5, 2.0)])).await.unwrap();
    assert_eq!(read_in(&*view, "m", "x", ALL, ScanOrder::Ascending), [(5, f(1.0))]);
    assert_eq!(view.measurements(), ["m".into()]);
    assert_eq!(read(&*points, ANNA, "m", "x"), [(3, f(0.0)), (5, f(2.0)), (6, f(2.0))]);
}

pub(super) async fn accounts_do_not_see_each_other(points: Arc<dyn Points>) {
    points.write(ANNA, floats("m", "x", &[(1, 1.0)])).await.unwrap();
    points.write(BERTA, floats("m", "x", &[(2, 2.0)])).await.unwrap();
    assert_eq!(read(&*points, ANNA, "m", "x"), [(1, f(1.0))]);
    assert_eq!(read(&*points, BERTA, "m", "x"), [(2, f(2.0))]);
}
