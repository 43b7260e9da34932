//! Rules about documents and items.

use std::sync::Arc;

use tokio::task::JoinSet;
use trackgate_schemes::AccountId;

use super::{account, at, told};
use crate::ports::{EventKind, Item, ItemFilter, Store};

const RIDES: &str = "fittrackee/workouts";

fn item(id: &str, account: AccountId, place: i64) -> Item {
    Item { id: id.into(), account, place, body: format!("{{\"of\": {place}}}") }
}

async fn add(store: &dyn Store, id: &str, account: AccountId, place: i64) -> Item {
    let item = item(id, account, place);
    assert!(store.add_item(RIDES, item.clone()).await.unwrap());
    item
}

async fn names(store: &dyn Store, account: AccountId, filter: ItemFilter) -> Vec<String> {
    let found = store.items(RIDES, account, filter).await.unwrap();
    found.iter().map(|item| item.id.to_string()).collect()
}

pub(super) async fn a_document_is_replaced_only_from_what_it_is(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let replace = async |before, text| store.replace_document("fittrackee", anna, before, text).await.unwrap();
    assert!(!replace(Some(""), "x").await, "there is none yet");
    assert!(replace(None, "one").await);
    for before in [None, Some("on"), Some("ONE"), Some("one "), Some("")] {
        assert!(!replace(before, "x").await, "{before:?}");
    }
    assert_eq!(store.document("fittrackee", anna).await.unwrap().as_deref(), Some("one"));
    assert!(replace(Some("one"), "two").await);
    assert!(!replace(Some("one"), "three").await, "it was replaced");
    assert!(store.replace_document("sessions", anna, None, "other").await.unwrap(), "each tracker has its own");
    assert_eq!(store.document("fittrackee", anna).await.unwrap().as_deref(), Some("two"));
}

pub(super) async fn of_changes_of_a_document_at_once_none_is_lost(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let mut racers = JoinSet::new();
    for n in 0..12u32 {
        let store = Arc::clone(&store);
        racers.spawn(async move {
            loop {
                let before = store.document("fittrackee", anna).await.unwrap();
                let text = format!("{}{n};", before.as_deref().unwrap_or_default());
                if store.replace_document("fittrackee", anna, before.as_deref(), &text).await.unwrap() {
                    return;
                }
            }
        });
    }
    racers.join_all().await;
    let text = store.document("fittrackee", anna).await.unwrap().unwrap();
    let mut changes: Vec<u32> = text.split_terminator(';').map(|n| n.parse().unwrap()).collect();
    changes.sort_unstable();
    assert_eq!(changes, (0..12).collect::<Vec<_>>());
}

pub(super) async fn an_item_is_found_as_it_was_stored(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let body = "{\"title\": \"Zu Fuß \u{1f6b6}\"}\n".to_owned();
    let stored = Item { id: "Ride 'ä'".into(), account: anna, place: -62_135_596_800_000_000, body };
    assert!(store.add_item(RIDES, stored.clone()).await.unwrap());
    assert_eq!(store.item(RIDES, "Ride 'ä'").await.unwrap(), Some(stored.clone()));
    assert_eq!(store.items(RIDES, anna, ItemFilter::default()).await.unwrap(), [stored]);
    for other in ["ride 'ä'", "Ride 'A'", "Ride 'ä' ", "Ride%", ""] {
        assert_eq!(store.item(RIDES, other).await.unwrap(), None, "{other:?}");
    }
    for other in ["fittrackee/workout", "fittrackee/workouts ", "FitTrackee/workouts", ""] {
        assert_eq!(store.item(other, "Ride 'ä'").await.unwrap(), None, "{other:?}");
        assert_eq!(store.count_items(other, anna, ItemFilter::default()).await.unwrap(), 0, "{other:?}");
    }
}

pub(super) async fn a_collection_has_a_name_once(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let berta = account(&*store, "berta").await.id;
    let first = add(&*store, "one", anna, 1).await;
    for again in [item("one", anna, 2), item("one", berta, 1), first.clone()] {
        assert!(!store.add_item(RIDES, again).await.unwrap());
    }
    assert_eq!(store.item(RIDES, "one").await.unwrap(), Some(first));
    assert!(store.add_item("fittrackee/equipments", item("one", berta, 1)).await.unwrap());
    assert_eq!(store.item("fittrackee/equipments", "one").await.unwrap(), Some(item("one", berta, 1)));
    assert!(store.items(RIDES, berta, ItemFilter::default()).await.unwrap().is_empty());
}

