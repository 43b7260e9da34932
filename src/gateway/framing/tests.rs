//! Strict reading, alone and beside hyper.

use std::convert::Infallible;
use std::sync::Mutex;

use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Empty};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::AsyncWriteExt;

use super::*;

/// What becomes of these bytes when they come in pieces of this size.
fn read(bytes: &[u8], piece: usize) -> (usize, u64, Stop) {
    let mut framing = Framing::new(Arc::new(Limits::default()));
    let mut good = 0;
    for end in (piece..bytes.len()).step_by(piece).chain([bytes.len()]) {
        let step = framing.advance(&bytes[good..end]);
        good += step.good;
        if step.stop != Stop::More {
            return (good, framing.heads(), step.stop);
        }
    }
    (good, framing.heads(), Stop::More)
}

/// The reason for which a head is refused, however it is cut.
fn fault(text: &[u8]) -> Option<Reason> {
    let mut found = None;
    for piece in [1, 7, text.len()] {
        let (good, heads, stop) = read(text, piece);
        found = match stop {
            Stop::BadHead { reason, .. } => {
                assert_eq!((good, heads), (0, 0));
                Some(reason)
            }
            Stop::More => None,
            _ => panic!("{stop:?}"),
        };
    }
    found
}

/// The fault of a head with this line in it.
fn line(line: &str) -> Option<Reason> {
    fault(format!("POST /a HTTP/1.1\r\nHost: a\r\n{line}\r\nX: y\r\n\r\n").as_bytes())
}

/// Whether a chunked body is let through whole, however it is cut.
fn chunks(body: &[u8]) -> bool {
    let mut text = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let head = text.len();
    text.extend_from_slice(body);
    let mut whole = false;
    for piece in [1, 5, text.len()] {
        let (good, heads, stop) = read(&text, piece);
        assert_eq!(heads, 1);
        assert!(good >= head);
        whole = good == text.len();
        assert_eq!(stop, if whole { Stop::More } else { Stop::BadBody });
    }
    whole
}

const BAD: Option<Reason> = Some(Reason::BadRequest);

#[test]
fn frm_01_length_and_coding_together() {
    assert_eq!(line("Content-Length: 3\r\nTransfer-Encoding: chunked"), BAD);
    assert_eq!(line("Transfer-Encoding: chunked\r\nContent-Length: 3"), BAD);
}

