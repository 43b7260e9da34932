//! Rules about the list of signed tokens.

use std::sync::Arc;

use trackgate_schemes::AccountId;
use trackgate_schemes::store::Account;

use super::{account, address, at, soon};
use crate::ports::{AccountChange, Ends, MOST_SIGNED, SignedToken, Store};

pub(super) async fn signed_tokens_are_listed_newest_first_until_their_end(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    let berta = account(&*store, "berta").await;
    for (key, who, issued) in [("a", &anna, 1), ("c", &berta, 2), ("b", &anna, 3)] {
        store.add_signed(signed(key, who, issued, 100)).await.unwrap();
    }
    store.add_signed(signed("short", &anna, 4, 50)).await.unwrap();
    store.add_signed(signed("a", &anna, 5, 90)).await.unwrap();
    assert_eq!(keys(&*store, anna.id, 49).await, ["short", "b", "a"]);
    assert_eq!(keys(&*store, anna.id, 50).await, ["b", "a"], "exactly at its end it is dead");
    assert_eq!(store.signed_tokens(berta.id, at(9)).await.unwrap(), [signed("c", &berta, 2, 100)]);
    assert!(keys(&*store, AccountId(99), 9).await.is_empty());
    assert!(store.add_signed(SignedToken { account: AccountId(99), ..signed("x", &anna, 5, 9) }).await.is_err());
}

pub(super) async fn rev_06_signing_out_takes_a_token_off_the_list(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    store.add_signed(signed("one", &anna, 1, 100)).await.unwrap();
    store.add_signed(signed("two", &anna, 2, 100)).await.unwrap();
    store.blacklist("one", Some(anna.id), at(100), at(5)).await.unwrap();
    assert_eq!(keys(&*store, anna.id, 5).await, ["two"]);
    assert_eq!(store.blacklisted("one").await.unwrap(), Some(at(5)));
}

pub(super) async fn rev_09_ending_all_empties_the_list(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    store.add_signed(signed("one", &anna, 1, 100)).await.unwrap();
    store.change_account(anna.id, AccountChange::default(), Ends::Credentials, at(5)).await.unwrap();
    assert!(keys(&*store, anna.id, 5).await.is_empty());
    let anna = store.account(anna.id).await.unwrap().unwrap();
    store.add_signed(signed("two", &anna, 6, 100)).await.unwrap();
    assert_eq!(keys(&*store, anna.id, 6).await, ["two"]);
}

pub(super) async fn rev_16_signed_tokens_leave_with_their_account(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    store.add_signed(signed("one", &anna, 1, 100)).await.unwrap();
    store.delete_account(anna.id, at(2)).await.unwrap();
    let berta = account(&*store, "berta").await;
    store.add_signed(signed("one", &berta, 3, 100)).await.unwrap();
    assert_eq!(keys(&*store, berta.id, 4).await, ["one"]);
}

pub(super) async fn the_list_of_signed_tokens_is_bounded(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    let berta = account(&*store, "berta").await;
    store.add_signed(signed("b", &berta, 0, 1000)).await.unwrap();
    for n in 0..MOST_SIGNED as u64 + 2 {
        store.add_signed(signed(&n.to_string(), &anna, n, 1000)).await.unwrap();
    }
    let listed = keys(&*store, anna.id, 999).await;
    assert_eq!((listed.len(), listed.last().map(String::as_str)), (MOST_SIGNED, Some("2")));
    assert_eq!(keys(&*store, berta.id, 999).await, ["b"], "others keep theirs");
}

pub(super) async fn the_last_use_of_a_signed_token_is_written_soon(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    store.add_signed(signed("one", &anna, 1, 100)).await.unwrap();
    store.note_signed_use("one", at(30), Some(address("::ffff:192.0.2.7")));
    store.note_signed_use("one", at(20), None);
    store.note_signed_use("unknown", at(20), None);
    soon("the last use", async || store.signed_tokens(anna.id, at(40)).await.unwrap()[0].last_used_at == Some(at(30)))
        .await;
    assert_eq!(store.signed_tokens(anna.id, at(40)).await.unwrap()[0].last_client, Some(address("192.0.2.7")));
}

fn signed(key: &str, who: &Account, issued: u64, ends: u64) -> SignedToken {
    SignedToken {
        key: key.into(),
        account: who.id,
        generation: who.generation,
        scheme: "fit".into(),
        service: "fittrackee".into(),
        client: Some(address("192.0.2.1")),
        issued_at: at(issued),
        ends_at: at(ends),
        last_used_at: None,
        last_client: None,
    }
}

async fn keys(store: &dyn Store, account: AccountId, now: u64) -> Vec<String> {
    store.signed_tokens(account, at(now)).await.unwrap().into_iter().map(|token| token.key.to_string()).collect()
}
