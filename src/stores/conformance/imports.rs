//! Rules about accounts that come from another server.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::task::JoinSet;
use trackgate_schemes::store::Account;
use trackgate_schemes::{AccountId, Secret};

use super::{account, at, done, grants, new_account, told};
use crate::ports::{EventKind, Store, Written};

async fn import(store: &dyn Store, number: i64, name: &str) -> Account {
    done(store.import_account(AccountId(number), new_account(name, None)).await.unwrap())
}

/// The number that an import got; `None` if that was taken.
async fn number_of(store: &dyn Store, number: i64, name: &str) -> Option<i64> {
    match store.import_account(AccountId(number), new_account(name, None)).await.unwrap() {
        Written::NumberTaken => None,
        written => Some(done(written).id.0),
    }
}

pub(super) async fn an_import_brings_its_number_and_stays_signed_in(store: Arc<dyn Store>) {
    let new = new_account("Anna", Some("Anna@Example.org"));
    let imported = done(store.import_account(AccountId(41), new).await.unwrap());
    assert_eq!((imported.id, &*imported.name), (AccountId(41), "Anna"));
    assert_eq!((imported.created_at, imported.not_before), (at(0), SystemTime::UNIX_EPOCH));
    assert_eq!((imported.generation, imported.email.as_deref()), (0, Some("Anna@Example.org")));
    assert_eq!(imported.password, Some(Secret::from("stored form")));
    assert_eq!(imported.grants, grants("* account:admin"));
    assert_eq!(store.account(AccountId(41)).await.unwrap(), Some(imported));
    assert_eq!(told(&*store, 0).await, [EventKind::Account(AccountId(41))]);
    assert_eq!(account(&*store, "berta").await.id, AccountId(42), "new accounts get numbers behind it");
}

pub(super) async fn an_import_whose_number_is_taken_is_refused(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    assert_eq!(number_of(&*store, anna.id.0, "berta").await, None);
    assert_eq!(store.account(anna.id).await.unwrap(), Some(anna.clone()), "the other is left untouched");
    assert_eq!(told(&*store, 0).await, [EventKind::Account(anna.id)]);
}

pub(super) async fn rev_16_an_import_never_gets_the_number_of_a_deleted_account(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    let berta = import(&*store, 7, "berta").await;
    for gone in [anna.id, berta.id] {
        store.delete_account(gone, at(1)).await.unwrap();
    }
    assert_eq!(number_of(&*store, anna.id.0, "carla").await, None);
    assert_eq!(number_of(&*store, berta.id.0, "dora").await, None);
}

pub(super) async fn an_import_finds_numbers_free_that_others_left_out(store: Arc<dyn Store>) {
    import(&*store, 50, "fifty").await;
    assert_eq!(import(&*store, 20, "twenty").await.id, AccountId(20));
    assert_eq!(import(&*store, 1, "one").await.id, AccountId(1));
    assert_eq!(account(&*store, "anna").await.id, AccountId(51), "the counter never goes back");
    assert_eq!(number_of(&*store, 20, "berta").await, None);
}

pub(super) async fn an_import_brings_no_number_that_no_counter_could_follow(store: Arc<dyn Store>) {
    for number in [0, -1, i64::MIN, i64::MAX, (1 << 53) + 1] {
        assert_eq!(number_of(&*store, number, "anna").await, None, "{number}");
    }
    assert_eq!(import(&*store, 1 << 53, "anna").await.id, AccountId(1 << 53));
    assert_eq!(account(&*store, "berta").await.id, AccountId((1 << 53) + 1));
}

pub(super) async fn an_import_that_is_refused_changes_nothing(store: Arc<dyn Store>) {
    let anna = done(store.create_account(new_account("anna", Some("anna@example.org"))).await.unwrap());
    let before = store.newest_event().await.unwrap();
    let same_name = new_account("ANNA", None);
    assert_eq!(store.import_account(AccountId(90), same_name).await.unwrap(), Written::NameTaken);
    let same_address = new_account("berta", Some("Anna@example.org"));
    assert_eq!(store.import_account(AccountId(91), same_address).await.unwrap(), Written::EmailTaken);
    let mut unfit = new_account("carla", None);
    unfit.name = "car\0la".into();
    assert!(store.import_account(AccountId(92), unfit).await.is_err());
    assert_eq!(store.newest_event().await.unwrap(), before);
    assert_eq!(store.list_accounts(AccountId(0), 9).await.unwrap(), std::slice::from_ref(&anna));
    assert_eq!(account(&*store, "dora").await.id, AccountId(anna.id.0 + 1), "the counter did not move");
}

pub(super) async fn of_imports_of_one_number_at_once_one_gets_it(store: Arc<dyn Store>) {
    let mut racers = JoinSet::new();
    for n in 0..8 {
        let store = Arc::clone(&store);
        racers.spawn(async move { number_of(&*store, 30, &format!("rider{n}")).await });
    }
    let numbers: Vec<i64> = racers.join_all().await.into_iter().flatten().collect();
    assert_eq!(numbers, [30]);
}