pub(super) async fn of_many_items_of_one_name_one_is_stored(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let mut racers = JoinSet::new();
    for n in 0..16 {
        let store = Arc::clone(&store);
        racers.spawn(async move { (n, store.add_item(RIDES, item("one", anna, n)).await.unwrap()) });
    }
    let won: Vec<i64> = racers.join_all().await.into_iter().filter_map(|(n, won)| won.then_some(n)).collect();
    let found = store.items(RIDES, anna, ItemFilter::default()).await.unwrap();
    assert_eq!(won, found.iter().map(|item| item.place).collect::<Vec<_>>());
    assert_eq!(won.len(), 1);
}

pub(super) async fn items_stand_in_the_order_of_places_then_of_names(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    for (id, place) in [("z", -7), ("a", 0), ("ä", 0), ("B", 0), ("aB", 0), ("b", 0), ("_", 0), ("m", i64::MAX)] {
        add(&*store, id, anna, place).await;
    }
    add(&*store, "y", anna, i64::MIN).await;
    let upward = ["y", "z", "B", "_", "a", "aB", "b", "ä", "m"];
    assert_eq!(names(&*store, anna, ItemFilter::default()).await, upward);
    let newest_first = ItemFilter { newest_first: true, ..ItemFilter::default() };
    let downward = ["m", "B", "_", "a", "aB", "b", "ä", "z", "y"];
    assert_eq!(names(&*store, anna, newest_first).await, downward);
    assert_eq!(names(&*store, anna, ItemFilter { offset: 2, limit: 3, ..newest_first }).await, downward[2..5]);
}

pub(super) async fn a_filter_is_half_open_and_pages_are_cut_after_it(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let berta = account(&*store, "berta").await.id;
    for place in [-20i64, -10, 0, 10, 20] {
        add(&*store, &place.to_string(), anna, place).await;
    }
    add(&*store, "of berta", berta, 0).await;
    let all = ItemFilter::default();
    let check = async |filter: ItemFilter, count: u64, expected: &[&str]| {
        assert_eq!(names(&*store, anna, filter).await, expected, "{filter:?}");
        assert_eq!(store.count_items(RIDES, anna, filter).await.unwrap(), count, "{filter:?}");
    };
    check(all, 5, &["-20", "-10", "0", "10", "20"]).await;
    check(ItemFilter { from: -10, before: 10, ..all }, 2, &["-10", "0"]).await;
    check(ItemFilter { from: -9, before: 11, ..all }, 2, &["0", "10"]).await;
    check(ItemFilter { from: 20, ..all }, 1, &["20"]).await;
    check(ItemFilter { from: 21, ..all }, 0, &[]).await;
    check(ItemFilter { before: -20, ..all }, 0, &[]).await;
    check(ItemFilter { before: i64::MIN, ..all }, 0, &[]).await;
    check(ItemFilter { from: 10, before: -10, ..all }, 0, &[]).await;
    check(ItemFilter { limit: 2, ..all }, 5, &["-20", "-10"]).await;
    check(ItemFilter { limit: 2, offset: 3, newest_first: true, ..all }, 5, &["-10", "-20"]).await;
    check(ItemFilter { limit: 2, offset: 4, ..all }, 5, &["20"]).await;
    check(ItemFilter { from: 0, offset: 1, ..all }, 3, &["10", "20"]).await;
    check(ItemFilter { offset: 5, ..all }, 5, &[]).await;
    check(ItemFilter { offset: u32::MAX, ..all }, 5, &[]).await;
    check(ItemFilter { limit: 0, ..all }, 5, &[]).await;
    assert_eq!(names(&*store, berta, all).await, ["of berta"]);
}

pub(super) async fn an_item_is_replaced_only_from_what_it_is(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let berta = account(&*store, "berta").await.id;
    let first = add(&*store, "one", anna, 1).await;
    let beside = add(&*store, "two", anna, 1).await;
    let second = Item { place: -5, body: "second".into(), ..first.clone() };
    for other in [Item { place: 2, ..first.clone() }, Item { body: "x".into(), ..first.clone() }, second.clone()] {
        assert!(!store.replace_item(RIDES, &other, second.clone()).await.unwrap(), "{other:?}");
    }
    let of_berta = Item { account: berta, ..first.clone() };
    assert!(!store.replace_item(RIDES, &of_berta, Item { account: berta, ..second.clone() }).await.unwrap());
    let missing = Item { id: "none".into(), ..first.clone() };
    assert!(!store.replace_item(RIDES, &missing, missing.clone()).await.unwrap());
    assert!(!store.replace_item("fittrackee/equipments", &first, second.clone()).await.unwrap());
    for another in [Item { id: "three".into(), ..second.clone() }, Item { account: berta, ..second.clone() }] {
        assert!(store.replace_item(RIDES, &first, another).await.is_err(), "name and account stay");
    }
    assert_eq!(store.item(RIDES, "one").await.unwrap(), Some(first.clone()));
    assert!(store.replace_item(RIDES, &first, second.clone()).await.unwrap());
    assert!(!store.replace_item(RIDES, &first, second.clone()).await.unwrap(), "it was replaced");
    assert_eq!(store.items(RIDES, anna, ItemFilter::default()).await.unwrap(), [second, beside]);
}

