//! What each scheme says, asked alone.

use divan::{Bencher, black_box};
use trackgate_schemes::{Scheme, Step, Verdict};

use super::world::{Asked, World, block_on};
use super::{CALLS, SAMPLES};

#[divan::bench(args = PLACES, sample_size = CALLS, sample_count = SAMPLES)]
fn known(bencher: Bencher<'_, '_>, (place, _scheme): (usize, &str)) {
    let world = World::new();
    let [asked, ..] = at(&world, place);
    world.learn(place, &asked);
    says(bencher, &world, place, &asked, |verdict| matches!(verdict, Verdict::Known(_)));
}

#[divan::bench(args = PLACES, sample_size = CALLS, sample_count = SAMPLES)]
fn absent(bencher: Bencher<'_, '_>, (place, _scheme): (usize, &str)) {
    says(bencher, &World::new(), place, &Asked::with(&[]), |verdict| matches!(verdict, Verdict::Absent));
}

/// A good credential that memory does not know: the store is asked, which is memory too. Basic carries an API token in
/// the password's place: of a password, all but the hash would not be seen beside it.
#[divan::bench(args = PLACES, sample_size = 1, sample_count = 2_000)]
fn unknown(bencher: Bencher<'_, '_>, (place, _scheme): (usize, &str)) {
    let world = World::new();
    let [_, asked] = at(&world, place);
    let (scheme, memory) = (scheme(&world, place), world.memories.get(place).unwrap());
    asked.show(|head| {
        bencher.with_inputs(|| memory.forget_all()).bench_local_values(|()| {
            let Step::Ask(question) = black_box(scheme).authenticate(head) else {
                panic!("memory should not know this")
            };
            let said = block_on(question);
            assert!(matches!(said, Verdict::Known(_)));
            said
        });
    });
}

/// A pair with a password that memory does not know: Argon2id as new passwords get it, in the pool's thread.
#[divan::bench(sample_size = 1, sample_count = 20)]
fn unknown_password(bencher: Bencher<'_, '_>) {
    let world = World::new();
    let [asked, ..] = world.askers();
    let memory = world.memories.first().unwrap();
    bencher.with_inputs(|| memory.forget_all()).bench_local_values(|()| world.learn(0, black_box(&asked)));
}

fn says(bencher: Bencher<'_, '_>, world: &World, place: usize, asked: &Asked, expected: fn(&Verdict) -> bool) {
    let scheme = scheme(world, place);
    asked.show(|head| {
        bencher.bench_local(|| {
            let Step::Done(said) = black_box(scheme).authenticate(head) else { panic!("nobody need be asked") };
            assert!(expected(&said));
            said
        });
    });
}

/// The request with the scheme's credential, and one whose credential is looked up without a hash of a password.
fn at(world: &World, place: usize) -> [Asked; 2] {
    let asked = |world: &World| world.askers().into_iter().nth(place).unwrap();
    let without_hash = if place == 0 { Asked::with(&[("authorization", &world.basic_token)]) } else { asked(world) };
    [asked(world), without_hash]
}

fn scheme(world: &World, place: usize) -> &dyn Scheme {
    &**world.schemes.get(place).unwrap()
}

const PLACES: [(usize, &str); 4] = [(0, "basic"), (1, "api"), (2, "fit"), (3, "lp")];
