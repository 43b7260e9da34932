//! The header lines for the upstream, built anew.

use divan::{Bencher, black_box};
use trackgate_schemes::CanonicalPath;

use super::world::{World, request};
use super::{CALLS, SAMPLES};

/// Of eleven received lines; the credential and the gateway's own cookie stay here.
#[divan::bench(sample_size = CALLS, sample_count = SAMPLES)]
fn for_the_upstream(bencher: Bencher<'_, '_>) {
    let world = World::new();
    let [asked, ..] = world.askers();
    let rider = world.learn(0, &asked);
    let (path, sending) = (CanonicalPath::parse("/write").unwrap(), request::sending());
    let (upstream, received) = (request::upstream(), request::lines(&world.basic));
    bencher
        .with_inputs(|| request::forward(&path, &sending, received.clone()))
        .bench_local_values(|going| upstream.headers(black_box(&rider), going).unwrap());
}
