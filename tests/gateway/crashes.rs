//! `kill -9` under load: what was acknowledged is there, what was ended stays ended.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use crate::harness::{BINARY, Process, basic};

/// What clients know: a change is in here when its answer came, and in doubt from when it was asked for.
#[derive(Default)]
struct Known {
    accounts: Mutex<Ledger>,
    sliding: Mutex<Ledger>,
    signed: Mutex<Ledger>,
    tokens: Mutex<Ledger>,
    /// Changes that were answered since the last crash.
    answered: AtomicU32,
}

/// Names or tokens, and how each must be found after a crash.
#[derive(Default)]
struct Ledger {
    states: HashMap<String, State>,
    /// Those that changed since the last crash.
    touched: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Live,
    Ended,
    /// Asked for, and no answer came.
    Doubtful,
}

impl Known {
    fn note(&self, ledger: &Mutex<Ledger>, name: &str, state: State) {
        ledger.lock().unwrap().set(name, state);
        if state != State::Doubtful {
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Ledger {
    fn set(&mut self, name: &str, state: State) {
        self.states.insert(name.to_owned(), state);
        self.touched.push(name.to_owned());
    }

    fn count(&self, wanted: State) -> usize {
        self.states.values().filter(|state| **state == wanted).count()
    }

    /// Looks at what changed since the last crash, or at everything.
    fn check(&mut self, what: &str, scope: Scope, mut is_live: impl FnMut(&str) -> bool) {
        let touched = std::mem::take(&mut self.touched);
        let names = match scope {
            Scope::All => self.states.keys().cloned().collect(),
            Scope::Touched => touched,
        };
        for name in names {
            let live = is_live(&name);
            match self.states[&name] {
                State::Live => assert!(live, "{what} {name} was acknowledged and is lost"),
                State::Ended => assert!(!live, "{what} {name} was ended and is back"),
                // Either is right, but from now on it stays as it is.
                State::Doubtful => {
                    self.states.insert(name, if live { State::Live } else { State::Ended });
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    All,
    Touched,
}

/// Status and body, if the whole answer came.
fn try_ask(address: SocketAddr, head: &str, body: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let (line, headers) = head.split_once('\n').unwrap();
    let length = body.len();
    let wire = format!(
        "{line} HTTP/1.1\r\n{headers}\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(wire.as_bytes()).ok()?;
    let mut answer = Vec::new();
    // A reset may come behind a whole answer.
    drop(stream.read_to_end(&mut answer));
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().unwrap())
    });
    if length.is_some_and(|length| length != body.len()) {
        return None;
    }
    Some((head.split(' ').nth(1)?.parse().unwrap(), body.to_owned()))
}

fn register(address: SocketAddr, name: &str) -> Option<(u16, String)> {
    let form = format!("username={name}&password={PASSWORD}&email={name}%40example.org");
    try_ask(address, "POST /register\nContent-Type: application/x-www-form-urlencoded", &form)
}

fn can_sign_in(address: SocketAddr, name: &str) -> bool {
    let (status, body) = try_ask(address, &format!("GET /auth\n{}", basic(name, PASSWORD)), "").unwrap();
    assert!(matches!(status, 200 | 403), "{status} {body}");
    status == 200
}

/// A sliding token for this account.
fn slide(address: SocketAddr, name: &str) -> Option<String> {
    let body = format!(r#"{{"login":"{name}@example.org","password":"{PASSWORD}","service":"crash","version":"1.0"}}"#);
    let (status, body) = try_ask(address, "POST /login\nContent-Type: application/json", &body)?;
    assert_eq!(status, 200, "{body}");
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    Some(answer["result"]["token"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned())
}

fn sliding_is_live(address: SocketAddr, token: &str) -> bool {
    let (_, body) = try_ask(address, &format!("GET /projects\ntoken: {token}"), "").unwrap();
    let is_live = body.contains(r#""status":"success""#);
    assert!(is_live || body.contains(r#""code":401"#), "{body}");
    is_live
}

fn sign(address: SocketAddr, name: &str) -> Option<String> {
    let body = format!(r#"{{"email":"{name}@example.org","password":"{PASSWORD}"}}"#);
    let (status, body) = try_ask(address, "POST /api/auth/login\nContent-Type: application/json", &body)?;
    assert_eq!(status, 200, "{body}");
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    Some(answer["auth_token"].as_str().unwrap().to_owned())
}

fn bearer_is_live(address: SocketAddr, token: &str) -> bool {
    let (status, body) =
        try_ask(address, &format!("GET /api/auth/profile\nAuthorization: Bearer {token}"), "").unwrap();
    assert!(matches!(status, 200 | 401), "{status} {body}");
    status == 200
}

/// Makes accounts; one in a while, as each costs a hash.
fn register_all(address: SocketAddr, round: u32, known: &Known) -> Option<()> {
    for count in 0.. {
        let name = format!("rider_{round}_{count}");
        known.note(&known.accounts, &name, State::Doubtful);
        let (status, body) = register(address, &name)?;
        assert_eq!(status, 200, "{body}");
        known.note(&known.accounts, &name, State::Live);
        sleep(Duration::from_millis(20));
    }
    None
}

/// Signs in at the LPTracker door, and every other token out again.
fn slide_all(address: SocketAddr, known: &Known) -> Option<()> {
    for count in 0.. {
        // A token that nobody was told is nobody's: only those that came are known.
        let token = slide(address, "first")?;
        known.note(&known.sliding, &token, State::Live);
        assert!(try_ask(address, &format!("GET /projects\ntoken: {token}"), "")?.1.contains("success"));
        if count % 2 == 0 {
            known.note(&known.sliding, &token, State::Doubtful);
            let (_, body) = try_ask(address, &format!("POST /logout\ntoken: {token}"), "")?;
            assert!(body.contains("success"), "{body}");
            known.note(&known.sliding, &token, State::Ended);
        }
    }
    None
}

/// The same at the FitTrackee door.
fn sign_all(address: SocketAddr, known: &Known) -> Option<()> {
    for count in 0.. {
        let token = sign(address, "second")?;
        known.note(&known.signed, &token, State::Live);
        if count % 2 == 0 {
            known.note(&known.signed, &token, State::Doubtful);
            let head = format!("POST /api/auth/logout\nAuthorization: Bearer {token}");
            let (status, body) = try_ask(address, &head, "")?;
            assert_eq!(status, 200, "{body}");
            known.note(&known.signed, &token, State::Ended);
        }
    }
    None
}

/// Issues and revokes API tokens by commands, which are killed as well.
fn issue_all(data_dir: &Path, known: &Known, running: &Mutex<Option<Child>>, over: &AtomicBool) -> Option<()> {
    let command = |words: &[&str]| {
        let mut out = {
            let mut slot = running.lock().unwrap();
            if over.load(Ordering::SeqCst) {
                return None;
            }
            let mut command = Command::new(BINARY);
            command.args(words).arg("--data-dir").arg(data_dir);
            let mut child =
                command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
            let out = child.stdout.take().unwrap();
            *slot = Some(child);
            out
        };
        let mut said = String::new();
        out.read_to_string(&mut said).unwrap();
        let status = running.lock().unwrap().take().unwrap().wait().unwrap();
        assert!(status.success() || over.load(Ordering::SeqCst), "{words:?} ended with {status}");
        // What was printed counts, even if the program did not end by itself.
        said.strip_suffix('\n').map(ToOwned::to_owned)
    };
    for count in 0.. {
        let token = command(&["token", "new", "--user", "first", "--grant", "profile:read"])?;
        known.note(&known.tokens, &token, State::Live);
        if count % 2 == 0 {
            known.note(&known.tokens, &token, State::Doubtful);
            assert!(command(&["token", "revoke", token.get(3..15).unwrap()])?.ends_with("revoked"));
            known.note(&known.tokens, &token, State::Ended);
        }
    }
    None
}

/// Everybody works at once until this process and its commands are killed at a random instant: after so
/// many answers, so that a slow machine has something to lose as well, and a moment.
fn load_and_kill(process: &mut Process, round: u32, known: &Known) {
    known.answered.store(0, Ordering::Relaxed);
    let answers = rand::random_range(1..14);
    let moment = Duration::from_micros(rand::random_range(0..40_000));
    let (address, data_dir) = (process.address, process.data_dir.clone());
    let (running, over) = (Mutex::new(None::<Child>), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| register_all(address, round, known));
        scope.spawn(|| slide_all(address, known));
        scope.spawn(|| sign_all(address, known));
        scope.spawn(|| issue_all(&data_dir, known, &running, &over));
        let begun = Instant::now();
        while known.answered.load(Ordering::Relaxed) < answers && begun.elapsed() < LONGEST_ROUND {
            sleep(Duration::from_millis(1));
        }
        sleep(moment);
        over.store(true, Ordering::SeqCst);
        process.child.kill().unwrap();
        if let Some(command) = &mut *running.lock().unwrap() {
            command.kill().unwrap();
        }
        process.child.wait().unwrap();
    });
}

fn check(process: &Process, known: &Known, scope: Scope) {
    let address = process.address;
    let mut accounts = known.accounts.lock().unwrap();
    for (name, _) in accounts.states.iter().filter(|(_, state)| **state == State::Doubtful) {
        // Whole or not at all: made now, or made before and good for signing in.
        let (status, body) = register(address, name).unwrap();
        assert!(status == 200 || body.contains("USERNAME_DOUBLE"), "{name}: {body}");
        assert!(can_sign_in(address, name), "{name} is there by half");
    }
    accounts.check("the account", scope, |name| can_sign_in(address, name));
    known.sliding.lock().unwrap().check("the session", scope, |token| sliding_is_live(address, token));
    known.signed.lock().unwrap().check("the signed token", scope, |token| bearer_is_live(address, token));
    known.tokens.lock().unwrap().check("the API token", scope, |token| bearer_is_live(address, token));
}

#[test]
fn crs_01_rev_03_nothing_acknowledged_is_lost_and_nothing_ended_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    // Any number of tokens, of any number of people on this one machine.
    let config = folder.path().join("trackgate.toml");
    let lp = "[schemes.lp]\nkind = \"sliding\"\nheader = \"token\"\nidle = \"24h\"\nip = { mode = \"off\" }\n";
    std::fs::write(&config, format!("{lp}per_account = 100000\n[log]\naccess = false\n")).unwrap();
    let config = config.to_str().unwrap();
    let known = Known::default();
    let mut starts = Vec::new();
    let mut start = || {
        let begun = Instant::now();
        let process = Process::serve(&data_dir, &["--config", config]);
        starts.push(begun.elapsed());
        process
    };
    let mut process = start();
    for name in ["first", "second"] {
        assert_eq!(register(process.address, name).unwrap().0, 200);
        known.note(&known.accounts, name, State::Live);
    }
    for round in 0..ROUNDS {
        load_and_kill(&mut process, round, &known);
        process = start();
        check(&process, &known, Scope::Touched);
    }
    check(&process, &known, Scope::All);

    for (what, ledger) in [
        ("accounts", &known.accounts),
        ("sessions", &known.sliding),
        ("signed tokens", &known.signed),
        ("API tokens", &known.tokens),
    ] {
        let ledger = ledger.lock().unwrap();
        let (live, ended) = (ledger.count(State::Live), ledger.count(State::Ended));
        eprintln!("{what}: {live} live and {ended} ended after {ROUNDS} crashes");
        assert!(live + ended > 25 && (what == "accounts" || ended > 5), "there was little to be lost");
    }
    starts.sort();
    let (usual, longest) = (starts[starts.len() / 2], starts[starts.len() - 1]);
    eprintln!("starts: {usual:?} in the middle, {longest:?} at most");
    assert!(usual < Duration::from_secs(2), "{usual:?}");
}

#[test]
fn sld_04_a_session_in_use_outlives_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::serve(folder.path(), &[]);
    assert_eq!(register(process.address, "rider").unwrap().0, 200);
    let token = slide(process.address, "rider").unwrap();
    for _ in 0..3 {
        let address = process.address;
        thread::scope(|scope| {
            let uses: Vec<_> = (0..4).map(|_| scope.spawn(|| uses(address, &token))).collect();
            sleep(Duration::from_millis(500));
            process.child.kill().unwrap();
            process.child.wait().unwrap();
            let uses: u32 = uses.into_iter().map(|uses| uses.join().unwrap()).sum();
            assert!(uses > 20, "{uses}");
        });
        process = Process::serve(folder.path(), &[]);
        assert!(sliding_is_live(process.address, &token));
    }
}

/// Uses a token until nobody answers, and says how often.
fn uses(address: SocketAddr, token: &str) -> u32 {
    let mut uses = 0;
    while let Some((_, body)) = try_ask(address, &format!("GET /projects\ntoken: {token}"), "") {
        assert!(body.contains(r#""status":"success""#), "{body}");
        uses += 1;
    }
    uses
}

const PASSWORD: &str = "correct-horse";
const ROUNDS: u32 = 50;
const LONGEST_ROUND: Duration = Duration::from_secs(3);
