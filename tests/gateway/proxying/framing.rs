//! One reading of where a message ends, shown at the upstream. Group FRM of the security cases; the framing's own
//! tests have the whole tables.

use std::io::Write;
use std::time::Duration;

use super::recorder::{OK, Recorder, dechunked, header};
use super::{Front, PUBLIC, route};
use crate::harness::basic;

/// `POST /` with these lines, and this behind the head.
fn post(lines: &str, behind: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n{behind}").into_bytes()
}

const CHUNKED: &str = "Transfer-Encoding: chunked";

#[test]
fn frm_01_to_frm_04_doubtful_lengths_are_400_and_nothing_passes() {
    let front = Front::open();
    for lines in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 3",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding: ,chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked;a=b",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: \x0bchunked",
        "Transfer-Encoding:",
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length: 3, 4",
        "Content-Length: +3",
        "Content-Length: -1",
        "Content-Length: 0x3",
        "Content-Length: 3 3",
        "Content-Length: 3_0",
        "Content-Length:",
        "Content-Length: 99999999999999999999",
        "Content-Length: 3.0",
    ] {
        let status = front.refuses_and_closes(&post(lines, "3\r\nabc\r\n0\r\n\r\n")).status;
        assert!(matches!(status, 400 | 501), "{lines:?}: {status}");
    }
    let old = b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(front.refuses_and_closes(old).status, 400, "frm_03");
}

#[test]
fn frm_05_equal_lengths_are_refused_or_sent_on_as_one() {
    let front = Front::open();
    for lines in ["Content-Length: 3\r\nContent-Length: 3", "Content-Length: 3, 3"] {
        let mut client = front.client();
        client.stream.get_mut().write_all(&post(lines, "abc")).unwrap();
        match client.answer().status {
            400 => assert!(client.is_closed() && front.up.all().is_empty()),
            status => assert_eq!((status, header(&front.up.all(), "content-length")), (200, Some("3"))),
        }
    }
}

#[test]
fn frm_06_to_frm_08_broken_chunks_never_become_a_whole_request() {
    // An upstream that answers only whole requests.
    let front = Front::start(Recorder::ok(), &route("open", "/{*rest}", PUBLIC));
    for body in [
        "\r\nabc\r\n0\r\n\r\n",
        "+3\r\nabc\r\n0\r\n\r\n",
        "-3\r\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        "00000000000000003\r\nabc\r\n0\r\n\r\n",
        " 3\r\nabc\r\n0\r\n\r\n",
        "10000000000000003\r\nabc\r\n0\r\n\r\n",
        "3\nabc\r\n0\r\n\r\n",
        "3\rabc\r\n0\r\n\r\n",
        "3;a\nb\r\nabc\r\n0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nabc\r\n0\n\n",
        "3\r\nabc\r\n0\r\nX: 1\n\r\n",
        "g\r\n",
    ] {
        let before = front.up.tapes();
        let wire = post(CHUNKED, &format!("{body}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"));
        let mut client = front.client();
        drop(client.stream.get_mut().write_all(&wire));
        assert_eq!(client.answer().status, 400, "{body:?}");
        assert!(client.is_closed(), "{body:?}");
        assert_eq!(front.ask("GET /honest", "").status, 200);
        // What may have begun has no end, and its connection is not used again.
        for (index, tape) in front.up.tapes().into_iter().enumerate() {
            let news = tape.strip_prefix(before.get(index).map_or("", String::as_str)).unwrap();
            assert!(!news.contains("smuggled"), "{news}");
            if news.starts_with("POST") {
                assert!(!news.contains("\r\n0\r\n\r\n") && !news.contains("GET"), "{body:?} became {news:?}");
            }
        }
    }
    let endless = post(CHUNKED, &format!("3;{}\r\nabc\r\n0\r\n\r\n", "x".repeat(5000)));
    let mut client = front.client();
    drop(client.stream.get_mut().write_all(&endless));
    assert!(matches!(client.answer().status, 400 | 413), "frm_08");
}

#[test]
fn frm_09_to_frm_11_broken_lines_are_400_and_nothing_passes() {
    let front = Front::open();
    for line in [
        "no colon",
        ": empty",
        "Name : x",
        "X-A: 1\r\n folded",
        "X-A: 1\r\n\tfolded",
        "X A: 1",
        "X-A: a\0b",
        "X-A: a\rb",
        "X-A\x7f: 1",
        "X-\u{e9}: 1",
        "X-A: \x1b",
    ] {
        assert_eq!(front.refuses_and_closes(&post(line, "")).status, 400, "{line:?}");
    }
    for wire in [
        " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n",
        "G\0T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        "GET / http/1.1\r\nHost: a\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\nX-A: 1\r\n\r\n",
        "GET / HTTP/1.1\rHost: a\r\r\n\r\n",
    ] {
        assert_eq!(front.refuses_and_closes(wire.as_bytes()).status, 400, "{wire:?}");
    }
}

