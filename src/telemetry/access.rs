//! The access log: one line a request, written by a thread of its own.
//!
//! A line never holds a credential, a query, a header or a body. Text from the request is escaped and
//! cut, so that one record stays one line.

use std::fmt::Write as _;
use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::metrics::{Gauges, Page, real};

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// One JSON object a line.
    Json,
    /// Words for people.
    Text,
}

/// One request, as it is logged.
#[derive(Clone, Debug)]
pub struct AccessRecord {
    /// When it came in.
    pub at: SystemTime,
    /// Its id.
    pub id: Arc<str>,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// Its method.
    pub method: http::Method,
    /// Its canonical path, or `-` when it has none.
    pub path: String,
    /// The listener that it came to; `None` for the main one.
    pub listener: Option<&'static str>,
    /// The name of the route that answered.
    pub route: Option<Arc<str>>,
    /// The scheme that knew who asked.
    pub scheme: Option<&'static str>,
    /// The account's name.
    pub user: Option<String>,
    /// The service that signs.
    pub service: Option<String>,
    /// The status of the answer.
    pub status: u16,
    /// The code of the reason for which it was refused.
    pub reason: Option<&'static str>,
    /// Who refused it.
    pub by: Option<&'static str>,
    /// Bytes of the answer's body that were sent.
    pub bytes: u64,
    /// From the whole head to the end of the answer.
    pub took: Duration,
}

/// Takes records and writes them; never makes a request wait.
#[derive(Clone, Debug)]
pub struct AccessLog {
    lines: Option<SyncSender<AccessRecord>>,
    /// Lines that were dropped and of which the log does not tell yet.
    dropped: Arc<AtomicU64>,
    /// All that were dropped.
    dropped_in_all: Arc<AtomicU64>,
}

impl AccessLog {
    /// Writes nothing.
    pub fn off() -> Self {
        Self { lines: None, dropped: Arc::default(), dropped_in_all: Arc::default() }
    }

