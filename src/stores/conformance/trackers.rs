//! Rules about what trackers keep, about guess counters, and about the end of a store.

use std::sync::Arc;

use tokio::task::JoinSet;
use trackgate_policies::store::GuessCounter;
use trackgate_schemes::AccountId;
use trackgate_schemes::store::StoreErrorKind;

use super::{account, at, soon};
use crate::ports::{Added, AuditFilter, NewTracked, Store, Tracked, TrackedFilter};

fn lasting(start: u64, end: Option<u64>) -> NewTracked {
    NewTracked {
        start: at(start),
        end: end.map(at),
        scheduled_end: None,
        public: false,
        locked_by: None,
        notes: None,
        start_offset: 0,
        end_offset: 0,
    }
}

async fn add(store: &dyn Store, account: AccountId, new: NewTracked) -> Option<Tracked> {
    match store.add_tracked(account, new, at(1)).await.unwrap() {
        Added::Added(tracked) => Some(tracked),
        Added::Overlaps => None,
    }
}

pub(super) async fn a_tracked_session_is_found_as_it_was_stored(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    let berta = account(&*store, "berta").await;
    let full = NewTracked {
        scheduled_end: Some(at(900)),
        public: true,
        locked_by: Some("Berta \u{1f512}".into()),
        notes: Some("two\nlines".into()),
        start_offset: 3600,
        end_offset: -12600,
        ..lasting(10, Some(20))
    };
    let stored = add(&*store, anna.id, full.clone()).await.unwrap();
    assert_eq!((stored.account, &stored.data, stored.inserted_at), (anna.id, &full, at(1)));
    assert_eq!(store.tracked(anna.id, stored.id).await.unwrap(), Some(stored.clone()));
    assert_eq!(store.tracked(berta.id, stored.id).await.unwrap(), None, "another's is not there");
    assert_eq!(store.tracked(anna.id, stored.id + 1).await.unwrap(), None);
}

pub(super) async fn touching_ends_do_not_overlap(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    assert!(add(&*store, anna, lasting(100, Some(200))).await.is_some());
    for (start, end) in [(100, 200), (99, 101), (199, 201), (120, 130), (50, 300), (100, 150), (150, 200)] {
        assert!(add(&*store, anna, lasting(start, Some(end))).await.is_none(), "{start}..{end} overlaps");
    }
    for (start, end) in [(200, 210), (90, 100)] {
        assert!(add(&*store, anna, lasting(start, Some(end))).await.is_some(), "{start}..{end} touches");
    }
    assert!(add(&*store, anna, lasting(209, None)).await.is_none(), "a session ends after the start of a live one");
    assert!(add(&*store, anna, lasting(210, None)).await.is_some());
}

pub(super) async fn an_active_session_overlaps_all_that_comes_later(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    assert!(add(&*store, anna, lasting(100, None)).await.is_some());
    for (start, end) in [(100, None), (500, None), (50, None), (500, Some(600)), (50, Some(101))] {
        assert!(add(&*store, anna, lasting(start, end)).await.is_none(), "{start}..{end:?}");
    }
    assert!(add(&*store, anna, lasting(50, Some(100))).await.is_some());
}

pub(super) async fn accounts_do_not_overlap_each_other(store: Arc<dyn Store>) {
    for name in ["anna", "berta"] {
        let who = account(&*store, name).await.id;
        assert!(add(&*store, who, lasting(100, None)).await.is_some());
    }
}

pub(super) async fn of_concurrent_inserts_exactly_one_is_stored(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let mut racers = JoinSet::new();
    for n in 0..32 {
        let store = Arc::clone(&store);
        racers.spawn(async move { add(&*store, anna, lasting(100 + n, Some(200 + n))).await.is_some() });
    }
    let stored = racers.join_all().await.into_iter().filter(|stored| *stored).count();
    assert_eq!(stored, 1);
    let everything = TrackedFilter { limit: 50, ..TrackedFilter::default() };
    assert_eq!(store.list_tracked(anna, everything).await.unwrap().total, 1);
}

