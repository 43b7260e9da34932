//! The gate whole: four schemes, and policies about grants, networks and a rate.

use std::sync::Arc;

use divan::{Bencher, black_box};
use trackgate_policies::SystemSteadyClock;
use trackgate_schemes::Reason;

use super::world::{Asked, PLENTY, World, decided};
use super::{CALLS, SAMPLES};

/// From the head to the permit, for a credential that memory knows. The aim is 400 ns.
#[divan::bench(args = [(0, "basic"), (1, "api"), (2, "fit"), (3, "lp")], sample_size = CALLS, sample_count = SAMPLES)]
fn known(bencher: Bencher<'_, '_>, (place, _scheme): (usize, &str)) {
    let world = World::new();
    let asked = world.askers().into_iter().nth(place).unwrap();
    world.learn(place, &asked);
    let gate = world.gate(PLENTY, Arc::new(SystemSteadyClock::new()));
    asked.show(|head| bencher.bench_local(|| decided(black_box(&gate), head).unwrap()));
}

#[divan::bench(sample_size = CALLS, sample_count = SAMPLES)]
fn refuses_no_credential(bencher: Bencher<'_, '_>) {
    refuses(bencher, &World::new(), &Asked::with(&[]), Reason::Missing);
}

#[divan::bench(sample_size = CALLS, sample_count = SAMPLES)]
fn refuses_a_mistyped_token(bencher: Bencher<'_, '_>) {
    let world = World::new();
    let asked = Asked::with(&[("authorization", &world.token.replace("tg_", "tg_0"))]);
    refuses(bencher, &world, &asked, Reason::Malformed);
}

#[divan::bench(sample_size = CALLS, sample_count = SAMPLES)]
fn refuses_without_the_grant(bencher: Bencher<'_, '_>) {
    let world = World::new();
    let asked = Asked::with(&[("authorization", &world.limited)]);
    world.learn(1, &asked);
    refuses(bencher, &world, &asked, Reason::Grant);
}

fn refuses(bencher: Bencher<'_, '_>, world: &World, asked: &Asked, reason: Reason) {
    let gate = world.gate(PLENTY, Arc::new(SystemSteadyClock::new()));
    asked.show(|head| {
        bencher.bench_local(|| {
            let why = decided(black_box(&gate), head).unwrap_err();
            assert_eq!(why.reason, reason);
            why
        });
    });
}
