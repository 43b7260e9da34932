//! What each policy says of somebody who may.

use std::sync::Arc;

use divan::{Bencher, black_box};
use http::Method;
use trackgate_policies::{All, Any, Methods, Not, Policy, Rate, RatePer, RequireGrants, SystemSteadyClock, TimeWindow};

use super::world::{Asked, PLENTY, World, networks};
use super::{CALLS, SAMPLES};

#[divan::bench(sample_size = CALLS, sample_count = SAMPLES)]
fn grants(bencher: Bencher<'_, '_>) {
    allows(bencher, &RequireGrants::new("points:write".parse().unwrap()));
}

#[divan::bench(sample_size = CALLS, sample_count = SAMPLES)]
fn methods(bencher: Bencher<'_, '_>) {
    allows(bencher, &Methods::new([Method::GET, Method::POST]));
}

#[divan::bench(name = "networks", sample_size = CALLS, sample_count = SAMPLES)]
fn of_networks(bencher: Bencher<'_, '_>) {
    allows(bencher, &networks());
}

/// With the steady clock of the processor, as a gateway has it.
#[divan::bench(args = [RatePer::Client, RatePer::Identity, RatePer::Route], sample_size = CALLS, sample_count = SAMPLES)]
fn rate(bencher: Bencher<'_, '_>, per: RatePer) {
    let clock = Arc::new(SystemSteadyClock::new());
    allows(bencher, &Rate::custom(PLENTY.parse().unwrap(), per, Rate::CAPACITY, clock));
}

#[divan::bench(sample_size = CALLS, sample_count = SAMPLES)]
fn time_window(bencher: Bencher<'_, '_>) {
    allows(bencher, &"daily 00:00-24:00 Europe/Berlin".parse::<TimeWindow>().unwrap());
}

/// `all(any(GET, points:write), not(PUT))`.
#[divan::bench(sample_size = CALLS, sample_count = SAMPLES)]
fn combined(bencher: Bencher<'_, '_>) {
    let reads: Arc<dyn Policy> = Arc::new(Methods::new([Method::GET]));
    let writes: Arc<dyn Policy> = Arc::new(RequireGrants::new("points:write".parse().unwrap()));
    let any: Arc<dyn Policy> = Arc::new(Any::new([reads, writes]));
    let not: Arc<dyn Policy> = Arc::new(Not::new(Arc::new(Methods::new([Method::PUT]))));
    allows(bencher, &All::new([any, not]));
}

fn allows(bencher: Bencher<'_, '_>, policy: &dyn Policy) {
    let world = World::new();
    let asked = Asked::with(&[("authorization", &world.token)]);
    let rider = world.learn(1, &asked);
    asked.show(|head| bencher.bench_local(|| assert!(black_box(policy).decide(&rider, head).is_allow())));
}
