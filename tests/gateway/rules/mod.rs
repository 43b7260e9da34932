//! The rules of the design that do not bend.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use trackgate_schemes::store::Account;

use crate::harness::{Answer, Inside, basic};

mod caches;
mod failures;
mod guessing;
mod headers;
mod order;
mod passwords;
mod paths;
mod secrets;
mod tokens;

/// A server behind the gateway that says `ok` to everything and keeps what it got.
#[derive(Debug)]
pub(crate) struct Upstream {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::default();
        let kept = Arc::clone(&heads);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                thread::spawn(move || serve(stream, &kept));
            }
        });
        Self { address, heads }
    }

    /// The heads of the requests that reached it.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// The configuration of it, under the name `up`.
    pub(crate) fn config(&self) -> String {
        format!("[upstreams.up]\nurls = [\"http://{}\"]\n", self.address)
    }
}

fn serve(stream: TcpStream, kept: &Mutex<Vec<String>>) {
    let mut writing = stream.try_clone().unwrap();
    let mut reading = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reading.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let length = head
            .to_lowercase()
            .split("content-length: ")
            .nth(1)
            .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse::<u64>().unwrap());
        std::io::copy(&mut reading.by_ref().take(length), &mut std::io::sink()).unwrap();
        kept.lock().unwrap().push(head);
        if writing.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_err() {
            return;
        }
    }
}

/// All four trackers behind a proxy on this machine, which names the client.
pub(crate) const PROXIED: &str = "[listen]\ntrusted_proxies = [\"127.0.0.1/32\"]\n";

/// The header line by which that proxy names the client.
pub(crate) fn from(client: &str) -> String {
    format!("X-Forwarded-For: {client}")
}

/// The doors at which a password is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Door {
    Basic,
    FitTrackee,
    LpTracker,
}

impl Door {
    pub(crate) const ALL: [Self; 3] = [Self::Basic, Self::FitTrackee, Self::LpTracker];

    /// Head and body of a sign-in; FitTrackee goes by the address NAME@example.org.
    pub(crate) fn request(self, client: &str, name: &str, password: &str) -> (String, String) {
        let from = from(client);
        match self {
            Self::Basic => (format!("GET /auth\n{from}\n{}", basic(name, password)), String::new()),
            Self::FitTrackee => (
                format!("POST /api/auth/login\nContent-Type: application/json\n{from}"),
                serde_json::json!({ "email": format!("{name}@example.org"), "password": password }).to_string(),
            ),
            Self::LpTracker => (
                format!("POST /login\nContent-Type: application/json\n{from}"),
                serde_json::json!({ "login": name, "password": password, "service": "rules", "version": "1.0" })
                    .to_string(),
            ),
        }
    }

    pub(crate) fn sign_in(self, inside: &Inside, client: &str, name: &str, password: &str) -> Answer {
        let (head, body) = self.request(client, name, password);
        inside.ask(&head, &body)
    }

    pub(crate) fn is_good(self, answer: &Answer) -> bool {
        match self {
            Self::Basic => answer.status == 200,
            Self::FitTrackee => answer.status == 200 && answer.json()["auth_token"].is_string(),
            Self::LpTracker => answer.json()["result"]["token"].is_string(),
        }
    }
}

/// A sliding token of this account.
pub(crate) fn sliding(inside: &Inside, client: &str, name: &str) -> String {
    let answer = Door::LpTracker.sign_in(inside, client, name, "correct-horse");
    answer.json()["result"]["token"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// A signed token of this account.
pub(crate) fn jwt(inside: &Inside, client: &str, name: &str) -> String {
    let answer = Door::FitTrackee.sign_in(inside, client, name, "correct-horse");
    answer.json()["auth_token"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// One good credential for each scheme with the request that it opens: `(scheme, head)`.
pub(crate) fn credentials(inside: &Inside, account: &Account) -> [(&'static str, String); 4] {
    let name = &account.name;
    [
        ("basic", format!("GET /auth\n{}", basic(name, "correct-horse"))),
        ("api", format!("GET /api/v2/sessions.php\nAuthorization: Bearer {}", inside.token(account, "sessions:read"))),
        ("lp", format!("GET /projects\ntoken: {}", sliding(inside, "127.0.0.1", name))),
        ("fit", format!("GET /api/auth/profile\nAuthorization: Bearer {}", jwt(inside, "127.0.0.1", name))),
    ]
}

/// The status that an answer means: LPTracker says it in the body.
pub(crate) fn status(answer: &Answer) -> u64 {
    let in_body = serde_json::from_slice::<serde_json::Value>(&answer.body).ok();
    in_body.and_then(|body| body["errors"][0]["code"].as_u64()).unwrap_or(answer.status.into())
}

/// An answer without what differs from one to the next.
pub(crate) fn lasting(answer: &Answer) -> String {
    let mut lines: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id" | "retry-after"))
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    lines.sort();
    format!("{} {lines:?} {}", answer.status, answer.text())
}
