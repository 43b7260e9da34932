//! The blacklist and the route table by size, and how a gateway starts over a large store:
//! `cargo bench --bench scale`.
//!
//! Arguments: `--quick` for small sizes, and the parts to measure: `blacklist`, `routes`, `start`; all by default.
#![expect(
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement that may fail loudly and tells its figures"
)]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use sqlx::{Connection, SqliteConnection};
use trackgate::gateway::{Route, RouteTable, Target};
use trackgate::layer::{Gate, Mode, PlainDialect};
use trackgate::message::Body;
use trackgate::ports::Store;
use trackgate::stores::{MemoryStore, SqlOptions, SqlStore};
use trackgate::trackers::Call;
use trackgate_schemes::sliding::{IpMode, Place, Settings, Sliding};
use trackgate_schemes::store::{Accounts, ApiTokens, Blacklist, Life, Sessions};
use trackgate_schemes::testing::block_on;
use trackgate_schemes::{AccountId, CanonicalPath, Digest, Head, Scheme, Verdict};

mod meter;

use meter::{Memory, each, once, scattered, sizes, wanted};

fn main() {
    if wanted("blacklist") {
        sizes(10_000_000).into_iter().for_each(blacklist);
    }
    if wanted("routes") {
        sizes(10_000).into_iter().for_each(routes);
    }
    if wanted("start") {
        for (size, out) in sizes(1_000_000).into_iter().zip(sizes(10_000_000)) {
            start(size, out);
        }
    }
}

const HOUR: Duration = Duration::from_hours(1);

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

/// 64 hex digits, as the blacklist knows a token.
fn key(n: usize) -> String {
    format!("{:016x}{:048x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15), n)
}

fn blacklist(size: usize) {
    println!("{size} signed-out tokens in the memory store, of thirty days");
    let month = HOUR * 24 * 30;
    let before = Memory::now();
    let store = MemoryStore::default();
    let sign_out = |n: usize, at: SystemTime| block_on(store.blacklist(&key(n), None, at + month, at)).unwrap();
    // One after the other through a month, so that at its end all are still good.
    let out = once(size, |n| sign_out(n, now() + month.mul_f64(n as f64 / size as f64)));
    println!("  signed out: {out}");
    println!("  memory: {}, event log included", before.since(size));
    let look = |n: usize| block_on(store.blacklisted(&key(n))).unwrap();
    let known = each(SAMPLE, |n| assert!(look(scattered(n, size)).is_some()));
    let unknown = each(SAMPLE, |n| assert!(look(size + scattered(n, size)).is_none()));
    let made = each(SAMPLE, |n| assert!(key(scattered(n, size)).len() == 64));
    println!("  look-up: known {known}, unknown {unknown}, of which {made} make the bench's key");
    // In the month after the next, all of them are over.
    let few = size / 2;
    let out = once(few, |n| sign_out(size + n, now() + month * 3 + HOUR.mul_f64(n as f64 / few as f64)));
    println!("  {few} signed out after the end of all others: {out}");
    let left = (0..SAMPLE).filter(|n| look(scattered(*n, size)).is_some()).count();
    println!(
        "  of the others are left: {:.1} %; memory: {} of the new ones",
        left as f64 * 100.0 / SAMPLE as f64,
        before.since(few)
    );
}

fn routes(size: usize) {
    println!("{size} routes");
    let answer = async |_call: Call| Response::new(Body::from(Bytes::new()));
    let target = Target::Tracker(Arc::new(answer));
    let dialect = Arc::new(PlainDialect);
    let route = |n: usize| Route {
        name: format!("route-{n}").into(),
        methods: vec![Method::GET],
        path: format!("/area{}/part{n}/{{id}}", n % 10),
        hosts: Vec::new(),
        gate: Gate::new(Mode::Public { reason: "a bench".into() }, Vec::new(), Vec::new()),
        target: target.clone(),
        dialect: dialect.clone(),
        max_body_bytes: 0,
        raw_path: false,
    };
    let before = Memory::now();
    let mut table = None;
    let built = once(1, |_| table = Some(RouteTable::new((0..size).map(route).collect(), Vec::new()).unwrap()));
    let table = table.unwrap();
    println!("  built: {built}");
    println!("  memory: {}", before.since(size));
    let headers = HeaderMap::new();
    let paths: Vec<_> = (0..size).map(|n| format!("/area{}/part{n}/77", n % 10)).collect();
    let find = |path: &str| table.find(&Method::GET, None, path, &headers).is_ok();
    let known = each(SAMPLE, |n| assert!(find(&paths[scattered(n, size)])));
    let unknown = each(1000, |_| assert!(!find("/area1/elsewhere/77")));
    println!("  look-up: known {known}, unknown {unknown}");
}

/// A store of so many sessions of a tenth as many accounts with as many API tokens, and so many signed-out tokens.
fn start(size: usize, out: usize) {
    println!("a SQLite store of {size} sessions, {size} API tokens, {} accounts, {out} signed-out tokens", size / 10);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let url = format!("sqlite:{}", file.display());
        let store = SqlStore::open(&url, SqlOptions::default()).await.unwrap();
        store.close().await.unwrap();
        fill(&file, size, out).await;
        println!("  {} MB on disk", fs::metadata(&file).unwrap().len() / 1_000_000);
        let (before, began) = (Memory::now(), Instant::now());
        let store = Arc::new(SqlStore::open(&url, SqlOptions::default()).await.unwrap());
        let opened = began.elapsed();
        let life = Life { idle: HOUR * 24, absolute: None };
        let place = Place::Header(HeaderName::from_static("token"));
        let settings = Settings { id: "lp", place, life, ip: IpMode::Off, per_account: 64, capacity: size };
        let scheme = Sliding::new(settings, Arc::clone(&store) as Arc<dyn Sessions>);
        let ask = async |n: usize| {
            let mut headers = HeaderMap::new();
            headers.insert("token", HeaderValue::from_str(&token(n)).unwrap());
            let path = CanonicalPath::parse("/contact").unwrap();
            let step = scheme.authenticate(&Head::new(&Method::GET, &path, &headers).with_now(now()));
            assert!(matches!(step.verdict().await, Verdict::Known(_)));
        };
        let began = Instant::now();
        ask(size / 2).await;
        println!(
            "  opened in {opened:.1?}, first session known {:.1?} later; {} in all",
            began.elapsed(),
            before.since(1)
        );
        let mean = async |what: &str, ask: &dyn Fn(usize) -> std::pin::Pin<Box<dyn Future<Output = ()>>>| {
            let began = Instant::now();
            for n in 0..1000 {
                ask(n).await;
            }
            println!("  {what}: {:.0?} each", began.elapsed() / 1000);
        };
        let began = Instant::now();
        for n in 0..1000 {
            ask(scattered(n, size)).await;
        }
        println!("  a session's first request: {:.0?} each", began.elapsed() / 1000);
        let own = Arc::clone(&store);
        mean("a signed-out token", &move |n| {
            let (own, key) = (Arc::clone(&own), format!("{:064}", scattered(n, out)));
            Box::pin(async move { assert!(own.blacklisted(&key).await.unwrap().is_some()) })
        })
        .await;
        let own = Arc::clone(&store);
        mean("a token that was not signed out", &move |n| {
            let (own, key) = (Arc::clone(&own), format!("x{:063}", scattered(n, out)));
            Box::pin(async move { assert!(own.blacklisted(&key).await.unwrap().is_none()) })
        })
        .await;
        let own = Arc::clone(&store);
        mean("an account", &move |n| {
            let (own, id) = (Arc::clone(&own), AccountId(i64::try_from(1 + scattered(n, size / 10)).unwrap()));
            Box::pin(async move { assert!(own.account(id).await.unwrap().is_some()) })
        })
        .await;
        let own = Arc::clone(&store);
        mean("an API token", &move |n| {
            let (own, id) = (Arc::clone(&own), format!("{:012}", scattered(n, size)));
            Box::pin(async move { assert!(own.api_token(&id).await.unwrap().is_some()) })
        })
        .await;
        store.close().await.unwrap();
    });
}

