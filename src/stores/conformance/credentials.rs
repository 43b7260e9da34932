//! Rules about API tokens, the blacklist and signing keys.

use std::sync::Arc;

use tokio::task::JoinSet;
use trackgate_schemes::Secret;

use super::{account, address, at, new_account, soon, token};
use crate::ports::Store;

pub(super) async fn a_token_is_found_with_its_account(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    let mut stored = token("one", anna.id);
    stored.expires_at = Some(at(100));
    store.issue_token(stored.clone()).await.unwrap();
    assert_eq!(store.api_token("one").await.unwrap(), Some((stored.clone(), anna.clone())));
    for other in ["on", "ONE", "one ", ""] {
        assert_eq!(store.api_token(other).await.unwrap(), None, "{other:?}");
    }
    assert!(store.issue_token(token("one", anna.id)).await.is_err(), "an id is used once");
    assert_eq!(store.list_tokens(None).await.unwrap(), [stored]);
}

pub(super) async fn a_revoked_token_is_gone_for_good(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    store.issue_token(token("one", anna.id)).await.unwrap();
    assert_eq!(store.revoke_token("one", at(5)).await.unwrap(), Some(token("one", anna.id)));
    assert_eq!(store.api_token("one").await.unwrap(), None);
    assert_eq!(store.revoke_token("one", at(6)).await.unwrap(), None);
    store.note_token_use("one", at(7), None);
    assert!(store.list_tokens(None).await.unwrap().is_empty());
}

pub(super) async fn a_rotated_token_ends_no_later_than_before(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    let mut short = token("short", anna.id);
    short.expires_at = Some(at(20));
    store.issue_token(short.clone()).await.unwrap();
    store.issue_token(token("long", anna.id)).await.unwrap();
    let old = store.rotate_token("short", token("next-1", anna.id), at(50)).await.unwrap();
    assert_eq!(old, Some(short));
    let old = store.rotate_token("long", token("next-2", anna.id), at(50)).await.unwrap();
    assert_eq!(old, Some(token("long", anna.id)));
    let ends = |id: &'static str| {
        let store = Arc::clone(&store);
        async move { store.api_token(id).await.unwrap().unwrap().0.expires_at }
    };
    assert_eq!(ends("short").await, Some(at(20)));
    assert_eq!(ends("long").await, Some(at(50)));
    assert_eq!(ends("next-1").await, None);
    assert_eq!(ends("next-2").await, None);
}

pub(super) async fn rotating_what_is_not_there_stores_nothing(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    assert_eq!(store.rotate_token("none", token("next", anna.id), at(50)).await.unwrap(), None);
    assert_eq!(store.api_token("next").await.unwrap(), None);
    store.issue_token(token("one", anna.id)).await.unwrap();
    assert!(store.rotate_token("one", token("one", anna.id), at(50)).await.is_err());
    assert_eq!(store.api_token("one").await.unwrap().unwrap().0, token("one", anna.id), "all or nothing");
}

pub(super) async fn the_last_use_of_a_token_is_written_soon(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    store.issue_token(token("one", anna.id)).await.unwrap();
    store.note_token_use("one", at(30), Some(address("2001:db8::1")));
    store.note_token_use("one", at(20), Some(address("192.0.2.9")));
    store.note_token_use("unknown", at(20), None);
    soon("the last use", async || store.list_tokens(None).await.unwrap()[0].last_used_at == Some(at(30))).await;
    store.note_token_use("one", at(25), Some(address("192.0.2.9")));
    store.note_token_use("one", at(40), Some(address("::ffff:192.0.2.7")));
    soon("the next use", async || store.list_tokens(None).await.unwrap()[0].last_used_at == Some(at(40))).await;
    assert_eq!(store.list_tokens(None).await.unwrap()[0].last_client, Some(address("192.0.2.7")));
}

pub(super) async fn tokens_are_listed_in_the_order_in_which_they_were_made(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    let berta = account(&*store, "berta").await;
    for (id, who) in [("z", &anna), ("m", &berta), ("a", &anna)] {
        store.issue_token(token(id, who.id)).await.unwrap();
    }
    let ids = |tokens: Vec<trackgate_schemes::store::ApiToken>| {
        tokens.iter().map(|token| token.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(store.list_tokens(None).await.unwrap()), ["z", "m", "a"]);
    assert_eq!(ids(store.list_tokens(Some(anna.id)).await.unwrap()), ["z", "a"]);
}

pub(super) async fn rev_14_signing_out_twice_is_one_effect(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    let before = store.newest_event().await.unwrap();
    assert_eq!(store.blacklisted("key").await.unwrap(), None);
    store.blacklist("key", Some(anna.id), at(100), at(5)).await.unwrap();
    store.blacklist("key", Some(anna.id), at(90), at(6)).await.unwrap();
    assert_eq!(store.blacklisted("key").await.unwrap(), Some(at(5)));
    assert_eq!(store.blacklisted("KEY").await.unwrap(), None);
    assert_eq!(store.newest_event().await.unwrap(), before + 1);
}

pub(super) async fn rev_06_an_entry_stays_until_its_token_is_dead(store: Arc<dyn Store>) {
    store.blacklist("live", None, at(1000), at(0)).await.unwrap();
    store.blacklist("other", None, at(2000), at(999)).await.unwrap();
    assert_eq!(store.blacklisted("live").await.unwrap(), Some(at(0)));
    let gone = trackgate_schemes::AccountId(99);
    store.blacklist("of nobody", Some(gone), at(1000), at(0)).await.unwrap();
    assert_eq!(store.blacklisted("of nobody").await.unwrap(), Some(at(0)), "signing out needs no account");
}

pub(super) async fn of_two_fresh_keys_one_wins(store: Arc<dyn Store>) {
    let mut racers = JoinSet::new();
    for n in 0..16u8 {
        let store = Arc::clone(&store);
        racers.spawn(async move { store.key_or_insert("jwt", &Secret::new([n, 0, 255])).await.unwrap() });
    }
    let all = racers.join_all().await;
    assert!(all.iter().all(|key| key == &all[0]));
    assert_eq!(store.key_or_insert("jwt", &Secret::from("late")).await.unwrap(), all[0]);
    assert_eq!(store.key_or_insert("other", &Secret::from("x")).await.unwrap(), Secret::from("x"));
}

pub(super) async fn sto_text_with_nul_is_refused_by_all(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    let mut odd = token("one", anna.id);
    odd.label = "a\0b".into();
    assert!(store.issue_token(odd).await.is_err());
    assert!(store.replace_document("fittrackee", anna.id, None, "\0").await.is_err());
    let mut named = new_account("berta", None);
    named.name = "ber\0ta".into();
    assert!(store.create_account(named).await.is_err());
    // What was refused took nothing with it.
    store.issue_token(token("one", anna.id)).await.unwrap();
}
