//! Command lines as a shell runs them, and whole answers.

use std::collections::BTreeMap;
use std::io::{BufReader, Cursor};
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};
use std::time::SystemTime;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::harness::{Answer, Inside, read_answer};
use crate::skipped::skipped;

/// The real `curl`, pointed at a gateway wherever the manuals say a host of theirs.
pub(super) struct Curl {
    address: SocketAddr,
    known: BTreeMap<String, String>,
    home: tempfile::TempDir,
}

impl Curl {
    /// `None`, and said so, where there is no `curl`.
    pub(super) fn to(inside: &Inside) -> Option<Self> {
        let found = Command::new("curl").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if found.is_ok_and(|status| status.success()) {
            let curl = Self { address: inside.address(), known: BTreeMap::new(), home: tempfile::tempdir().unwrap() };
            curl.settings("");
            return Some(curl);
        }
        skipped("curl");
        None
    }

    /// Asks from this address of this machine from now on.
    pub(super) fn ask_from(&self, address: &str) {
        self.settings(&format!("interface = \"{address}\"\n"));
    }

    /// What is wanted of every call stands in curl's own settings file, so that no line has to be changed.
    fn settings(&self, more: &str) {
        let text = format!("include\nsilent\nmax-time = 30\nnoproxy = \"*\"\n{more}");
        std::fs::write(self.home.path().join(".curlrc"), text).unwrap();
    }

    /// From now on `${name}` is `value`.
    pub(super) fn know(&mut self, name: &str, value: &str) {
        self.known.insert(name.to_owned(), value.to_owned());
    }

    /// Days and times around this one, in UTC.
    pub(super) fn know_days(&mut self, now: SystemTime) {
        let now = Timestamp::try_from(now).unwrap().to_zoned(TimeZone::UTC);
        let yesterday = now.clone() - 1.day();
        for (name, day) in
            [("before", yesterday.clone() - 1.day()), ("yesterday", yesterday), ("next", now.clone() + 30.days())]
        {
            self.know(name, &day.strftime("%Y-%m-%d").to_string());
        }
        self.know("today", &now.strftime("%Y-%m-%d").to_string());
    }

    /// Runs a command line in a shell.
    pub(super) fn shell(&self, command: &str) -> Output {
        Command::new("sh")
            .arg("-c")
            .arg(command)
            .env("CURL_HOME", self.home.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Runs a command line of a manual and reads its answer.
    pub(super) fn run(&self, command: &str) -> Answer {
        let here = format!("http://{}", self.address);
        let mut line = command.to_owned();
        for host in ["https://your-domain.local", "https://direct.lptracker.ru", "direct.lptracker.ru"] {
            line = line.replace(host, &here);
        }
        for (name, value) in &self.known {
            line = line.replace(&format!("${{{name}}}"), value);
        }
        assert!(!line.contains("${"), "nobody knows what this stands for: {line}");
        let output = self.shell(&line);
        assert!(output.status.success(), "{line}\n{output:?}");
        let (length, mut read) = (output.stdout.len(), BufReader::new(Cursor::new(output.stdout)));
        let answer = read_answer(&mut read);
        let unread = length as u64 - (read.get_ref().position() - read.buffer().len() as u64);
        assert_eq!(unread, 0, "more than one answer: {line}");
        answer
    }

    /// Plays a transcript.
    pub(super) fn play(&mut self, transcript: &str) {
        let mut failed = Vec::new();
        for case in transcript.split("=== ").skip(1) {
            let (title, case) = case.split_once('\n').unwrap();
            let (command, expected) = case.split_once("\n---\n").unwrap_or_else(|| panic!("no answer: {title}"));
            let expected = expected.strip_suffix('\n').unwrap_or(expected).replace("(cors)", CORS);
            let answer = whole(&self.run(command));
            match fits(&expected, &answer, &self.known) {
                Some(learned) => self.known.extend(learned),
                None => {
                    failed.push(format!("=== {title}\n{command}\n--- expected\n{expected}\n--- answered\n{answer}\n"));
                }
            }
        }
        assert!(failed.is_empty(), "\n{}", failed.concat());
    }
}

/// All of an answer that is the same each time.
pub(crate) fn whole(answer: &Answer) -> String {
    check_own_headers(answer);
    let mut lines: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "connection" | "content-length" | "date" | "x-request-id"))
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort();
    let lines = if lines.is_empty() { String::new() } else { lines.join("\n") + "\n" };
    format!("{}\n{lines}\n{}", answer.status, answer.text())
}

/// The header lines that no two answers have alike.
fn check_own_headers(answer: &Answer) {
    let date = answer.header("date");
    assert!(date.len() == 29 && date.ends_with(" GMT"), "{answer:?}");
    let id = answer.header("x-request-id");
    assert!(id.len() == 36 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'), "{answer:?}");
    match answer.headers.get("content-length") {
        Some(length) => assert_eq!(length.to_str().unwrap(), answer.body.len().to_string()),
        None => assert!(answer.status == 204 && answer.body.is_empty(), "{answer:?}"),
    }
}

/// What the unknown `${name}`s stand for, if the answer is as expected.
fn fits(expected: &str, answer: &str, known: &BTreeMap<String, String>) -> Option<BTreeMap<String, String>> {
    let (mut expected, mut answer) = (expected, answer);
    let mut learned = BTreeMap::new();
    while let Some((before, rest)) = expected.split_once("${") {
        answer = answer.strip_prefix(before)?;
        let (name, behind) = rest.split_once('}').unwrap();
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let end = match known.get(name).or_else(|| learned.get(name)) {
            Some(value) => answer.starts_with(value.as_str()).then_some(value.len())?,
            None => answer.find(|c| !is_part(c)).unwrap_or(answer.len()),
        };
        let (value, after) = answer.split_at(end);
        if value.is_empty() {
            return None;
        }
        learned.insert(name.to_owned(), value.to_owned());
        (expected, answer) = (behind, after);
    }
    (expected == answer).then_some(learned)
}

const CORS: &str = "access-control-allow-headers: X-Requested-With, Content-Type, Accept, Origin, Authorization
access-control-allow-methods: GET, POST, PUT, DELETE, OPTIONS
access-control-allow-origin: *";

#[test]
fn a_transcript_is_held_to_the_letter() {
    let known = BTreeMap::from([("id".to_owned(), "7".to_owned())]);
    let learned = fits("200\n\n{${id} ${token}}", "200\n\n{7 a-b_c.D}", &known).unwrap();
    assert_eq!(learned["token"], "a-b_c.D");
    for answer in ["200\n\n{8 a}", "200\n\n{7 }", "200\n\n{7 a} ", "200\n\n{7 a", "201\n\n{7 a}", "200\n\n{7 a b}"] {
        assert!(fits("200\n\n{${id} ${token}}", answer, &known).is_none(), "{answer}");
    }
}