fn token(n: usize) -> String {
    format!("token{n:027}")
}

/// Fills the tables beside the store, which would acknowledge each row.
async fn fill(file: &Path, size: usize, out: usize) {
    let mut connection = SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.unwrap();
    let numbers = |below: usize| {
        format!("WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {below})")
    };
    let at = now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros();
    let accounts = size / 10;
    let texts = [
        "PRAGMA synchronous = OFF".to_owned(),
        format!(
            "{} INSERT INTO accounts (id, name, canonical, state, grants, generation, not_before, created_at) \
             SELECT n + 1, 'rider' || n, 'rider' || n, 'active', '*', 0, 0, 0 FROM numbers",
            numbers(accounts)
        ),
        format!(
            "{} INSERT INTO api_tokens (id, place, account, label, digest, grants, created_at) \
             SELECT printf('%012d', n), n, n % {accounts} + 1, 'Garmin', '{:064}', 'points:write', {at} FROM numbers",
            numbers(size),
            0
        ),
        format!(
            "{} INSERT INTO blacklist (id, signed_out_at, until) \
             SELECT printf('%064d', n), {at}, {at} + 2592000000000 FROM numbers",
            numbers(out)
        ),
    ];
    for text in texts {
        sqlx::query(sqlx::AssertSqlSafe(text)).execute(&mut connection).await.unwrap();
    }
    let hex = |bytes: &[u8; 32]| bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let day = 86_400_000_000_i64;
    let at = i64::try_from(at).unwrap();
    let mut writing = connection.begin().await.unwrap();
    for n in 0..size {
        let digest = hex(Digest::sha256(token(n).as_bytes()).as_bytes());
        let number = i64::try_from(n).unwrap();
        sqlx::query(
            "INSERT INTO sessions (id, place, digest, scheme, account, service, client, opened_at, last_used_at, idle, \
             hard_end, until) VALUES ($1, $2, $3, 'lp', $4, 'PHP SDK', '10.0.0.1', $5, $5, $6, $7, $7)",
        )
        .bind(format!("{n:022}"))
        .bind(number)
        .bind(digest)
        .bind(number % i64::try_from(accounts).unwrap() + 1)
        .bind(at)
        .bind(day)
        .bind(at + day)
        .execute(&mut *writing)
        .await
        .unwrap();
    }
    writing.commit().await.unwrap();
    connection.close().await.unwrap();
}

const SAMPLE: usize = 100_000;
