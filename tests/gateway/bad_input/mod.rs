//! Bad input is refused clearly, in the wording of each tracker, and changes nothing.
//!
//! The routes are those that `trackgate routes` names, so that a new one is put to the same questions.

mod bodies;
mod credentials;
mod heads;
mod telling_apart;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use trackgate_schemes::AccountId;

use crate::harness::{Answer, BINARY, Inside, basic, connect, read_answer};

/// A gateway with one account, `testrider`, and something of its own at each tracker.
struct Ground {
    inside: Inside,
    api: String,
    routes: Vec<Route>,
    /// A good credential for each way to sign in, as long as nobody signs out.
    kept: RefCell<BTreeMap<String, String>>,
}

/// One row of `trackgate routes`.
#[derive(Clone, Debug)]
struct Route {
    tracker: String,
    method: String,
    path: String,
    auth: String,
    is_public: bool,
    max_body_bytes: u64,
}

impl Ground {
    fn new() -> Self {
        // Whoever guesses this often is locked out, which is another test's matter.
        let inside = Inside::start("[guessing]\nper_account = 1000000\nper_network = 1000000\n");
        let account = inside.account("testrider");
        let api = inside.token(&account, "sessions:read sessions:write profile:read");
        let ground = Self { routes: routes(&inside), inside, api, kept: RefCell::default() };
        let body = r#"{"inserts":1,"startdate":"2026-01-01","enddate":"2026-01-02"}"#;
        let head = format!("POST /api/sesinsert.php\nAuthorization: Bearer {}", ground.api);
        assert_eq!(ground.inside.ask(&head, body).status, 201);
        ground
    }

    /// The header line of a good credential for this route.
    fn good(&self, route: &Route) -> String {
        if let Some(kept) = self.kept.borrow().get(&route.auth).filter(|_| !route.path.ends_with("/logout")) {
            return kept.clone();
        }
        let fresh = self.fresh(route);
        if !route.path.ends_with("/logout") {
            self.kept.borrow_mut().insert(route.auth.clone(), fresh.clone());
        }
        fresh
    }

    fn fresh(&self, route: &Route) -> String {
        let first = route.auth.split(", ").last().unwrap();
        match first {
            _ if route.is_public => String::new(),
            "api" => format!("Authorization: Bearer {}", self.api),
            "basic" => basic("testrider", "correct-horse"),
            "fit" => format!("Authorization: Bearer {}", crate::doors::signed(&self.inside, "testrider")),
            "lp" => format!("token: {}", crate::doors::sliding(&self.inside, "testrider", "S")),
            other => panic!("what is a good credential of `{other}`?"),
        }
    }

    /// Everything that a request could have changed, as text.
    fn state(&self) -> String {
        let store = self.inside.gateway().accounts().store();
        let filter = trackgate::ports::TrackedFilter { limit: 200, ..Default::default() };
        self.inside.wait(async {
            let accounts = store.list_accounts(AccountId(0), 500).await.unwrap();
            let tokens = store.list_tokens(None).await.unwrap();
            let tokens: Vec<_> = tokens.iter().map(|token| (&token.id, token.account, &token.grants)).collect();
            let tracked = store.list_tracked(AccountId(1), filter).await.unwrap();
            let profile = store.document("fittrackee", AccountId(1)).await.unwrap();
            format!("{accounts:#?}\n{tokens:?}\n{tracked:?}\n{profile:?}")
        })
    }

    /// Asks every door an honest question.
    fn is_well(&self) {
        for route in self.routes.iter().filter(|route| !route.is_public && route.method == "GET") {
            let answer = self.inside.ask(&format!("GET {}\n{}", route.path, self.good(route)), "");
            let expected = match &*route.path {
                "/user/change-password" => 400,
                path if path.ends_with("/nothing") || path.ends_with("/export/request") => 404,
                _ => 200,
            };
            assert_eq!(answer.status, expected, "{route:?}: {answer:?}");
            assert!(!answer.text().starts_with(r#"{"status":"error""#), "{answer:?}");
        }
    }
}

/// What stands in paths for parameters.
const PARAMETERS: [(&str, &str); 6] = [
    ("{file_name}", "nothing"),
    ("{username}", "testrider"),
    ("{sport_id}", "1"),
    ("{type_id}", "1"),
    ("{equipment_id}", "nothing"),
    ("{workout_id}", "nothing"),
];

/// Whether a path is one of a ride that is watched (`watch`), or is answered in InfluxDB's words (`samples`).
fn has_own_tests(path: &str) -> bool {
    path.starts_with("/watch") || ["/ping", "/query", "/query/", "/status", "/write", "/write/"].contains(&path)
}

/// What the gateway answers, one row for each method.
fn routes(inside: &Inside) -> Vec<Route> {
    let config = inside.folder.path().join("none.toml");
    std::fs::write(&config, "").unwrap();
    let mut command = Command::new(BINARY);
    command.args(["routes", "--json", "--data-dir"]).arg(inside.folder.path().join("data")).arg("--config").arg(config);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let rows: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |row: &serde_json::Value, name: &str| row[name].as_str().unwrap().to_owned();
    let rows: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        // What pages refuse, streams of browsers and the paths of samples, and how, has tests of its own.
        .filter(|row| row["name"] != "account" && !has_own_tests(&text(row, "path")))
        .map(|row| Route {
            tracker: text(row, "name"),
            method: text(row, "methods"),
            path: PARAMETERS.iter().fold(
                // Who asks must outlive it.
                match text(row, "methods").as_str() {
                    "DELETE" => text(row, "path").replace("/users/{username}", "/users/somebody"),
                    _ => text(row, "path"),
                },
                |path, (name, value)| path.replace(name, value),
            ),
            auth: text(row, "auth"),
            is_public: row["public"].as_bool().unwrap(),
            max_body_bytes: row["max_body_bytes"].as_u64().unwrap(),
        })
        .collect();
    assert!(rows.len() > 30 && rows.iter().all(|row| !row.path.contains('{')), "{rows:?}");
    rows
}

/// Why a request is refused, where it does not matter by which end point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    BodyTooLarge,
    HeadTooLarge,
    NoCredential,
    TwoCredentials,
}

impl Route {
    /// Status and body by which this route refuses a body that says it is so long.
    fn too_large(&self, length: u64) -> (u16, String) {
        if (self.method.as_str(), self.path.as_str()) != ("POST", "/api/auth/picture") {
            return self.refusal(Fault::BodyTooLarge);
        }
        let size = match length {
            0x00a0_0001 => "10.0MB",
            0x0100_0000_0000 => "1.0TB",
            0x7fff_ffff_ffff_ffff => "8388608.0TB",
            other => panic!("which size has {other}?"),
        };
        let message = format!("Error during picture upload, file size ({size}) exceeds 10.0MB.");
        (413, format!("{{\"status\": \"fail\", \"message\": \"{message}\"}}"))
    }