#[test]
fn frm_02_coding_other_than_one_chunked() {
    assert_eq!(line("Transfer-Encoding: chunked"), None);
    assert_eq!(line("transfer-encoding:Chunked\t"), None);
    for bad in
        ["chunked, chunked", ", chunked", "gzip, chunked", "identity", "chunked;q=1", "\"chunked\"", "", "\x0bchunked"]
    {
        assert_eq!(line(&format!("Transfer-Encoding: {bad}")), BAD, "{bad}");
    }
    assert_eq!(line("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), BAD);
}

#[test]
fn frm_03_coding_on_http_1_0() {
    assert_eq!(fault(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), BAD);
}

#[test]
fn frm_04_lengths() {
    assert_eq!(line("Content-Length: 0"), None);
    for bad in ["+5", "-1", "0x5", "5 5", "5_0", "", "12345678901234567890", "1.0", "3, 3", "\u{0665}"] {
        assert_eq!(line(&format!("Content-Length: {bad}")), BAD, "{bad}");
    }
    assert_eq!(line("Content-Length: 3\r\nContent-Length: 4"), BAD);
}

#[test]
fn frm_05_equal_lengths_repeated() {
    assert_eq!(line("Content-Length: 3\r\nContent-Length: 3"), BAD);
}

#[test]
fn frm_06_chunk_sizes() {
    assert!(chunks(b"a\r\n0123456789\r\n0\r\n\r\n"));
    assert!(chunks(b"000000000000000A\r\n0123456789\r\n00\r\n\r\n"));
    for bad in ["", "+1", "-1", "0x1", "00000000000000001", "1 ", " 1", "1\t", "g", "10000000000000001"] {
        assert!(!chunks(format!("{bad}\r\n0\r\n0\r\n\r\n").as_bytes()), "{bad}");
    }
}

#[test]
fn frm_07_line_ends_in_chunks() {
    for bad in [
        "1\n0\r\n0\r\n\r\n",
        "1\r0\r\n0\r\n\r\n",
        "1;a\n0\r\n0\r\n\r\n",
        "1;a\r0\r\n0\r\n\r\n",
        "1\r\n0\n0\r\n\r\n",
        "1\r\n0\r0\r\n\r\n",
        "1\r\n00\r\n\r\n",
        "0\r\n\n",
        "0\n\r\n",
        "0\r\nA: b\n\r\n",
        "0\r\nA: b\r\r\n",
        "0\r\nA b\r\n\r\n",
        "0\r\n: b\r\n\r\n",
        "0\r\nA : b\r\n\r\n",
        "0\r\n A: b\r\n\r\n",
    ] {
        assert!(!chunks(bad.as_bytes()), "{bad:?}");
    }
    assert!(chunks(b"0\r\nA: b\r\nC:\r\n\r\n"));
}

#[test]
fn frm_08_chunk_extensions_are_limited_in_all() {
    assert!(chunks(b"1;a=\"b\"\r\n0\r\n0;x\r\n\r\n"));
    assert!(!chunks(format!("1;{}\r\n0\r\n0\r\n\r\n", "x".repeat(4096)).as_bytes()));
    assert!(!chunks(format!("{}0\r\n\r\n", "1;x\r\n0\r\n".repeat(2049)).as_bytes()));
    assert!(chunks(format!("{}0\r\n\r\n", "1;x\r\n0\r\n".repeat(2048)).as_bytes()));
    let trailers = |lines: usize| format!("0\r\n{}\r\n", "A: b\r\n".repeat(lines));
    assert!(chunks(trailers(100).as_bytes()));
    assert!(!chunks(trailers(101).as_bytes()));
    assert!(!chunks(format!("0\r\nA: {}\r\n\r\n", "x".repeat(9000)).as_bytes()));
}

#[test]
fn frm_09_header_lines() {
    for bad in ["nothing", ": b", "a : b", "a\t: b", " a: b", "\ta: b", " folded", "a b: c", "(a): b", "\u{e4}: b"] {
        assert_eq!(line(bad), BAD, "{bad}");
    }
    assert_eq!(fault(b"GET / HTTP/1.1\r\n Host: a\r\n\r\n"), BAD);
}

#[test]
fn frm_10_control_bytes() {
    for byte in (0..=0x1f).filter(|byte| *byte != b'\t').chain([0x7f]) {
        let byte = char::from(byte);
        assert_eq!(line(&format!("A: b{byte}c")), BAD, "{byte:?}");
        assert_eq!(line(&format!("A{byte}: b")), BAD, "{byte:?}");
        assert_eq!(fault(format!("G{byte}T / HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()), BAD, "{byte:?}");
        assert_eq!(fault(format!("GET /{byte} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()), BAD, "{byte:?}");
    }
    assert_eq!(line("A: b\tc"), None);
    assert_eq!(line("A: \u{e4}"), None);
}

#[test]
fn frm_11_line_feeds_alone() {
    assert_eq!(fault(b"GET / HTTP/1.1\nHost: a\n\n"), BAD);
    assert_eq!(fault(b"GET / HTTP/1.1\r\nHost: a\n\r\n"), BAD);
    assert_eq!(fault(b"GET / HTTP/1.1\r\nHost: a\r\n\n"), BAD);
    assert_eq!(fault(b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), BAD);
    assert_eq!(fault(b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), None);
    assert_eq!(fault(b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), BAD);
}

#[test]
fn frm_13_other_expectations() {
    assert_eq!(line("Expect: 100-Continue"), None);
    assert_eq!(line("Expect: 200-ok"), Some(Reason::Expectation));
    assert_eq!(line("Expect:"), Some(Reason::Expectation));
}

#[test]
fn hdr_12_host_lines() {
    let host = |lines: &str| fault(format!("GET / HTTP/1.1\r\n{lines}X: y\r\n\r\n").as_bytes());
    assert_eq!(host("Host: a.example:8080\r\n"), None);
    assert_eq!(host("host:[::1]:80 \r\n"), None);
    for bad in ["", "Host:\r\n", "Host: a\r\nHost: a\r\n", "Host: a/b\r\n", "Host: u@a\r\n", "Host: a,b\r\n"] {
        assert_eq!(host(bad), BAD, "{bad}");
    }
    assert_eq!(fault(b"GET / HTTP/1.0\r\n\r\n"), None);
    assert_eq!(fault(b"GET / HTTP/1.0\r\nHost: a b\r\n\r\n"), BAD);
}

#[test]
fn pth_06_09_11_targets_and_methods() {
    let first = |line: &str| fault(format!("{line}\r\nHost: a\r\n\r\n").as_bytes());
    for good in ["GET /", "GET http://a/b", "GET HTTP://A:80/?q", "OPTIONS *", "PROPFIND /a?b={c}", "TRACE /"] {
        assert_eq!(first(&format!("{good} HTTP/1.1")), None, "{good}");
    }
    for bad in [
        "get /",
        "Get /",
        "G@T /",
        "-A /",
        " /",
        "GET",
        "GET a",
        "GET a:80",
        "GET *",
        "GET //a#b",
        "GET /#",
        "GET /\u{e4}",
        "GET http://b/",
        "GET http://u@a/",
        "GET http://u:p@a/",
        "GET http://a",
        "GET http://a?q",
        "GET ftp://a/",
        "GET http:///",
        "GET https:/a",
        "GET  /",
        "GET / ",
        "GET /a b",
        "PRI /",
        "GET /<",
        "GET /\"",
        "GET /`",
        "GET ?q",
    ] {
        assert_eq!(first(&format!("{bad} HTTP/1.1")), BAD, "{bad}");
    }
    for bad in ["HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "http/1.1", "HTTP/1.1 ", "", "HTTP/1.10"] {
        assert_eq!(first(&format!("GET / {bad}")), BAD, "{bad}");
    }
    assert_eq!(first("GET /"), BAD);
    assert_eq!(first("CONNECT a:80 HTTP/1.1"), Some(Reason::MethodNotAllowed));
    assert_eq!(first(&format!("{} / HTTP/1.1", "A".repeat(33))), BAD);
    assert_eq!(fault("A".repeat(10_000).as_bytes()), BAD);
    assert_eq!(fault(b"\x16\x03\x01\x02"), BAD);
}

#[test]
fn dos_03_sizes_of_heads() {
    let target = |bytes: usize| fault(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(bytes - 1)).as_bytes());
    assert_eq!(target(8 * 1024), None);
    assert_eq!(target(8 * 1024 + 1), Some(Reason::TargetTooLong));
    assert_eq!(target(64 * 1024), Some(Reason::TargetTooLong));
    let lines = |lines: usize| line(&vec!["A: b"; lines - 2].join("\r\n"));
    assert_eq!(lines(100), None);
    assert_eq!(lines(101), Some(Reason::HeadTooLarge));
    let head = |bytes: usize| {
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\nA: {}\r\n\r\n", "b".repeat(bytes - 32));
        assert_eq!(text.len(), bytes);
        fault(text.as_bytes())
    };
    assert_eq!(head(32 * 1024), None);
    assert_eq!(head(32 * 1024 + 1), Some(Reason::HeadTooLarge));
    assert_eq!(head(100 * 1024), Some(Reason::HeadTooLarge));
}

#[test]
fn upgrades_stop_the_reading_until_somebody_decides() {
    let text = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nearly";
    assert_eq!(read(text, text.len()), (text.len() - 5, 1, Stop::Upgrade));
    let body = b"POST / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nContent-Length: 3\r\n\r\nabcearly";
    assert_eq!(read(body, 1), (body.len() - 5, 1, Stop::Upgrade));
}

#[test]
fn refused_head_requests_are_known_as_such() {
    let stop = read(b"HEAD / HTTP/1.1\r\n\r\n", 100).2;
    assert_eq!(stop, Stop::BadHead { reason: Reason::BadRequest, to_head: true });
}

/// A request as hyper saw it: its body, or that it broke.
type Seen = (String, Result<Bytes, ()>);

/// What hyper alone makes of these bytes, and of the end behind them.
fn hyper_reads(bytes: Vec<u8>) -> Vec<Seen> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime
        .block_on(async move {
            let (mut client, server) = tokio::io::duplex(1 << 20);
            client.write_all(&bytes).await.unwrap();
            client.shutdown().await.unwrap();
            let seen = Arc::new(Mutex::new(Vec::new()));
            let service = service_fn(|request: http::Request<hyper::body::Incoming>| {
                let seen = Arc::clone(&seen);
                async move {
                    let line = format!("{} {}", request.method(), request.uri());
                    let body =
                        request.into_body().collect().await.map(http_body_util::Collected::to_bytes).map_err(drop);
                    seen.lock().unwrap().push((line, body));
                    Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
                }
            });
            let _ended = hyper::server::conn::http1::Builder::new()
                .half_close(true)
                .serve_connection(TokioIo::new(server), service)
                .await;
            seen
        })
        .lock()
        .unwrap()
        .clone()
}

/// What the strict reading makes of them: the good bytes, and each message's body as it is on the wire.
fn we_read(bytes: &[u8], cuts: &[usize]) -> (usize, Vec<Seen>) {
    let mut framing = Framing::new(Arc::new(Limits::default()));
    let mut seen: Vec<Seen> = Vec::new();
    let (mut good, mut head_end, mut start) = (0, 0, 0);
    let mut end = 0;
    let mut cuts = cuts.iter().cycle();
    while end < bytes.len() {
        end = (end + cuts.next().unwrap()).min(bytes.len());
        loop {
            // One byte at a time inside, so that the ends of heads and bodies are seen.
            let mut moved = false;
            for upto in good + 1..=end {
                let heads = framing.heads();
                let step = framing.advance(&bytes[good..upto]);
                good += step.good;
                if framing.heads() > heads {
                    head_end = good;
                    let line = bytes[start..good].trim_ascii_start().split(|byte| *byte == b'\r').next().unwrap();
                    let line = String::from_utf8(line.to_vec()).unwrap();
                    seen.push((line.rsplit_once(' ').unwrap().0.to_owned(), Err(())));
                }
                if framing.heads() > 0 && framing.in_head() && seen.last().is_some_and(|seen| seen.1.is_err()) {
                    seen.last_mut().unwrap().1 = Ok(Bytes::copy_from_slice(&bytes[head_end..good]));
                    start = good;
                }
                match step.stop {
                    Stop::BadBody | Stop::BadHead { .. } => return (good, seen),
                    Stop::More | Stop::Upgrade => {}
                }
                moved |= step.good > 0;
            }
            if !moved || good == end {
                break;
            }
        }
    }
    (good, seen)
}

/// The data of a chunked body that is known to be good.
fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    loop {
        let line = body.iter().position(|byte| *byte == b'\r').unwrap();
        let digits = body[..line].split(|byte| *byte == b';').next().unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
        body = &body[line + 2..];
        if size == 0 {
            return data;
        }
        data.extend_from_slice(&body[..size]);
        body = &body[size + 2..];
    }
}

fn first_line() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "GET / HTTP/1.1\r\n",
        "POST /a?b HTTP/1.1\r\n",
        "PUT http://a/x HTTP/1.1\r\n",
        "OPTIONS * HTTP/1.1\r\n",
        "DELETE /x HTTP/1.0\r\n",
        "PATCH /{a}|[b]^~?{} HTTP/1.1\r\n",
        "GET http://A:80/ HTTP/1.1\r\n",
        "GET /\"?\" HTTP/1.1\r\n",
        "get / HTTP/1.1\r\n",
        "GET /# HTTP/1.1\r\n",
    ])
}

fn header_line() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "Content-Length: 3\r\n",
        "Content-Length: 0\r\n",
        "content-length:\t2 \r\n",
        "Content-Length: +3\r\n",
        "Content-Length: 3, 3\r\n",
        "Content-Length: 9999999999999999999\r\n",
        "Content-Length:\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding:chunked\t\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "TE: trailers\r\n",
        "Connection: close\r\n",
        "Host: a\r\n",
        "Connection: keep-alive\r\n",
        "Upgrade: x\r\n",
        "Expect: 100-continue\r\n",
        "X-A: \u{e4}\r\n",
        "x : y\r\n",
        "!#$%&'*+-.^_`|~: \t\r\n",
        " folded\r\n",
        "X: a\rb\r\n",
        "X: y\n",
    ])
}

