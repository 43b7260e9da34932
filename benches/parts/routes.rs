//! Finding a route among so many.

use divan::{Bencher, black_box};
use http::{HeaderMap, Method};

use super::world::routes::{asked, table};
use super::{CALLS, SAMPLES};

#[divan::bench(args = SIZES, sample_size = CALLS, sample_count = SAMPLES)]
fn first(bencher: Bencher<'_, '_>, routes: usize) {
    find(bencher, routes, "first");
}

#[divan::bench(args = SIZES, sample_size = CALLS, sample_count = SAMPLES)]
fn last(bencher: Bencher<'_, '_>, routes: usize) {
    find(bencher, routes, "last");
}

/// The last one with parameters in its path, of which there are two.
#[divan::bench(args = SIZES, sample_size = CALLS, sample_count = SAMPLES)]
fn parameters(bencher: Bencher<'_, '_>, routes: usize) {
    find(bencher, routes, "parameters");
}

/// No route: whose words the refusal has is looked for among all of them.
#[divan::bench(args = SIZES, sample_size = 10, sample_count = 100)]
fn none(bencher: Bencher<'_, '_>, routes: usize) {
    find(bencher, routes, "none");
}

fn find(bencher: Bencher<'_, '_>, routes: usize, wanted: &str) {
    let (table, headers) = (table(routes), HeaderMap::new());
    let (_, path) = asked(routes).into_iter().find(|(what, _)| *what == wanted).unwrap();
    bencher.bench_local(|| {
        let found = table.find(&Method::POST, None, black_box(&path), &headers).is_ok();
        assert_eq!(found, wanted != "none");
    });
}

const SIZES: [usize; 3] = [10, 1_000, 10_000];
