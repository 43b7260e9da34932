//! Upstreams that are down, slow or odd, told in the wording of the route. Cases DOS-08, DOS-09 and DOS-12.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::recorder::{OK, Recorder};
use super::{Front, PUBLIC, route};
use crate::harness::{Inside, basic};

type Told = (u16, &'static str);

/// Status and body of a refusal in each wording: of an upstream that is down, and of one that is slow.
const WORDINGS: [(&str, Told, Told); 5] = [
    ("plain", (502, "{\"error\":\"bad gateway\"}\n"), (504, "{\"error\":\"gateway timeout\"}\n")),
    ("livetracking", (502, r#"{"error":"UNKNOWN_ERROR"}"#), (504, r#"{"error":"UNKNOWN_ERROR"}"#)),
    (
        "lptracker",
        (200, r#"{"status":"error","errors":[{"code":502,"message":"Internal error"}]}"#),
        (200, r#"{"status":"error","errors":[{"code":504,"message":"Internal error"}]}"#),
    ),
    ("fittrackee", (502, "please try again"), (504, "please try again")),
    ("sessions", (502, "server error"), (504, "server error")),
];

#[test]
fn dos_08_an_upstream_that_is_down_is_502_in_the_wording_of_the_route() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let routes: String = WORDINGS
        .map(|(dialect, ..)| route(dialect, &format!("/{dialect}"), &format!("{PUBLIC}\ndialect = \"{dialect}\"")))
        .concat();
    let inside = Inside::start(&format!("[upstreams.up]\nurls = [\"http://{free}\"]\n{routes}"));
    for (dialect, (status, body), _slow) in WORDINGS {
        let answer = inside.ask(&format!("GET /{dialect}"), "");
        assert_eq!(answer.status, status, "{dialect}");
        assert!(answer.text().contains(body), "{dialect}: {}", answer.text());
        assert!(!answer.text().contains(&free.to_string()), "nothing inside is shown");
        assert_eq!(answer.header("cache-control"), "no-store", "{dialect}");
    }
}

#[test]
fn dos_08_an_upstream_that_is_too_slow_is_504_in_the_wording_of_the_route() {
    let up = Recorder::start(|mut line| {
        line.request();
        line.ends();
    });
    let timeout = "timeout = { response = \"200ms\" }\n";
    let routes: String = WORDINGS
        .map(|(dialect, ..)| route(dialect, &format!("/{dialect}"), &format!("{PUBLIC}\ndialect = \"{dialect}\"")))
        .concat();
    let front = Front::start(up, &(timeout.to_owned() + &routes));
    for (dialect, _down, (status, body)) in WORDINGS {
        let began = Instant::now();
        let answer = front.ask(&format!("GET /{dialect}"), "");
        assert_eq!(answer.status, status, "{dialect}");
        assert!(answer.text().contains(body), "{dialect}: {}", answer.text());
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(200) && took < Duration::from_secs(5), "{took:?}");
    }
}

#[test]
fn dos_08_a_reset_before_the_answer_is_502_and_others_are_unharmed() {
    let bad = Recorder::start(|mut line| {
        line.request();
        line.write("HTTP/1.1 200");
        line.reset();
    });
    let other = format!("[upstreams.bad]\nurls = [\"http://{}\"]\n", bad.address);
    let to_bad = route("bad", "/bad", PUBLIC).replace("\"up\"", "\"bad\"");
    let front = Front::start(Recorder::ok(), &(other + &to_bad + &route("good", "/good", PUBLIC)));
    let mut client = front.client();
    for _turn in 0..3 {
        assert_eq!(client.ask("GET /bad HTTP/1.1\r\nHost: a\r\n\r\n").status, 502);
        assert_eq!(client.ask("GET /good HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
    }
}

#[test]
fn dos_08_an_answer_that_breaks_off_never_looks_whole() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let up = Recorder::start(move |mut line| {
            line.request();
            line.write(answer);
        });
        let front = Front::start(up, &route("open", "/{*rest}", PUBLIC));
        let mut client = front.client();
        client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut got = Vec::new();
        drop(std::io::Read::read_to_end(&mut client.stream, &mut got));
        let got = String::from_utf8(got).unwrap();
        assert!(got.starts_with("HTTP/1.1 200 ") && !got.ends_with("0\r\n\r\n"), "{got}");
        assert!(got.ends_with("abc") || got.ends_with("abc\r\n"), "{got}");
    }
}

#[test]
fn dos_08_an_answer_that_stands_still_ends_at_the_idle_limit() {
    let up = Recorder::start(|mut line| {
        line.request();
        line.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
        line.ends();
    });
    let front = Front::start(up, &("timeout = { idle = \"200ms\" }\n".to_owned() + &route("open", "/{*rest}", PUBLIC)));
    let began = Instant::now();
    let mut client = front.client();
    client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut got = Vec::new();
    drop(std::io::Read::read_to_end(&mut client.stream, &mut got));
    assert!(String::from_utf8(got).unwrap().ends_with("abc"));
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn dos_09_a_request_of_which_bytes_were_written_is_never_sent_again() {
    let up = Recorder::start(|mut line| {
        while let Some(request) = line.request() {
            if !request.starts_with("GET /warm ") {
                return line.reset();
            }
            line.write(OK);
        }
    });
    let front = Front::start(up, &route("open", "/{*rest}", PUBLIC));
    for method in ["POST", "PUT", "PATCH", "DELETE", "GET"] {
        // On a fresh connection, and on one that was used before.
        for _turn in 0..2 {
            let path = format!("/{method}-{}", front.up.tapes().len());
            assert_eq!(front.ask(&format!("{method} {path}"), "body").status, 502);
            let sent = front.up.all().matches(&format!("{method} {path} ")).count();
            assert_eq!(sent, 1, "{method} {path}");
            assert_eq!(front.ask("GET /warm", "").status, 200);
        }
    }
}

#[test]
fn a_request_on_a_connection_that_the_upstream_just_closed_is_answered() {
    // Closes each connection behind its first answer without having said so.
    let up = Recorder::start(|mut line| {
        line.request().unwrap();
        line.write(OK);
    });
    let front = Front::start(up, &route("open", "/{*rest}", PUBLIC));
    for turn in 0..10 {
        assert_eq!(front.ask(&format!("GET /{turn}"), "").status, 200);
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn dos_12_only_configured_upstreams_are_dialled_and_redirects_are_passed_on() {
    let elsewhere = Recorder::ok();
    let answer =
        format!("HTTP/1.1 302 Found\r\nlocation: http://{}/stolen\r\ncontent-length: 0\r\n\r\n", elsewhere.address);
    let front = Front::start(Recorder::answering(&answer), &route("open", "/{*rest}", PUBLIC));
    let place = elsewhere.address;
    for head in [
        format!("GET / HTTP/1.1\r\nHost: {place}\r\n"),
        format!("GET http://{place}/ HTTP/1.1\r\nHost: {place}\r\n"),
        format!("GET /http://{place}/ HTTP/1.1\r\nHost: a\r\n"),
        format!("GET /@{place}/ HTTP/1.1\r\nHost: a\r\nX-Forwarded-Host: {place}\r\n"),
        format!("GET /?url=http://{place}/ HTTP/1.1\r\nHost: a\r\nX-Original-URL: http://{place}/\r\n"),
    ] {
        let answer = front.client().ask(&format!("{head}\r\n"));
        assert!(matches!(answer.status, 302 | 400), "{head}: {}", answer.status);
        if answer.status == 302 {
            assert_eq!(answer.header("location"), format!("http://{place}/stolen"));
        }
    }
    assert!(front.up.all().contains("GET / HTTP/1.1\r\n"));
    assert_eq!(elsewhere.all(), "");
}

#[test]
fn refusals_of_the_gate_are_in_the_wording_of_the_route() {
    let routes: String = WORDINGS
        .map(|(dialect, ..)| {
            route(dialect, &format!("/{dialect}"), &format!("auth = [\"basic\"]\ndialect = \"{dialect}\""))
        })
        .concat();
    let front = Front::start(Recorder::ok(), &routes);
    front.inside.account("testrider");
    for (dialect, missing, wrong) in [
        ("plain", (401, "unauthorized"), (401, "unauthorized")),
        ("livetracking", (401, "AUTHENTICATION_FAILED"), (403, "AUTHENTICATION_FAILED")),
        ("lptracker", (200, "\"code\":401"), (200, "\"code\":401")),
        ("fittrackee", (401, "provide a valid auth token"), (401, "invalid credentials")),
        ("sessions", (401, "invalid or missing token"), (401, "invalid or missing token")),
    ] {
        for (login, (status, text)) in [(String::new(), missing), (basic("testrider", "wrong"), wrong)] {
            let answer = front.ask(&format!("GET /{dialect}\n{login}"), "");
            assert_eq!(answer.status, status, "{dialect} {login}");
            assert!(answer.text().contains(text), "{dialect} {login}: {}", answer.text());
            let challenge = answer.header("www-authenticate").to_owned();
            assert_eq!(challenge.starts_with("Basic "), status != 200, "{dialect}: {challenge}");
        }
    }
    assert_eq!(front.up.all(), "");
}
