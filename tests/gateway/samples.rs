//! Samples through the Live Tracking door: written, asked for, and what is refused on the way.

use std::io::{BufReader, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use trackgate::telemetry::{AccessLog, Form};

use crate::harness::{Inside, basic, connect, read_answer, send, wire};

fn seconds(inside: &Inside) -> u64 {
    inside.now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn rider(inside: &Inside) -> String {
    inside.account("testrider");
    basic("testrider", "correct-horse")
}

#[test]
fn a_ride_is_written_and_read_by_its_owner_and_by_public() {
    let inside = Inside::start("");
    let owner = rider(&inside);
    let now = seconds(&inside);
    let lines = format!("samples hr_bpm=120 {}\nsamples hr_bpm=121 {now}", now - 3);
    let written = inside.ask(&format!("POST /write?db=testrider&precision=s\n{owner}"), &lines);
    assert_eq!((written.status, written.body.len()), (204, 0), "{written:?}");
    assert_eq!(written.header("content-type"), "application/json");
    assert_eq!(written.header("x-influxdb-version"), "1.6.7");
    assert_eq!(written.header("request-id"), written.header("x-request-id"));
    let select = "/query?db=testrider&epoch=s&q=SELECT+*+FROM+samples";
    let expected = format!(
        "{{\"results\":[{{\"statement_id\":0,\"series\":[{{\"name\":\"samples\",\"columns\":[\"time\",\"hr_bpm\"],\
         \"values\":[[{},120],[{now},121]]}}]}}]}}\n",
        now - 3
    );
    for head in [
        format!("GET {select}\n{owner}"),
        format!("GET {select}\n{}", basic("public", "livetracking")),
        format!("GET {select}&u=public&p=livetracking"),
        format!("GET {select}&u=testrider&p=correct-horse"),
    ] {
        let asked = inside.ask(&head, "");
        assert_eq!((asked.status, asked.text()), (200, &*expected), "{head}");
        assert_eq!(asked.header("transfer-encoding"), "chunked");
    }
}

#[test]
fn a_challenge_comes_first_for_who_waits_for_it() {
    let inside = Inside::start("");
    let owner = rider(&inside);
    let first = inside.ask("POST /write?db=testrider", "samples hr_bpm=120");
    assert_eq!((first.status, first.header("www-authenticate")), (401, "Basic realm=\"Protected\""));
    assert_eq!(first.headers.get_all("www-authenticate").iter().count(), 1);
    let again = inside.ask(&format!("POST /write?db=testrider\n{owner}"), "samples hr_bpm=120");
    assert_eq!(again.status, 204);
}

#[test]
fn wrong_credentials_are_403_or_by_setting_401() {
    let wrong = format!("POST /write?db=testrider\n{}", basic("testrider", "wrong-horse"));
    let mut inside = Inside::start("");
    rider(&inside);
    assert_eq!(inside.ask(&wrong, "m f=1").status, 403);
    inside.reload("[trackers.livetracking]\ncompat = \"influx\"\n").unwrap();
    let refused = inside.ask(&wrong, "m f=1");
    assert_eq!((refused.status, refused.text()), (401, "{\"error\":\"authorization failed\"}\n"));
    assert_eq!(refused.header("www-authenticate"), "Basic realm=\"Protected\"");
}

#[test]
fn two_credentials_are_refused_whichever_is_good() {
    let inside = Inside::start("");
    let owner = rider(&inside);
    for pair in ["u=testrider&p=correct-horse", "u=testrider&p=wrong"] {
        let refused = inside.ask(&format!("POST /write?db=testrider&{pair}\n{owner}"), "m f=1");
        assert_eq!(refused.status, 400, "{refused:?}");
    }
    let twice = inside.ask("POST /write?db=testrider&u=testrider&p=correct-horse&p=correct-horse", "m f=1");
    assert_eq!(twice.status, 400);
}

/// Keeps what is logged.
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
fn log_05_u_and_p_are_in_no_log_line_and_no_answer() {
    let kept = Kept::default();
    let log = AccessLog::to(Box::new(kept.clone()), Form::Json);
    let inside = Inside::start_in(tempfile::tempdir().unwrap(), "", log);
    rider(&inside);
    for (query, status) in [
        ("db=testrider&u=testrider&p=correct-horse", 204),
        ("db=testrider&u=testrider&p=wrong-mule", 403),
        ("db=nodb&u=testrider&p=correct-horse", 404),
        ("u=wrong:name&p=wrong-mule", 403),
        ("u=testrider&p=%zz", 401),
    ] {
        let answer = inside.ask(&format!("POST /write?{query}"), "m f=1");
        assert_eq!(answer.status, status, "{query}");
        let said = format!("{:?} {}", answer.headers, answer.text());
        assert!(!said.contains("horse") && !said.contains("mule"), "{said}");
    }
    drop(inside);
    let logged = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    assert!(logged.lines().count() >= 5, "{logged}");
    assert!(!logged.contains("horse") && !logged.contains("mule") && !logged.contains("u="), "{logged}");
}

#[test]
fn tsd_03_25_mb_and_no_more_whole_in_pieces_or_packed() {
    let inside = Inside::start("");
    let owner = rider(&inside);
    let declared = format!("POST /write?db=testrider\n{owner}\nContent-Length: 25000001");
    let refused = inside.ask(&declared, "");
    assert_eq!((refused.status, refused.text()), (413, "{\"error\":\"Request Entity Too Large\"}\n"));
    assert_eq!(refused.header("connection"), "close");
    let mut head =
        wire(inside.address(), &format!("POST /write?db=testrider\n{owner}\nTransfer-Encoding: chunked"), "");
    let whole = head.len();
    for _ in 0..26 {
        head.extend_from_slice(b"F4240\r\n");
        head.extend(std::iter::repeat_n(b'#', 1_000_000));
        head.extend_from_slice(b"\r\n");
    }
    assert!(head.len() > whole + 26_000_000);
    let refused = send(inside.address(), &head);
    assert_eq!((refused.status, refused.header("connection")), (413, "close"));
    assert_eq!(inside.ask(&format!("POST /write?db=testrider\n{owner}"), "m f=1").status, 204);
}

#[test]
fn a_query_ends_when_its_client_goes() {
    let inside = Inside::start("[trackers.livetracking]\nquery = { at_once = 1, time = \"1m\" }\n");
    let owner = rider(&inside);
    let now = seconds(&inside);
    let lines: Vec<_> = (0..20_000).map(|n| format!("samples a={n},b={n} {}\n", now - n / 4)).collect();
    let lines = lines.concat();
    let write = format!("POST /write?db=testrider&precision=s\n{owner}");
    assert_eq!(inside.ask(&write, &lines).status, 204);
    // Nobody could wait for all of it.
    let select = ["SELECT+*+FROM+samples"; 900].join("%3B");
    let form = format!("db=testrider&q={select}");
    let head = format!("POST /query\n{owner}\nContent-Type: application/x-www-form-urlencoded");
    let mut stream = connect(inside.address());
    stream.write_all(&wire(inside.address(), &head, &form)).unwrap();
    let mut first = [0; 4096];
    stream.read_exact(&mut first).unwrap();
    assert!(first.starts_with(b"HTTP/1.1 200"));
    drop(stream);
    let gone = Instant::now();
    let quick = format!("GET /query?q=SHOW+DATABASES\n{owner}");
    while inside.ask(&quick, "").status != 200 {
        assert!(gone.elapsed() < Duration::from_secs(20), "it still runs");
    }
}

#[test]
fn other_paths_and_methods_are_refused_in_influxdb_s_words() {
    let inside = Inside::start("");
    for path in ["/write/", "/query/", "/write/x"] {
        let answer = inside.ask(&format!("POST {path}"), "");
        assert_eq!((answer.status, answer.text()), (404, "404 page not found\n"), "{path}");
    }
    let head = inside.ask("HEAD /query?q=x", "");
    assert_eq!((head.status, head.header("allow")), (405, "OPTIONS, GET, POST"));
    let put = inside.ask("PUT /write", "");
    assert_eq!((put.status, put.header("allow"), put.text()), (405, "OPTIONS, POST", "Method Not Allowed\n"));
    for path in ["/ping", "/status"] {
        for method in ["GET", "HEAD"] {
            let mut stream = connect(inside.address());
            stream.write_all(&wire(inside.address(), &format!("{method} {path}?u=a&p=b"), "")).unwrap();
            let answer = read_answer(&mut BufReader::new(stream));
            assert_eq!((answer.status, answer.header("x-influxdb-version")), (204, "1.6.7"), "{method} {path}");
        }
    }
}
