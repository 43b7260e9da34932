//! The suite of all stores on a real PostgreSQL server.
//!
//! `TRACKGATE_TEST_POSTGRES` names one, as `.ci/with-postgres` sets it; each test makes databases of its
//! own there. Without it these tests are skipped aloud, and fail if `TRACKGATE_TEST_REQUIRE` names `postgresql`.
#![expect(clippy::unwrap_used, reason = "helper functions of tests")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::task::JoinSet;
use trackgate::ports::{
    AccountWrites, Documents, EventKind, Events, Jobs, MailedPurpose, MailedToken, MailedTokens, NewAccount, NewJob,
    Store, Written,
};
use trackgate::stores::conformance::CHECKS;
use trackgate::stores::{OpenErrorKind, SqlOptions, SqlStore, open};
use trackgate_schemes::store::{
    AccountState, Accounts, AddressRule, Blacklist, Life, OpenSession, Opened, Session, Sessions,
};
use trackgate_schemes::{AccountId, AccountName, Digest, Grants};

#[path = "shared/skipped.rs"]
mod skipped;

use skipped::skipped;

/// A database of its own on the server of the tests.
struct Database {
    server: String,
    name: String,
    url: String,
}

impl Database {
    /// Makes one; `None` where no server is named.
    async fn make() -> Option<Self> {
        Self::make_with("").await
    }

    /// Makes one with these options.
    async fn make_with(options: &str) -> Option<Self> {
        let Ok(server) = std::env::var("TRACKGATE_TEST_POSTGRES") else {
            skipped("postgresql");
            return None;
        };
        let name = format!("trackgate_{}", uuid::Uuid::new_v4().simple());
        let database = Self { url: with_database(&server, &name), server, name };
        database.tell_server("CREATE DATABASE", options).await;
        Some(database)
    }

    async fn open(&self) -> SqlStore {
        SqlStore::open(&self.url, SqlOptions::default()).await.unwrap()
    }

    async fn tell(&self, statement: &'static str) {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    async fn drop(self) {
        self.tell_server("DROP DATABASE", "WITH (FORCE)").await;
    }

