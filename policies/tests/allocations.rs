//! Deciding allocates nothing: neither going on nor, where the rule is asked the most, refusing.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use http::{HeaderMap, Method};
use trackgate_policies::{
    All, Any, Decision, ManualSteadyClock, Methods, Networks, Not, Policy, Rate, RatePer, RequireGrants, TimeWindow,
};
use trackgate_schemes::{AccountId, CanonicalPath, Credential, CredentialKind, Grants, Head, Identity, Subject};

/// Counts the allocations of each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "counting needs an allocator, and its trait is unsafe")]
// SAFETY: every call goes to the system's allocator unchanged; the count is a plain number of the thread.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and the memory came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

fn somebody(subject: Subject, grants: Grants) -> Identity {
    Identity::new(subject, "rider", "basic", Credential::new(CredentialKind::Password, "1")).with_grants(grants)
}

fn rate(per: RatePer) -> Arc<dyn Policy> {
    Arc::new(Rate::custom("3/h".parse().unwrap(), per, 100, Arc::new(ManualSteadyClock::default())))
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}

#[test]
fn going_on_and_being_refused_allocate_nothing() {
    let grants: Arc<dyn Policy> = Arc::new(RequireGrants::new("points:read points:write".parse().unwrap()));
    let networks: Arc<dyn Policy> = Arc::new("10.0.0.0/8 2001:db8::/32 !10.66.0.0/16".parse::<Networks>().unwrap());
    let methods: Arc<dyn Policy> = Arc::new(Methods::new([Method::GET, Method::from_bytes(b"REPORT").unwrap()]));
    let hours: Arc<dyn Policy> = Arc::new("mon-fri 08:00-18:00 Europe/Berlin".parse::<TimeWindow>().unwrap());
    let clone = |policy: &Arc<dyn Policy>| Arc::clone(policy);
    let all: Arc<dyn Policy> = Arc::new(All::new([clone(&methods), clone(&networks), clone(&grants)]));
    let any: Arc<dyn Policy> = Arc::new(Any::new([clone(&networks), clone(&grants), clone(&hours)]));
    let not: Arc<dyn Policy> = Arc::new(Not::new(clone(&any)));
    let rates = [RatePer::Client, RatePer::Identity, RatePer::Route].map(rate);

    let (path, headers) = (CanonicalPath::parse("/write").unwrap(), HeaderMap::new());
    let open = "2026-07-01T10:00:00Z".parse::<jiff::Timestamp>().unwrap();
    let closed = "2026-07-05T10:00:00Z".parse::<jiff::Timestamp>().unwrap();
    let post = Method::POST;
    let good =
        Head::new(&Method::GET, &path, &headers).with_client(Some("10.0.0.1".parse().unwrap())).with_now(open.into());
    let bad = Head::new(&post, &path, &headers).with_client(Some("192.0.2.1".parse().unwrap())).with_now(closed.into());

    let people = [
        somebody(Subject::Account(AccountId(1)), Grants::EVERYDAY),
        somebody(Subject::External("rider".into()), "points:read points:write".parse().unwrap()),
    ];
    let nobody = Identity::anonymous();

    for who in &people {
        for policy in [&grants, &networks, &methods, &hours, &all, &any] {
            let mut decision = None;
            assert_eq!(allocations(|| decision = Some(policy.decide(who, &good))), 0, "{}", policy.describe());
            assert_eq!(decision, Some(Decision::Allow), "{}", policy.describe());
            assert_eq!(allocations(|| decision = Some(policy.decide(&nobody, &bad))), 0, "{}", policy.describe());
            assert!(matches!(decision, Some(Decision::Deny(_))), "{}", policy.describe());
        }
    }
    assert_eq!(allocations(|| assert!(not.decide(&nobody, &bad).is_allow())), 0);
    assert_eq!(allocations(|| assert!(!not.decide(&nobody, &good).is_allow())), 0);

    for policy in &rates {
        // The first request of a key puts it into the table.
        assert!(policy.decide(&nobody, &good).is_allow());
        assert_eq!(allocations(|| assert!(policy.decide(&nobody, &good).is_allow())), 0, "{}", policy.describe());
        assert_eq!(allocations(|| assert!(policy.decide(&nobody, &good).is_allow())), 0, "{}", policy.describe());
        assert_eq!(allocations(|| assert!(!policy.decide(&nobody, &good).is_allow())), 0, "{}", policy.describe());
    }
    let per_identity = rate(RatePer::Identity);
    for who in &people {
        assert!(per_identity.decide(who, &good).is_allow());
        for goes_on in [true, true, false] {
            assert_eq!(allocations(|| assert_eq!(per_identity.decide(who, &good).is_allow(), goes_on)), 0);
        }
    }
}
