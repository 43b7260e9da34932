//! Bodies in passing: streamed both ways, of any size, with connections that are used again.

use std::io::{BufRead, Read};
use std::sync::mpsc;
use std::time::Duration;

use super::recorder::{Recorder, header};
use super::{Front, PUBLIC, route};

const SOON: Duration = Duration::from_secs(10);

#[test]
fn a_byte_of_the_answer_arrives_before_the_answer_ends() {
    for chunked in [true, false] {
        let (go_on, wait) = mpsc::channel::<()>();
        let wait = std::sync::Mutex::new(wait);
        let up = Recorder::start(move |mut line| {
            line.request().unwrap();
            let (head, one, other) = if chunked {
                ("transfer-encoding: chunked", "1\r\na\r\n", "1\r\nb\r\n0\r\n\r\n")
            } else {
                ("content-length: 2", "a", "b")
            };
            line.write(&format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n"));
            wait.lock().unwrap().recv_timeout(SOON).unwrap();
            line.write(one);
            wait.lock().unwrap().recv_timeout(SOON).unwrap();
            line.write(other);
        });
        let front = Front::start(up, &route("open", "/{*rest}", PUBLIC));
        let mut client = front.client();
        client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            client.stream.read_line(&mut head).unwrap();
        }
        assert!(head.starts_with("HTTP/1.1 200 "), "the head came before any of the body");
        go_on.send(()).unwrap();
        let mut piece = vec![0; if chunked { 6 } else { 1 }];
        client.stream.read_exact(&mut piece).unwrap();
        assert!(piece.contains(&b'a'), "the first byte came before the second was written");
        go_on.send(()).unwrap();
        let mut rest = vec![0; if chunked { 11 } else { 1 }];
        client.stream.read_exact(&mut rest).unwrap();
        assert!(rest.contains(&b'b'));
    }
}

