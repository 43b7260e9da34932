//! Rules about accounts.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;
use trackgate_schemes::store::AccountState;
use trackgate_schemes::{AccountId, EmailAddress, Grants, Login, Secret};

use super::samples::opening;
use super::{account, at, done, grants, new_account, soon, token};
use crate::ports::{AccountChange, AuditFilter, Ends, NewTracked, Store, TrackedFilter, Written};

pub(super) async fn an_account_is_found_as_it_was_made(store: Arc<dyn Store>) {
    let made = done(store.create_account(new_account("J\u{e9}r\u{f4}me", Some("J@Example.org"))).await.unwrap());
    assert_eq!(&*made.name, "J\u{e9}r\u{f4}me");
    assert_eq!(made.email.as_deref(), Some("J@Example.org"));
    assert_eq!(made.grants, grants("* account:admin"));
    assert_eq!(made.password, Some(Secret::from("stored form")));
    assert_eq!((made.state, made.generation), (AccountState::Active, 0));
    assert_eq!((made.created_at, made.not_before), (at(0), at(0)));
    assert_eq!(store.account(made.id).await.unwrap(), Some(made.clone()));
    for typed in ["je\u{301}ro\u{302}me", "J\u{c9}R\u{d4}ME", "j@example.ORG"] {
        let login = Login::parse(typed).unwrap();
        assert_eq!(store.account_by_login(&login).await.unwrap(), Some(made.clone()), "{typed}");
    }
    let other = Login::parse("jerome").unwrap();
    assert_eq!(store.account_by_login(&other).await.unwrap(), None);
    assert_eq!(store.account(AccountId(made.id.0 + 1)).await.unwrap(), None);
}

pub(super) async fn taken_names_and_addresses_are_refused_in_any_case(store: Arc<dyn Store>) {
    done(store.create_account(new_account("Anna", Some("anna@example.org"))).await.unwrap());
    let same_name = new_account("aNNA", Some("other@example.org"));
    assert_eq!(store.create_account(same_name).await.unwrap(), Written::NameTaken);
    let same_address = new_account("Berta", Some("ANNA@example.org"));
    assert_eq!(store.create_account(same_address).await.unwrap(), Written::EmailTaken);
    done(store.create_account(new_account("Berta", None)).await.unwrap());
    done(store.create_account(new_account("Carla", None)).await.unwrap());
    assert_eq!(store.list_accounts(AccountId(0), 10).await.unwrap().len(), 3);
}

pub(super) async fn a_change_keeps_what_it_does_not_name(store: Arc<dyn Store>) {
    let old = done(store.create_account(new_account("anna", Some("anna@example.org"))).await.unwrap());
    let empty = store.change_account(old.id, AccountChange::default(), Ends::Nothing, at(5)).await.unwrap();
    assert_eq!(done(empty), old);
    let change = AccountChange { grants: Some(Grants::EVERYDAY), ..AccountChange::default() };
    let changed = done(store.change_account(old.id, change, Ends::Nothing, at(6)).await.unwrap());
    assert_eq!(changed.grants, Grants::EVERYDAY);
    assert_eq!((changed.password, changed.email), (old.password, old.email));
    let change = AccountChange {
        email: Some(("New@example.org".into(), EmailAddress::parse("New@example.org").unwrap())),
        password: Some(Secret::from("another form")),
        state: Some(AccountState::Unconfirmed),
        ..AccountChange::default()
    };
    let changed = done(store.change_account(old.id, change, Ends::Nothing, at(7)).await.unwrap());
    assert_eq!(changed.email.as_deref(), Some("New@example.org"));
    assert_eq!(changed.password, Some(Secret::from("another form")));
    assert_eq!(changed.state, AccountState::Unconfirmed);
    assert_eq!(store.account(old.id).await.unwrap(), Some(changed));
    let old_address = Login::parse("anna@example.org").unwrap();
    assert_eq!(store.account_by_login(&old_address).await.unwrap(), None);
}

pub(super) async fn a_taken_address_changes_nothing(store: Arc<dyn Store>) {
    done(store.create_account(new_account("anna", Some("anna@example.org"))).await.unwrap());
    let berta = done(store.create_account(new_account("berta", Some("berta@example.org"))).await.unwrap());
    let to = |email: &str| AccountChange {
        email: Some((email.into(), EmailAddress::parse(email).unwrap())),
        state: Some(AccountState::Disabled),
        ..AccountChange::default()
    };
    let taken = store.change_account(berta.id, to("Anna@Example.org"), Ends::Credentials, at(1)).await.unwrap();
    assert_eq!(taken, Written::EmailTaken);
    assert_eq!(store.account(berta.id).await.unwrap(), Some(berta.clone()));
    done(store.change_account(berta.id, to("BERTA@example.org"), Ends::Nothing, at(1)).await.unwrap());
    let nobody = store.change_account(AccountId(99), to("anna@example.org"), Ends::Nothing, at(1)).await.unwrap();
    assert_eq!(nobody, Written::NotFound);
}

