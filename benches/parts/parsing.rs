//! Reading: heads and paths. Credentials are read in `schemes/benches`.

use std::sync::Arc;

use divan::{Bencher, black_box};
use trackgate::gateway::{Framing, Limits, Stop};
use trackgate_schemes::CanonicalPath;

use super::world::request;
use super::{CALLS, SAMPLES};

#[divan::bench(sample_size = CALLS, sample_count = SAMPLES)]
fn head_of_eleven_lines(bencher: Bencher<'_, '_>) {
    let bytes = [request::head(TOKEN).as_slice(), &b"0123456789ab"[..]].concat();
    let mut framing = Framing::new(Arc::new(Limits::default()));
    bencher.bench_local(|| {
        let read = framing.advance(black_box(&bytes));
        assert!(read.good == bytes.len() && read.stop == Stop::More);
    });
}

/// What behind it is refused: a bare line feed in the last line.
#[divan::bench(sample_size = CALLS, sample_count = SAMPLES)]
fn head_refused(bencher: Bencher<'_, '_>) {
    let bytes = String::from_utf8(request::head(TOKEN)).unwrap().replace("own; ", "own;\n");
    bencher.bench_local(|| {
        let mut framing = Framing::new(Arc::new(Limits::default()));
        let read = framing.advance(black_box(bytes.as_bytes()));
        assert!(matches!(read.stop, Stop::BadHead { .. }));
    });
}

#[divan::bench(args = ["/api/workouts/2026/list.json", "/api/%77orkouts/%C3%A9t%C3%A9/list"], sample_size = CALLS, sample_count = SAMPLES)]
fn path(path: &str) -> CanonicalPath<'_> {
    CanonicalPath::parse(black_box(path)).unwrap()
}

#[divan::bench(args = ["/api/workouts/%2e%2e/admin", "/api//workouts"], sample_size = CALLS, sample_count = SAMPLES)]
fn path_refused(path: &str) {
    assert!(CanonicalPath::parse(black_box(path)).is_err());
}

const TOKEN: &str = "Bearer tg_0123456789012345678901234567890123456789012345678901234567890";