fn pieces() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "GET / HTTP/1.1\r\n",
        "GET",
        " ",
        "/",
        "HTTP/1.1",
        "Host: a\r\n",
        "\r\n",
        "\r",
        "\n",
        "\r\n\r\n",
        ":",
        "0\r\n\r\n",
        "3\r\nabc\r\n",
        "1;x=y\r\nz\r\n",
        "3\r\nabc\r\n0\r\n\r\n",
        "2 \r\nab\r\n",
        "a",
        "abc",
        "abc",
        "0\r\nA: b\r\n\r\n",
        "0\r\nA : b\r\n\r\n",
        "0",
        "ff",
        ";",
        "\0",
        "\t",
        "#",
        "\u{e4}",
    ])
}

fn messages() -> impl Strategy<Value = Vec<u8>> {
    let whole = prop::sample::select(vec![
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nGET /q?a=b HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;e\r\nGET /\r\n1\r\nx\r\n0\r\nT: t\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab",
        "GET /h HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n",
    ])
    .prop_map(str::to_owned);
    let broken = prop::collection::vec(pieces(), 1..12).prop_map(|pieces| pieces.concat());
    let built = (first_line(), prop::collection::vec(header_line(), 0..3), prop::collection::vec(pieces(), 0..4))
        .prop_map(|(first, lines, body)| format!("{first}Host: a\r\n{}\r\n{}", lines.concat(), body.concat()));
    prop::collection::vec(prop_oneof![2 => whole, 3 => built, 1 => broken], 1..6)
        .prop_map(|all| all.concat().into_bytes())
}

