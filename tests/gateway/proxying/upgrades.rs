//! Requests that switch protocols, on raw sockets. Cases FRM-14 to FRM-16, HDR-08.

use std::io::{Read, Write};
use std::time::Duration;

use trackgate::telemetry::{AccessLog, Form};

use super::recorder::{Line, OK, Recorder, header, headers};
use super::{Client, Front, PUBLIC, route, with_upstream};
use crate::harness::Inside;

/// Switches to the protocol `echo`, and sends back what it gets in capital letters until the other side ends.
fn echo(mut line: Line) {
    while let Some(request) = line.request() {
        if header(&request, "upgrade").is_none() {
            line.write(OK);
            continue;
        }
        line.write(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ECHO\r\nX-Theirs: 1\r\n\r\nhello",
        );
        while let Some(byte) = line.bytes(1) {
            line.write(&byte.to_uppercase());
        }
        line.write("over");
        return;
    }
}

fn listed(access: &str) -> String {
    route("tunnel", "/{*rest}", &format!("{access}\nupgrades = [\"Echo\", \"other/1\"]"))
}

fn head(protocol: &str, more: &str) -> String {
    format!("GET /a HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: {protocol}\r\n{more}\r\n")
}

impl Client {
    /// Reads this much.
    fn bytes(&mut self, count: usize) -> String {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// Reads a head alone: one that switches protocols has no body, and no end.
    fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            head.push_str(&self.bytes(1));
        }
        head
    }
}

#[test]
fn a_listed_protocol_is_asked_for_and_bytes_pass_both_ways() {
    let front = Front::start(Recorder::start(echo), &listed(PUBLIC));
    let mut client = front.client();
    client.write(&head("unknown, eChO", "Sec-Echo-Version: 1\r\n"));
    let answer = client.head();
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert_eq!((header(&answer, "connection"), header(&answer, "upgrade")), (Some("upgrade"), Some("echo")));
    assert_eq!((header(&answer, "x-theirs"), header(&answer, "content-length")), (Some("1"), None));
    let asked = front.up.all();
    assert_eq!((headers(&asked, "connection"), headers(&asked, "upgrade")), (vec!["upgrade"], vec!["echo"]), "{asked}");
    assert_eq!(header(&asked, "sec-echo-version"), Some("1"));
    assert_eq!(client.bytes(5), "hello", "it came with the upstream's head");
    for word in ["one", "two"] {
        client.write(word);
        assert_eq!(client.bytes(3), word.to_uppercase());
    }
    // One end closes; the other one has its say all the same.
    client.stream.get_mut().shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.bytes(4), "over");
    assert!(client.is_closed());
}

