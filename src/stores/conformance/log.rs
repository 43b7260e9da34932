//! Rules about the event log and the audit trail.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use trackgate_schemes::AccountId;
use trackgate_schemes::store::{AddressRule, Life, OpenSession, Opened};

use super::{account, address, at, new_account, of_credential, session, token, told};
use crate::ports::{AccountChange, AuditAction, AuditEntry, AuditFilter, AuditOutcome, Ends, EventKind, Store};

pub(super) async fn every_change_is_one_event_in_order(store: Arc<dyn Store>) {
    assert_eq!(store.newest_event().await.unwrap(), 0);
    assert!(store.events_after(0, 10).await.unwrap().is_empty());
    let anna = account(&*store, "anna").await;
    let berta = account(&*store, "berta").await;
    store.change_account(anna.id, AccountChange::default(), Ends::Credentials, at(1)).await.unwrap();
    for id in ["t1", "t2"] {
        store.issue_token(token(id, anna.id)).await.unwrap();
    }
    store.rotate_token("t1", token("t3", anna.id), at(9)).await.unwrap();
    store.revoke_token("t2", at(2)).await.unwrap();
    open(&*store, "s1", anna.id, AddressRule::OneUserDisplace).await;
    open(&*store, "s2", berta.id, AddressRule::OneUserDisplace).await;
    open(&*store, "s3", berta.id, AddressRule::OneUserDisplace).await;
    store.close_session("s3").await.unwrap();
    store.blacklist("jti", Some(anna.id), at(99), at(3)).await.unwrap();
    store.blacklist("jti-2", None, at(99), at(3)).await.unwrap();
    store.delete_account(berta.id, at(4)).await.unwrap();
    let expected = [
        EventKind::Account(anna.id),
        EventKind::Account(berta.id),
        EventKind::Account(anna.id),
        of_credential("t1", anna.id),
        of_credential("t2", anna.id),
        of_credential("s1", anna.id),
        of_credential("s2", berta.id),
        of_credential("s3", berta.id),
        of_credential("jti", anna.id),
        EventKind::Credential { id: "jti-2".into(), account: None },
        EventKind::Account(berta.id),
    ];
    assert_eq!(told(&*store, 0).await, expected);
    let events = store.events_after(0, 100).await.unwrap();
    let places: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(places, (1..=11).collect::<Vec<u64>>());
    assert_eq!(events[2].at, at(1));
    assert_eq!(store.newest_event().await.unwrap(), 11);
}

pub(super) async fn what_changes_nothing_is_no_event(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await;
    store.create_account(new_account("Anna", None)).await.unwrap();
    store.change_account(AccountId(99), AccountChange::default(), Ends::Credentials, at(1)).await.unwrap();
    store.delete_account(AccountId(99), at(1)).await.unwrap();
    store.revoke_token("none", at(1)).await.unwrap();
    store.close_session("none").await.unwrap();
    store.issue_token(token("t", anna.id)).await.unwrap();
    assert!(store.issue_token(token("t", anna.id)).await.is_err());
    assert_eq!(store.newest_event().await.unwrap(), 1);
}

pub(super) async fn events_of_concurrent_changes_have_no_gap(store: Arc<dyn Store>) {
    let mut racers = JoinSet::new();
    for n in 0..100u64 {
        let store = Arc::clone(&store);
        racers.spawn(async move {
            let key = format!("key-{n}");
            store.blacklist(&key, None, at(99), at(n)).await.unwrap();
            // Whoever was answered finds the own change in the log.
            let events = store.events_after(0, 1000).await.unwrap();
            assert!(
                events
                    .iter()
                    .any(|event| event.kind == EventKind::Credential { id: key.as_str().into(), account: None })
            );
            let places: Vec<u64> = events.iter().map(|event| event.seq).collect();
            assert_eq!(places, (1..=u64::try_from(places.len()).unwrap()).collect::<Vec<_>>());
        });
    }
    racers.join_all().await;
    assert_eq!(store.newest_event().await.unwrap(), 100);
}

pub(super) async fn events_are_read_in_steps(store: Arc<dyn Store>) {
    for n in 0..7 {
        store.blacklist(&n.to_string(), None, at(99), at(n)).await.unwrap();
    }
    let mut seen = 0;
    for expected in [3, 3, 1, 0] {
        let step = store.events_after(seen, 3).await.unwrap();
        assert_eq!(step.len(), expected);
        seen = step.last().map_or(seen, |event| event.seq);
    }
    assert_eq!(seen, 7);
    assert!(store.events_after(u64::MAX, 3).await.unwrap().is_empty());
}

