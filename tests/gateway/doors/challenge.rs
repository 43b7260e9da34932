//! Clients that wait to be asked for a password (Live Tracking contract, section 9 and section 10, check 4).

use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::process::Command;

use super::curl::whole;
use crate::harness::{Answer, Inside, basic, connect, read_answer};
use crate::skipped::skipped;

/// One connection that is kept, as libwww-perl keeps it.
struct Kept(BufReader<TcpStream>);

impl Kept {
    fn ask(&mut self, host: &str, head: &str, body: &str) -> Answer {
        let (first, lines) = head.split_once('\n').unwrap_or((head, ""));
        let lines = if lines.is_empty() { String::new() } else { format!("{}\r\n", lines.replace('\n', "\r\n")) };
        let wire = format!(
            "{first} HTTP/1.1\r\nTE: deflate,gzip;q=0.3\r\nConnection: TE\r\n{lines}Host: {host}\r\nUser-Agent: quarqd-2-influxdb/1\r\nContent-Length: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(wire.as_bytes()).unwrap();
        read_answer(&mut self.0)
    }
}

#[test]
fn bas_01_a_client_that_waits_to_be_asked_gets_in_on_one_connection() {
    let inside = Inside::start("");
    inside.account("testrider");
    let host = inside.address().to_string();
    let mut kept = Kept(BufReader::new(connect(inside.address())));
    let body = "password=correct-horse&new_password=battery-staple";
    // The whole body goes out before the client knows that it will be asked.
    let asked = kept.ask(&host, "POST /user/change-password", body);
    assert_eq!(asked.status, 401);
    let challenges: Vec<_> = asked.headers.get_all("www-authenticate").iter().collect();
    // Exactly this: libwww-perl looks its password up by the realm.
    assert_eq!(challenges, [r#"Basic realm="Protected""#]);
    let head = format!("POST /user/change-password\n{}", basic("testrider", "correct-horse"));
    let done = kept.ask(&host, &head, body);
    assert_eq!((done.status, done.text()), (200, r#"{"status":"OK"}"#));
    let head = format!("GET /auth\n{}", basic("testrider", "battery-staple"));
    assert_eq!(kept.ask(&host, &head, "").text(), r#"{"username":"testrider","status":"OK"}"#);
    // Once refused is refused for good: 403 asks nobody to try again, and the connection stays.
    assert_eq!(kept.ask(&host, &format!("GET /auth\n{}", basic("testrider", "correct-horse")), "").status, 403);
    assert_eq!(kept.ask(&host, "GET /time", "").status, 200);
}

#[test]
fn libwww_perl_gets_in() {
    let found = Command::new("perl").args(["-MLWP::UserAgent", "-e1"]).output();
    if !found.is_ok_and(|found| found.status.success()) {
        return skipped("libwww-perl");
    }
    let inside = Inside::start("");
    inside.account("testrider");
    let script = r#"
        my ($host, $password) = @ARGV;
        my $client = LWP::UserAgent->new(timeout => 20);
        my $asked = 0;
        $client->add_handler(response_done => sub { $asked++ if $_[0]->code == 401; return });
        $client->credentials($host, 'Protected', 'testrider', $password);
        print $client->get("http://$host/auth")->code, " after $asked";
    "#;
    let host = inside.address().to_string();
    for (password, said) in [("correct-horse", "200 after 1"), ("wrong-horse", "403 after 1")] {
        let perl = Command::new("perl").args(["-MLWP::UserAgent", "-e", script, &host, password]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&perl.stdout), said, "{perl:?}");
    }
}

/// Live Tracking contract, section 10, check 5, as far as the end points are there.
#[test]
fn answers_are_the_same_byte_for_byte() {
    let inside = Inside::start("");
    let cors = "access-control-allow-headers: X-Requested-With, Content-Type, Accept, Origin, Authorization\n\
                access-control-allow-methods: GET, POST, PUT, DELETE, OPTIONS\naccess-control-allow-origin: *\n";
    let origin = "Origin: https://app.example";
    let refused = format!(
        "401\n{cors}cache-control: no-store\ncontent-type: application/json\nwww-authenticate: Basic realm=\"Protected\"\n\n{}",
        r#"{"error":"AUTHENTICATION_FAILED"}"#
    );
    // Any origin, whether one was sent or not; no newline behind the errors of the account end points.
    assert_eq!(whole(&inside.ask(&format!("GET /user\n{origin}"), "")), refused);
    assert_eq!(whole(&inside.ask("GET /user", "")), refused);
    // InfluxDB's side tells the origin that was sent.
    let pong = inside.ask(&format!("GET /ping\n{origin}"), "");
    assert_eq!((pong.status, pong.header("access-control-allow-origin")), (204, "https://app.example"));
    assert_eq!((pong.header("x-influxdb-build"), pong.header("x-influxdb-version")), ("OSS", "1.6.7"));
    assert_eq!(pong.header("request-id"), pong.header("x-request-id"));
    // RFC 9110 section 8.6: no length with 204.
    assert!(!pong.headers.contains_key("content-length") && !pong.headers.contains_key("transfer-encoding"));
    // `Allow` in the order of the original's route table.
    let allow = [
        ("GET /register", "POST, OPTIONS"),
        ("PUT /register", "POST, OPTIONS"),
        ("DELETE /user/testrider", "OPTIONS, GET"),
        ("PUT /user/change-password", "POST, OPTIONS, GET"),
    ];
    for (head, allow) in allow {
        let answer = inside.ask(head, "");
        let expected = format!(
            "405\n{cors}allow: {allow}\ncache-control: no-store\ncontent-type: application/json\n\n{}",
            r#"{"error":"METHOD_NOT_ALLOWED"}"#
        );
        assert_eq!(whole(&answer), expected, "{head}");
    }
}