#[test]
fn big_pieces_pass_whole_when_the_reader_is_slow() {
    let many = 4 << 20;
    let up = Recorder::start(move |mut line| {
        line.request();
        line.write("HTTP/1.1 101 \r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
        line.write(&"x".repeat(many));
        let got = line.bytes(many).unwrap();
        assert_eq!(got.len(), many);
        line.write("got all of it");
    });
    let front = Front::start(up, &listed(PUBLIC));
    let mut client = front.client();
    client.write(&head("echo", ""));
    assert!(client.head().starts_with("HTTP/1.1 101 "));
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(client.bytes(many), "x".repeat(many));
    client.write(&"y".repeat(many));
    assert_eq!(client.bytes(13), "got all of it");
}

#[test]
fn frm_15_what_is_not_listed_is_an_ordinary_request() {
    let front = Front::start(Recorder::ok(), &listed(PUBLIC));
    for wire in [
        head("h2c", "HTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
        head("websocket", ""),
        head("echo/1", ""),
        head("other", ""),
        head("echo", "").replace("keep-alive, Upgrade", "keep-alive"),
        head("echo", "Content-Length: 1\r\n") + "x",
        head("echo", "Transfer-Encoding: chunked\r\n") + "1\r\nx\r\n0\r\n\r\n",
        head("echo", "").replace("HTTP/1.1", "HTTP/1.0"),
    ] {
        let marks = front.up.marks();
        let answer = front.client().ask(&wire);
        assert_eq!((answer.status, answer.text()), (200, "ok"), "{wire}");
        let got = front.up.since(&marks).to_ascii_lowercase();
        assert!(!got.contains("upgrade") && !got.contains("http2-settings"), "{got}");
    }
}

#[test]
fn frm_14_the_gate_comes_first_and_a_refused_upgrade_leaves_requests_that_are_judged_alone() {
    let config = listed("auth = [\"basic\"]");
    let front = Front::start(Recorder::start(echo), &config);
    let mut client = front.client();
    assert_eq!(client.ask(&head("echo", "")).status, 401);
    assert_eq!(client.ask("GET /b HTTP/1.1\r\nHost: a\r\n\r\n").status, 401);
    assert_eq!(front.up.all(), "");

    // The upstream wants none: its answer goes through as it is, on either side's connection.
    let refusing =
        "HTTP/1.1 426 Upgrade Required\r\nupgrade: echo\r\nconnection: upgrade\r\ncontent-length: 2\r\n\r\nno";
    let front = Front::start(Recorder::answering(refusing), &config);
    front.inside.account("testrider");
    let login = crate::harness::basic("testrider", "correct-horse");
    let mut client = front.client();
    for _turn in 0..3 {
        let answer = client.ask(&head("echo", &format!("{login}\r\n")));
        assert_eq!((answer.status, answer.text()), (426, "no"));
        assert_eq!(client.ask("GET /b HTTP/1.1\r\nHost: a\r\n\r\n").status, 401, "its own credential is missing");
    }
    assert!(!front.up.all().contains("/b "));
}

#[test]
fn hdr_08_a_101_about_something_else_is_502() {
    for lines in [
        "Connection: upgrade\r\nUpgrade: websocket\r\n",
        "Connection: upgrade\r\nUpgrade: echo, other/1\r\n",
        "Connection: upgrade\r\nUpgrade: echo\r\nUpgrade: echo\r\n",
        "Connection: upgrade\r\n",
        "Upgrade: echo\r\n",
        "",
    ] {
        let up = Recorder::start(move |mut line| {
            while let Some(request) = line.request() {
                if header(&request, "upgrade").is_none() {
                    line.write(OK);
                    continue;
                }
                line.write(&format!("HTTP/1.1 101 Switching Protocols\r\n{lines}\r\nRAW"));
                assert!(line.ends(), "the connection is not used again");
                return;
            }
        });
        let front = Front::start(up, &listed(PUBLIC));
        let mut client = front.client();
        assert_eq!(client.ask(&head("echo", "")).status, 502, "{lines:?}");
        assert_eq!(client.ask("GET /b HTTP/1.1\r\nHost: a\r\n\r\n").text(), "ok", "{lines:?}");
        assert_eq!(front.up.tapes().len(), 2);
    }
}

#[test]
fn frm_16_bytes_before_the_101_are_no_tunnel_data() {
    for early in ["early", "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"] {
        for with_the_head in [true, false] {
            let up = Recorder::start(move |mut line| {
                line.request();
                // The early bytes are there before the answer is.
                std::thread::sleep(Duration::from_millis(200));
                line.write("HTTP/1.1 101 \r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
                assert!(line.ends(), "nothing of it came");
            });
            let front = Front::start(up, &listed(PUBLIC));
            let mut client = front.client();
            if with_the_head {
                client.write(&(head("echo", "") + early));
            } else {
                client.write(&head("echo", ""));
                front.up.wait_for(|all| all.ends_with("\r\n\r\n"));
                client.write(early);
            }
            assert!(client.is_closed(), "there is no 101");
            std::thread::sleep(Duration::from_millis(50));
            assert!(!front.up.all().contains(early));
        }
    }
}

#[test]
fn an_upstream_that_breaks_takes_the_tunnel_with_it_and_the_other_way_round() {
    let front = Front::start(
        Recorder::start(|mut line| {
            line.request();
            line.write("HTTP/1.1 101 \r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nabc");
            line.bytes(1);
            line.reset();
        }),
        &listed(PUBLIC),
    );
    let mut client = front.client();
    client.write(&head("echo", ""));
    client.head();
    assert_eq!(client.bytes(3), "abc");
    client.write("x");
    assert!(client.is_closed());

    let (tell, told) = std::sync::mpsc::channel();
    let tell = std::sync::Mutex::new(tell);
    let up = Recorder::start(move |mut line| {
        line.request();
        line.write("HTTP/1.1 101 \r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
        tell.lock().unwrap().send(line.ends()).unwrap();
    });
    let front = Front::start(up, &listed(PUBLIC));
    let mut client = front.client();
    client.write(&head("echo", ""));
    client.head();
    drop(client);
    assert!(told.recv_timeout(Duration::from_secs(10)).unwrap());
}

#[test]
fn a_tunnel_in_which_nothing_passes_is_closed_after_its_time() {
    let top = "limits.tunnel_idle = \"400ms\"";
    let front = Front::start_with(top, Recorder::start(echo), &listed(PUBLIC));
    let mut client = front.client();
    client.write(&head("echo", ""));
    client.head();
    assert_eq!(client.bytes(5), "hello");
    let begun = std::time::Instant::now();
    for _turn in 0..4 {
        std::thread::sleep(Duration::from_millis(200));
        client.write("x");
        assert_eq!(client.bytes(1), "X", "what is used is not idle");
    }
    assert!(client.is_closed());
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(1150) && took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_tunnel_has_one_line_in_the_access_log_at_its_end() {
    let up = Recorder::start(echo);
    let (read, sink) = std::io::pipe().unwrap();
    let log = AccessLog::to(sink, Form::Json);
    let folder = tempfile::tempdir().unwrap();
    let inside = Inside::start_in(folder, &with_upstream(&up, &listed(PUBLIC)), log);
    let front = Front { inside, up };
    let mut client = front.client();
    client.write(&head("echo", ""));
    client.head();
    client.write("abc");
    assert_eq!(client.bytes(8), "helloABC");
    std::thread::sleep(Duration::from_millis(100));
    client.stream.get_mut().shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.bytes(4), "over");
    assert!(client.is_closed());
    drop(front);
    let mut text = String::new();
    std::io::BufReader::new(read).read_to_string(&mut text).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((line["status"].as_u64(), line["bytes"].as_u64()), (Some(101), Some(12)), "{line}");
    assert!(line["ms"].as_f64().unwrap() >= 100.0, "{line}");
}

#[test]
fn tunnels_of_an_unknown_protocol_are_cut_at_the_end_of_the_grace_time() {
    let top = "limits.grace = \"2s\"";
    let mut front = Front::start_with(top, Recorder::start(echo), &listed(PUBLIC));
    let mut client = front.client();
    client.write(&head("echo", ""));
    client.head();
    assert_eq!(client.bytes(5), "hello");
    let gateway = front.inside.gateway.take().unwrap();
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        let ending = scope.spawn(|| front.inside.wait(gateway.shutdown()).unwrap());
        std::thread::sleep(Duration::from_millis(300));
        client.stream.get_mut().write_all(b"x").unwrap();
        assert_eq!(client.bytes(1), "X", "within the grace time it goes on");
        assert!(client.is_closed());
        assert_eq!(ending.join().unwrap().cut, 0);
    });
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}