pub(super) async fn rev_09_ending_all_closes_sessions_and_raises_the_generation(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    let berta = account(&*store, "berta").await;
    open(&*store, "s1", anna.id).await;
    open(&*store, "s2", berta.id).await;
    store.issue_token(token("t1", anna.id)).await.unwrap();
    let end = |ends, now| store.change_account(anna.id, AccountChange::default(), ends, now);
    let ended = done(end(Ends::Credentials, at(50)).await.unwrap());
    assert_eq!((ended.generation, ended.not_before), (1, at(50)));
    assert!(store.list_sessions(Some(anna.id)).await.unwrap().is_empty());
    assert!(store.api_token("t1").await.unwrap().is_some());
    let ended = done(end(Ends::CredentialsAndTokens, at(60)).await.unwrap());
    assert_eq!((ended.generation, ended.not_before), (2, at(60)));
    assert!(store.api_token("t1").await.unwrap().is_none());
    assert_eq!(store.list_sessions(None).await.unwrap().len(), 1, "the other account's session stays");
}

pub(super) async fn rev_09_a_clock_that_goes_back_revives_nothing(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    for (now, not_before) in [(at(50), at(50)), (at(10), at(50)), (at(70), at(70))] {
        let change = store.change_account(anna.id, AccountChange::default(), Ends::Credentials, now);
        assert_eq!(done(change.await.unwrap()).not_before, not_before);
    }
}

pub(super) async fn a_disabled_account_has_no_sessions(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    open(&*store, "s1", anna.id).await;
    let change = AccountChange { state: Some(AccountState::Disabled), ..AccountChange::default() };
    let changed = done(store.change_account(anna.id, change, Ends::Nothing, at(9)).await.unwrap());
    assert_eq!((changed.state, changed.generation), (AccountState::Disabled, 0));
    assert!(store.list_sessions(None).await.unwrap().is_empty());
}

pub(super) async fn a_password_is_upgraded_only_from_the_form_it_has(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    let (stored, strong) = (Secret::from("stored form"), Secret::from("strong form"));
    store.upgrade_password(anna.id, &Secret::from("yet another"), &strong).await.unwrap();
    assert_eq!(store.account(anna.id).await.unwrap(), Some(anna.clone()));
    store.upgrade_password(anna.id, &stored, &strong).await.unwrap();
    let upgraded = store.account(anna.id).await.unwrap().unwrap();
    assert_eq!(upgraded.password, Some(strong.clone()));
    assert_eq!(upgraded.generation, anna.generation);
    store.upgrade_password(AccountId(99), &stored, &strong).await.unwrap();
}

pub(super) async fn rev_16_a_deleted_account_leaves_nothing(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    let berta = account(&*store, "berta").await;
    for (who, id) in [(&anna, "a"), (&berta, "b")] {
        open(&*store, id, who.id).await;
        store.issue_token(token(id, who.id)).await.unwrap();
        assert!(store.replace_document("fittrackee", who.id, None, "{}").await.unwrap());
        store.add_tracked(who.id, tracked(0), at(1)).await.unwrap();
    }
    assert_eq!(store.delete_account(anna.id, at(9)).await.unwrap(), Some(anna.clone()));
    assert_eq!(store.delete_account(anna.id, at(9)).await.unwrap(), None);
    assert_eq!(store.account(anna.id).await.unwrap(), None);
    assert_eq!(store.account_by_login(&Login::parse("anna").unwrap()).await.unwrap(), None);
    assert_eq!(store.document("fittrackee", anna.id).await.unwrap(), None);
    assert!(store.api_token("a").await.unwrap().is_none());
    let everything = TrackedFilter { limit: 10, ..TrackedFilter::default() };
    assert_eq!(store.list_tracked(anna.id, everything).await.unwrap().total, 0);
    assert_eq!(store.list_sessions(None).await.unwrap().len(), 1);
    assert_eq!(store.list_tokens(None).await.unwrap().len(), 1);
    assert_eq!(store.list_tracked(berta.id, everything).await.unwrap().total, 1);
    assert!(store.replace_document("fittrackee", anna.id, None, "{}").await.is_err(), "no orphan afterwards either");
    assert!(store.issue_token(token("late", anna.id)).await.is_err());
    assert!(store.add_tracked(anna.id, tracked(9), at(1)).await.is_err());
}

