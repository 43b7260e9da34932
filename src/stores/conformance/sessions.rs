//! Rules about sliding sessions.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use trackgate_schemes::store::{AccountState, AddressRule, Life, OpenSession, Opened, Session};
use trackgate_schemes::{AccountId, Digest};

use super::{account, at, done, of_credential, session, soon, told};
use crate::ports::{AccountChange, Ends, Store};

const LIFE: Life = Life { idle: Duration::from_secs(100), absolute: Some(Duration::from_secs(1000)) };

fn request(session: Session, rule: AddressRule) -> OpenSession {
    OpenSession { session, generation: 0, life: LIFE, unwritten: Vec::new(), rule, per_account: 5 }
}

fn opened(ended: &[&str]) -> Opened {
    Opened::Opened { ended: ended.iter().map(|id| Arc::from(*id)).collect() }
}

async fn ids(store: &dyn Store) -> Vec<String> {
    store.list_sessions(None).await.unwrap().iter().map(|session| session.id.to_string()).collect()
}

pub(super) async fn a_session_is_found_by_scheme_and_digest(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    let one = session("one", anna.id, "192.0.2.1", 0);
    assert_eq!(store.open_session(request(one.clone(), AddressRule::Any)).await.unwrap(), opened(&[]));
    assert_eq!(store.session("lp", &one.digest).await.unwrap(), Some((one.clone(), anna)));
    assert_eq!(store.session("fit", &one.digest).await.unwrap(), None);
    assert_eq!(store.session("lp", &Digest::sha256(b"other")).await.unwrap(), None);
    assert!(store.open_session(request(one, AddressRule::Any)).await.is_err(), "an id is used once");
}

pub(super) async fn sld_06_the_address_of_another_user_is_refused(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    let berta = account(&*store, "berta").await;
    store.open_session(request(session("a", anna.id, "192.0.2.1", 0), AddressRule::OneUserRefuse)).await.unwrap();
    let events = store.newest_event().await.unwrap();
    let same = request(session("b", berta.id, "192.0.2.1", 10), AddressRule::OneUserRefuse);
    assert_eq!(store.open_session(same).await.unwrap(), Opened::AddressTaken);
    assert_eq!(ids(&*store).await, ["a"]);
    assert_eq!(store.newest_event().await.unwrap(), events);
    let elsewhere = request(session("b", berta.id, "192.0.2.2", 10), AddressRule::OneUserRefuse);
    assert_eq!(store.open_session(elsewhere).await.unwrap(), opened(&[]));
    let mut other_scheme = session("c", berta.id, "192.0.2.1", 10);
    other_scheme.scheme = "other".into();
    let other_scheme = request(other_scheme, AddressRule::OneUserRefuse);
    assert_eq!(store.open_session(other_scheme).await.unwrap(), opened(&[]), "schemes do not meet");
}

pub(super) async fn sld_06_another_user_can_be_displaced(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    let berta = account(&*store, "berta").await;
    for (id, client) in [("a1", "192.0.2.1"), ("a2", "192.0.2.1"), ("a3", "192.0.2.2")] {
        store.open_session(request(session(id, anna.id, client, 0), AddressRule::OneUserDisplace)).await.unwrap();
    }
    let displacing = request(session("b", berta.id, "192.0.2.1", 10), AddressRule::OneUserDisplace);
    assert_eq!(store.open_session(displacing).await.unwrap(), opened(&["a1", "a2"]));
    assert_eq!(ids(&*store).await, ["a3", "b"]);
}

pub(super) async fn sld_06_of_two_users_at_once_one_gets_the_address(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let berta = account(&*store, "berta").await.id;
    for round in 0..20u64 {
        let mut racers = JoinSet::new();
        for n in 0..8 {
            let store = Arc::clone(&store);
            let who = if n % 2 == 0 { anna } else { berta };
            let wanted = session(&format!("{round}-{n}"), who, "192.0.2.1", round * 500);
            racers.spawn(async move {
                (who, store.open_session(request(wanted, AddressRule::OneUserRefuse)).await.unwrap())
            });
        }
        let all = racers.join_all().await;
        let winners: Vec<AccountId> =
            all.iter().filter(|(_, end)| *end != Opened::AddressTaken).map(|(who, _)| *who).collect();
        assert_eq!(winners.len(), 4, "all of one user and none of the other");
        assert!(winners.iter().all(|who| *who == winners[0]));
        let live = store.list_sessions(None).await.unwrap();
        assert!(live.iter().all(|session| session.account == winners[0]));
    }
}

pub(super) async fn the_same_user_and_unknown_addresses_are_no_conflict(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    let berta = account(&*store, "berta").await;
    for id in ["a1", "a2"] {
        let again = request(session(id, anna.id, "192.0.2.1", 0), AddressRule::OneUserRefuse);
        assert_eq!(store.open_session(again).await.unwrap(), opened(&[]));
    }
    for (id, who) in [("a3", &anna), ("b1", &berta)] {
        let mut hidden = session(id, who.id, "192.0.2.1", 0);
        hidden.client = None;
        let hidden = request(hidden, AddressRule::OneUserRefuse);
        assert_eq!(store.open_session(hidden).await.unwrap(), opened(&[]));
    }
}

pub(super) async fn mapped_addresses_are_the_same_address(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    let berta = account(&*store, "berta").await;
    store.open_session(request(session("a", anna.id, "::ffff:192.0.2.1", 0), AddressRule::Any)).await.unwrap();
    let same = request(session("b", berta.id, "192.0.2.1", 0), AddressRule::OneUserRefuse);
    assert_eq!(store.open_session(same).await.unwrap(), Opened::AddressTaken);
}