pub(super) async fn of_two_replacements_of_an_item_one_wins(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let mut known = add(&*store, "one", anna, 0).await;
    for round in 1..=8 {
        let mut racers = JoinSet::new();
        for n in 0..2 {
            let (store, before) = (Arc::clone(&store), known.clone());
            let after = Item { body: n.to_string(), place: round, ..known.clone() };
            racers.spawn(
                async move { store.replace_item(RIDES, &before, after.clone()).await.unwrap().then_some(after) },
            );
        }
        let won: Vec<Item> = racers.join_all().await.into_iter().flatten().collect();
        assert_eq!(won.len(), 1, "round {round}");
        known = won[0].clone();
        assert_eq!(store.item(RIDES, "one").await.unwrap(), Some(known.clone()));
    }
}

pub(super) async fn an_item_is_deleted_from_its_account_alone(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let berta = account(&*store, "berta").await.id;
    add(&*store, "one", anna, 1).await;
    assert!(!store.delete_item(RIDES, berta, "one").await.unwrap());
    assert!(!store.delete_item("fittrackee/equipments", anna, "one").await.unwrap());
    assert!(!store.delete_item(RIDES, anna, "ONE").await.unwrap());
    assert!(store.item(RIDES, "one").await.unwrap().is_some());
    assert!(store.delete_item(RIDES, anna, "one").await.unwrap());
    assert!(!store.delete_item(RIDES, anna, "one").await.unwrap());
    assert_eq!(store.item(RIDES, "one").await.unwrap(), None);
    add(&*store, "one", berta, 2).await;
}

pub(super) async fn each_change_of_what_trackers_keep_is_one_event(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let berta = account(&*store, "berta").await.id;
    let before = store.newest_event().await.unwrap();
    store.replace_document("fittrackee", anna, None, "one").await.unwrap();
    store.replace_document("fittrackee", anna, None, "two").await.unwrap();
    store.replace_document("fittrackee", anna, Some("other"), "two").await.unwrap();
    let first = add(&*store, "one", berta, 1).await;
    store.add_item(RIDES, item("one", anna, 1)).await.unwrap();
    let second = Item { place: 2, ..first.clone() };
    store.replace_item(RIDES, &second, first.clone()).await.unwrap();
    store.replace_item(RIDES, &first, second.clone()).await.unwrap();
    store.delete_item(RIDES, anna, "one").await.unwrap();
    store.delete_item(RIDES, berta, "one").await.unwrap();
    let of = EventKind::Document;
    assert_eq!(told(&*store, before).await, [of(anna), of(berta), of(berta), of(berta)]);
    store.replace_document("fittrackee", anna, Some("one"), "two").await.unwrap();
    assert_eq!(told(&*store, before + 4).await, [of(anna)]);
}

pub(super) async fn rev_16_items_leave_with_their_account(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let berta = account(&*store, "berta").await.id;
    let gone = add(&*store, "of anna", anna, 1).await;
    add(&*store, "of berta", berta, 1).await;
    let before = store.newest_event().await.unwrap();
    store.delete_account(anna, at(1)).await.unwrap();
    assert_eq!(told(&*store, before).await, [EventKind::Account(anna)], "which says it all");
    assert_eq!(store.item(RIDES, "of anna").await.unwrap(), None);
    assert_eq!(store.count_items(RIDES, anna, ItemFilter::default()).await.unwrap(), 0);
    assert!(!store.replace_item(RIDES, &gone, gone.clone()).await.unwrap());
    assert!(!store.delete_item(RIDES, anna, "of anna").await.unwrap());
    assert!(store.add_item(RIDES, gone).await.is_err(), "no orphan afterwards either");
    assert_eq!(names(&*store, berta, ItemFilter::default()).await, ["of berta"]);
}

pub(super) async fn sto_items_with_nul_are_refused(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let good = add(&*store, "one", anna, 1).await;
    for bad in [item("t\0wo", anna, 1), Item { body: "\0".into(), ..item("two", anna, 1) }] {
        assert!(store.add_item(RIDES, bad).await.is_err());
    }
    assert!(store.add_item("\0", item("two", anna, 1)).await.is_err());
    assert!(store.replace_item(RIDES, &good, Item { body: "\0".into(), ..good.clone() }).await.is_err());
    assert!(store.replace_document("a\0", anna, None, "x").await.is_err());
    assert!(store.item(RIDES, "\0").await.is_err());
    assert_eq!(store.items(RIDES, anna, ItemFilter::default()).await.unwrap(), [good]);
}