pub(super) async fn numbers_are_never_used_twice(store: Arc<dyn Store>) {
    let first = account(&*store, "anna").await;
    store.delete_account(first.id, at(1)).await.unwrap();
    let second = account(&*store, "anna").await;
    assert!(second.id > first.id);
}

pub(super) async fn an_imported_account_has_its_old_number_or_is_not_made(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    let import = async |name, number| store.import_account(AccountId(number), new_account(name, None)).await.unwrap();
    let berta = done(import("berta", 40).await);
    assert_eq!((berta.id, berta.not_before, berta.created_at), (AccountId(40), SystemTime::UNIX_EPOCH, at(0)));
    store.delete_account(berta.id, at(1)).await.unwrap();
    for number in [anna.id.0, 40, 0, -7, i64::MAX] {
        assert_eq!(import("carla", number).await, Written::NumberTaken, "{number}");
    }
    assert_eq!(import("ANNA", 50).await, Written::NameTaken);
    assert_eq!(store.account(AccountId(50)).await.unwrap(), None);
    assert_eq!(done(import("carla", 39).await).id, AccountId(39), "below what is counted");
    let next = account(&*store, "dora").await;
    assert_eq!((next.id, next.not_before), (AccountId(41), next.created_at), "the count goes on behind it");
}

pub(super) async fn accounts_are_listed_in_order(store: Arc<dyn Store>) {
    let mut all = Vec::new();
    for name in ["dora", "anna", "carla", "berta"] {
        all.push(account(&*store, name).await);
    }
    let first = store.list_accounts(AccountId(0), 3).await.unwrap();
    assert_eq!(first, all[..3]);
    assert_eq!(store.list_accounts(first[2].id, 3).await.unwrap(), all[3..]);
}

pub(super) async fn of_many_that_want_one_name_one_gets_it(store: Arc<dyn Store>) {
    let mut racers = JoinSet::new();
    for n in 0..24 {
        let store = Arc::clone(&store);
        let name = if n % 2 == 0 { "Anna" } else { "anna" };
        racers.spawn(async move { store.create_account(new_account(name, Some("a@example.org"))).await.unwrap() });
    }
    let all = racers.join_all().await;
    let won = all.iter().filter(|written| matches!(written, Written::Done(_))).count();
    assert_eq!(won, 1);
    assert_eq!(all.iter().filter(|written| **written == Written::NameTaken).count(), 23);
}

pub(super) async fn clk_04_a_time_that_cannot_be_kept_is_an_error(store: Arc<dyn Store>) {
    let far = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 42);
    let mut new = new_account("anna", None);
    new.created_at = far;
    assert!(store.create_account(new.clone()).await.is_err());
    new.created_at = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    let anna = done(store.create_account(new).await.unwrap());
    assert!(store.blacklist("key", Some(anna.id), far, at(0)).await.is_err());
    assert_eq!(store.blacklisted("key").await.unwrap(), None);
    assert!(store.add_tracked(anna.id, NewTracked { start: far, ..tracked(0) }, at(0)).await.is_err());
    store.note_session_use("nobody", far);
    store.note_token_use("nobody", far, None);
    let early = SystemTime::UNIX_EPOCH - Duration::from_hours(24);
    let mut new = new_account("berta", None);
    new.created_at = early;
    let berta = done(store.create_account(new).await.unwrap());
    assert_eq!(store.account(berta.id).await.unwrap().unwrap().created_at, early);
    open(&*store, "s", berta.id).await;
    store.note_session_use("s", at(30));
    soon("a note behind one that cannot be kept", async || {
        store.list_sessions(None).await.unwrap()[0].last_used_at == at(30)
    })
    .await;
    assert!(store.audit(AuditFilter { limit: 1, ..AuditFilter::default() }).await.unwrap().is_empty());
}

fn tracked(start: u64) -> NewTracked {
    NewTracked {
        start: at(start),
        end: Some(at(start + 1)),
        scheduled_end: None,
        public: false,
        locked_by: None,
        notes: None,
        start_offset: 0,
        end_offset: 0,
    }
}

async fn open(store: &dyn Store, id: &str, account: AccountId) {
    store.open_session(opening(id, account, 2)).await.unwrap();
}
