//! HTTP/2 on whole connections: frames by hand, and hyper's client for the honest part.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper_util::rt::TokioExecutor;

use super::*;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A header block of literals without index (RFC 7541 section 6.2.2).
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0);
        for text in [name, value] {
            assert!(text.len() < 127);
            bytes.push(u8::try_from(text.len()).unwrap());
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    bytes
}

const HEAD: [(&str, &str); 4] = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")];

/// What came back on stream 1: a status, or how the stream or connection ended.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Status(u16),
    Error,
}

impl Client {
    fn preface(&mut self) {
        self.send(PREFACE);
        self.send(frame(SETTINGS, 0, 0, &[]));
    }

    /// The next frame: kind, stream and payload; `None` at the end.
    fn frame(&mut self) -> Option<(u8, u32, Vec<u8>)> {
        let mut length = 9;
        loop {
            if self.read.len() >= 9 {
                length = 9 + u32::from_be_bytes([0, self.read[0], self.read[1], self.read[2]]) as usize;
            }
            if self.read.len() >= length && self.read.len() >= 9 {
                let frame: Vec<_> = self.read.drain(..length).collect();
                let stream = u32::from_be_bytes(frame[5..9].try_into().unwrap());
                return Some((frame[3], stream, frame[9..].to_vec()));
            }
            if self.more() == 0 {
                return None;
            }
        }
    }

    fn outcome(&mut self) -> Outcome {
        loop {
            match self.frame() {
                Some((HEADERS, 1, block)) => return Outcome::Status(status(&block)),
                Some((RESET, 1, _)) | None => return Outcome::Error,
                Some((GOAWAY, _, payload)) if payload[4..8] != [0; 4] => return Outcome::Error,
                Some(_) => {}
            }
        }
    }
}

/// `:status` at the start of a header block, from the static table or a literal with its name from there.
fn status(block: &[u8]) -> u16 {
    match block[0] {
        // A change of the table's size may come first.
        0x20..=0x3f => status(&block[1..]),
        0x88 => 200,
        0x8c => 400,
        0x8d => 404,
        0x8e => 500,
        0x48 if block[1] == 3 => std::str::from_utf8(&block[2..5]).unwrap().parse().unwrap(),
        0x48 if block[1] == 0x82 => {
            // Two bytes of Huffman code: digits 0 to 2 have five bits, 3 to 9 have six, of which none begins
            // with the five bits of another.
            let bits = u32::from(block[2]) << 8 | u32::from(block[3]);
            huffman(bits, 16)
        }
        0x48 if block[1] == 0x83 => {
            let bits = u32::from(block[2]) << 16 | u32::from(block[3]) << 8 | u32::from(block[4]);
            huffman(bits, 24)
        }
        other => panic!("{other:#x} {block:?}"),
    }
}

fn huffman(bits: u32, mut left: u32) -> u16 {
    let mut number = 0;
    for _ in 0..3 {
        let five = bits >> (left - 5) & 0b1_1111;
        let digit = if five < 3 {
            left -= 5;
            five
        } else {
            left -= 6;
            (bits >> left & 0b11_1111) - 0b01_1001 + 3
        };
        number = number * 10 + u16::try_from(digit).unwrap();
    }
    number
}

/// What becomes of a request with these fields.
fn request(fields: &[(&str, &str)]) -> (Outcome, Vec<String>) {
    let gateway = Gateway::new();
    let mut client = gateway.connect();
    client.preface();
    client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(fields)));
    (client.outcome(), gateway.witness.seen())
}

#[test]
fn prior_knowledge_works_on_loopback_only_with_the_whole_preface() {
    assert_eq!(request(&HEAD), (Outcome::Status(200), vec!["GET /".to_owned()]));
    let gateway = Gateway::new();
    assert_eq!(statuses(&gateway.talk("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")), [400]);
    let mut client = gateway.connect();
    client.stream.set_nodelay(true).unwrap();
    for byte in PREFACE {
        client.send([*byte]);
    }
    client.send(frame(SETTINGS, 0, 0, &[]));
    client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&HEAD)));
    assert_eq!(client.outcome(), Outcome::Status(200));
}

