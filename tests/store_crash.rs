//! Crashes of a process that writes to an embedded store, and a disk that fills up under it.
//!
//! The test program runs itself again as the one that writes; what it prints are the answers of the store.
#![expect(clippy::unwrap_used, reason = "helper functions of tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use sqlx::{Connection, Row, SqliteConnection};
use trackgate::ports::{AccountChange, Ends, NewAccount, NewJob, Store, Written};
use trackgate::stores::open;
use trackgate_schemes::store::{Account, AccountState, ApiToken};
use trackgate_schemes::{AccountId, AccountName, Digest, Grants, Secret};

#[path = "shared/skipped.rs"]
mod skipped;

use skipped::skipped;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crs_01_rev_03_every_acknowledged_write_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("store.db");
    let mut answers = Vec::new();
    for round in 0..10u64 {
        let mut writer = run_writer(&file, "mixed", round, Command::new(std::env::current_exe().unwrap()));
        // The first are killed while they make the tables, the rest in the middle of their writes.
        let delay = if round < 3 { rand::random_range(1..40) } else { rand::random_range(60..400) };
        std::thread::sleep(Duration::from_millis(delay));
        writer.kill().unwrap();
        answers.extend(lines(&mut writer));
        writer.wait().unwrap();
        let store = open(&url(&file)).await.unwrap();
        check_answers(&*store, &answers).await;
        store.close().await.unwrap();
        check_pages(&file).await;
    }
    assert!(answers.len() > 100, "only {} answers came", answers.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sto_01_a_full_disk_loses_nothing_and_heals() {
    if !Command::new("prlimit").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        return skipped("prlimit");
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("store.db");
    // Files may not grow beyond 600 KiB, and the signal that would tell of it is ignored: writes fail.
    let mut shell = Command::new("bash");
    shell.args(["-c", "trap '' XFSZ; ulimit -S -f 600; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
    let mut writer = run_writer(&file, "full", 0, shell);
    let answers = lines(&mut writer);
    assert!(writer.wait().unwrap().success(), "{} answers came", answers.len());
    for expected in ["full", "reads go on", "healed"] {
        assert!(answers.iter().any(|answer| answer == expected), "{expected}");
    }
    let store = open(&url(&file)).await.unwrap();
    check_answers(&*store, &answers).await;
    store.close().await.unwrap();
    check_pages(&file).await;
}

/// Not a test of its own: the process that the others run.
#[test]
fn writer_process() {
    let Ok(file) = std::env::var("TRACKGATE_CRASH_FILE") else { return };
    let round: u64 = std::env::var("TRACKGATE_CRASH_ROUND").unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = open(&url(Path::new(&file))).await.unwrap();
        if std::env::var("TRACKGATE_CRASH_MODE").unwrap() == "full" {
            return fill(&*store).await;
        }
        let mut writers = tokio::task::JoinSet::new();
        for worker in 0..6 {
            writers.spawn(write_for_ever(Arc::clone(&store), round * 100 + worker));
        }
        writers.join_all().await;
    });
}

fn run_writer(file: &Path, mode: &str, round: u64, mut command: Command) -> Child {
    command
        .args(["--exact", "writer_process", "--nocapture", "--quiet"])
        .env("TRACKGATE_CRASH_FILE", file)
        .env("TRACKGATE_CRASH_MODE", mode)
        .env("TRACKGATE_CRASH_ROUND", round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// All whole lines that the process printed; the rest of what it was printing when it died is no answer.
fn lines(writer: &mut Child) -> Vec<String> {
    let mut reader = BufReader::new(writer.stdout.take().unwrap());
    let mut all = Vec::new();
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap() > 0 {
        if let Some(whole) = line.strip_suffix('\n') {
            all.push(whole.to_owned());
        }
        line.clear();
    }
    all
}

fn url(file: &Path) -> String {
    format!("sqlite:{}", file.display())
}

/// One line, written at once.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

async fn write_for_ever(store: Arc<dyn Store>, worker: u64) {
    let now = SystemTime::now();
    let mut last: Option<Account> = None;
    for step in 0u64.. {
        let name = format!("w{worker}-{step}");
        let account = make_account(&*store, &name).await;
        say(&format!("made {}", account.id));
        store.issue_token(token(&name, account.id)).await.unwrap();
        say(&format!("issued {name} {}", account.id));
        let change = AccountChange { password: Some(Secret::from("second")), ..AccountChange::default() };
        store.change_account(account.id, change, Ends::Credentials, now).await.unwrap();
        say(&format!("changed {}", account.id));
        let until = now + Duration::from_hours(1);
        store.blacklist(&name, Some(account.id), until, now).await.unwrap();
        say(&format!("signed-out {name}"));
        say(&format!("revoking {name}"));
        store.revoke_token(&name, now).await.unwrap();
        say(&format!("revoked {name}"));
        // Work of a kind of its own, so that each worker claims what it promised.
        let work = NewJob {
            kind: format!("w{worker}").into(),
            account: None,
            payload: "".into(),
            due_at: now,
            created_at: now,
        };
        let job = store.add_job(work).await.unwrap();
        say(&format!("promised {job}"));
        if step % 2 == 0 {
            let claimed = store.claim_job(&format!("w{worker}"), now, until).await.unwrap().unwrap();
            say(&format!("finishing {}", claimed.id));
            assert!(store.finish_job(&claimed).await.unwrap());
            say(&format!("finished {}", claimed.id));
        }
        if let Some(last) = last.replace(account) {
            say(&format!("deleting {}", last.id));
            store.delete_account(last.id, now).await.unwrap();
            say(&format!("deleted {}", last.id));
        }
    }
}

/// Writes until nothing more fits, looks whether reads go on, makes room, and writes again.
async fn fill(store: &dyn Store) {
    let until = SystemTime::now() + Duration::from_hours(1);
    let padding = "x".repeat(8000);
    let mut refused = 0;
    for step in 0..2000 {
        let key = format!("{step}-{padding}");
        match store.blacklist(&key, None, until, SystemTime::now()).await {
            Ok(()) => say(&format!("signed-out {key}")),
            Err(_) => refused += 1,
        }
        if refused == 3 {
            break;
        }
    }
    assert_eq!(refused, 3, "what does not fit is refused");
    say("full");
    assert!(store.blacklisted(&format!("0-{padding}")).await.unwrap().is_some());
    say("reads go on");
    let own = std::process::id().to_string();
    let healing = Command::new("prlimit").args(["--pid", &own, "--fsize=unlimited"]).status().unwrap();
    assert!(healing.success());
    let began = Instant::now();
    while store.blacklist("healed", None, until, SystemTime::now()).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(5), "recovers without a restart");
    }
    say("signed-out healed");
    store.close().await.unwrap();
    say("healed");
}

async fn make_account(store: &dyn Store, name: &str) -> Account {
    let new = NewAccount {
        name: name.into(),
        canonical: AccountName::parse(name).unwrap(),
        email: None,
        state: AccountState::Active,
        grants: Grants::EVERYDAY,
        password: Some(Secret::from("first")),
        created_at: SystemTime::now(),
    };
    match store.create_account(new).await.unwrap() {
        Written::Done(account) => account,
        other => panic!("{other:?}"),
    }
}

fn token(id: &str, account: AccountId) -> ApiToken {
    ApiToken {
        id: id.into(),
        account,
        label: "".into(),
        digest: Digest::sha256(id.as_bytes()),
        grants: Grants::EVERYDAY,
        created_at: SystemTime::now(),
        expires_at: None,
        last_used_at: None,
        last_client: None,
    }
}

/// Compares a store to what it answered.
async fn check_answers(store: &dyn Store, answers: &[String]) {
    let mut said: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for answer in answers {
        if let Some((what, whom)) = answer.split_once(' ') {
            said.entry(what).or_default().insert(whom);
        }
    }
    let nothing = BTreeSet::new();
    let all = |what: &str| said.get(what).unwrap_or(&nothing);
    let account = async |id: &str| store.account(id.parse().unwrap()).await.unwrap();
    for id in all("made").difference(all("deleting")) {
        assert!(account(id).await.is_some(), "account {id} is lost");
    }
    for id in all("changed").difference(all("deleting")) {
        let account = account(id).await.unwrap();
        assert_eq!(account.generation, 1, "account {id} has its old credentials");
        assert_eq!(account.password, Some(Secret::from("second")));
    }
    for id in all("deleted") {
        assert!(account(id).await.is_none(), "account {id} is back");
    }
    for issued in all("issued") {
        let (name, owner) = issued.split_once(' ').unwrap();
        if !all("revoking").contains(name) && !all("deleting").contains(owner) {
            assert!(store.api_token(name).await.unwrap().is_some(), "token {name} is lost");
        }
    }
    for name in all("revoked") {
        assert!(store.api_token(name).await.unwrap().is_none(), "token {name} is back");
    }
    for key in all("signed-out") {
        assert!(store.blacklisted(key).await.unwrap().is_some(), "{key} is signed in again");
    }
    let left: BTreeSet<String> = store.list_jobs(None).await.unwrap().iter().map(|job| job.id.to_string()).collect();
    for job in all("promised").difference(all("finishing")) {
        assert!(left.contains(*job), "job {job} is lost");
    }
    for job in all("finished") {
        assert!(!left.contains(*job), "job {job} is done again");
    }
    check_log(store).await;
}

/// The log has no gap, whatever was in flight.
async fn check_log(store: &dyn Store) {
    let mut seen = 0;
    loop {
        let events = store.events_after(seen, 500).await.unwrap();
        if events.is_empty() {
            break;
        }
        for event in events {
            assert_eq!(event.seq, seen + 1);
            seen = event.seq;
        }
    }
    assert_eq!(store.newest_event().await.unwrap(), seen);
}

async fn check_pages(file: &Path) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let found = sqlx::query("PRAGMA integrity_check").fetch_one(&mut connection).await.unwrap();
    assert_eq!(found.get::<String, _>(0), "ok");
    assert!(sqlx::query("PRAGMA foreign_key_check").fetch_optional(&mut connection).await.unwrap().is_none());
    connection.close().await.unwrap();
}