pub(super) async fn pages_come_newest_first_and_count_all(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let berta = account(&*store, "berta").await.id;
    add(&*store, berta, lasting(0, None)).await.unwrap();
    for n in [3, 0, 4, 1, 2] {
        let public = n % 2 == 0;
        add(&*store, anna, NewTracked { public, ..lasting(n * 10, Some(n * 10 + 5)) }).await.unwrap();
    }
    add(&*store, anna, lasting(50, None)).await.unwrap();
    let starts = async |filter: TrackedFilter| {
        let page = store.list_tracked(anna, filter).await.unwrap();
        let starts = page.items.iter().map(|one| one.data.start.duration_since(at(0)).unwrap().as_secs());
        (page.total, starts.collect::<Vec<_>>())
    };
    let all = TrackedFilter { limit: 50, ..TrackedFilter::default() };
    assert_eq!(starts(all).await, (6, vec![50, 40, 30, 20, 10, 0]));
    assert_eq!(starts(TrackedFilter { limit: 2, offset: 1, ..all }).await, (6, vec![40, 30]));
    assert_eq!(starts(TrackedFilter { offset: 9, ..all }).await, (6, vec![]));
    assert_eq!(starts(TrackedFilter { limit: 0, ..all }).await, (6, vec![]));
    assert_eq!(starts(TrackedFilter { from: Some(at(20)), before: Some(at(40)), ..all }).await, (2, vec![30, 20]));
    assert_eq!(starts(TrackedFilter { active: Some(true), ..all }).await, (1, vec![50]));
    assert_eq!(starts(TrackedFilter { active: Some(false), limit: 1, ..all }).await, (5, vec![40]));
    assert_eq!(starts(TrackedFilter { public: Some(true), ..all }).await, (3, vec![40, 20, 0]));
    assert_eq!(starts(TrackedFilter { public: Some(false), active: Some(false), ..all }).await, (2, vec![30, 10]));
}

pub(super) async fn documents_are_replaced(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let berta = account(&*store, "berta").await.id;
    assert_eq!(store.document("fittrackee", anna).await.unwrap(), None);
    for text in [r#"{"zone":"Europe/Berlin"}"#, "", "\u{1f6b2}"] {
        let before = store.document("fittrackee", anna).await.unwrap();
        assert!(store.replace_document("fittrackee", anna, before.as_deref(), text).await.unwrap());
        assert_eq!(store.document("fittrackee", anna).await.unwrap().as_deref(), Some(text));
    }
    assert_eq!(store.document("sessions", anna).await.unwrap(), None);
    assert_eq!(store.document("fittrackee", berta).await.unwrap(), None);
}

pub(super) async fn guess_counters_come_back_with_their_newest_value(store: Arc<dyn Store>) {
    let counter = |key: &str, wrong, expires| GuessCounter {
        key: key.into(),
        wrong,
        locked_until: at(5),
        expires_at: at(expires),
    };
    for wrong in 1..=9 {
        store.note_guess(counter("account:anna", wrong, 100));
    }
    store.note_guess(counter("network:192.0.2.1", u32::MAX, 50));
    let expected = [counter("account:anna", 9, 100), counter("network:192.0.2.1", u32::MAX, 50)];
    soon("a guess counter", async || store.load_guesses(at(0)).await.unwrap() == expected).await;
    assert_eq!(store.load_guesses(at(50)).await.unwrap(), expected[..1], "at its end it is of no more use");
    store.note_guess(counter("account:anna", 0, 120));
    soon("a newer value", async || store.load_guesses(at(50)).await.unwrap() == [counter("account:anna", 0, 120)])
        .await;
}

pub(super) async fn a_closed_store_is_unavailable(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    store.close().await.unwrap();
    let read = store.account(anna).await.unwrap_err();
    let write = store.blacklist("key", None, at(9), at(0)).await.unwrap_err();
    let audit = store.audit(AuditFilter { limit: 1, ..AuditFilter::default() }).await.unwrap_err();
    for error in [read, write, audit] {
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    }
    store.close().await.unwrap();
}