#[test]
fn h2_08_fields_that_http_2_forbids() {
    for bad in [
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
        ("keep-alive", "1"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("X-Upper", "y"),
        ("a:b", "c"),
        ("a", "b\r\nc: d"),
        ("a", "b\0c"),
        ("", "a"),
        ("content-length", "+1"),
    ] {
        let (outcome, seen) = request(&[&HEAD[..], &[bad]].concat());
        assert!(matches!(outcome, Outcome::Error | Outcome::Status(400)), "{bad:?}: {outcome:?}");
        assert!(seen.is_empty() || seen == ["refused bad_request"], "{bad:?}: {seen:?}");
    }
}

#[test]
fn h2_09_length_unlike_the_data() {
    for (length, data) in [("5", &b"abc"[..]), ("2", b"abc")] {
        let gateway = Gateway::new();
        let mut client = gateway.connect();
        client.preface();
        let post = [&[(":method", "POST")], &HEAD[1..], &[("content-length", length)]].concat();
        client.send(frame(HEADERS, END_HEADERS, 1, &block(&post)));
        client.send(frame(DATA, END_STREAM, 1, data));
        assert_eq!(client.outcome(), Outcome::Error);
        assert!(!gateway.witness.seen().iter().any(|seen| seen.contains("POST / ")));
    }
}

#[test]
fn h2_10_pseudo_fields_and_hosts() {
    let [method, scheme, authority, path] = HEAD;
    for bad in [
        &[method, scheme, authority, path, ("host", "b")][..],
        &[method, scheme, authority, path, ("host", "a"), ("host", "a")],
        &[method, scheme, path],
        &[method, scheme, ("", "")],
        &[method, method, scheme, authority, path],
        &[method, scheme, authority, path, path],
        &[scheme, authority, path],
        &[method, authority, path],
        &[method, scheme, authority],
        &[method, scheme, authority, ("a", "b"), path],
        &[method, scheme, authority, path, (":other", "x")],
        &[(":method", "G T"), scheme, authority, path],
        &[(":method", "get"), scheme, authority, path],
        &[method, scheme, authority, (":path", "/a b")],
        &[method, scheme, authority, (":path", "")],
        &[method, scheme, authority, (":path", "a")],
        &[method, scheme, authority, (":path", "*")],
        &[method, scheme, (":authority", "u@a"), path],
        &[method, scheme, (":authority", "a,b"), path],
        &[method, (":scheme", "ftp"), authority, path],
    ] {
        let (outcome, seen) = request(bad);
        assert!(matches!(outcome, Outcome::Error | Outcome::Status(400)), "{bad:?}: {outcome:?}");
        assert!(seen.is_empty() || seen == ["refused bad_request"], "{bad:?}: {seen:?}");
    }
}

#[test]
fn pth_06_a_fragment_in_a_path_is_cut_before_anybody_reads_it() {
    // The library below cuts it; what matters is that there is one reading.
    let (outcome, seen) = request(&[HEAD[0], HEAD[1], HEAD[2], (":path", "/a#/../b")]);
    assert_eq!((outcome, seen), (Outcome::Status(200), vec!["GET /a".to_owned()]));
}

#[test]
fn pth_09_connect_and_trace() {
    let connect = request(&[(":method", "CONNECT"), (":authority", "a:80")]);
    assert_eq!(connect, (Outcome::Status(405), vec!["refused method_not_allowed".to_owned()]));
    let trace = request(&[&[(":method", "TRACE")], &HEAD[1..]].concat());
    assert_eq!(trace, (Outcome::Status(405), vec!["refused method_not_allowed".to_owned()]));
}

/// Sends this until the gateway closes.
fn flood(first: &[u8], again: impl Fn(u32) -> Vec<u8>) {
    let gateway = Gateway::with(Limits::default(), loopback());
    let mut client = gateway.connect();
    client.preface();
    client.send(first);
    let begun = Instant::now();
    let mut stream = 1;
    while client.stream.write_all(&again(stream)).is_ok() {
        stream += 2;
        assert!(begun.elapsed() < PATIENCE, "never closed");
    }
    let mut honest = gateway.connect();
    honest.send(get("/"));
    assert_eq!(honest.response().0, 200);
}

#[test]
fn h2_02_to_06_floods_end_the_connection() {
    let head = block(&HEAD);
    // Streams opened and reset.
    flood(&[], |stream| {
        let mut bytes = frame(HEADERS, END_STREAM | END_HEADERS, stream, &head);
        bytes.extend(frame(RESET, 0, stream, &[0, 0, 0, 8]));
        bytes
    });
    // A head without end.
    let endless = block(&[("x", &"y".repeat(100))]);
    flood(&frame(HEADERS, END_STREAM, 1, &head), |_| frame(CONTINUATION, 0, 1, &endless));
    // Data without end or content.
    flood(&frame(HEADERS, END_HEADERS, 1, &head), |_| frame(DATA, 0, 1, &[]));
    flood(&[], |_| frame(PING, 0, 0, &[0; 8]));
    flood(&[], |_| frame(SETTINGS, 0, 0, &[]));
    flood(&[], |stream| frame(2, 0, stream + 2, &[0, 0, 0, 0, 1]));
}

#[test]
fn h2_06_a_window_of_nothing_is_ended() {
    let gateway = Gateway::new();
    let mut client = gateway.connect();
    client.send(PREFACE);
    // SETTINGS_INITIAL_WINDOW_SIZE 0.
    client.send(frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]));
    let large = [HEAD[0], HEAD[1], HEAD[2], (":path", "/large")];
    client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&large)));
    assert_eq!(client.outcome(), Outcome::Status(200));
    let begun = Instant::now();
    while client.frame().is_some() {}
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
}

#[test]
fn h2_idle_connections_are_closed() {
    let gateway = Gateway::new();
    let mut silent = gateway.connect();
    silent.preface();
    let mut idle = gateway.connect();
    idle.preface();
    idle.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&HEAD)));
    assert_eq!(idle.outcome(), Outcome::Status(200));
    let begun = Instant::now();
    while silent.frame().is_some() {}
    while idle.frame().is_some() {}
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[test]
fn requests_of_an_honest_client_are_answered_and_end_before_a_shutdown() {
    let gateway = Gateway::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
        let (mut send, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let post = Request::post("http://a/x").body(Full::new(Bytes::from_static(b"abc")).boxed()).unwrap();
        let response = send.send_request(post).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "POST /x 3");
        let large = Request::get("http://a/large").body(Empty::new().boxed()).unwrap();
        let response = send.send_request(large).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes().len(), 32 << 20);
        let slow = Request::get("http://a/slow").body(Empty::new().boxed()).unwrap();
        let slow = tokio::spawn(send.send_request(slow));
        while !gateway.witness.seen().contains(&"GET /slow".to_owned()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let begun = Instant::now();
        let shutdown = gateway.handle.shutdown(Duration::from_secs(9)).await;
        assert_eq!(shutdown.cut, 0);
        assert!(begun.elapsed() < Duration::from_secs(6));
        let response = slow.await.unwrap().unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "GET /slow 0");
    });
}
