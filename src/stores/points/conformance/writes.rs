//! Rules about writing.

use std::sync::Arc;

use trackgate_schemes::store::StoreErrorKind;

use super::samples::{ANNA, BERTA, Point, batch, f, floats, i, key, read, s};
use crate::ports::{Batch, Conflict, FieldType, FieldValue, Points, PointsWritten, Row};

pub(super) async fn each_type_is_read_as_it_was_written(points: Arc<dyn Points>) {
    let all = [
        ("boolean", [FieldValue::Boolean(true), FieldValue::Boolean(false)]),
        ("float", [f(-0.0), f(f64::MAX)]),
        ("integer", [i(i64::MIN), i(i64::MAX)]),
        ("string", [s(""), s("J\u{e9}r\u{f4}me\n\"\0")]),
    ];
    for (name, [first, second]) in &all {
        let written = [("m", 1, &[(*name, first.clone())][..]), ("m", 2, &[(*name, second.clone())][..])];
        assert_eq!(points.write(ANNA, batch(&written)).await.unwrap(), PointsWritten::default());
    }
    for (name, [first, second]) in all {
        assert_eq!(read(&*points, ANNA, "m", name), [(1, first), (2, second)]);
    }
}

pub(super) async fn a_point_again_is_merged_field_by_field(points: Arc<dyn Points>) {
    points.write(ANNA, batch(&[("m,a=b", 5, &[("x", f(1.0)), ("y", f(1.0))])])).await.unwrap();
    points.write(ANNA, batch(&[("m,a=b", 5, &[("y", f(2.0)), ("z", f(2.0))])])).await.unwrap();
    for (field, value) in [("x", 1.0), ("y", 2.0), ("z", 2.0)] {
        assert_eq!(read(&*points, ANNA, "m,a=b", field), [(5, f(value))]);
    }
    let twice: &[Point<'_>] = &[("m,a=b", 6, &[("x", f(3.0))]), ("m,a=b", 6, &[("x", f(4.0))])];
    points.write(ANNA, batch(twice)).await.unwrap();
    assert_eq!(read(&*points, ANNA, "m,a=b", "x"), [(5, f(1.0)), (6, f(4.0))]);
}

pub(super) async fn of_a_field_that_is_repeated_the_last_counts(points: Arc<dyn Points>) {
    points.write(ANNA, batch(&[("m", 1, &[("x", f(1.0)), ("y", f(5.0)), ("x", f(2.0))])])).await.unwrap();
    // The first of these would not fit, but does not count.
    let written = points.write(ANNA, batch(&[("m", 2, &[("x", i(1)), ("x", f(3.0))])])).await.unwrap();
    assert_eq!(written, PointsWritten::default());
    assert_eq!(read(&*points, ANNA, "m", "x"), [(1, f(2.0)), (2, f(3.0))]);
    assert_eq!(read(&*points, ANNA, "m", "y"), [(1, f(5.0))]);
}

pub(super) async fn points_in_any_order_are_read_in_order(points: Arc<dyn Points>) {
    let mut expected = Vec::new();
    for round in 0..8i64 {
        let mut values: Vec<_> = (0..700).map(|n| ((i64::from(n) * 8 + round) * 37 % 5600, f64::from(n))).collect();
        if round % 2 == 0 {
            values.sort_by_key(|(at, _)| -at);
        }
        expected.extend(values.iter().copied());
        points.write(ANNA, floats("m", "x", &values)).await.unwrap();
    }
    expected.sort_by_key(|(at, _)| *at);
    let expected: Vec<_> = expected.into_iter().map(|(at, value)| (at, f(value))).collect();
    assert_eq!(expected.len(), 5600);
    assert_eq!(read(&*points, ANNA, "m", "x"), expected);
}

pub(super) async fn the_first_kept_point_fixes_the_type(points: Arc<dyn Points>) {
    let conflict = |written, existing| Conflict { measurement: "m".into(), field: "x".into(), written, existing };
    points.write(ANNA, batch(&[("m", 1, &[("x", f(1.0))])])).await.unwrap();
    let mixed: &[Point<'_>] = &[
        ("m", 2, &[("y", f(1.0)), ("x", i(2))]),
        ("m", 3, &[("y", f(3.0)), ("x", f(3.0))]),
        ("m,a=b", 4, &[("x", s("four"))]),
    ];
    let written = points.write(ANNA, batch(mixed)).await.unwrap();
    let first = conflict(FieldType::Integer, FieldType::Float);
    assert_eq!(written, PointsWritten { dropped: 2, conflict: Some(first) });
    assert_eq!(read(&*points, ANNA, "m", "x"), [(1, f(1.0)), (3, f(3.0))]);
    assert_eq!(read(&*points, ANNA, "m", "y"), [(3, f(3.0))], "a dropped point is dropped whole");
    assert!(read(&*points, ANNA, "m,a=b", "x").is_empty());
    assert_eq!(points.view(ANNA).series("m").len(), 1);
    let within = [("n", 1, &[("x", i(1))][..]), ("n", 2, &[("x", f(2.0))][..])];
    let written = points.write(ANNA, batch(&within)).await.unwrap();
    let second = Conflict { measurement: "n".into(), ..conflict(FieldType::Float, FieldType::Integer) };
    assert_eq!(written, PointsWritten { dropped: 1, conflict: Some(second) });
}

pub(super) async fn a_dropped_point_fixes_no_type(points: Arc<dyn Points>) {
    points.write(ANNA, batch(&[("m", 1, &[("x", f(1.0))])])).await.unwrap();
    let written = points.write(ANNA, batch(&[("m", 2, &[("new", i(1)), ("x", i(2))])])).await.unwrap();
    assert_eq!(written.dropped, 1);
    let written = points.write(ANNA, batch(&[("m", 3, &[("new", s("text"))])])).await.unwrap();
    assert_eq!(written, PointsWritten::default());
}

pub(super) async fn types_are_of_a_measurement(points: Arc<dyn Points>) {
    let written = [("m", 1, &[("x", f(1.0))][..]), ("n", 1, &[("x", i(1))][..])];
    assert_eq!(points.write(ANNA, batch(&written)).await.unwrap(), PointsWritten::default());
    assert_eq!(points.write(BERTA, batch(&[("m", 1, &[("x", s("1"))])])).await.unwrap(), PointsWritten::default());
    assert_eq!(points.view(ANNA).fields("n"), [("x".into(), FieldType::Integer)]);
}

pub(super) async fn the_extremes_of_time_are_instants_too(points: Arc<dyn Points>) {
    let values = [(i64::MAX, 1.0), (i64::MIN, 2.0), (0, 3.0), (i64::MAX, 4.0)];
    points.write(ANNA, floats("m", "x", &values)).await.unwrap();
    points.write(ANNA, floats("m", "x", &values[..2])).await.unwrap();
    assert_eq!(read(&*points, ANNA, "m", "x"), [(i64::MIN, f(2.0)), (0, f(3.0)), (i64::MAX, f(1.0))]);
}

pub(super) async fn a_batch_that_does_not_fit_is_refused_whole(points: Arc<dyn Points>) {
    let good = floats("m", "x", &[(1, 1.0), (2, 2.0)]);
    let row = |series, cells| Row { series, at: 3, cells };
    for rows in [vec![row(0, 1)], vec![row(0, 3)], vec![row(1, 2)], vec![row(0, 2), row(0, 0)]] {
        assert!(points.write(ANNA, Batch { rows, ..good.clone() }).await.is_err());
    }
    assert!(points.write(ANNA, Batch { fields: Vec::new(), ..good.clone() }).await.is_err());
    assert!(points.view(ANNA).measurements().is_empty());
    points.write(ANNA, good).await.unwrap();
}

pub(super) async fn an_empty_batch_is_written(points: Arc<dyn Points>) {
    assert_eq!(points.write(ANNA, Batch::default()).await.unwrap(), PointsWritten::default());
    let named = Batch { series: vec![key("m")], fields: vec!["x".into()], ..Batch::default() };
    assert_eq!(points.write(ANNA, named).await.unwrap(), PointsWritten::default());
    assert!(points.view(ANNA).measurements().is_empty());
}

pub(super) async fn a_change_is_told_once_it_can_be_seen(points: Arc<dyn Points>) {
    let mut anna = points.changes(ANNA);
    let berta = points.changes(BERTA);
    let before = *anna.borrow_and_update();
    let writing = tokio::spawn({
        let points = Arc::clone(&points);
        async move { points.write(ANNA, floats("m", "x", &[(1, 1.0)])).await.unwrap() }
    });
    anna.changed().await.unwrap();
    assert!(*anna.borrow_and_update() > before);
    assert_eq!(read(&*points, ANNA, "m", "x"), [(1, f(1.0))]);
    writing.await.unwrap();
    points.write(ANNA, floats("m", "x", &[(2, 1.0)])).await.unwrap();
    assert!(anna.has_changed().unwrap(), "it is told before the write answers");
    assert!(!berta.has_changed().unwrap());
}

pub(super) async fn a_closed_store_refuses(points: Arc<dyn Points>) {
    points.write(ANNA, floats("m", "x", &[(1, 1.0)])).await.unwrap();
    points.close().await.unwrap();
    for answer in [
        points.write(ANNA, floats("m", "x", &[(2, 1.0)])).await.map(|_| ()),
        points.delete_points(ANNA, vec![key("m")], 0..=9).await,
        points.drop_points(ANNA).await,
    ] {
        assert_eq!(answer.unwrap_err().kind(), StoreErrorKind::Unavailable);
    }
}
