//! A known credential and a refusal at once cost no allocation.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use trackgate_schemes::basic::{Basic, BasicSettings};
use trackgate_schemes::bearer::{Bearer, BearerSettings};
use trackgate_schemes::testing::{Sample, TestStore, block_on};
use trackgate_schemes::{Grants, HashPool, NoGuard, Scheme, SignIn, Step, Verdict};

#[global_allocator]
static COUNTING: Counting = Counting;

/// Counts what each thread takes, so that tests do not count each other's.
struct Counting;

thread_local! {
    static TAKEN: Cell<usize> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "an allocator can only be counted by standing in for it")]
// SAFETY: every call goes on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        TAKEN.set(TAKEN.get() + 1);
        // SAFETY: the caller's promise holds for the system's allocator too.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block came from the system's allocator.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        TAKEN.set(TAKEN.get() + 1);
        // SAFETY: the block came from the system's allocator.
        unsafe { System.realloc(block, layout, size) }
    }
}

/// How often `work` allocates.
fn taken(work: impl FnOnce()) -> usize {
    let before = TAKEN.get();
    work();
    TAKEN.get() - before
}

fn basic_of(store: &Arc<TestStore>) -> Basic {
    let sign_in = SignIn::new(store.clone(), Arc::new(NoGuard), HashPool::new(1, 8));
    Basic::new(BasicSettings::new("basic"), sign_in, store.clone())
}

/// Asks once, so that memory knows the credential, then counts a second time with the use accepted.
fn taken_when_known(scheme: &dyn Scheme, good: &Sample) -> usize {
    let Verdict::Known(identity) = block_on(good.ask(scheme, Sample::now()).verdict()) else { panic!() };
    good.show(Sample::now(), |head| scheme.accept(&identity, head)).unwrap();
    good.show(Sample::now() + Duration::from_secs(1), |head| {
        taken(|| {
            let Step::Done(Verdict::Known(identity)) = scheme.authenticate(head) else { panic!() };
            scheme.accept(&identity, head).unwrap();
        })
    })
}

fn taken_when_refused(scheme: &dyn Scheme, bad: &Sample) -> usize {
    bad.show(Sample::now(), |head| {
        taken(|| assert!(matches!(scheme.authenticate(head), Step::Done(Verdict::Refused(_)))))
    })
}

fn authorization(value: impl AsRef<[u8]>) -> Sample {
    Sample::new().header("authorization", value)
}

#[test]
fn the_count_counts() {
    assert_eq!(taken(|| drop(Box::new([0_u8; 32]))), 1);
    assert_eq!(taken(|| ()), 0);
}

#[test]
fn a_known_basic_pair_costs_none() {
    let store = TestStore::new();
    store.add_account("Aladdin", "open sesame");
    let basic = basic_of(&store);
    assert_eq!(taken_when_known(&basic, &authorization("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")), 0);
}

#[test]
fn a_known_bearer_token_costs_none() {
    let store = TestStore::new();
    let account = store.put_account("rider", None, None).id;
    let token = store.add_token(account, Grants::EVERYDAY, None).text.expose_text().unwrap().to_owned();
    let bearer = Bearer::new(BearerSettings::new("api"), store.clone());
    assert_eq!(taken_when_known(&bearer, &authorization(format!("Bearer {token}"))), 0);
    let settings = BearerSettings::new("api").in_header(HeaderName::from_static("x-api-token"));
    let bearer = Bearer::new(settings, store);
    assert_eq!(taken_when_known(&bearer, &Sample::new().header("x-api-token", token)), 0);
}

#[test]
fn a_refusal_at_once_costs_none() {
    let store = TestStore::new();
    let account = store.put_account("rider", None, None).id;
    let token = store.add_token(account, Grants::EVERYDAY, None).text.expose_text().unwrap().to_owned();
    let mistyped: String = token.replace("tg_", "tg_0").chars().take(token.len()).collect();
    let bearer = Bearer::new(BearerSettings::new("api"), store.clone());
    for value in ["Bearer", "Bearer a b", "Bearer tg_", &format!("Bearer {mistyped}")] {
        assert_eq!(taken_when_refused(&bearer, &authorization(value)), 0, "{value}");
    }
    let basic = basic_of(&store);
    let long = format!("Basic {}", "a".repeat(9_000));
    for value in ["Basic", "Basic !", "Basic cmlkZXI=", "Basic cmlkZXI6", "Basic cmlkZXI6cA", "Basic 4pj/Og==", &long] {
        assert_eq!(taken_when_refused(&basic, &authorization(value)), 0, "{value}");
    }
    let absent = authorization("Digest a");
    let steps = |scheme: &dyn Scheme| {
        absent.show(Sample::now(), |head| {
            taken(|| assert!(matches!(scheme.authenticate(head), Step::Done(Verdict::Absent))))
        })
    };
    assert_eq!((steps(&basic), steps(&bearer)), (0, 0));
}
