//! The admin listener over sockets: metrics, health, decisions, and what of it nobody else gets.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use trackgate::telemetry::{AccessLog, Form};

use crate::harness::{Answer, Inside, ask};
use crate::proxying::recorder::Recorder;

mod decisions;
mod explained;
mod listening;
mod metrics;
mod page;
mod traced;

/// A gateway that is watched, in front of an upstream that answers `ok` and one that is not there.
struct Watched {
    inside: Inside,
    up: Recorder,
    log: Sink,
}

impl Watched {
    fn start() -> Self {
        Self::start_with("")
    }

    /// With more keys for the section `[admin]`.
    fn start_with(admin: &str) -> Self {
        let (up, log) = (Recorder::ok(), Sink::default());
        let text = config(&up, &format!("[admin]\naddress = \"127.0.0.1:0\"\n{admin}"));
        let written = AccessLog::to(log.clone(), Form::Json);
        let inside = Inside::start_in(tempfile::tempdir().unwrap(), &text, written);
        Self { inside, up, log }
    }

    fn admin(&self) -> SocketAddr {
        self.inside.gateway().admin_url().unwrap().strip_prefix("http://").unwrap().parse().unwrap()
    }

    /// Asks the admin listener.
    fn look(&self, path: &str) -> Answer {
        ask(self.admin(), &format!("GET {path}"), "")
    }

    fn page(&self) -> page::Page {
        let answer = self.look("/metrics");
        assert_eq!(answer.status, 200);
        page::Page::read(answer.text())
    }

    /// The decision on the request with this answer.
    fn decision(&self, answer: &Answer) -> Value {
        let told = self.look(&format!("/decisions/{}", answer.header("x-request-id")));
        assert_eq!(told.status, 200, "{answer:?}");
        told.json()
    }

    /// The access line of the request with this answer.
    fn line(&self, answer: &Answer) -> Value {
        let id = answer.header("x-request-id");
        let late = Instant::now() + Duration::from_secs(5);
        loop {
            let text = String::from_utf8(self.log.0.lock().unwrap().clone()).unwrap();
            if let Some(line) = text.lines().find(|line| line.contains(id)) {
                return serde_json::from_str(line).unwrap();
            }
            assert!(Instant::now() < late, "{id} is not in the log");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// The routes that all tests here share.
fn config(up: &Recorder, admin: &str) -> String {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let route = |name: &str, matches: &str, upstream: &str, more: &str| {
        format!("[[routes]]\nname = \"{name}\"\nmatch = \"{matches}\"\nupstream = \"{upstream}\"\n{more}\n")
    };
    let public = "auth = \"none\"\npublic = \"a test\"";
    let routes = [
        route("open", "/open/{*rest}", "up", &format!("{public}\nmax_body = \"1KiB\"")),
        route("gone", "GET /gone", "gone", public),
        route(
            "points",
            "POST /points/{id}",
            "up",
            "auth = [\"basic\", \"api\", \"lp\"]\nallow = { grants = [\"points:write\"] }",
        ),
        route("few", "GET /few", "up", "auth = [\"basic\"]\nallow = { rate = \"1/h\" }"),
        "[[routes]]\nname = \"lp\"\ntracker = \"lptracker\"\n".to_owned(),
        "[[routes]]\nname = \"fit\"\nmatch = \"POST /api/auth/login\"\ntracker = \"fittrackee\"\n".to_owned(),
    ];
    format!(
        "{admin}\n[upstreams.up]\nurls = [\"http://{}\"]\n[upstreams.gone]\nurls = [\"http://{gone}\"]\n{}",
        up.address,
        routes.concat()
    )
}

/// Takes access lines.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
