//! Sliding sessions and API tokens in memory, by the million:
//! `cargo bench -p trackgate-schemes --bench scale-schemes`.
//!
//! Arguments: `--quick` for small sizes, and the parts to measure: `sessions`, `tokens`; all by default.
//! Stores are made up here and hold nothing, so that what is counted is what the schemes themselves remember.
#![expect(
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement that may fail loudly and tells its figures"
)]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use trackgate_schemes::bearer::{Bearer, BearerSettings, NewToken};
use trackgate_schemes::sliding::{IpMode, OnConflict, Place, Settings, Sliding};
use trackgate_schemes::store::{Account, Answer, ApiToken, ApiTokens, Life, OpenSession, Opened, Session, Sessions};
use trackgate_schemes::testing::{account, block_on};
use trackgate_schemes::{AccountId, CanonicalPath, Digest, Head, Identity, Scheme, Step, Verdict};

#[path = "meter.rs"]
mod meter;

use meter::{Memory, each, once, scattered, sizes, wanted};

fn main() {
    if wanted("sessions") {
        for of_account in [10, 1] {
            for size in sizes(1_000_000) {
                sessions(size, of_account);
            }
        }
    }
    if wanted("tokens") {
        for size in sizes(1_000_000) {
            tokens(size);
        }
    }
}

const HOUR: Duration = Duration::from_hours(1);

fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

/// An account as a store reads it: with texts of its own each time.
fn rider(number: usize) -> Account {
    account(i64::try_from(number).unwrap())
}

fn address(number: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x0A00_0000 + u32::try_from(number).unwrap()))
}

/// Opens whatever is asked for and keeps nothing.
#[derive(Debug)]
struct Nothing;

impl Sessions for Nothing {
    fn open_session(&self, _request: OpenSession) -> Answer<'_, Opened> {
        Box::pin(async { Ok(Opened::Opened { ended: Vec::new() }) })
    }

    fn session<'a>(&'a self, _scheme: &'a str, _digest: &'a Digest) -> Answer<'a, Option<(Session, Account)>> {
        Box::pin(async { Ok(None) })
    }

    fn close_session<'a>(&'a self, _id: &'a str) -> Answer<'a, Option<AccountId>> {
        Box::pin(async { Ok(Some(AccountId(1))) })
    }

    fn note_session_use(&self, _id: &str, _at: SystemTime) {}
}

/// Asks with each of some credentials in turn.
struct Asker<'a> {
    scheme: &'a dyn Scheme,
    path: CanonicalPath<'static>,
    now: SystemTime,
}

impl Asker<'_> {
    fn head<T>(&self, headers: &HeaderMap, then: impl FnOnce(&Head<'_>) -> T) -> T {
        then(&Head::new(&Method::GET, &self.path, headers).with_now(self.now))
    }

    fn known(&self, headers: &HeaderMap) -> Identity {
        self.head(headers, |head| match self.scheme.authenticate(head) {
            Step::Done(Verdict::Known(who)) => who,
            other => panic!("{other:?}"),
        })
    }

    /// What is measured of every scheme.
    fn report(&self, known: &[HeaderMap], unknown: &[HeaderMap]) {
        let look = each(known.len(), |n| drop(self.known(&known[scattered(n, known.len())])));
        let used = each(known.len(), |n| {
            let headers = &known[scattered(n, known.len())];
            let who = self.known(headers);
            self.head(headers, |head| self.scheme.accept(&who, head)).unwrap();
        });
        let miss = each(unknown.len(), |n| {
            self.head(&unknown[n], |head| assert!(matches!(self.scheme.authenticate(head), Step::Ask(_))));
        });
        println!("  look-up: known {look}, known and used {used}, unknown {miss} until the store is asked");
    }
}

fn headers(name: &'static str, value: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(name, HeaderValue::from_bytes(value).unwrap());
    headers
}

