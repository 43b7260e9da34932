//! The header lines for the upstream, built anew.

use divan::{Bencher, black_box};
use http::HeaderValue;
use trackgate::proxy::build_headers;
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
    let going = request::forward(&path, &sending);
    let (received, host) = (request::lines(&world.basic), HeaderValue::from_static("10.0.0.5:8086"));
    bencher.bench_local(|| build_headers(black_box(&received), &going, black_box(&rider), host.clone(), "points"));
}
