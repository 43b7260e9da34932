//! A gateway of one's own for each test, and the plainest of clients.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::{HeaderName, HeaderValue};
use trackgate::accounts::{Origin, Registration};
use trackgate::assemble::Gateway;
use trackgate::config::{self, Overrides};
use trackgate::telemetry::AccessLog;
use trackgate_schemes::store::{Account, AccountState};
use trackgate_schemes::{Clock as _, Grants, ManualClock};

/// A gateway inside this process, with a clock that the test owns and a store in a folder of its own.
pub(crate) struct Inside {
    pub(crate) gateway: Option<Gateway>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Inside {
    /// Runs by this configuration text; the listening address is chosen here.
    pub(crate) fn start(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start_in(folder, text, AccessLog::off())
    }

    pub(crate) fn start_in(folder: tempfile::TempDir, text: &str, log: AccessLog) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let clock = Arc::new(ManualClock::new(SystemTime::now()));
        let config = read(text, folder.path());
        let gateway = runtime.block_on(Gateway::start(config, Arc::clone(&clock) as _, log)).unwrap();
        Self { gateway: Some(gateway), clock, folder, runtime }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.gateway().url().split_once("://").unwrap().1.parse().unwrap()
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().unwrap()
    }

    /// Runs by another configuration text from now on.
    pub(crate) fn reload(&mut self, text: &str) -> Result<(), String> {
        let config = read(text, self.folder.path());
        let gateway = self.gateway.as_mut().unwrap();
        self.runtime.block_on(gateway.reload(config)).map_err(|error| error.to_string())
    }

    /// Runs a future beside the gateway.
    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// An account with the password `correct-horse` and the address NAME@example.org.
    pub(crate) fn account(&self, name: &str) -> Account {
        let new = Registration {
            name: name.to_owned(),
            email: Some(format!("{name}@example.org")),
            password: Some("correct-horse".into()),
            state: AccountState::Active,
            grants: Grants::EVERYDAY,
        };
        self.wait(self.gateway().accounts().register(new, &Origin::operator())).unwrap()
    }

    /// The text of an API token for this account; grants are parted by blanks.
    pub(crate) fn token(&self, account: &Account, grants: &str) -> String {
        let accounts = self.gateway().accounts();
        let origin = Origin::operator();
        let issued = accounts.issue_token(account, "test", grants.parse().unwrap(), None, &origin);
        self.wait(issued).unwrap().text.expose_text().unwrap().to_owned()
    }

    /// Sends one request on a connection of its own; see [`ask`].
    pub(crate) fn ask(&self, head: &str, body: &str) -> Answer {
        ask(self.address(), head, body)
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now()
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Some(gateway) = self.gateway.take() {
            drop(self.runtime.block_on(gateway.shutdown()));
        }
    }
}

fn read(text: &str, folder: &Path) -> config::Config {
    let overrides = Overrides { data_dir: Some(folder.join("data")), listen: Some("127.0.0.1:0".parse().unwrap()) };
    config::parse(text, folder, &overrides, "test.toml").unwrap_or_else(|error| panic!("{error}"))
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Sends one request and reads its answer. `head` is the request line and header lines, each ended by `\n`
/// or not at all; `Host`, `Connection: close` and, with a body, its length are added.
pub(crate) fn ask(address: SocketAddr, head: &str, body: &str) -> Answer {
    send(address, &wire(address, head, body))
}

/// The bytes that [`ask`] sends.
pub(crate) fn wire(address: SocketAddr, head: &str, body: &str) -> Vec<u8> {
    let mut lines: Vec<&str> = head.lines().collect();
    let first = lines.remove(0);
    let mut wire = format!("{first} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for line in lines {
        wire.push_str(line.trim_start());
        wire.push_str("\r\n");
    }
    if !body.is_empty() {
        for part in ["Content-Length: ", &body.len().to_string(), "\r\n"] {
            wire.push_str(part);
        }
    }
    wire.push_str("\r\n");
    wire.push_str(body);
    wire.into_bytes()
}

/// Sends these very bytes and reads the first answer.
pub(crate) fn send(address: SocketAddr, wire: &[u8]) -> Answer {
    send_on(connect(address), wire)
}

/// The same on a connection that is there.
pub(crate) fn send_on(mut stream: TcpStream, wire: &[u8]) -> Answer {
    // A refused request may be answered before it was read to its end.
    drop(stream.write_all(wire));
    read_answer(&mut BufReader::new(stream))
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Reads one answer; a body without length ends with the connection.
pub(crate) fn read_answer(stream: &mut impl BufRead) -> Answer {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("no status line: {line:?}")).parse().unwrap();
    let mut headers = HeaderMap::new();
    loop {
        line.clear();
        stream.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        let value = HeaderValue::from_bytes(value.trim().as_bytes()).unwrap();
        headers.append(name.parse::<HeaderName>().unwrap(), value);
    }
    let mut body = Vec::new();
    let length = headers.get("content-length").map(|length| length.to_str().unwrap().parse::<u64>().unwrap());
    match length {
        Some(length) => {
            stream.take(length).read_to_end(&mut body).unwrap();
        }
        None if headers.contains_key("transfer-encoding") => loop {
            line.clear();
            stream.read_line(&mut line).unwrap();
            let size = u64::from_str_radix(line.trim(), 16).unwrap();
            stream.by_ref().take(size).read_to_end(&mut body).unwrap();
            line.clear();
            stream.read_line(&mut line).unwrap();
            if size == 0 {
                break;
            }
        },
        None if status == 204 || status == 304 => {}
        None => {
            stream.read_to_end(&mut body).unwrap();
        }
    }
    Answer { status, headers, body }
}

/// The value of `Authorization` for HTTP Basic.
pub(crate) fn basic(name: &str, password: &str) -> String {
    use base64::Engine as _;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
    format!("Authorization: Basic {pair}")
}

/// The `trackgate` binary as a process of its own, ended when dropped.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) data_dir: PathBuf,
}

impl Process {
    /// Starts `trackgate serve` on port 0 over this data folder and waits until it is ready.
    pub(crate) fn serve(data_dir: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(BINARY)
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data_dir)
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap_or_else(|| panic!("said {line:?}"));
        Self { address: address.parse().unwrap(), child, data_dir: data_dir.to_owned() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_trackgate");