#[test]
fn frm_12_the_body_of_a_refused_request_is_never_read_as_one() {
    let config = route("in", "/in", "auth = [\"basic\"]")
        + &route("honest", "/honest", PUBLIC)
        + &route("open", "/smuggled", PUBLIC);
    let front = Front::start(Recorder::ok(), &config);
    let inner = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for (target, status) in [("/in", 401), ("/none", 404), ("/in;", 400)] {
        for lines in [
            format!("Content-Length: {}\r\n\r\n{inner}", inner.len()),
            format!("{CHUNKED}\r\n\r\n{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len()),
        ] {
            let wire = format!("POST {target} HTTP/1.1\r\nHost: a\r\n{lines}");
            assert_eq!(front.refuses(wire.as_bytes()).status, status, "{wire}");
        }
    }
    // Declared, and never sent to its end.
    let wire = format!("POST /in HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{inner}");
    assert_eq!(front.refuses(wire.as_bytes()).status, 401);
}

#[test]
fn frm_13_no_100_before_the_gate() {
    let config = route("in", "/in", "auth = [\"basic\"]") + &route("open", "/{*rest}", PUBLIC);
    let front = Front::start(Recorder::ok(), &config);
    let expect = |target: &str| {
        format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    };
    assert_eq!(front.refuses(expect("/in").as_bytes()).status, 401);
    let mut client = front.client();
    client.write(&expect("/open"));
    let mut go_on = [0; 25];
    std::io::Read::read_exact(&mut client.stream, &mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(client.ask("abc").status, 200);
    assert!(front.up.all().ends_with("\r\n\r\nabc") && !front.up.all().contains("xpect"), "{}", front.up.all());
}

#[test]
fn frm_14_to_frm_16_an_upgrade_is_not_passed_and_the_next_request_is_judged_alone() {
    let config = route("in", "/in", "auth = [\"basic\"]") + &route("open", "/{*rest}", PUBLIC);
    let front = Front::start(Recorder::ok(), &config);
    for protocol in ["websocket", "h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__", "anything"] {
        let mut client = front.client();
        let answer =
            client.ask(&format!("GET /open HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n"));
        assert_eq!((answer.status, answer.header("upgrade")), (200, ""), "{protocol}");
        let got = front.up.all();
        assert!(!got.to_ascii_lowercase().contains("upgrade"), "{got}");
        // Either the connection is over, or the next request on it stands before its own gate.
        if std::io::Write::write_all(client.stream.get_mut(), b"GET /in HTTP/1.1\r\nHost: a\r\n\r\n").is_ok() {
            let mut first = Vec::new();
            std::io::Read::read_to_end(&mut std::io::Read::take(&mut client.stream, 12), &mut first)
                .unwrap_or_default();
            assert!(first.is_empty() || first == b"HTTP/1.1 401", "{first:?}");
        }
        assert_eq!(front.up.all(), got);
    }
    // Bytes behind an upgrade that was not answered yet are no tunnel.
    let mut client = front.client();
    client.write("GET /open HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nRAW TUNNEL DATA\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    assert!(!front.up.all().contains("TUNNEL"), "frm_16");
}

#[test]
fn frm_17_bodies_of_get_head_and_delete_have_exact_framing() {
    for method in ["GET", "HEAD", "DELETE"] {
        for framing in ["Content-Length: 3\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"] {
            let front = Front::open();
            let mut client = front.client();
            client.write(&format!("{method} /a HTTP/1.1\r\nHost: a\r\n{framing}GET /b HTTP/1.1\r\nHost: a\r\n\r\n"));
            let first = if method == "HEAD" { head_answer(&mut client) } else { client.answer().status };
            assert_eq!(first, 200, "{method} {framing:?}");
            assert_eq!(client.answer().status, 200);
            let got = front.up.all();
            let (one, other) = got.split_at(got.find("GET /b ").unwrap());
            assert!(one.starts_with(&format!("{method} /a ")), "{got}");
            let body = one.split_once("\r\n\r\n").unwrap().1;
            let body = if framing.starts_with('C') { body.to_owned() } else { dechunked(body) };
            assert_eq!(body, "abc", "{got}");
            assert!(other.ends_with("\r\n\r\n") && header(other, "content-length").is_none());
        }
    }
}

/// Reads the answer to a `HEAD`, which has a length and no body.
fn head_answer(client: &mut super::Client) -> u16 {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(std::io::BufRead::read_line(&mut client.stream, &mut head).unwrap() > 0, "{head}");
    }
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn frm_18_a_client_that_leaves_makes_no_whole_request() {
    let (tell, told) = std::sync::mpsc::channel();
    let tell = std::sync::Mutex::new(tell);
    let up = Recorder::start(move |mut line| {
        while let Some(head) = line.head() {
            if head.starts_with("GET") {
                line.write(OK);
            } else {
                let whole = if head.contains("chunked") { line.until(b"0\r\n\r\n") } else { line.bytes(10) };
                tell.lock().unwrap().send(whole.is_some()).unwrap();
                line.write(OK);
            }
        }
    });
    let front = Front::start(up, &route("open", "/{*rest}", PUBLIC));
    for wire in [post("Content-Length: 10", "abc"), post(CHUNKED, "1\r\nc\r\n"), post(CHUNKED, "5\r\nc")] {
        let mut client = front.client();
        client.stream.get_mut().write_all(&wire).unwrap();
        front.up.wait_for(|all| all.ends_with("abc") || all.ends_with("\r\n1\r\nc\r\n"));
        drop(client);
        assert!(!told.recv_timeout(Duration::from_secs(10)).unwrap(), "the upstream took it for whole");
        let connections = front.up.tapes().len();
        assert_eq!(front.ask("GET /honest", "").status, 200);
        assert!(front.up.tapes().len() <= connections + 1);
        assert!(front.up.tapes().last().unwrap().starts_with("GET /honest"), "such a connection is not used again");
    }
}

#[test]
fn frm_19_extra_bytes_of_an_answer_are_nobodys_answer() {
    let stray = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nstray";
    for (first, status) in [
        (format!("{OK}{stray}"), 200),
        (format!("HTTP/1.1 204 No Content\r\n\r\n{stray}"), 204),
        (format!("HTTP/1.1 304 Not Modified\r\n\r\n{stray}"), 304),
        ("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(50) + OK, 200),
        ("not http at all\r\n\r\n".to_owned(), 502),
        ("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n".to_owned(), 502),
    ] {
        let text = first.clone();
        let up = Recorder::start(move |mut line| {
            while let Some(request) = line.request() {
                line.write(if request.starts_with("GET /first ") { &text } else { OK });
            }
        });
        let front = Front::start(up, &route("open", "/{*rest}", PUBLIC));
        let mut client = front.client();
        assert_eq!(client.ask("GET /first HTTP/1.1\r\nHost: a\r\n\r\n").status, status, "{first:?}");
        for _more in 0..3 {
            let next = client.ask("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!((next.status, next.text()), (200, "ok"), "{first:?}");
        }
    }
}

#[test]
fn frm_19_a_body_to_head_is_dropped() {
    let up = Recorder::start(|mut line| {
        while let Some(request) = line.request() {
            line.write(if request.starts_with("HEAD") {
                "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nstray"
            } else {
                OK
            });
        }
    });
    let front = Front::start(up, &route("open", "/{*rest}", PUBLIC));
    let mut client = front.client();
    client.write("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(head_answer(&mut client), 200);
    let next = client.ask("GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((next.status, next.text()), (200, "ok"));
}

#[test]
fn frm_20_pipelined_requests_are_answered_in_order_and_judged_alone() {
    let config = route("in", "/in", "auth = [\"basic\"]") + &route("open", "/{*rest}", PUBLIC);
    let front = Front::start(Recorder::ok(), &config);
    front.inside.account("testrider");
    let login = basic("testrider", "correct-horse");
    assert_eq!(front.ask(&format!("GET /in\n{login}"), "").status, 200);
    let kinds = [
        (format!("GET /in HTTP/1.1\r\nHost: a\r\n{login}\r\n\r\n"), 200),
        ("GET /in HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 401),
        ("POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody".to_owned(), 200),
        ("GET /in HTTP/1.1\r\nHost: a\r\nX-Trackgate-User: root\r\n\r\n".to_owned(), 401),
        ("DELETE /open/x HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 200),
    ];
    let mut client = front.client();
    let all: String = (0..500).map(|index| kinds[index % kinds.len()].0.as_str()).collect();
    let mut writer = client.stream.get_ref().try_clone().unwrap();
    let bad = "GET /open HTTP/1.1\r\nHost: a\r\nBad Line\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let writing = std::thread::spawn(move || writer.write_all((all + bad).as_bytes()));
    for index in 0..500 {
        assert_eq!(client.answer().status, kinds[index % kinds.len()].1, "{index}");
    }
    assert_eq!(client.answer().status, 400);
    assert!(client.is_closed());
    drop(writing.join().unwrap());
    assert!(!front.up.all().contains("smuggled"));
}
