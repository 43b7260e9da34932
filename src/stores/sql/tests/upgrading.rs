//! Databases of earlier versions, and what is there after reopening.

use trackgate_schemes::store::Accounts;

use super::*;
use crate::ports::{
    Documents, EventKind, Item, ItemFilter, Items, JobState, Jobs, MailedPurpose, MailedToken, MailedTokens, NewJob,
    TrackedSessions, Written,
};

/// What a database of version 1 held: accounts 2 and 4 of four, and something of everything.
const VERSION_1: &str = "
    INSERT INTO accounts VALUES
        (2, 'Anna', 'anna', 'Anna@example.org', 'anna@example.org', 'active', '*', 'stored form', 3, 5000000, 1000000),
        (4, 'berta', 'berta', NULL, NULL, 'disabled', '', NULL, 0, 1000000, 1000000);
    UPDATE counters SET value = 4 WHERE name = 'accounts';
    UPDATE counters SET value = 2 WHERE name = 'events';
    UPDATE counters SET value = 1 WHERE name IN ('audit', 'credentials', 'tracked');
    INSERT INTO api_tokens VALUES ('token', 1, 2, 'label', '00', '*', 1000000, NULL, NULL, NULL);
    INSERT INTO sessions VALUES ('session', 1, '00', 'lp', 2, 'bike', NULL, 1000000, 1000000, 9, 9, 9);
    INSERT INTO blacklist VALUES ('jti', 1000000, 9000000);
    INSERT INTO guess_counters VALUES ('account:anna', 3, 0, 9000000);
    INSERT INTO signing_keys VALUES ('jwt', '00ff');
    INSERT INTO audit VALUES (1, 1000000, 'sign-in', 2, 'Anna', 'Anna', 'bike', NULL, 'done', '');
    INSERT INTO events VALUES (1, 1000000, 2, NULL), (2, 2000000, NULL, 'jti');
    INSERT INTO tracked_sessions VALUES (1, 2, 1000000, NULL, NULL, 1, NULL, 'notes', 0, 0, 1000000);
    INSERT INTO documents VALUES (2, 'fittrackee', '{\"bio\": \"ä\"}')";

const TABLES_1: [&str; 11] = [
    "accounts",
    "api_tokens",
    "sessions",
    "blacklist",
    "guess_counters",
    "signing_keys",
    "audit",
    "tracked_sessions",
    "documents",
    "events",
    "counters",
];

/// A database as the first version left it.
async fn version_1() -> Place {
    let place = Place::new();
    place
        .tell(
            "CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL); \
             INSERT INTO meta (name, value) VALUES ('application', 'trackgate'), ('version', '1')",
        )
        .await;
    place.tell(include_str!("../migrations/0001.sql")).await;
    place.tell(VERSION_1).await;
    place.set_mode(0o600);
    place
}

#[tokio::test]
async fn upgrading_from_version_1_keeps_every_row() {
    let place = version_1().await;
    let before = rows(&place).await;
    place.open().await.close().await.unwrap();
    let after = rows(&place).await;
    for (table, (before, after)) in TABLES_1.iter().zip(before.iter().zip(&after)) {
        // New columns and counters may stand behind the old.
        assert!(after.starts_with(before.as_str()), "{table}: {before} became {after}");
    }
    let store = place.open().await;
    let anna = Accounts::account(&store, AccountId(2)).await.unwrap().unwrap();
    assert_eq!((&*anna.name, anna.generation, anna.not_before), ("Anna", 3, at(5)));
    assert_eq!(store.document("fittrackee", AccountId(2)).await.unwrap().as_deref(), Some("{\"bio\": \"ä\"}"));
    assert!(store.tracked(AccountId(2), 1).await.unwrap().is_some());
    let kinds: Vec<EventKind> = store.events_after(0, 9).await.unwrap().into_iter().map(|event| event.kind).collect();
    let signed_out = EventKind::Credential { id: "jti".into(), account: None };
    assert_eq!(kinds, [EventKind::Account(AccountId(2)), signed_out]);
}