pub(super) async fn the_newest_audit_entries_come_first(store: Arc<dyn Store>) {
    let entry = |n: u64, account: Option<i64>, action| AuditEntry {
        at: at(n),
        action,
        account: account.map(AccountId),
        name: "Anna".into(),
        actor: "operator".into(),
        service: "command-line".into(),
        client: Some(address("192.0.2.1")),
        outcome: "done".into(),
        target: "".into(),
    };
    for (n, action) in (0u64..).zip(AuditAction::ALL) {
        store.record(entry(n, Some(i64::from(n % 2 == 0)), *action)).await.unwrap();
    }
    let nobody = AuditEntry { client: None, ..entry(50, None, AuditAction::SignIn) };
    store.record(nobody.clone()).await.unwrap();
    let all = store.audit(AuditFilter { limit: 100, ..AuditFilter::default() }).await.unwrap();
    assert_eq!(all.len(), AuditAction::ALL.len() + 1);
    assert_eq!(all[0], nobody);
    assert!(all.is_sorted_by(|newer, older| newer.at > older.at));
    let two =
        store.audit(AuditFilter { account: Some(AccountId(1)), limit: 2, ..AuditFilter::default() }).await.unwrap();
    assert_eq!(two.len(), 2);
    assert!(two.iter().all(|entry| entry.account == Some(AccountId(1))));
    assert!(two[0].at > two[1].at);
}

pub(super) async fn audit_entries_are_searched_and_read_in_steps(store: Arc<dyn Store>) {
    let entry = |n: u64, name: &str, service: &str, outcome: &str| AuditEntry {
        at: at(n),
        action: if n.is_multiple_of(2) { AuditAction::SignIn } else { AuditAction::TokenIssue },
        account: Some(AccountId(1)),
        name: name.into(),
        actor: "operator".into(),
        service: service.into(),
        client: None,
        outcome: outcome.into(),
        target: "".into(),
    };
    for (n, name, service, outcome) in [
        (1, "Anna", "PHP SDK", "done"),
        (2, "anna_2", "100% \\ sdk", "locked"),
        (3, "berta", "phone", "done"),
        (4, "Berta", "phone", "wrong_secret"),
    ] {
        store.record(entry(n, name, service, outcome)).await.unwrap();
    }
    let found = async |filter: AuditFilter| -> Vec<u64> {
        let found = store.audit(AuditFilter { limit: 10.min(filter.limit.max(1)), ..filter.clone() }).await.unwrap();
        assert!(found.iter().all(|entry| filter.wants(entry)), "{filter:?}");
        let place = |entry: &AuditEntry| (1..5).find(|n| at(*n) == entry.at).unwrap();
        found.iter().map(place).collect()
    };
    let all = AuditFilter { limit: 10, ..AuditFilter::default() };
    let who = |text: &str| AuditFilter { who: Some(text.into()), ..all.clone() };
    assert_eq!(found(who("ANNA")).await, [2, 1]);
    assert_eq!(found(who("a_2")).await, [2], "`_` is itself");
    assert_eq!(found(who("oper")).await, [4, 3, 2, 1]);
    assert_eq!(found(who("%")).await, [0; 0]);
    let service = |text: &str| AuditFilter { service: Some(text.into()), ..all.clone() };
    assert_eq!(found(service("sdk")).await, [2, 1]);
    assert_eq!(found(service("% \\ ")).await, [2]);
    assert_eq!(found(AuditFilter { outcome: Some(AuditOutcome::Done), ..all.clone() }).await, [3, 1]);
    assert_eq!(found(AuditFilter { outcome: Some(AuditOutcome::Refused), ..who("berta") }).await, [4]);
    assert_eq!(found(AuditFilter { action: Some(AuditAction::SignIn), ..all.clone() }).await, [4, 2]);
    assert_eq!(found(AuditFilter { since: Some(at(2)), until: Some(at(4)), ..all.clone() }).await, [3, 2]);
    assert_eq!(found(AuditFilter { account: Some(AccountId(1)), limit: 2, offset: 1, ..all.clone() }).await, [3, 2]);
    assert_eq!(found(AuditFilter { account: Some(AccountId(2)), ..all.clone() }).await, [0; 0]);
    assert_eq!(found(AuditFilter { limit: 3, offset: 3, ..all }).await, [1]);
}

async fn open(store: &dyn Store, id: &str, account: AccountId, rule: AddressRule) {
    let request = OpenSession {
        session: session(id, account, "192.0.2.1", 2),
        generation: store.account(account).await.unwrap().unwrap().generation,
        life: Life { idle: Duration::from_hours(1), absolute: None },
        unwritten: Vec::new(),
        rule,
        per_account: 1,
    };
    assert!(matches!(store.open_session(request).await.unwrap(), Opened::Opened { .. }));
}