    /// Writes to `sink` in this form, from a thread of its own that ends with the last handle.
    ///
    /// # Panics
    ///
    /// When the system cannot start a thread.
    pub fn to(sink: impl Write + Send + 'static, form: Form) -> Self {
        let (lines, inbox) = sync_channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let lost = Arc::clone(&dropped);
        thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || write_all(&inbox, sink, form, &lost))
            .expect("the system starts a thread");
        Self { lines: Some(lines), dropped, dropped_in_all: Arc::default() }
    }

    /// Hands a record over; drops and counts it when the sink is too slow.
    pub fn record(&self, record: AccessRecord) {
        if let Some(lines) = &self.lines
            && lines.try_send(record).is_err()
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            self.dropped_in_all.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Gauges for AccessLog {
    fn tell(&self, page: &mut Page) {
        let help = "Lines of the access log that were dropped since its sink was too slow.";
        let dropped = real(self.dropped_in_all.load(Ordering::Relaxed));
        page.counter("trackgate_access_log_dropped_lines_total", help, &[], dropped);
    }
}

fn write_all(inbox: &Receiver<AccessRecord>, mut sink: impl Write, form: Form, lost: &AtomicU64) {
    let mut line = String::new();
    while let Ok(record) = inbox.recv() {
        line.clear();
        append(&mut line, &record, form);
        // Take what else is there before asking the system once.
        while line.len() < BATCH_BYTES
            && let Ok(next) = inbox.try_recv()
        {
            append(&mut line, &next, form);
        }
        let missed = lost.swap(0, Ordering::Relaxed);
        if missed > 0 {
            match form {
                Form::Json => writeln!(line, "{{\"dropped_lines\":{missed}}}"),
                Form::Text => writeln!(line, "access log: {missed} lines were dropped"),
            }
            .expect("a String takes text");
        }
        if sink.write_all(line.as_bytes()).and_then(|()| sink.flush()).is_err() {
            // The sink is gone; requests go on without it.
            lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    id: &'a str,
    client: Option<String>,
    method: &'a str,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    listener: Option<&'a str>,
    route: Option<&'a str>,
    scheme: Option<&'a str>,
    user: Option<&'a str>,
    service: Option<&'a str>,
    status: u16,
    reason: Option<&'a str>,
    by: Option<&'a str>,
    bytes: u64,
    ms: f64,
}

fn append(line: &mut String, record: &AccessRecord, form: Form) {
    let time = jiff::Timestamp::try_from(record.at).map(|time| format!("{time:.3}")).unwrap_or_default();
    let ms = (record.took.as_secs_f64() * 1e6).round() / 1e3;
    let path = cut(&record.path);
    match form {
        Form::Json => {
            let json = Line {
                time,
                id: &record.id,
                client: record.client.map(|client| client.to_string()),
                method: cut(record.method.as_str()),
                path,
                listener: record.listener,
                route: record.route.as_deref(),
                scheme: record.scheme,
                user: record.user.as_deref().map(cut),
                service: record.service.as_deref().map(cut),
                status: record.status,
                reason: record.reason,
                by: record.by,
                bytes: record.bytes,
                ms,
            };
            line.push_str(&serde_json::to_string(&json).unwrap_or_default());
        }
        Form::Text => {
            let client = record.client.map_or_else(|| "-".to_owned(), |client| client.to_string());
            write!(line, "{time} {client} {} {} ", cut(record.method.as_str()), printable(path))
                .expect("a String takes text");
            write!(line, "{} {}B {ms}ms", record.status, record.bytes).expect("a String takes text");
            for (key, value) in [
                ("listener", record.listener),
                ("route", record.route.as_deref()),
                ("scheme", record.scheme),
                ("user", record.user.as_deref()),
                ("service", record.service.as_deref()),
                ("reason", record.reason),
                ("by", record.by),
                ("id", Some(&*record.id)),
            ] {
                if let Some(value) = value {
                    write!(line, " {key}={}", printable(cut(value))).expect("a String takes text");
                }
            }
        }
    }
    line.push('\n');
}

/// At most 512 bytes of a text.
fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or(text)
}

/// Controls and blanks escaped, so that a word stays a word and a record a line.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || c.is_whitespace() { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

const QUEUE: usize = 8192;
const BATCH_BYTES: usize = 64 << 10;
const MAX_TEXT: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn record(path: &str) -> AccessRecord {
        AccessRecord {
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_311_849_500),
            id: "id-1".into(),
            client: Some("192.0.2.1".parse().unwrap()),
            method: http::Method::GET,
            path: path.to_owned(),
            listener: None,
            route: Some("projects".into()),
            scheme: Some("lp"),
            user: Some("rider one\n".to_owned()),
            service: None,
            status: 200,
            reason: None,
            by: None,
            bytes: 12,
            took: Duration::from_micros(1500),
        }
    }

    fn line(record: &AccessRecord, form: Form) -> String {
        let mut line = String::new();
        append(&mut line, record, form);
        line
    }

    #[test]
    fn log_02_one_record_stays_one_line() {
        let long = format!("/{}\r\n\u{1b}[31m", "x".repeat(100_000));
        for form in [Form::Json, Form::Text] {
            let line = line(&record(&long), form);
            assert_eq!(line.matches(['\n', '\r', '\u{1b}']).count(), 1, "{line}");
            assert!(line.len() < 2000);
        }
    }

    #[test]
    fn json_lines_hold_what_is_known() {
        let value: serde_json::Value = serde_json::from_str(&line(&record("/a"), Form::Json)).unwrap();
        assert_eq!(value["time"], "2026-11-22T01:44:09.500Z");
        assert_eq!(value["client"], "192.0.2.1");
        assert_eq!(value["ms"], 1.5);
        assert_eq!(value["reason"], serde_json::Value::Null);
        assert!(value.get("listener").is_none());
        let elsewhere = AccessRecord { listener: Some("forward-auth"), ..record("/a") };
        assert!(line(&elsewhere, Form::Json).contains("\"listener\":\"forward-auth\""));
        assert!(line(&elsewhere, Form::Text).contains(" listener=forward-auth "));
    }
}