#[test]
fn a_refused_head_is_known_by_a_good_request_line_alone() {
    let known = |head: &'static [u8]| method_and_path(head, &Limits::default());
    assert_eq!(known(b"POST /login HTTP/1.1\r\nX: "), Some(("POST", "/login")));
    assert_eq!(known(b"\r\nGET /user/a?token=secret HTTP/1.0\r\n\x00"), Some(("GET", "/user/a")));
    for head in [
        &b"GET /login HTTP/1.1"[..],
        b"GET /login\r\n",
        b"get /login HTTP/1.1\r\n",
        b"GET /lo gin HTTP/1.1\r\n",
        b"GET /\xff HTTP/1.1\r\n",
        b"GET http://a/login HTTP/1.1\r\n",
        b"OPTIONS * HTTP/1.1\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n",
        b"\r\n\r\nGET /login HTTP/1.1\r\n",
        b"",
    ] {
        assert_eq!(known(head), None, "{head:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_bytes_are_read_without_a_panic_and_alike_however_cut(
        bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..300), messages()],
        piece in 1_usize..40,
    ) {
        let whole = read(&bytes, bytes.len().max(1));
        let cut = read(&bytes, piece);
        prop_assert_eq!(whole, cut);
        prop_assert!(whole.0 <= bytes.len());
    }

    #[test]
    fn frm_21_hyper_sees_the_same_messages(bytes in messages(), cuts in prop::collection::vec(1_usize..60, 1..5)) {
        let (good, ours) = we_read(&bytes, &cuts);
        let theirs = hyper_reads(bytes[..good].to_vec());
        // hyper stops behind a message that closes the connection; whatever it saw must be as we saw it.
        prop_assert!(theirs.len() <= ours.len(), "{theirs:?} {ours:?}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            prop_assert_eq!(&ours.0, &theirs.0);
            match (&ours.1, &theirs.1) {
                (Ok(wire), Ok(data)) => {
                    let same = wire == data || unchunked(wire) == *data;
                    prop_assert!(same, "{wire:?} {data:?}");
                }
                (Err(()), Err(())) => {}
                other => prop_assert!(false, "{other:?}"),
            }
        }
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        if !text.contains("close") && !text.contains("http/1.0") {
            prop_assert_eq!(ours.len(), theirs.len(), "{:?} {:?}", ours, theirs);
        }
    }
}
