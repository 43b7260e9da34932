//! Rules about deleting.

use std::sync::Arc;

use super::samples::{ALL, ANNA, BERTA, Point, batch, f, floats, i, key, read, read_in};
use crate::ports::{Points, PointsWritten, ScanOrder};

pub(super) async fn a_range_of_a_series_is_deleted_and_no_more(points: Arc<dyn Points>) {
    for series in ["m", "m,a=b", "n"] {
        points.write(ANNA, floats(series, "x", &[(1, 1.0), (2, 2.0), (3, 3.0)])).await.unwrap();
        points.write(BERTA, floats(series, "x", &[(2, 2.0)])).await.unwrap();
    }
    points.delete_points(ANNA, vec![key("m"), key("n"), key("unknown")], 2..=3).await.unwrap();
    assert_eq!(read(&*points, ANNA, "m", "x"), [(1, f(1.0))]);
    assert_eq!(read(&*points, ANNA, "n", "x"), [(1, f(1.0))]);
    assert_eq!(read(&*points, ANNA, "m,a=b", "x").len(), 3);
    assert_eq!(read(&*points, BERTA, "m", "x").len(), 1);
    points.delete_points(ANNA, vec![key("m")], ALL).await.unwrap();
    let view = points.view(ANNA);
    assert_eq!(view.series("m").len(), 1, "a series without points is not there");
    points.delete_points(ANNA, vec![key("m,a=b")], ALL).await.unwrap();
    assert_eq!(points.view(ANNA).measurements(), ["n".into()]);
    assert_eq!(view.series("m").len(), 1);
}

pub(super) async fn what_is_written_after_a_deletion_stays(points: Arc<dyn Points>) {
    points.write(ANNA, floats("m", "x", &[(1, 1.0), (2, 2.0)])).await.unwrap();
    points.delete_points(ANNA, vec![key("m")], 0..=5).await.unwrap();
    points.write(ANNA, floats("m", "x", &[(2, 4.0)])).await.unwrap();
    assert_eq!(read(&*points, ANNA, "m", "x"), [(2, f(4.0))]);
}

pub(super) async fn a_dropped_account_has_nothing_and_may_begin_again(points: Arc<dyn Points>) {
    let point: &[Point<'_>] = &[("m", 1, &[("x", f(1.0)), ("y", f(1.0))])];
    points.write(ANNA, batch(point)).await.unwrap();
    points.write(BERTA, batch(point)).await.unwrap();
    points.drop_points(ANNA).await.unwrap();
    assert!(points.view(ANNA).measurements().is_empty());
    let again = points.write(ANNA, batch(&[("m", 1, &[("x", i(2))])])).await.unwrap();
    assert_eq!(again, PointsWritten::default());
    assert_eq!(read(&*points, ANNA, "m", "x"), [(1, i(2))]);
    assert!(read(&*points, ANNA, "m", "y").is_empty());
    assert_eq!(read(&*points, BERTA, "m", "y"), [(1, f(1.0))]);
}

pub(super) async fn a_view_outlives_deletions(points: Arc<dyn Points>) {
    points.write(ANNA, floats("m", "x", &[(1, 1.0), (2, 2.0)])).await.unwrap();
    let view = points.view(ANNA);
    points.delete_points(ANNA, vec![key("m")], 0..=1).await.unwrap();
    points.drop_points(ANNA).await.unwrap();
    assert_eq!(read_in(&*view, "m", "x", ALL, ScanOrder::Ascending), [(1, f(1.0)), (2, f(2.0))]);
}
