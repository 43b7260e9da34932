//! Tests of what only this adapter has, on SQLite.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Instant;

use proptest::prelude::*;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection};
use tempfile::TempDir;
use tokio::task::JoinSet;
use trackgate_schemes::AccountId;
use trackgate_schemes::store::{ApiToken, ApiTokens, Blacklist, Sessions};

use super::*;
use crate::ports::{AccountWrites, Events, Jobs, NewJob, TokenWrites};
use crate::stores::conformance::{CHECKS, samples};
use crate::stores::open;

mod upgrading;

/// A place holds nothing of a letter once it was sent: its link may be good for as long as nobody follows it.
#[tokio::test]
async fn what_is_deleted_is_nowhere_in_the_file() {
    let place = Place::new();
    let store = place.open().await;
    let now = std::time::SystemTime::now();
    let payload = "opensesame".repeat(1000);
    let new = NewJob { kind: "mail".into(), account: None, payload: payload.into(), due_at: now, created_at: now };
    let id = store.add_job(new).await.unwrap();
    assert!(store.delete_job(id).await.unwrap());
    store.close().await.unwrap();
    let bytes = std::fs::read(place.path()).unwrap();
    assert!(!bytes.windows(10).any(|part| part == b"opensesame"));
}

/// A folder with a database in it whose name needs care in a URL.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("a störe 100%.db")
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.path().display())
    }

    async fn open(&self) -> SqlStore {
        self.open_with(Duration::from_millis(100)).await.unwrap()
    }

    async fn open_with(&self, write_wait: Duration) -> Result<SqlStore, OpenError> {
        SqlStore::open(&self.url(), SqlOptions { write_wait, ..SqlOptions::default() }).await
    }

    async fn raw(&self) -> SqliteConnection {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.path()).create_if_missing(true);
        SqliteConnection::connect_with(&options).await.unwrap()
    }

    async fn tell(&self, statements: &str) {
        let mut connection = self.raw().await;
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    fn set_mode(&self, mode: u32) {
        std::fs::set_permissions(self.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    async fn refusal(&self) -> OpenErrorKind {
        open(&self.url()).await.unwrap_err().kind()
    }
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_holds_every_rule() {
    for check in CHECKS {
        eprintln!("{}", check.name);
        let place = Place::new();
        let store = SqlStore::open(&place.url(), SqlOptions::default()).await.unwrap();
        check.run(Arc::new(store)).await;
    }
}

#[tokio::test]
async fn a_new_file_is_for_its_owner_alone() {
    let place = Place::new();
    let store = place.open().await;
    store.blacklist("key", None, at(9), at(0)).await.unwrap();
    for file in std::fs::read_dir(place.0.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
    }
    store.close().await.unwrap();
    place.set_mode(0o640);
    place.open().await.close().await.unwrap();
    for mode in [0o644, 0o660, 0o606] {
        place.set_mode(mode);
        assert_eq!(place.refusal().await, OpenErrorKind::Permission, "{mode:o}");
    }
}

#[tokio::test]
async fn crs_02_what_is_acknowledged_was_synced() {
    let place = Place::new();
    let store = place.open().await;
    for (pragma, expected) in [("PRAGMA synchronous", 2), ("PRAGMA foreign_keys", 1), ("PRAGMA query_only", 0)] {
        let found = store.write(move |connection| Box::pin(pragma_value(connection, pragma)));
        assert_eq!(found.await.unwrap(), expected, "{pragma}");
    }
    let found = store.read(|connection| Box::pin(pragma_value(connection, "PRAGMA query_only")));
    assert_eq!(found.await.unwrap(), 1, "readers only read");
    assert!(place.path().with_extension("db-wal").exists(), "readers and the writer work beside each other");
}

#[tokio::test]
async fn urls_that_name_no_store_are_refused() {
    for url in ["", "sqlite", "sqlite:", "sqlite::memory:", "sqlite:a?mode=ro", "mysql://a/b", "trackgate.db", "file:x"]
    {
        assert_eq!(open(url).await.unwrap_err().kind(), OpenErrorKind::Url, "{url}");
    }
    let missing = open("sqlite:/no/such/folder/x.db").await.unwrap_err();
    assert_eq!(missing.kind(), OpenErrorKind::Directory);
    assert!(missing.to_string().contains("/no/such/folder"), "{missing}");
    let unreachable = open("postgres://anna:opensesame@127.0.0.1:1/x").await.unwrap_err();
    assert_eq!(unreachable.kind(), OpenErrorKind::Unreachable);
    let malformed = open("postgres://anna:opensesame@127.0.0.1:port/x").await.unwrap_err();
    assert_eq!(malformed.kind(), OpenErrorKind::Url);
    for error in [unreachable, malformed] {
        assert!(!format!("{error} {error:?}").contains("opensesame"), "log_05: {error}");
    }
}

#[tokio::test]
async fn sto_08_a_stranger_is_left_as_it_was() {
    let text = Place::new();
    std::fs::write(text.path(), "a diary, not a database, and long enough to have a page of its own").unwrap();
    text.set_mode(0o600);
    let tables = Place::new();
    tables.tell("CREATE TABLE songs (name TEXT)").await;
    tables.set_mode(0o600);
    let meta = Place::new();
    meta.tell("CREATE TABLE meta (name TEXT, value TEXT); INSERT INTO meta VALUES ('version', '1')").await;
    meta.set_mode(0o600);
    for place in [text, tables, meta] {
        let before = std::fs::read(place.path()).unwrap();
        assert_eq!(place.refusal().await, OpenErrorKind::Stranger);
        assert_eq!(std::fs::read(place.path()).unwrap(), before);
        assert_eq!(std::fs::read_dir(place.0.path()).unwrap().count(), 1, "nothing lies beside it");
    }
    let folder = Place::new();
    std::fs::create_dir(folder.path()).unwrap();
    assert_eq!(folder.refusal().await, OpenErrorKind::Stranger);
}

#[tokio::test]
async fn sto_08_a_newer_version_is_left_as_it_was() {
    let place = Place::new();
    place.open().await.close().await.unwrap();
    place.tell("UPDATE meta SET value = '2000' WHERE name = 'version'").await;
    let before = std::fs::read(place.path()).unwrap();
    let refused = open(&place.url()).await.unwrap_err();
    assert_eq!(refused.kind(), OpenErrorKind::Newer);
    assert!(refused.to_string().contains("2000"), "{refused}");
    assert_eq!(std::fs::read(place.path()).unwrap(), before);
    place.tell("UPDATE meta SET value = 'x' WHERE name = 'version'").await;
    assert_eq!(place.refusal().await, OpenErrorKind::Damaged);
}

#[tokio::test]
async fn sto_08_a_locked_store_does_not_open() {
    let place = Place::new();
    place.open().await.close().await.unwrap();
    let mut other = place.raw().await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let refused = place.open_with(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(refused.kind(), OpenErrorKind::Locked);
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    place.open().await.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_at_once_share_a_new_file() {
    let place = Place::new();
    let mut starting = JoinSet::new();
    for n in 0..6u64 {
        let url = place.url();
        starting.spawn(async move {
            let store = open(&url).await.unwrap();
            store.blacklist(&n.to_string(), None, at(9), at(0)).await.unwrap();
            store.close().await.unwrap();
        });
    }
    starting.join_all().await;
    let store = place.open().await;
    let places: Vec<u64> = store.events_after(0, 100).await.unwrap().iter().map(|event| event.seq).collect();
    assert_eq!(places, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn rev_07_a_writer_in_the_way_is_unavailable_and_changes_nothing() {
    let place = Place::new();
    let store = place.open().await;
    let mut other = place.raw().await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let refused = store.blacklist("key", None, at(9), at(0)).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
    assert_eq!(store.blacklisted("key").await.unwrap(), None, "reads go on");
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    store.blacklist("key", None, at(9), at(0)).await.unwrap();
    assert_eq!(store.newest_event().await.unwrap(), 1);
}

#[tokio::test]
async fn closing_writes_what_was_noted() {
    let place = Place::new();
    let store = place.open().await;
    let anna = samples::account(&store, "anna").await;
    store.issue_token(samples::token("t", anna.id)).await.unwrap();
    store.note_token_use("t", samples::at(77), None);
    store.close().await.unwrap();
    let store = place.open().await;
    assert_eq!(store.api_token("t").await.unwrap().unwrap().0.last_used_at, Some(samples::at(77)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_may_live_on_another_runtime() {
    let place = Place::new();
    let store = Arc::new(place.open().await);
    let caller = Arc::clone(&store);
    // No timer, no I/O driver: whatever the store needs of a runtime is on its own.
    let asking = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async move {
            caller.blacklist("key", None, at(9), at(0)).await.unwrap();
            caller.note_session_use("none", at(1));
            caller.blacklisted("key").await.unwrap()
        })
    });
    let answer = tokio::task::spawn_blocking(move || asking.join().unwrap()).await.unwrap();
    assert_eq!(answer, Some(at(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_fails_takes_back_only_itself() {
    let place = Place::new();
    let store = Arc::new(place.open().await);
    let anna = samples::account(&*store, "anna").await;
    let mut jobs = JoinSet::new();
    for n in 0..100u32 {
        let store = Arc::clone(&store);
        let id = if n % 2 == 0 { "same".to_owned() } else { n.to_string() };
        let token: ApiToken = samples::token(&id, anna.id);
        jobs.spawn(async move { store.issue_token(token).await.is_ok() });
    }
    let stored = jobs.join_all().await.into_iter().filter(|stored| *stored).count();
    assert_eq!(stored, 51);
    assert_eq!(store.list_tokens(None).await.unwrap().len(), 51);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sto_03_a_commit_that_fails_is_nobodys_and_the_store_is_reopened() {
    let place = Place::new();
    let store = place.open().await;
    store.blacklist("before", None, at(9), at(0)).await.unwrap();
    // A broken reference that is only looked at when the transaction commits.
    let broken = store.write(|connection| {
        Box::pin(async move {
            let orphan = "PRAGMA defer_foreign_keys = ON; \
                          INSERT INTO documents (account, tracker, body) VALUES (404, 'x', 'y')";
            sqlx::raw_sql(orphan).execute(connection).await?;
            Ok(())
        })
    });
    let (broken, beside) = tokio::join!(broken, store.blacklist("beside", None, at(9), at(0)));
    broken.unwrap_err();
    // Whether or not it was in the same transaction, the answer is the truth.
    assert_eq!(store.blacklisted("beside").await.unwrap().is_some(), beside.is_ok());
    assert_eq!(store.document_count().await, 0);
    store.blacklist("after", None, at(9), at(0)).await.unwrap();
    assert!(store.blacklisted("before").await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sto_01_no_space_left_fails_that_write_and_nothing_else() {
    let place = Place::new();
    let store = place.open().await;
    store.blacklist("before", None, at(9), at(0)).await.unwrap();
    let limit = |pages: &'static str| {
        store.write(move |connection| {
            Box::pin(async move {
                sqlx::raw_sql(pages).execute(connection).await?;
                Ok(())
            })
        })
    };
    limit("PRAGMA max_page_count = 1").await.unwrap();
    let long = "k".repeat(100_000);
    store.blacklist(&long, None, at(9), at(0)).await.unwrap_err();
    assert_eq!(store.blacklisted(&long).await.unwrap(), None);
    assert!(store.blacklisted("before").await.unwrap().is_some());
    limit("PRAGMA max_page_count = 1000000").await.unwrap();
    store.blacklist(&long, None, at(9), at(0)).await.unwrap();
    assert_eq!(store.newest_event().await.unwrap(), 2, "a failed change left no event and no gap");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crs_05_a_panic_in_a_write_ends_that_write_alone() {
    let place = Place::new();
    let store = place.open().await;
    let lost: Answer<'_, ()> = store.write(|_| Box::pin(async { panic!("on purpose") }));
    assert_eq!(lost.await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    store.blacklist("after", None, at(9), at(0)).await.unwrap();
    assert!(store.blacklisted("after").await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sto_05_a_stuck_write_ends_within_the_limit_and_the_store_recovers() {
    let place = Place::new();
    let store = place.open().await;
    let began = Instant::now();
    let stuck: Answer<'_, ()> = store.write(|_| Box::pin(std::future::pending()));
    let (stuck, read) = tokio::join!(stuck, store.blacklisted("key"));
    assert!(stuck.is_err() && read.is_ok());
    assert!(began.elapsed() < SqlStore::CALL_LIMIT + Duration::from_secs(1));
    while store.blacklist("key", None, at(9), at(0)).await.is_err() {
        assert!(began.elapsed() < SqlStore::CALL_LIMIT + Duration::from_secs(5), "recovered within five seconds");
    }
}

#[tokio::test]
async fn a_full_queue_is_unavailable() {
    let place = Place::new();
    let options = SqlOptions { queue: 2, write_wait: Duration::from_millis(50), ..SqlOptions::default() };
    let store = SqlStore::open(&place.url(), options).await.unwrap();
    let mut other = place.raw().await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let store = Arc::new(store);
    let mut waiting = JoinSet::new();
    for n in 0..20u32 {
        let store = Arc::clone(&store);
        waiting
            .spawn(async move { store.blacklist(&n.to_string(), None, at(9), at(0)).await.unwrap_err().to_string() });
    }
    let refusals = waiting.join_all().await;
    assert!(refusals.iter().filter(|refusal| refusal.contains("too many writes")).count() >= 16, "{refusals:?}");
}

#[tokio::test]
async fn rev_06_cleaning_takes_what_ended_a_day_ago_and_nothing_else() {
    let place = Place::new();
    let store = place.open().await;
    let anna = samples::account(&store, "anna").await;
    let now = samples::at(400 * 3600);
    for (key, hours) in [("dead", 370), ("just dead", 377), ("live", 401)] {
        store.blacklist(key, None, samples::at(hours * 3600), samples::at(0)).await.unwrap();
    }
    store.open_session(samples::opening("old", anna.id, 0)).await.unwrap();
    store.open_session(samples::opening("used", anna.id, 1)).await.unwrap();
    store.note_session_use("used", samples::at(380 * 3600));
    store.close().await.unwrap();
    let store = place.open().await;
    store.write(move |connection| Box::pin(cleaning::clean(connection, now))).await.unwrap();
    assert!(store.blacklisted("dead").await.unwrap().is_none());
    for key in ["just dead", "live"] {
        assert!(store.blacklisted(key).await.unwrap().is_some(), "{key}");
    }
    let left = crate::ports::SessionLists::list_sessions(&store, None).await.unwrap();
    assert_eq!(left.iter().map(|session| &*session.id).collect::<Vec<_>>(), ["used"]);
    // They are older than a week; by the newest a node that stood still sees that it missed some.
    let places = async || store.events_after(0, 100).await.unwrap().iter().map(|event| event.seq).collect::<Vec<_>>();
    assert_eq!(places().await, [4]);
    assert_eq!(store.newest_event().await.unwrap(), 4);
    store.delete_account(anna.id, now).await.unwrap();
    assert_eq!(places().await, [4, 5], "no place is used again");
}

#[tokio::test]
async fn sto_04_what_cannot_be_read_is_an_error_not_an_account() {
    let place = Place::new();
    let store = place.open().await;
    let anna = samples::account(&store, "anna").await;
    for (column, value) in [("state", "'hidden'"), ("grants", "'everything'"), ("generation", "-1")] {
        place.tell(&format!("UPDATE accounts SET {column} = {value}")).await;
        let error = trackgate_schemes::store::Accounts::account(&store, anna.id).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{column}");
        place.tell("UPDATE accounts SET state = 'active', grants = '*', generation = 0").await;
    }
    assert!(trackgate_schemes::store::Accounts::account(&store, AccountId(anna.id.0)).await.unwrap().is_some());
}

async fn pragma_value(connection: &mut AnyConnection, pragma: &'static str) -> Result<i64, fault::Fault> {
    let row = sqlx::query(pragma).fetch_one(connection).await?;
    rows::Columns::of(&row).int()
}

impl SqlStore {
    async fn document_count(&self) -> i64 {
        let count = self.read(|connection| {
            Box::pin(async move {
                let row = sqlx::query("SELECT COUNT(*) FROM documents").fetch_one(connection).await?;
                rows::Columns::of(&row).int()
            })
        });
        count.await.unwrap()
    }
}

proptest! {
    #[test]
    fn hex_comes_back(bytes in proptest::collection::vec(any::<u8>(), 0..64), text in "\\PC{0,20}") {
        prop_assert_eq!(rows::unhex(&rows::hex(&bytes)), Some(bytes));
        if let Some(bytes) = rows::unhex(&text) {
            prop_assert_eq!(rows::hex(&bytes), text.to_ascii_lowercase());
        }
    }

    #[test]
    fn reading_a_url_never_panics_nor_shows_it(text in "\\PC{0,40}") {
        for url in [text.clone(), format!("sqlite:{text}"), format!("postgres://u:sesame@{text}")] {
            if let Err(error) = Engine::of(&url, &SqlOptions::default()) {
                prop_assert!(!error.to_string().contains("sesame"));
            }
        }
    }
}