#[tokio::test]
async fn an_upgraded_database_can_do_all_that_is_new() {
    let place = version_1().await;
    let store = place.open().await;
    let anna = AccountId(2);
    let ride = Item { id: "ride".into(), account: anna, place: -1, body: "{}".into() };
    assert!(store.add_item("fittrackee/workouts", ride).await.unwrap());
    assert!(store.replace_document("fittrackee", anna, Some("{\"bio\": \"ä\"}"), "{}").await.unwrap());
    let events = store.events_after(2, 9).await.unwrap();
    assert!(events.iter().all(|event| event.kind == EventKind::Document(anna)));
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(store.add_job(mail()).await.unwrap(), 1);
}

#[tokio::test]
async fn rev_16_numbers_of_accounts_that_version_1_deleted_are_not_free() {
    let place = version_1().await;
    let store = place.open().await;
    for (number, free, name) in [(1, false, "one"), (3, false, "three"), (9, true, "nine"), (8, true, "eight")] {
        let written = store.import_account(AccountId(number), samples::new_account(name, None)).await.unwrap();
        match written {
            Written::Done(account) => assert_eq!((account.id, free), (AccountId(number), true), "{name}"),
            refused => assert_eq!((refused, free), (Written::NumberTaken, false), "{name}"),
        }
    }
}

#[tokio::test]
async fn what_was_stored_is_there_after_reopening() {
    let place = Place::new();
    let store = place.open().await;
    let anna = samples::account(&store, "anna").await.id;
    let item = Item { id: "ride".into(), account: anna, place: -1, body: "{}".into() };
    let token = MailedToken {
        account: anna,
        purpose: MailedPurpose::ChangeEmail,
        digest: trackgate_schemes::Digest::sha256(b"token"),
        about: Some("new@example.org".into()),
        created_at: at(0),
        expires_at: Some(at(90)),
    };
    assert!(store.add_item("fittrackee/workouts", item.clone()).await.unwrap());
    assert!(store.replace_document("fittrackee", anna, None, "kept").await.unwrap());
    store.put_mailed_token(token.clone()).await.unwrap();
    for _ in 0..3 {
        store.add_job(mail()).await.unwrap();
    }
    let dead = store.claim_job("mail", at(1), at(2)).await.unwrap().unwrap();
    store.bury_job(&dead, "no such mailbox").await.unwrap();
    let running = store.claim_job("mail", at(1), at(60)).await.unwrap().unwrap();
    store.close().await.unwrap();

    let store = place.open().await;
    assert_eq!(store.item("fittrackee/workouts", "ride").await.unwrap(), Some(item));
    assert_eq!(store.count_items("fittrackee/workouts", anna, ItemFilter::default()).await.unwrap(), 1);
    assert_eq!(store.document("fittrackee", anna).await.unwrap().as_deref(), Some("kept"));
    assert_eq!(store.mailed_token(token.purpose, &token.digest, at(89)).await.unwrap(), Some(token));
    let states: Vec<JobState> = store.list_jobs(None).await.unwrap().iter().map(|job| job.state).collect();
    assert_eq!(states, [JobState::Dead, JobState::Running { until: at(60) }, JobState::Waiting]);
    // Whoever had claimed it is known; a new process takes it over at its end.
    assert_eq!(store.claim_job("mail", at(60), at(99)).await.unwrap().map(|job| job.id), Some(3));
    let again = store.claim_job("mail", at(60), at(99)).await.unwrap().unwrap();
    assert_eq!((again.id, again.attempts), (running.id, 2));
    assert!(!store.finish_job(&running).await.unwrap());
    assert!(store.finish_job(&again).await.unwrap());
    assert_eq!(store.add_job(mail()).await.unwrap(), 4);
}