pub(super) async fn a_dead_session_holds_no_address(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    let berta = account(&*store, "berta").await;
    store.open_session(request(session("a", anna.id, "192.0.2.1", 0), AddressRule::Any)).await.unwrap();
    let early = request(session("b", berta.id, "192.0.2.1", 99), AddressRule::OneUserRefuse);
    assert_eq!(store.open_session(early).await.unwrap(), Opened::AddressTaken);
    let exactly = request(session("b", berta.id, "192.0.2.1", 100), AddressRule::OneUserRefuse);
    assert_eq!(store.open_session(exactly).await.unwrap(), opened(&[]), "at exactly the life-time it is dead");
    assert_eq!(ids(&*store).await, ["b"], "the dead one left");
    // A node that saw it used later than the store knows learns that it is gone.
    assert_eq!(told(&*store, 2).await, [of_credential("a", anna.id)]);
    // Used again and again, and yet over at its absolute end.
    for step in 1..=10 {
        store.note_session_use("b", at(100 + step * 99));
    }
    soon("the last use", async || store.list_sessions(None).await.unwrap()[0].last_used_at == at(1090)).await;
    let early = request(session("c", anna.id, "192.0.2.1", 1099), AddressRule::OneUserRefuse);
    assert_eq!(store.open_session(early).await.unwrap(), Opened::AddressTaken);
    let exactly = request(session("c", anna.id, "192.0.2.1", 1100), AddressRule::OneUserRefuse);
    assert_eq!(store.open_session(exactly).await.unwrap(), opened(&[]));
}

pub(super) async fn uses_that_memory_knows_count(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    let berta = account(&*store, "berta").await;
    store.open_session(request(session("a", anna.id, "192.0.2.1", 0), AddressRule::Any)).await.unwrap();
    let mut late = request(session("b", berta.id, "192.0.2.1", 150), AddressRule::OneUserRefuse);
    late.unwritten = vec![("a".into(), at(90)), ("unknown".into(), at(120)), ("a".into(), at(60))];
    assert_eq!(store.open_session(late).await.unwrap(), Opened::AddressTaken);
}

pub(super) async fn the_oldest_sessions_leave_when_there_are_too_many(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    let berta = account(&*store, "berta").await;
    store.open_session(request(session("b", berta.id, "192.0.2.9", 0), AddressRule::Any)).await.unwrap();
    for n in 0..5 {
        let one = request(session(&format!("a{n}"), anna.id, "192.0.2.1", n), AddressRule::Any);
        assert_eq!(store.open_session(one).await.unwrap(), opened(&[]));
    }
    let sixth = request(session("a5", anna.id, "192.0.2.1", 6), AddressRule::Any);
    assert_eq!(store.open_session(sixth).await.unwrap(), opened(&["a0"]));
    let mut fewer = request(session("a6", anna.id, "192.0.2.1", 7), AddressRule::Any);
    fewer.per_account = 2;
    assert_eq!(store.open_session(fewer).await.unwrap(), opened(&["a1", "a2", "a3", "a4"]));
    assert_eq!(ids(&*store).await, ["b", "a5", "a6"]);
}

pub(super) async fn the_last_use_of_a_session_never_goes_back(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    store.open_session(request(session("a", anna.id, "192.0.2.1", 0), AddressRule::Any)).await.unwrap();
    store.note_session_use("a", at(50));
    soon("the last use", async || store.list_sessions(None).await.unwrap()[0].last_used_at == at(50)).await;
    store.note_session_use("a", at(20));
    store.open_session(request(session("b", anna.id, "192.0.2.1", 60), AddressRule::Any)).await.unwrap();
    store.note_session_use("b", at(70));
    soon("the use behind it", async || store.list_sessions(None).await.unwrap()[1].last_used_at == at(70)).await;
    assert_eq!(store.list_sessions(None).await.unwrap()[0].last_used_at, at(50));
}

pub(super) async fn an_ended_session_ends_once(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    let one = session("a", anna.id, "192.0.2.1", 0);
    store.open_session(request(one.clone(), AddressRule::Any)).await.unwrap();
    assert_eq!(store.close_session("a").await.unwrap(), Some(anna.id));
    assert_eq!(store.session("lp", &one.digest).await.unwrap(), None);
    assert_eq!(store.close_session("a").await.unwrap(), None);
}

pub(super) async fn nobody_without_an_account_gets_a_session(store: Arc<dyn Store>) {
    let lost = request(session("a", AccountId(7), "192.0.2.1", 0), AddressRule::Any);
    assert!(store.open_session(lost).await.is_err());
    assert!(ids(&*store).await.is_empty());
}

/// The password was checked, and while it was hashed the account changed.
pub(super) async fn rev_03_a_sign_in_gets_no_session_once_all_credentials_ended(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    // The clock of the change may be behind that of the sign-in.
    done(store.change_account(anna.id, AccountChange::default(), Ends::Credentials, at(5)).await.unwrap());
    let late = request(session("late", anna.id, "192.0.2.1", 10), AddressRule::Any);
    assert!(store.open_session(late.clone()).await.is_err());
    let again = OpenSession { generation: anna.generation + 1, ..late };
    assert_eq!(store.open_session(again.clone()).await.unwrap(), opened(&[]));
    let out_of_use = AccountChange { state: Some(AccountState::Disabled), ..AccountChange::default() };
    done(store.change_account(anna.id, out_of_use, Ends::Nothing, at(20)).await.unwrap());
    let late = OpenSession { session: session("later", anna.id, "192.0.2.1", 10), ..again };
    assert!(store.open_session(late).await.is_err());
    assert!(ids(&*store).await.is_empty());
}
