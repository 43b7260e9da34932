//! Watching riders: streams that tell what comes and end with what opened them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use trackgate::accounts::{Origin, Visibility};
use trackgate::assemble;
use trackgate::config::{self, Overrides};
use trackgate::ports::{AccountChange, Ends};
use trackgate::telemetry::{AccessLog, Form};
use trackgate_schemes::SystemClock;
use trackgate_schemes::store::{Account, AccountState};

use crate::harness::{Answer, Inside, basic, connect, wire};

/// A stream of events on a connection of its own.
struct Events {
    stream: BufReader<TcpStream>,
    status: String,
}

impl Events {
    fn open(inside: &Inside, lines: &str) -> Self {
        let mut connection = connect(inside.address());
        connection.write_all(&wire(inside.address(), &format!("GET /watch/rider/events\n{lines}"), "")).unwrap();
        let mut stream = BufReader::new(connection);
        let mut status = String::new();
        stream.read_line(&mut status).unwrap();
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            stream.read_line(&mut line).unwrap();
        }
        Self { stream, status: status.split(' ').nth(1).unwrap().to_owned() }
    }

    /// One that begins as it should.
    fn good(inside: &Inside, lines: &str) -> Self {
        let mut events = Self::open(inside, lines);
        assert_eq!(events.status, "200");
        events.wait("event: hello");
        events.wait("event: ride");
        events
    }

    /// Reads to a line that begins so, and gives the next.
    fn wait(&mut self, start: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.stream.read_line(&mut line).unwrap(), 0, "the stream ended before {start}");
            if line.starts_with(start) {
                line.clear();
                self.stream.read_line(&mut line).unwrap();
                return line;
            }
        }
    }

    /// Reads to the end, which comes within a second of this call, and gives what was read.
    fn end(mut self) -> String {
        let began = Instant::now();
        let mut rest = Vec::new();
        // It may break off.
        drop(self.stream.read_to_end(&mut rest));
        let took = began.elapsed();
        assert!(took < Duration::from_secs(1), "it ended after {took:?}");
        String::from_utf8(rest).unwrap()
    }
}

fn write(inside: &Inside, fields: &str) {
    let head = format!("POST /write?db=rider\n{}", basic("rider", "correct-horse"));
    assert_eq!(inside.ask(&head, &format!("samples {fields}")).status, 204);
}

fn set(inside: &Inside, rider: &Account, visibility: Visibility) {
    let accounts = inside.gateway().accounts();
    inside.wait(accounts.set_visibility(rider, visibility, &Origin::operator())).unwrap();
}

/// The id and the header line of a link.
fn share(inside: &Inside, rider: &Account) -> (Arc<str>, String) {
    let accounts = inside.gateway().accounts();
    let ends_at = inside.now() + Duration::from_hours(1);
    let shared = inside.wait(accounts.share(rider, "friends", ends_at, &Origin::operator())).unwrap();
    (shared.link.id, format!("X-Watch-Share: {}", shared.token.expose_text().unwrap()))
}

#[test]
fn a_point_that_is_written_is_told_to_all_who_watch() {
    let inside = Inside::start("");
    inside.account("rider");
    let mut watchers: Vec<_> = (0..5).map(|_| Events::good(&inside, "")).collect();
    write(&inside, "hr_bpm=123,lat=53.1,lng=8.2");
    for watcher in &mut watchers {
        watcher.wait("event: points");
        assert!(watcher.wait("data: ").trim().is_empty());
    }
    let late = inside.ask("GET /watch/rider/latest", "").json();
    assert_eq!(late["ride"]["newest"]["hr_bpm"][1], 123);
}

#[test]
fn rev_10_a_stream_ends_within_a_second_of_its_link() {
    let inside = Inside::start("");
    let rider = inside.account("rider");
    set(&inside, &rider, Visibility::Private);
    let (id, line) = share(&inside, &rider);
    let events = Events::good(&inside, &line);
    inside.wait(inside.gateway().accounts().end_share(&rider, &id, &Origin::operator())).unwrap();
    events.end();
    assert_eq!(inside.ask(&format!("GET /watch/rider/events\n{line}"), "").status, 403);
}

#[test]
fn rev_10_a_stream_ends_within_a_second_of_its_token() {
    let inside = Inside::start("");
    let rider = inside.account("rider");
    set(&inside, &rider, Visibility::Private);
    let (accounts, origin) = (inside.gateway().accounts(), Origin::operator());
    let issued = accounts.issue_token(&rider, "", "points:read".parse().unwrap(), None, &origin);
    let issued = inside.wait(issued).unwrap();
    let line = format!("Authorization: Bearer {}", issued.text.expose_text().unwrap());
    let events = Events::good(&inside, &line);
    inside.wait(accounts.revoke_token(&issued.token.id, &origin)).unwrap();
    events.end();
    assert_eq!(inside.ask(&format!("GET /watch/rider/events\n{line}"), "").status, 403);
}