#[test]
fn a_byte_of_the_request_arrives_before_the_request_ends() {
    let front = Front::open();
    for (framing, first, second) in
        [("Transfer-Encoding: chunked", "1\r\na\r\n", "1\r\nb\r\n0\r\n\r\n"), ("Content-Length: 2", "a", "b")]
    {
        let mut client = front.client();
        client.write(&format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{first}"));
        front.up.wait_for(|all| all.ends_with(first));
        client.write(second);
        assert_eq!(client.answer().status, 200);
        assert!(front.up.all().ends_with(&format!("{first}{second}")));
    }
}

#[test]
fn an_answer_may_come_before_the_request_ends() {
    let up = Recorder::start(|mut line| {
        line.head().unwrap();
        line.write("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno");
        line.ends();
    });
    let front = Front::start(up, &route("open", "/{*rest}", PUBLIC));
    let mut client = front.client();
    client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
    let answer = client.answer();
    assert_eq!((answer.status, answer.text()), (403, "no"));
}

#[test]
fn connections_are_used_again_on_both_sides() {
    let front = Front::open();
    let mut client = front.client();
    for _turn in 0..20 {
        assert_eq!(client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").text(), "ok");
        assert_eq!(client.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").text(), "ok");
    }
    assert_eq!(front.ask("GET /", "").text(), "ok");
    assert_eq!(front.up.tapes().len(), 1);
    assert_eq!(front.up.all().matches(" HTTP/1.1\r\n").count(), 41);
}

#[test]
fn a_connection_that_the_upstream_closes_is_replaced() {
    let up = Recorder::start(|mut line| {
        line.request().unwrap();
        line.write("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok");
    });
    let front = Front::start(up, &route("open", "/{*rest}", PUBLIC));
    let mut client = front.client();
    for turn in 1..=5 {
        let answer = client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!((answer.status, answer.text(), answer.header("connection")), (200, "ok", ""));
        assert_eq!(front.up.tapes().len(), turn);
    }
}

#[test]
fn answers_without_a_body_have_none() {
    for (answer, status, length) in [
        ("HTTP/1.1 204 No Content\r\nx: 1\r\n\r\n", 204, ""),
        ("HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n", 204, ""),
        ("HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\n\r\n", 304, ""),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200, "0"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 200, ""),
    ] {
        let front = Front::start(Recorder::answering(answer), &route("open", "/{*rest}", PUBLIC));
        let mut client = front.client();
        for _twice in 0..2 {
            let got = client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!((got.status, got.body.len()), (status, 0), "{answer:?}");
            if status != 200 || !length.is_empty() {
                assert_eq!(got.header("content-length"), length, "{answer:?}");
            }
        }
    }
}

#[test]
fn a_head_request_tells_the_length_without_the_body() {
    let front = Front::start(
        Recorder::answering("HTTP/1.1 200 OK\r\ncontent-length: 1234\r\netag: \"x\"\r\n\r\n"),
        &route("open", "GET /{*rest}", PUBLIC),
    );
    let mut client = front.client();
    for _twice in 0..2 {
        client.write("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            client.stream.read_line(&mut head).unwrap();
        }
        assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("content-length: 1234\r\n"), "{head}");
    }
    assert!(front.up.all().starts_with("HEAD /a HTTP/1.1\r\n"));
}

#[test]
fn an_answer_that_ends_with_its_connection_is_whole() {
    let up = Recorder::start(|mut line| {
        line.request().unwrap();
        line.write("HTTP/1.1 200 OK\r\n\r\nuntil the end");
    });
    let front = Front::start(up, &route("open", "/{*rest}", PUBLIC));
    assert_eq!(front.client().ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").text(), "until the end");
}

#[test]
fn big_bodies_go_both_ways_unchanged() {
    let (megabyte, count) = ("0123456789abcdef".repeat(1 << 16), 8);
    let sent = megabyte.clone();
    let up = Recorder::start(move |mut line| {
        line.request().unwrap();
        line.write(&format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", sent.len() * count));
        for _turn in 0..count {
            line.write(&sent);
        }
    });
    let front = Front::start(up, &route("open", "/{*rest}", &format!("{PUBLIC}\nmax_body = \"16MiB\"")));
    let body = megabyte.repeat(count);
    let answer = front.ask("POST /big", &body);
    assert_eq!(answer.status, 200);
    assert!(answer.body == body.as_bytes());
    let got = front.up.all();
    assert!(got.split_once("\r\n\r\n").unwrap().1 == body);
    assert_eq!(header(&got, "content-length"), Some(body.len().to_string().as_str()));
}

#[test]
fn dos_03_a_body_over_the_limit_of_the_route_is_413() {
    let config =
        route("small", "/small", &format!("{PUBLIC}\nmax_body = \"10B\"")) + &route("open", "/{*rest}", PUBLIC);
    let front = Front::start(Recorder::ok(), &config);
    let declared = front.refuses(b"POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n12345678901");
    assert_eq!((declared.status, declared.header("connection")), (413, "close"));
    assert_eq!(front.ask("POST /small", "1234567890").status, 200);
    let front = Front::start(Recorder::ok(), &config);
    let mut client = front.client();
    client.write("POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n");
    assert_eq!(client.answer().status, 413);
    assert!(client.is_closed());
    assert!(!front.up.all().contains("\r\n0\r\n\r\n"), "the upstream never sees a whole request");
}

#[test]
fn rev_10_an_answer_ends_with_the_credential_that_asked_for_it() {
    let endless = |mut line: super::recorder::Line| {
        line.request().unwrap();
        line.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n");
        // Until the gateway goes away.
        line.ends();
    };
    let front = Front::start(Recorder::start(endless), &route("stream", "/{*rest}", "auth = [\"api\"]"));
    let account = front.inside.account("testrider");
    // The event of the new account comes back from the log, and ends what it asked for before.
    std::thread::sleep(Duration::from_secs(1));
    let tokens = [(); 3].map(|()| front.inside.token(&account, "points:read"));
    let mut clients = tokens.each_ref().map(|token| {
        let mut client = front.client();
        client.write(&format!("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n"));
        let mut line = String::new();
        while !line.ends_with("1\r\na\r\n") {
            client.stream.read_line(&mut line).unwrap();
        }
        client
    });
    let accounts = front.inside.gateway().accounts();
    let origin = trackgate::accounts::Origin::operator();
    let begun = std::time::Instant::now();
    let id = tokens[0].get(3..15).unwrap();
    front.inside.wait(accounts.revoke_token(id, &origin)).unwrap();
    assert!(clients[0].is_closed(), "without the last chunk: it is no whole answer");
    let goes_on = |client: &mut super::Client| {
        client.stream.get_ref().set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let read = client.stream.read(&mut [0]).map_err(|error| error.kind());
        client.stream.get_ref().set_read_timeout(Some(SOON)).unwrap();
        read == Err(std::io::ErrorKind::WouldBlock)
    };
    assert!(goes_on(&mut clients[1]) && goes_on(&mut clients[2]), "other credentials are not concerned");
    front.inside.wait(accounts.delete(account.id, &origin)).unwrap();
    assert!(clients[1].is_closed() && clients[2].is_closed());
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}
