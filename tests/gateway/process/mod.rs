//! The binary as scripts use it: exit codes, signals, commands beside a running gateway.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::{Answer, BINARY, ask, basic};

mod beside;
mod certificates;
mod mail;
mod reloading;
mod restarting;
mod secrets;
mod starting;
mod stopping;
mod words;

/// A folder of its own for one test: data, configuration file, and what gateways said in it.
struct Place {
    folder: tempfile::TempDir,
}

/// How a command ended, and what it said.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// With this configuration file.
    fn with(config: &str) -> Self {
        let place = Self::new();
        place.configure(config);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn configure(&self, text: &str) {
        // In one step, as a reload may read at any time.
        std::fs::write(self.path("next"), text).unwrap();
        std::fs::rename(self.path("next"), self.path("trackgate.toml")).unwrap();
    }

    /// The binary with these words, this data folder, and the configuration file if there is one.
    fn binary(&self, words: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(words).env_remove("TRACKGATE_CONFIG").env_remove("TRACKGATE_DATA_DIR");
        command.current_dir(self.folder.path()).arg("--data-dir").arg(self.path("data"));
        if self.path("trackgate.toml").exists() {
            command.arg("--config").arg(self.path("trackgate.toml"));
        }
        command
    }

    /// Runs a command to its end.
    fn run(&self, words: &[&str], input: &str) -> Said {
        run(self.binary(words), input)
    }

    /// Runs a command that must succeed, and gives what it printed.
    fn done(&self, words: &[&str], input: &str) -> String {
        let said = self.run(words, input);
        assert_eq!(said.code, 0, "{words:?}: {}", said.err);
        said.out
    }

    /// Makes an account with the password `correct-horse` and the address NAME@example.org.
    fn account(&self, name: &str) {
        let email = format!("{name}@example.org");
        self.done(&["user", "add", name, "--email", &email, "--password-stdin"], "correct-horse\n");
    }

    /// Starts a gateway on port 0 and waits until it is ready.
    fn serve(&self) -> Served {
        let log = File::options().create(true).append(true).open(self.path("stderr")).unwrap();
        self.serve_to(log.into())
    }

    /// The same, with its standard error somewhere else.
    fn serve_to(&self, log: Stdio) -> Served {
        let mut child = self
            .binary(&["serve", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let url = line.strip_prefix("listening on ").and_then(|line| line.strip_suffix('\n'));
        let Some((_, address)) = url.and_then(|url| url.split_once("://")) else {
            panic!("it said {line:?} and {}", self.log())
        };
        Served { child, out, address: address.parse().unwrap(), line }
    }

    /// Everything that gateways in this place wrote to standard error.
    fn log(&self) -> String {
        String::from_utf8(std::fs::read(self.path("stderr")).unwrap_or_default()).unwrap()
    }

    /// How often gateways in this place said something.
    fn times_said(&self, what: &str) -> usize {
        self.log().matches(what).count()
    }

    /// Tells a gateway to read its configuration anew, and waits until it has done so or refused.
    fn reload(&self, served: &Served) {
        let before = self.reloads();
        served.signal("HUP");
        eventually("the reload is told", || self.reloads() > before);
    }

    fn reloads(&self) -> usize {
        self.times_said(RELOADED) + self.times_said(KEPT)
    }
}

/// A gateway that runs; killed when dropped.
struct Served {
    child: Child,
    out: BufReader<ChildStdout>,
    address: SocketAddr,
    /// What it said when it was ready.
    line: String,
}

impl Served {
    fn ask(&self, head: &str, body: &str) -> Answer {
        ask(self.address, head, body)
    }

    /// Whether this name and password are good at the Basic door.
    fn knows(&self, name: &str, password: &str) -> bool {
        let answer = self.ask(&format!("GET /auth\n{}", basic(name, password)), "");
        assert!(matches!(answer.status, 200 | 403), "{answer:?}");
        answer.status == 200
    }

    /// Signs in at the LPTracker door and gives the token.
    fn sliding_token(&self, name: &str) -> String {
        let body = format!(
            r#"{{"login":"{name}@example.org","password":"correct-horse","service":"process","version":"1.0"}}"#
        );
        let answer = self.ask("POST /login\nContent-Type: application/json", &body).json();
        answer["result"]["token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    fn knows_sliding(&self, token: &str) -> bool {
        let answer = self.ask(&format!("GET /projects\ntoken: {token}"), "").json();
        let is_success = answer["status"] == "success";
        assert!(is_success || answer["errors"][0]["code"] == 401, "{answer}");
        is_success
    }

    /// Signs in at the FitTrackee door and gives the token.
    fn jwt(&self, name: &str) -> String {
        let body = format!(r#"{{"email":"{name}@example.org","password":"correct-horse"}}"#);
        let answer = self.ask("POST /api/auth/login\nContent-Type: application/json", &body).json();
        answer["auth_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// Whether a JWT, or an API token with the grant `profile:read`, is good.
    fn knows_bearer(&self, token: &str) -> bool {
        let answer = self.ask(&format!("GET /api/auth/profile\nAuthorization: Bearer {token}"), "");
        assert!(matches!(answer.status, 200 | 401), "{answer:?}");
        answer.status == 200
    }

    /// Sends a signal by name, such as `TERM`.
    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until it has ended by itself, and gives what it said on standard output since it was ready.
    fn ended(&mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        let mut status = None;
        eventually("the gateway ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        self.out.read_to_string(&mut rest).unwrap();
        (status.unwrap(), rest)
    }

    /// Stops it as a service manager does.
    fn stop(mut self) {
        self.signal("TERM");
        assert_eq!(self.ended().0.code(), Some(0));
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs a command to its end with this standard input.
fn run(mut command: Command, input: &str) -> Said {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that reads nothing may be gone by now.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code().unwrap_or_else(|| panic!("ended by a signal: {output:?}")),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The public id in an API token.
fn token_id(token: &str) -> &str {
    token.get(3..15).unwrap()
}

/// Waits until something is so, and fails after a time that no machine needs.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(10));
    }
}

/// What a gateway says when it runs by the new configuration.
const RELOADED: &str = "the configuration was read anew";
/// What it says when it does not.
const KEPT: &str = "the old one goes on";
const PATIENCE: Duration = Duration::from_secs(30);