    /// Status and body by which this route refuses a request for such a fault.
    fn refusal(&self, fault: Fault) -> (u16, String) {
        let (status, code) = match fault {
            Fault::BodyTooLarge => (413, "validation_error"),
            Fault::HeadTooLarge => (431, "validation_error"),
            Fault::NoCredential => (401, "unauthorized"),
            Fault::TwoCredentials => (400, "validation_error"),
        };
        let own =
            |missing: &'static str, other: &'static str| if fault == Fault::NoCredential { missing } else { other };
        match self.tracker.as_str() {
            "livetracking" => (status, format!(r#"{{"error":"{}"}}"#, own("AUTHENTICATION_FAILED", "BAD_REQUEST"))),
            "lptracker" => {
                let message = own("Invalid token", "Invalid request");
                (200, format!(r#"{{"status":"error","errors":[{{"code":{status},"message":"{message}"}}]}}"#))
            }
            "fittrackee" => (
                status,
                match fault {
                    Fault::NoCredential | Fault::TwoCredentials => fittrackee("provide a valid auth token"),
                    Fault::BodyTooLarge => page("413 Payload Too Large", "The body is larger than this server takes."),
                    Fault::HeadTooLarge => {
                        page("431 Request Header Fields Too Large", "The request cannot be answered.")
                    }
                },
            ),
            "sessions" => {
                let message = match fault {
                    Fault::BodyTooLarge => "the body is too large",
                    Fault::HeadTooLarge => "the request cannot be read",
                    Fault::NoCredential => "invalid or missing token",
                    Fault::TwoCredentials => "more than one credential was sent",
                };
                (status, self.sessions(code, message))
            }
            _ => {
                let words = match fault {
                    Fault::BodyTooLarge => "payload too large",
                    Fault::HeadTooLarge => "request header fields too large",
                    Fault::NoCredential => "unauthorized",
                    Fault::TwoCredentials => "bad request",
                };
                (status, format!("{{\"error\":\"{words}\"}}\n"))
            }
        }
    }

    /// An error of the session tracker in the form of the path's version.
    fn sessions(&self, code: &str, message: &str) -> String {
        if self.path.starts_with("/api/v2/") {
            format!(r#"{{"ok":false,"error":{{"code":"{code}","message":"{message}"}},"meta":{{"version":2}}}}"#)
        } else {
            format!(r#"{{"error":"{message}"}}"#)
        }
    }
}

/// An error of FitTrackee.
fn fittrackee(message: &str) -> String {
    format!(r#"{{"status": "error", "message": "{message}"}}"#)
}

/// A page of FitTrackee.
fn page(title: &str, text: &str) -> String {
    let heading = title.split_once(' ').unwrap().1;
    format!("<!doctype html>\n<html lang=en>\n<title>{title}</title>\n<h1>{heading}</h1>\n<p>{text}</p>\n")
}

fn seen(answer: &Answer) -> (u16, String) {
    (answer.status, answer.text().to_owned())
}

/// The bytes of a request with any header lines and any body; a length is not added.
fn raw(address: SocketAddr, first: &str, lines: &[&[u8]], body: &[u8]) -> Vec<u8> {
    let mut wire = format!("{first} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n").into_bytes();
    for line in lines.iter().filter(|line| !line.is_empty()) {
        wire.extend_from_slice(line);
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b"\r\n");
    wire.extend_from_slice(body);
    wire
}

/// Sends these bytes as long as there is no answer, as a careful client does: what comes behind a refusal
/// would be met by a reset, which can take the answer away.
fn send_until_answered(address: SocketAddr, wire: &[u8]) -> Answer {
    let mut stream = connect(address);
    for chunk in wire.chunks(16 << 10) {
        if has_answer(&stream) || stream.write_all(chunk).is_err() {
            break;
        }
    }
    read_answer(&mut BufReader::new(stream))
}

fn has_answer(stream: &TcpStream) -> bool {
    // A moment for the other side; on a busy machine the chunks after it wait in the socket.
    stream.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
    let answered = stream.peek(&mut [0]).is_ok();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    answered
}