#[tokio::test]
async fn cleaning_takes_mailed_tokens_that_ended_a_day_ago_and_nothing_else() {
    let place = Place::new();
    let store = place.open().await;
    let now = samples::at(400 * 3600);
    let mut tokens = Vec::new();
    for (name, end) in [("dead", Some(375)), ("just_dead", Some(377)), ("live", Some(401)), ("endless", None)] {
        let token = MailedToken {
            account: samples::account(&store, name).await.id,
            purpose: MailedPurpose::ResetPassword,
            digest: trackgate_schemes::Digest::sha256(name.as_bytes()),
            about: None,
            created_at: samples::at(0),
            expires_at: end.map(|hours: u64| samples::at(hours * 3600)),
        };
        store.put_mailed_token(token.clone()).await.unwrap();
        tokens.push(token);
    }
    let ancient = MailedToken { purpose: MailedPurpose::ChangeEmail, ..tokens[3].clone() };
    store.put_mailed_token(ancient.clone()).await.unwrap();
    store.write(move |connection| Box::pin(cleaning::clean(connection, now))).await.unwrap();
    let mut left = Vec::new();
    for token in tokens.iter().chain([&ancient]) {
        left.push(store.mailed_token(token.purpose, &token.digest, samples::at(1)).await.unwrap().is_some());
    }
    assert_eq!(left, [false, true, true, true, true]);
}

#[tokio::test]
async fn sto_04_what_cannot_be_read_is_neither_work_nor_a_token() {
    let place = Place::new();
    let store = place.open().await;
    let anna = samples::account(&store, "anna").await.id;
    store.add_job(mail()).await.unwrap();
    let digest = trackgate_schemes::Digest::sha256(b"token");
    let token = MailedToken {
        account: anna,
        purpose: MailedPurpose::ResetPassword,
        digest,
        about: None,
        created_at: at(0),
        expires_at: None,
    };
    store.put_mailed_token(token).await.unwrap();
    for (spoil, heal) in
        [("attempts = -1", "attempts = 0"), ("dead = 2", "dead = 0"), ("dead = 1, until = 5", "dead = 0, until = NULL")]
    {
        place.tell(&format!("UPDATE jobs SET {spoil}")).await;
        assert_eq!(store.list_jobs(None).await.unwrap_err().kind(), StoreErrorKind::Corrupt, "{spoil}");
        place.tell(&format!("UPDATE jobs SET {heal}")).await;
    }
    assert_eq!(store.list_jobs(None).await.unwrap().len(), 1);
    place.tell("UPDATE events SET document = 1, credential = 'x'").await;
    assert_eq!(store.events_after(0, 9).await.unwrap_err().kind(), StoreErrorKind::Corrupt);
    assert!(store.mailed_token(MailedPurpose::ResetPassword, &digest, at(1)).await.unwrap().is_some());
}

fn mail() -> NewJob {
    NewJob { kind: "mail".into(), account: None, payload: "to anna".into(), due_at: at(1), created_at: at(0) }
}

/// All rows of the tables of version 1, as SQLite quotes them, the oldest first.
async fn rows(place: &Place) -> Vec<String> {
    use sqlx::Row;
    let mut connection = place.raw().await;
    let mut all = Vec::new();
    for table in TABLES_1 {
        let columns = sqlx::query(AssertSqlSafe(format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid")))
            .fetch_all(&mut connection)
            .await
            .unwrap();
        let quoted: Vec<String> = columns
            .iter()
            .map(|column| column.get::<String, _>(0))
            .filter(|column| column != "document")
            .map(|column| format!("quote({column})"))
            .collect();
        let rows =
            sqlx::query(AssertSqlSafe(format!("SELECT {} FROM {table} ORDER BY rowid", quoted.join(" || ',' || "))))
                .fetch_all(&mut connection)
                .await
                .unwrap();
        all.push(rows.iter().map(|row| row.get::<String, _>(0) + "\n").collect());
    }
    connection.close().await.unwrap();
    all
}