#[test]
fn rev_10_a_stream_ends_within_a_second_of_the_switch_and_says_so() {
    let inside = Inside::start("");
    let rider = inside.account("rider");
    let events = Events::good(&inside, "");
    set(&inside, &rider, Visibility::Private);
    assert!(events.end().contains("\"private\""));
    assert_eq!(inside.ask("GET /watch/rider/events", "").status, 403);
}

#[test]
fn rev_10_a_stream_ends_within_a_second_of_the_account() {
    let inside = Inside::start("");
    let rider = inside.account("rider");
    let events = Events::good(&inside, "");
    let change = AccountChange { state: Some(AccountState::Disabled), ..AccountChange::default() };
    let origin = Origin::operator();
    inside.wait(inside.gateway().accounts().change(rider.id, change, Ends::Credentials, &origin)).unwrap();
    assert!(events.end().contains("\"gone\""));
}

#[test]
fn rev_10_a_stream_ends_within_a_second_of_what_another_process_ends() {
    let inside = Inside::start("");
    let rider = inside.account("rider");
    set(&inside, &rider, Visibility::Private);
    let overrides = Overrides { data_dir: Some(inside.folder.path().join("data")), listen: None };
    let config = config::load(None, &overrides).unwrap();
    let ground = inside.wait(assemble::ground(&config, Arc::new(SystemClock))).unwrap();
    for _ in 0..5 {
        let (id, line) = share(&inside, &rider);
        let events = Events::good(&inside, &line);
        inside.wait(ground.accounts.end_share(&rider, &id, &Origin::operator())).unwrap();
        assert!(events.end().contains("\"unshared\""));
        assert_eq!(inside.ask(&format!("GET /watch/rider/latest\n{line}"), "").status, 403);
    }
    inside.wait(ground.accounts.store().close()).unwrap();
}

#[test]
fn a_gateway_that_stops_does_not_wait_for_those_who_watch() {
    let mut inside = Inside::start("");
    inside.account("rider");
    let events = Events::good(&inside, "");
    let gateway = inside.gateway.take().unwrap();
    let began = Instant::now();
    let ended = inside.wait(gateway.shutdown()).unwrap();
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(ended.cut, 0, "nothing was cut");
    assert!(events.end().contains("\"restart\""));
}

#[test]
fn a_reload_ends_streams_so_that_they_come_back_by_the_new_settings() {
    let mut inside = Inside::start("");
    inside.account("rider");
    let events = Events::good(&inside, "");
    inside.reload("[trackers.livetracking]\nvisibility = \"private\"\n").unwrap();
    assert!(events.end().contains("\"restart\""));
    assert_eq!(inside.ask("GET /watch/rider/events", "").status, 403);
}

#[test]
fn enu_06_private_and_unknown_riders_get_one_answer() {
    let inside = Inside::start("");
    let rider = inside.account("rider");
    inside.account("friend");
    set(&inside, &rider, Visibility::Private);
    let (_, shared) = share(&inside, &inside.account("stranger"));
    let told = |answer: &Answer| {
        let mut headers = answer.headers.clone();
        for name in ["date", "x-request-id"] {
            headers.remove(name);
        }
        (answer.status, format!("{headers:?}"), answer.body.clone())
    };
    for lines in [String::new(), basic("friend", "correct-horse"), shared, "X-Watch-Share: nonsense".to_owned()] {
        for what in ["events", "latest"] {
            let [private, unknown] =
                ["rider", "nobody"].map(|name| told(&inside.ask(&format!("GET /watch/{name}/{what}\n{lines}"), "")));
            assert_eq!(private, unknown, "{what}");
            assert_eq!(private.0, 403);
        }
        let [private, unknown] = ["rider", "nobody"].map(|name| inside.ask(&format!("GET /watch/{name}\n{lines}"), ""));
        assert_eq!(private.text().replace("rider", "nobody"), unknown.text().replace("rider", "nobody"));
    }
}

#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn log_01_log_06_neither_a_share_token_nor_a_place_is_logged() {
    let kept = Kept::default();
    let log = AccessLog::to(kept.clone(), Form::Json);
    let inside = Inside::start_in(tempfile::tempdir().unwrap(), "", log);
    let rider = inside.account("rider");
    set(&inside, &rider, Visibility::Private);
    let (_, line) = share(&inside, &rider);
    write(&inside, "lat=53.123456,lng=8.765432");
    drop(Events::good(&inside, &line));
    assert_eq!(inside.ask(&format!("GET /watch/rider/latest\n{line}"), "").status, 200);
    assert_eq!(inside.ask(&format!("GET /watch/rider/latest\n{line}x"), "").status, 403);
    let read = || String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    let began = Instant::now();
    while read().matches("/watch/rider/latest").count() < 2 {
        assert!(began.elapsed() < Duration::from_secs(10), "the log is not written");
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(inside);
    let (told, token) = (read(), line.rsplit(' ').next().unwrap());
    assert!(!told.contains(token.split_at(16).1) && !told.contains("53.12") && !told.contains("8.76"), "{told}");
}