fn sessions(size: usize, of_account: usize) {
    println!("{size} sliding sessions, {of_account} of each account, each account at an address of its own");
    let settings = Settings {
        id: "lp",
        place: Place::Header(HeaderName::from_static("token")),
        life: Life { idle: HOUR * 24, absolute: None },
        ip: IpMode::OneUser { on_conflict: OnConflict::Refuse },
        per_account: 64,
        capacity: size * 2,
    };
    let accounts = size / of_account;
    let mut sample: Vec<([u8; 22], [u8; 32])> = Vec::with_capacity(SAMPLE);
    let before = Memory::now();
    let scheme = Sliding::new(settings, Arc::new(Nothing));
    // Signed in within an hour, account after account.
    let open = |n: usize| {
        let (who, now) = (n % accounts, start() + HOUR.mul_f64(n as f64 / size as f64));
        block_on(scheme.open(&rider(who), SERVICES[n % 2], Some(address(who)), now)).unwrap()
    };
    let opening = once(size, |n| {
        let opened = open(n);
        if n % (size / SAMPLE).max(1) == 0 && sample.len() < SAMPLE {
            sample.push((opened.id.as_bytes().try_into().unwrap(), opened.token.expose().try_into().unwrap()));
        }
    });
    println!("  opened: {opening}");
    println!("  memory: {}", before.since(size));
    let known: Vec<_> = sample.iter().map(|(_, token)| headers("token", token)).collect();
    let unknown: Vec<_> = (0..SAMPLE).map(|n| headers("token", format!("unknown{n}").as_bytes())).collect();
    let path = CanonicalPath::parse("/contact").unwrap();
    Asker { scheme: &scheme, path, now: start() + HOUR }.report(&known, &unknown);
    let memory = scheme.memory();
    drop((known, unknown));
    let ended = once(sample.len() / 2, |n| memory.forget_credential(std::str::from_utf8(&sample[n].0).unwrap()));
    let changed = once(1000.min(accounts), |n| memory.forget_account(AccountId(i64::try_from(n).unwrap())));
    println!("  a session ends: {ended}; an account changes: {changed}");
    // Three days later all are long dead, and others sign in.
    let later = start() + HOUR * 24 * 3;
    let few = size / 10;
    let opening = once(few, |n| {
        let now = later + HOUR.mul_f64(n as f64 / few as f64);
        drop(block_on(scheme.open(&rider(n), SERVICES[0], Some(address(n)), now)).unwrap());
    });
    println!("  {few} opened after the end of all others: {opening}");
    let entries = memory.figures().unwrap().entries;
    println!("  memory then, with {entries} entries: {}", before.since(few));
    let all = once(1, |_| memory.forget_all());
    println!("  all are forgotten: {all}");
}

/// Has the token that was last put into it.
#[derive(Debug, Default)]
struct Slot(Mutex<Option<(ApiToken, Account)>>);

impl ApiTokens for Slot {
    fn api_token<'a>(&'a self, _id: &'a str) -> Answer<'a, Option<(ApiToken, Account)>> {
        let found = self.0.lock().unwrap().take();
        Box::pin(async { Ok(found) })
    }

    fn note_token_use(&self, _id: &str, _at: SystemTime, _client: Option<IpAddr>) {}
}

fn tokens(size: usize) {
    println!("{size} API tokens, 10 of each account");
    let slot = Arc::new(Slot::default());
    let settings = BearerSettings::new("api").with_memory(HOUR, size * 2);
    let mut sample: Vec<[u8; 64]> = Vec::with_capacity(SAMPLE);
    let before = Memory::now();
    let scheme = Bearer::new(settings, Arc::clone(&slot) as Arc<dyn ApiTokens>);
    let path = CanonicalPath::parse("/sessions").unwrap();
    let asker = Asker { scheme: &scheme, path, now: start() };
    let first = once(size, |n| {
        let token = NewToken::random();
        let owner = rider(n % (size / 10));
        let stored = ApiToken {
            id: token.id,
            account: owner.id,
            label: "Garmin".into(),
            digest: token.digest,
            grants: "points:write".parse().unwrap(),
            created_at: start(),
            expires_at: None,
            last_used_at: None,
            last_client: None,
        };
        *slot.0.lock().unwrap() = Some((stored, owner));
        let line = headers("authorization", &[b"Bearer ", token.text.expose()].concat());
        let step = asker.head(&line, |head| scheme.authenticate(head));
        assert!(matches!(block_on(step.verdict()), Verdict::Known(_)));
        if n % (size / SAMPLE).max(1) == 0 && sample.len() < SAMPLE {
            sample.push(token.text.expose().try_into().unwrap());
        }
    });
    println!("  shown first: {first}");
    println!("  memory: {}", before.since(size));
    let unknown: Vec<_> = (0..SAMPLE)
        .map(|_| headers("authorization", &[b"Bearer ", NewToken::random().text.expose()].concat()))
        .collect();
    let known: Vec<_> = sample.iter().map(|text| headers("authorization", &[b"Bearer ", &text[..]].concat())).collect();
    asker.report(&known, &unknown);
    let changed = once(1000.min(size / 10), |n| scheme.memory().forget_account(AccountId(i64::try_from(n).unwrap())));
    println!("  an account changes: {changed}");
}

const SAMPLE: usize = 100_000;
const SERVICES: [&str; 2] = ["PHP SDK", "LPTracker Android"];
