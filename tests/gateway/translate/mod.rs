//! Credentials translated on their way to an upstream of our own.

use std::fs;

use http::HeaderMap;
use trackgate::accounts::{LinkKeys, Links, NewLink, Origin};
use trackgate::telemetry::AccessLog;
use trackgate_schemes::Secret;
use trackgate_schemes::store::Account;

use crate::harness::{Answer, Inside};

mod broker;
mod configured;
mod legacy;
mod linked;
mod pages;
mod pairs;
mod real;

use legacy::{KEY, Legacy};

/// A gateway before a legacy server, with an account that is linked to `anna-there` in every set.
struct Front {
    legacy: Legacy,
    inside: Inside,
    rider: Account,
    /// An API token of the account.
    token: String,
}

impl Front {
    fn start(routes: &str) -> Self {
        Self::start_with("login = { kind = \"lptracker\" }", routes)
    }

    /// With these keys for the upstream.
    fn start_with(upstream: &str, routes: &str) -> Self {
        let legacy = Legacy::start();
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("legacy.key", KEY), ("legacy.word", "there-word"), ("legacy.token", "there-token")] {
            secret_file(folder.path(), name, text);
        }
        let text = format!("{}\n{routes}", top(&legacy, upstream));
        let inside = Inside::start_in(folder, &text, AccessLog::off());
        let rider = inside.account("rider");
        let token = inside.token(&rider, "points:read");
        let front = Self { legacy, inside, rider, token };
        front.link("points", "there-word");
        front.link("tokens", "there-token");
        front
    }

    /// Links of the gateway, as another process would see them.
    fn links(&self) -> Option<Links> {
        let key = fs::read(self.inside.folder.path().join("data/links.key")).ok()?;
        let keys = LinkKeys::new(&Secret::new(key), &[]).unwrap();
        Some(Links::new(self.inside.gateway().accounts().clone(), keys))
    }

    fn link(&self, set: &str, secret: &str) {
        let Some(links) = self.links() else { return };
        let new = NewLink { user: "anna-there".to_owned(), secret: Some(secret.into()), number: Some(42) };
        self.inside.wait(links.set(&self.rider, set, new, &Origin::operator())).unwrap();
    }

    fn unlink(&self, set: &str) {
        self.inside.wait(self.links().unwrap().remove(&self.rider, set, &Origin::operator())).unwrap();
    }

    /// Asks with the account's API token.
    fn ask(&self, line: &str, body: &str) -> Answer {
        self.inside.ask(&format!("{line}\nAuthorization: Bearer {}", self.token), body)
    }
}

/// The head of a configuration.
fn top(legacy: &Legacy, upstream: &str) -> String {
    format!("[upstreams.up]\nurls = [\"http://{}\"]\n{upstream}", legacy.address)
}

/// A route for everything below `/NAME` with any of the four schemes.
fn route(name: &str, send: &str) -> String {
    route_for(name, "auth = [\"basic\", \"api\", \"lp\", \"fit\"]", send)
}

fn route_for(name: &str, auth: &str, send: &str) -> String {
    format!(
        "[[routes]]\nname = \"{name}\"\nmatch = \"/{name}/{{*rest}}\"\nupstream = \"up\"\n{auth}\nsend = {{ {send} }}\n"
    )
}

fn secret_file(folder: &std::path::Path, name: &str, text: &str) {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(folder.join(name)).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Whether a text stands anywhere in these header lines.
fn holds(headers: &HeaderMap, text: &str) -> bool {
    headers.iter().any(|(_, value)| String::from_utf8_lossy(value.as_bytes()).contains(text))
}
