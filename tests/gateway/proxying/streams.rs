//! Answers that stream: passed on at once, with their trailers, and broken off with their credential.

use std::io::{BufRead, Read};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use trackgate::accounts::Origin;

use super::recorder::{Recorder, header};
use super::{Client, Front, PUBLIC, route};

const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// Sends an event each time that it is told to.
fn events() -> (Recorder, Sender<&'static str>) {
    let (tell, told) = channel::<&'static str>();
    let told: Mutex<Receiver<_>> = Mutex::new(told);
    let up = Recorder::start(move |mut line| {
        line.request().unwrap();
        line.write(EVENTS);
        while let Ok(event) = told.lock().unwrap().recv() {
            line.write(&format!("{:x}\r\n{event}\r\n", event.len()));
        }
        line.write("0\r\n\r\n");
    });
    (up, tell)
}

impl Client {
    fn until(&mut self, end: &str) -> String {
        let mut text = String::new();
        while !text.ends_with(end) {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).unwrap_or_else(|error| panic!("{error} behind {text:?}"));
            text.push(char::from(byte[0]));
        }
        text
    }
}

#[test]
fn an_event_is_passed_on_before_there_is_another() {
    let (up, tell) = events();
    let front = Front::start(up, &route("events", "/{*rest}", PUBLIC));
    let mut client = front.client();
    client.write("GET / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n");
    let head = client.until("\r\n\r\n");
    assert_eq!(header(&head, "content-type"), Some("text/event-stream"));
    for event in ["data: one\n\n", "data: two\n\n"] {
        tell.send(event).unwrap();
        let begun = Instant::now();
        client.until(&format!("{event}\r\n"));
        assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
    }
    drop(tell);
    client.until("0\r\n\r\n");
}

/// A gateway in front of what never ends, and a token that ends in an hour.
fn with_short_token(up: Recorder) -> (Front, String) {
    let front = Front::start(up, &route("stream", "/{*rest}", "auth = [\"api\"]"));
    let account = front.inside.account("testrider");
    let until = Some(front.inside.now() + Duration::from_hours(1));
    let (accounts, origin) = (front.inside.gateway().accounts(), Origin::operator());
    let token = accounts.issue_token(&account, "t", "points:read".parse().unwrap(), until, &origin);
    let token = front.inside.wait(token).unwrap().text.expose_text().unwrap().to_owned();
    (front, format!("Authorization: Bearer {token}"))
}

#[test]
fn events_and_downloads_end_when_their_credential_expires() {
    for (head, piece) in
        [(EVENTS, "9\r\ndata: 1\n\n\r\n"), ("HTTP/1.1 200 OK\r\ncontent-length: 104857600\r\n\r\n", "0123456789")]
    {
        let up = Recorder::start(move |mut line| {
            line.request().unwrap();
            line.write(&format!("{head}{piece}"));
            assert!(line.ends(), "the gateway goes away");
        });
        let (front, line) = with_short_token(up);
        let mut client = front.client();
        client.write(&format!("GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n"));
        client.until(piece);
        front.inside.advance(Duration::from_hours(1));
        let begun = Instant::now();
        assert!(client.is_closed(), "without the rest: it is no whole answer");
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
}

#[test]
fn on_http2_such_an_answer_is_reset_and_the_connection_goes_on() {
    let up = Recorder::start(|mut line| {
        let request = line.request().unwrap();
        if request.starts_with("GET /short") {
            line.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nshort");
            return;
        }
        line.write(EVENTS);
        line.write("9\r\ndata: 1\n\n\r\n");
        line.ends();
    });
    let config = route("stream", "/{*rest}", "auth = [\"api\"]") + &route("open", "/short", PUBLIC);
    let front = Front::start(up, &config);
    let account = front.inside.account("testrider");
    std::thread::sleep(Duration::from_secs(1));
    let token = front.inside.token(&account, "points:read");
    let address = front.inside.address();
    front.inside.wait(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let io = TokioIo::new(stream);
        let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        let ask = |path: &str| {
            let uri = format!("http://{address}{path}");
            http::Request::get(uri)
                .header("authorization", format!("Bearer {token}"))
                .body(Empty::<bytes::Bytes>::new())
        };
        let mut events = sender.send_request(ask("/events").unwrap()).await.unwrap().into_body();
        assert_eq!(events.frame().await.unwrap().unwrap().into_data().unwrap(), "data: 1\n\n");
        let id = token.get(3..15).unwrap();
        front.inside.gateway().accounts().revoke_token(id, &Origin::operator()).await.unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(1), events.frame()).await.expect("in a second").unwrap();
        let error = ended.unwrap_err();
        let reset = std::error::Error::source(&error).unwrap().to_string();
        assert!(reset.starts_with("stream error received"), "{reset}");
        let mut short = http::Request::get(format!("http://{address}/short")).body(Empty::new()).unwrap();
        short.headers_mut().insert("accept", "*/*".parse().unwrap());
        let short = sender.send_request(short).await.unwrap().into_body().collect().await.unwrap().to_bytes();
        assert_eq!(short, "short", "other streams are unharmed");
    });
}

#[test]
fn trailers_of_an_answer_go_on_and_none_of_ours_among_them() {
    let up = Recorder::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, X-Trackgate-User\r\n\r\n\
        3\r\nabc\r\n0\r\nX-Sum: 1\r\nX-Trackgate-User: root\r\nSet-Cookie: a=1\r\n\r\n",
    );
    let front = Front::start(up, &route("open", "/{*rest}", PUBLIC));
    let mut client = front.client();
    client.write("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n");
    let answer = client.until("\r\n\r\n") + &client.until("\r\n\r\n");
    assert_eq!(header(&answer, "trailer"), Some("x-sum"));
    assert!(answer.ends_with("3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n"), "{answer}");
    // Who does not ask for them gets a body without.
    assert_eq!(client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").text(), "abc");
    assert_eq!(client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").text(), "abc", "and the connection is unharmed");
}

#[test]
fn frm_13_an_upload_is_asked_for_only_behind_the_gate() {
    let front = Front::start(Recorder::ok(), &route("in", "/{*rest}", "auth = [\"basic\"]\nmax_body = \"10B\""));
    front.inside.account("testrider");
    let good = crate::harness::basic("testrider", "correct-horse");
    let wrong = crate::harness::basic("testrider", "wrong");
    let head = |line: &str, length: u32| {
        format!("POST / HTTP/1.1\r\nHost: a\r\n{line}Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n")
    };
    for (line, length, status) in [("", 3, 401), (&*format!("{wrong}\r\n"), 3, 401), (&*format!("{good}\r\n"), 11, 413)]
    {
        let mut client = front.client();
        client.write(&head(line, length));
        let mut first = String::new();
        client.stream.read_line(&mut first).unwrap();
        assert!(first.starts_with(&format!("HTTP/1.1 {status} ")), "no 100 before it: {first}");
    }
    assert_eq!(front.up.all(), "");
    let mut client = front.client();
    client.write(&head(&format!("{good}\r\n"), 3));
    assert_eq!(client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(client.ask("abc").status, 200);
}