    async fn tell_server(&self, what: &str, options: &str) {
        let mut connection = PgConnection::connect(&self.server).await.unwrap();
        let statement = AssertSqlSafe(format!("{what} {} {options}", self.name));
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

fn with_database(server: &str, name: &str) -> String {
    let (address, query) = server.split_once('?').map_or((server, None), |(address, query)| (address, Some(query)));
    let (host, _database) = address.rsplit_once('/').unwrap();
    format!("{host}/{name}{}", query.map(|query| format!("?{query}")).unwrap_or_default())
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

fn new_account(name: &str) -> NewAccount {
    NewAccount {
        name: name.into(),
        canonical: AccountName::parse(name).unwrap(),
        email: None,
        state: AccountState::Active,
        grants: Grants::EVERYDAY,
        password: None,
        created_at: at(0),
    }
}

/// A sign-in from one address, for a minute.
fn sign_in(id: &str, account: AccountId, opened: u64) -> OpenSession {
    let session = Session {
        id: id.into(),
        digest: Digest::sha256(id.as_bytes()),
        scheme: "lp".into(),
        account,
        service: "test".into(),
        client: Some([192, 0, 2, 1].into()),
        opened_at: at(opened),
        last_used_at: at(opened),
    };
    OpenSession {
        session,
        generation: 0,
        life: Life { idle: Duration::from_mins(1), absolute: None },
        unwritten: Vec::new(),
        rule: AddressRule::OneUserRefuse,
        per_account: 10,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_holds_every_rule() {
    for check in CHECKS {
        let Some(database) = Database::make().await else { return };
        eprintln!("{}", check.name);
        check.run(Arc::new(database.open().await)).await;
        database.drop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_stand_in_the_order_of_their_names_whatever_the_language_of_the_server() {
    for check in CHECKS.iter().filter(|check| check.name.starts_with("items::")) {
        let linguistic = "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'";
        let Some(database) = Database::make_with(linguistic).await else { return };
        check.run(Arc::new(database.open().await)).await;
        database.drop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upgrading_from_version_1_keeps_every_row() {
    let Some(database) = Database::make().await else { return };
    database
        .tell(
            "CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL); \
             INSERT INTO meta (name, value) VALUES ('application', 'trackgate'), ('version', '1')",
        )
        .await;
    database.tell(include_str!("../src/stores/sql/migrations/0001.sql")).await;
    database
        .tell(
            "INSERT INTO accounts VALUES \
                 (2, 'Anna', 'anna', NULL, NULL, 'active', '*', 'stored form', 3, 5000000, 1000000), \
                 (4, 'berta', 'berta', NULL, NULL, 'disabled', '', NULL, 0, 1000000, 1000000); \
             UPDATE counters SET value = 4 WHERE name = 'accounts'; \
             UPDATE counters SET value = 2 WHERE name = 'events'; \
             INSERT INTO events VALUES (1, 1000000, 2, NULL), (2, 2000000, NULL, 'jti'); \
             INSERT INTO documents VALUES (2, 'fittrackee', 'kept')",
        )
        .await;
    // Two new nodes at once: one upgrades, the other waits for it.
    let (store, beside) = tokio::join!(database.open(), database.open());
    let anna = store.account(AccountId(2)).await.unwrap().unwrap();
    assert_eq!((&*anna.name, anna.generation), ("Anna", 3));
    assert_eq!(store.list_accounts(AccountId(0), 9).await.unwrap().len(), 2);
    assert_eq!(beside.document("fittrackee", AccountId(2)).await.unwrap().as_deref(), Some("kept"));
    let kinds: Vec<EventKind> = store.events_after(0, 9).await.unwrap().into_iter().map(|event| event.kind).collect();
    let signed_out = EventKind::Credential { id: "jti".into(), account: None };
    assert_eq!(kinds, [EventKind::Account(AccountId(2)), signed_out]);
    for (number, free, name) in [(1, false, "one"), (3, false, "three"), (2, false, "two"), (9, true, "nine")] {
        match beside.import_account(AccountId(number), new_account(name)).await.unwrap() {
            Written::Done(account) => assert_eq!((account.id, free), (AccountId(number), true), "{name}"),
            refused => assert_eq!((refused, free), (Written::NumberTaken, false), "{name}"),
        }
    }
    for store in [store, beside] {
        store.close().await.unwrap();
    }
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_claims_takes_and_changes_on_two_nodes_each_has_one_effect() {
    let Some(database) = Database::make().await else { return };
    let nodes = [Arc::new(database.open().await), Arc::new(database.open().await)];
    let Written::Done(anna) = nodes[0].create_account(new_account("anna")).await.unwrap() else { panic!("taken") };
    for round in 0..50u64 {
        let work = NewJob {
            kind: "mail".into(),
            account: Some(anna.id),
            payload: "x".into(),
            due_at: at(0),
            created_at: at(0),
        };
        let job = nodes[0].add_job(work).await.unwrap();
        let token = MailedToken {
            account: anna.id,
            purpose: MailedPurpose::ResetPassword,
            digest: Digest::sha256(&round.to_le_bytes()),
            about: None,
            created_at: at(0),
            expires_at: None,
        };
        nodes[0].put_mailed_token(token.clone()).await.unwrap();
        let before = nodes[0].document("fittrackee", anna.id).await.unwrap();
        let mut racers = JoinSet::new();
        for (n, node) in nodes.iter().enumerate() {
            let (node, token, before, anna) = (Arc::clone(node), token.clone(), before.clone(), anna.id);
            racers.spawn(async move {
                let claimed = node.claim_job("mail", at(1), at(60)).await.unwrap();
                let got = node.take_mailed_token(token.purpose, &token.digest, at(1)).await.unwrap();
                let text = format!("{round} by {n}");
                let replaced = node.replace_document("fittrackee", anna, before.as_deref(), &text).await.unwrap();
                (claimed, got.is_some(), replaced)
            });
        }
        let ends = racers.join_all().await;
        assert_eq!(ends.iter().filter(|(_, got, _)| *got).count(), 1, "round {round}");
        assert_eq!(ends.iter().filter(|(_, _, replaced)| *replaced).count(), 1, "round {round}");
        let claimed: Vec<_> = ends.into_iter().filter_map(|(claimed, _, _)| claimed).collect();
        assert_eq!(claimed.iter().map(|claimed| claimed.id).collect::<Vec<_>>(), [job], "round {round}");
        assert!(nodes[1].finish_job(&claimed[0]).await.unwrap());
    }
    for node in &nodes {
        node.close().await.unwrap();
    }
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_stored_is_there_after_reopening() {
    let Some(database) = Database::make().await else { return };
    let first = open(&database.url).await.unwrap();
    let Written::Done(account) = first.create_account(new_account("anna")).await.unwrap() else { panic!("taken") };
    first.close().await.unwrap();
    let second = open(&database.url).await.unwrap();
    assert_eq!(second.account(account.id).await.unwrap(), Some(account));
    second.close().await.unwrap();
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_at_once_share_one_log_without_gaps() {
    let Some(database) = Database::make().await else { return };
    let mut starting = JoinSet::new();
    for _ in 0..4 {
        let url = database.url.clone();
        starting.spawn(async move { Arc::new(SqlStore::open(&url, SqlOptions::default()).await.unwrap()) });
    }
    let nodes = starting.join_all().await;
    let mut writers = JoinSet::new();
    for (n, node) in nodes.iter().enumerate() {
        for step in 0..50 {
            let node = Arc::clone(node);
            writers.spawn(async move {
                node.blacklist(&format!("{n}-{step}"), None, at(99), at(0)).await.unwrap();
                // Commit order is log order: whatever a reader sees has no gap behind it.
                let events = node.events_after(0, 1000).await.unwrap();
                let places: Vec<u64> = events.iter().map(|event| event.seq).collect();
                assert_eq!(places, (1..=places.len() as u64).collect::<Vec<_>>());
                let own = format!("{n}-{step}");
                let is_own = |kind: &EventKind| matches!(kind, EventKind::Credential { id, .. } if **id == *own);
                assert!(events.iter().any(|event| is_own(&event.kind)));
            });
        }
    }
    writers.join_all().await;
    assert_eq!(nodes[0].newest_event().await.unwrap(), 200);
    for node in &nodes {
        node.close().await.unwrap();
    }
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sld_06_of_two_users_on_two_nodes_one_gets_the_address() {
    let Some(database) = Database::make().await else { return };
    let nodes = [Arc::new(database.open().await), Arc::new(database.open().await)];
    let mut users = Vec::new();
    for name in ["anna", "berta"] {
        let Written::Done(account) = nodes[0].create_account(new_account(name)).await.unwrap() else { panic!("taken") };
        users.push(account.id);
    }
    for round in 0..100u64 {
        let mut racers = JoinSet::new();
        for (node, user) in nodes.iter().zip(&users) {
            let node = Arc::clone(node);
            let request = sign_in(&format!("{round}-{user}"), *user, round * 100);
            racers.spawn(async move { node.open_session(request).await.unwrap() });
        }
        let refused = racers.join_all().await.into_iter().filter(|end| *end == Opened::AddressTaken).count();
        assert_eq!(refused, 1, "round {round}");
    }
    for node in &nodes {
        node.close().await.unwrap();
    }
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sto_06_cut_connections_heal_without_a_double_effect() {
    let Some(database) = Database::make().await else { return };
    let store = database.open().await;
    store.blacklist("before", None, at(99), at(0)).await.unwrap();
    for round in 0..5 {
        // Every connection but the asking one, in the middle of whatever it does.
        database
            .tell(
                "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            .await;
        let began = std::time::Instant::now();
        let key = format!("after-{round}");
        while store.blacklist(&key, None, at(99), at(1)).await.is_err() {
            assert!(began.elapsed() < Duration::from_secs(5), "back within five seconds");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(store.blacklisted("before").await.unwrap().is_some());
    }
    assert_eq!(store.newest_event().await.unwrap(), 6, "each change is one event");
    store.close().await.unwrap();
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rev_07_a_writer_in_the_way_is_unavailable_and_changes_nothing() {
    let Some(database) = Database::make().await else { return };
    let mut options = SqlOptions::default();
    options.write_wait = Duration::from_millis(100);
    let store = SqlStore::open(&database.url, options).await.unwrap();
    let mut other = PgConnection::connect(&database.url).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT value FROM counters FOR UPDATE").execute(&mut other).await.unwrap();
    assert!(store.blacklist("key", None, at(99), at(0)).await.is_err());
    assert_eq!(store.blacklisted("key").await.unwrap(), None, "reads go on");
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    store.blacklist("key", None, at(99), at(0)).await.unwrap();
    assert_eq!(store.newest_event().await.unwrap(), 1);
    store.close().await.unwrap();
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sto_08_strangers_and_newer_versions_are_left_alone() {
    let Some(database) = Database::make().await else { return };
    database.tell("CREATE TABLE songs (name TEXT); INSERT INTO songs VALUES ('one')").await;
    assert_eq!(open(&database.url).await.unwrap_err().kind(), OpenErrorKind::Stranger);
    database.tell("CREATE TABLE meta (key TEXT); INSERT INTO meta VALUES ('x')").await;
    assert_eq!(open(&database.url).await.unwrap_err().kind(), OpenErrorKind::Stranger);
    database.tell("DROP TABLE songs; DROP TABLE meta").await;
    let store = database.open().await;
    store.close().await.unwrap();
    database.tell("UPDATE meta SET value = '99' WHERE name = 'version'").await;
    assert_eq!(open(&database.url).await.unwrap_err().kind(), OpenErrorKind::Newer);
    database.tell("UPDATE meta SET value = '3' WHERE name = 'version'").await;
    let store = database.open().await;
    assert!(store.list_accounts(AccountId(0), 1).await.unwrap().is_empty());
    store.close().await.unwrap();
    let missing = with_database(&database.server, "trackgate_missing");
    assert_eq!(open(&missing).await.unwrap_err().kind(), OpenErrorKind::Unreachable);
    database.drop().await;
}
