//! The parts of a request's path, run for valgrind: `benches/instructions/run`.
//!
//! Prints the name of each part, in the order in which [`counted_part`] runs them; valgrind counts what happens in
//! there and nothing else. A package of its own, so that it is built from the same crates as the gateway, without what
//! tests want of them.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "what is counted is made by hand, and told")]

use std::hint::black_box;
use std::sync::Arc;

use http::{HeaderMap, Method};
use trackgate::gateway::{Advance, Framing, Limits, Stop};
use trackgate_policies::{ManualSteadyClock, Policy, Rate, RatePer, RequireGrants};
use trackgate_schemes::{CanonicalPath, Identity, Reason, Scheme, Step, Verdict};

#[expect(dead_code, reason = "other benches measure more of it")]
#[path = "../world/mod.rs"]
mod world;

use world::{Asked, PLENTY, World, decided, networks, request, routes};

fn main() {
    part("nothing", || {});
    framing();
    paths();
    route_table();
    let world = World::new();
    schemes(&world);
    policies(&world);
    gate(&world);
    headers(&world);
}

/// Runs a part, first so that memory knows what it will be asked, then for the count.
fn part<T>(name: &str, mut one: impl FnMut() -> T) {
    let mut results = Vec::with_capacity(CALLS);
    for calls in [WARMING, CALLS] {
        let mut all = || {
            for _ in 0..calls {
                results.push(one());
            }
        };
        if calls == CALLS {
            written_part(&mut all);
        } else {
            all();
        }
        // What was made is dropped outside: a request keeps it until its end.
        results.clear();
    }
    println!("{name}");
}

/// Behind it valgrind writes down what was counted.
#[inline(never)]
fn written_part(all: &mut dyn FnMut()) {
    counted_part(all);
    // Behind the call, lest it is made a jump and this function is over too early.
    black_box(());
}

/// The only function in which valgrind counts; found by its name.
#[inline(never)]
fn counted_part(all: &mut dyn FnMut()) {
    black_box(all)();
    black_box(());
}

fn framing() {
    let head = request::head("Bearer tg_0123456789012345678901234567890123456789012345678901234567890");
    let bytes = [head.as_slice(), &b"0123456789ab"[..]].concat();
    let mut framing = Framing::new(Arc::new(Limits::default()));
    let good = Advance { good: bytes.len(), stop: Stop::More };
    part("framing: a head of eleven lines", || assert_eq!(framing.advance(black_box(&bytes)), good));
}

fn paths() {
    for (name, path, is_good) in [
        ("path: canonical", "/api/workouts/2026/list.json", true),
        ("path: with escapes", "/api/%77orkouts/%C3%A9t%C3%A9/list", true),
        ("path: refused", "/api/workouts/%2e%2e/admin", false),
    ] {
        part(name, || {
            let read = CanonicalPath::parse(black_box(path));
            assert_eq!(read.is_ok(), is_good);
            read
        });
    }
}

fn route_table() {
    let table = routes::table(ROUTES);
    let headers = HeaderMap::new();
    for (what, path) in routes::asked(ROUTES) {
        part(&format!("route of 1,000: {what}"), || {
            let found = table.find(&Method::POST, None, black_box(&path), &headers);
            assert_eq!(found.is_ok(), what != "none");
            found
        });
    }
}

fn schemes(world: &World) {
    for (place, asked) in world.askers().iter().enumerate() {
        world.learn(place, asked);
        let scheme = world.schemes.get(place).unwrap();
        scheme_said("known", &**scheme, asked, |said| matches!(said, Verdict::Known(_)));
        let another = Asked::with(&[]);
        scheme_said("absent", &**scheme, &another, |said| matches!(said, Verdict::Absent));
    }
}

fn scheme_said(what: &str, scheme: &dyn Scheme, asked: &Asked, expected: impl Fn(&Verdict) -> bool) {
    asked.show(|head| {
        part(&format!("scheme {}: {what}", scheme.id()), || {
            let Step::Done(said) = black_box(scheme).authenticate(head) else { panic!("memory should know this") };
            assert!(expected(&said), "{said:?}");
            said
        });
    });
}

fn policies(world: &World) {
    let clock = Arc::new(ManualSteadyClock::default());
    let policies: [Box<dyn Policy>; 3] = [
        Box::new(RequireGrants::new("points:write".parse().unwrap())),
        Box::new(networks()),
        Box::new(Rate::custom(PLENTY.parse().unwrap(), RatePer::Identity, 64, clock)),
    ];
    let [asked, ..] = world.askers();
    let rider: Identity = world.learn(0, &asked);
    for policy in policies {
        asked.show(|head| {
            part(&format!("policy {}: allows", policy.id()), || {
                let said = black_box(&*policy).decide(&rider, head);
                assert!(said.is_allow());
                said
            });
        });
    }
}

fn gate(world: &World) {
    let gate = world.gate(PLENTY, Arc::new(ManualSteadyClock::default()));
    for (place, asked) in world.askers().iter().enumerate() {
        let who = world.learn(place, asked);
        asked.show(|head| {
            part(&format!("gate: a known credential of {}", who.scheme()), || {
                let permit = decided(black_box(&gate), head);
                assert!(permit.is_ok());
                permit
            });
        });
    }
    let (limited, mistyped) = (Asked::with(&[("authorization", &world.limited)]), world.token.replace("tg_", "tg_0"));
    world.learn(1, &limited);
    for (what, asked, reason) in [
        ("no credential", Asked::with(&[]), Reason::Missing),
        ("a mistyped API token", Asked::with(&[("authorization", &mistyped)]), Reason::Malformed),
        ("a grant is missing", limited, Reason::Grant),
    ] {
        asked.show(|head| {
            part(&format!("gate refuses: {what}"), || {
                let permit = decided(black_box(&gate), head);
                assert!(permit.as_ref().is_err_and(|why| why.reason == reason));
                permit
            });
        });
    }
}

fn headers(world: &World) {
    let [asked, ..] = world.askers();
    let rider = world.learn(0, &asked);
    let (path, sending) = (CanonicalPath::parse("/write").unwrap(), request::sending());
    let (upstream, received) = (request::upstream(), request::lines(&world.basic));
    let mut going: Vec<_> = (0..WARMING + CALLS).map(|_| request::forward(&path, &sending, received.clone())).collect();
    part("headers: for the upstream", || upstream.headers(black_box(&rider), going.pop().unwrap()).unwrap());
}

/// How often each part runs for its count: the count of one is the mean.
const CALLS: usize = 100;

/// How often it runs before.
const WARMING: usize = 20;

const ROUTES: usize = 1_000;
