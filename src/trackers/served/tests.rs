//! Answers as bytes: conditions, ranges, names.

use std::io::{Cursor, Read, Seek};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http_body::Body as _;
use http_body_util::BodyExt as _;
use proptest::prelude::*;

use super::*;

const TEN: &[u8] = b"0123456789";

/// Sun, 06 Nov 1994 08:49:37 GMT, and a bit.
fn then() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_900)
}

fn ten() -> Served {
    let text = HeaderValue::from_static("text/plain");
    Served::whole(text, Bytes::from_static(TEN), "\"t\"".to_owned(), Some(then()))
}

fn asked(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn answer(method: &Method, lines: &[(&'static str, &str)]) -> Response<Body> {
    ten().answer(method, &asked(lines), then() + Duration::from_mins(1))
}

/// Status, headers and body as text.
async fn told(response: Response<Body>) -> String {
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut text = format!("{}\n", head.status.as_u16());
    for (name, value) in &head.headers {
        text.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
    }
    format!("{text}\n{}", std::str::from_utf8(&body).unwrap())
}

/// Status, `Content-Range` and body.
async fn short(response: Response<Body>) -> (u16, String, String) {
    let (head, body) = response.into_parts();
    let range = head.headers.get("content-range").map_or("", |value| value.to_str().unwrap()).to_owned();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status.as_u16(), range, String::from_utf8(body.to_vec()).unwrap())
}

const EVERY: &str = "accept-ranges: bytes\ncache-control: no-cache\nx-content-type-options: nosniff\n\
    etag: \"t\"\nlast-modified: Sun, 06 Nov 1994 08:49:37 GMT\n";

#[tokio::test]
async fn whole_part_and_nothing_byte_for_byte() {
    let plain = format!("content-type: text/plain\n{EVERY}");
    let get = answer(&Method::GET, &[]);
    assert_eq!(told(get).await, format!("200\n{plain}content-length: 10\n\n0123456789"));
    let head = answer(&Method::HEAD, &[("range", "bytes=2-4")]);
    assert_eq!(told(head).await, format!("200\n{plain}content-length: 10\n\n"));
    let part = answer(&Method::GET, &[("range", "bytes=2-4")]);
    assert_eq!(told(part).await, format!("206\n{plain}content-length: 3\ncontent-range: bytes 2-4/10\n\n234"));
    let known = answer(&Method::GET, &[("if-none-match", "\"t\""), ("range", "bytes=2-4")]);
    assert_eq!(told(known).await, format!("304\n{EVERY}\n"));
    let failed = answer(&Method::GET, &[("if-match", "\"other\"")]);
    assert_eq!(told(failed).await, format!("412\n{EVERY}\n"));
    let beyond = answer(&Method::GET, &[("range", "bytes=10-")]);
    assert_eq!(told(beyond).await, format!("416\n{EVERY}content-range: bytes */10\n\n"));
}

#[tokio::test]
async fn one_range_is_a_part_and_all_else_the_whole() {
    let part = |range: &str, body: &str| (206, format!("bytes {range}/10"), body.to_owned());
    let rows = [
        ("bytes=0-0", part("0-0", "0")),
        ("bytes=2-", part("2-9", "23456789")),
        ("bytes=2-4,", part("2-4", "234")),
        ("bytes=8-99999999999999999999999", part("8-9", "89")),
        ("BYTES=-3", part("7-9", "789")),
        ("bytes=-99", part("0-9", "0123456789")),
    ];
    for (range, expected) in rows {
        assert_eq!(short(answer(&Method::GET, &[("range", range)])).await, expected, "{range}");
    }
    let whole = (200, String::new(), "0123456789".to_owned());
    for range in
        ["", "bytes", "bytes=", "bytes=a-b", "bytes=4-2", "bytes=+1-2", "bytes=1", "lines=0-1", "bytes=0-1,4-5"]
    {
        assert_eq!(short(answer(&Method::GET, &[("range", range)])).await, whole, "{range}");
    }
    let twice = [("range", "bytes=0-1"), ("range", "bytes=0-1")];
    assert_eq!(short(answer(&Method::GET, &twice)).await, whole);
    for range in ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999999999999-"] {
        let expected = (416, "bytes */10".to_owned(), String::new());
        assert_eq!(short(answer(&Method::GET, &[("range", range)])).await, expected, "{range}");
    }
}

#[tokio::test]
async fn an_empty_file_has_no_part() {
    let empty = || Served::whole(HeaderValue::from_static("text/plain"), Bytes::new(), "\"e\"".to_owned(), None);
    for (range, status) in [(None, 200), (Some("bytes=-1"), 200), (Some("bytes=0-"), 416), (Some("bytes=0-0"), 416)] {
        let lines: Vec<_> = range.map(|range| ("range", range)).into_iter().collect();
        let answer = empty().answer(&Method::GET, &asked(&lines), then());
        assert_eq!(answer.status(), status, "{range:?}");
        assert_eq!(answer.headers().contains_key("last-modified"), false);
        let length = answer.headers().get("content-length").cloned();
        assert_eq!(length.is_some_and(|length| length == "0"), status == 200);
        assert_eq!(short(answer).await.2, "");
    }
}

#[test]
fn conditions_are_read_in_the_order_of_the_standard() {
    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    let rows: &[(&[(&str, &str)], u16)] = &[
        (&[("if-none-match", "\"t\"")], 304),
        (&[("if-none-match", "W/\"t\"")], 304),
        (&[("if-none-match", "*")], 304),
        (&[("if-none-match", "\"a,\", W/\"b\" ,\"t\"")], 304),
        (&[("if-none-match", "\"a\""), ("if-none-match", "\"t\"")], 304),
        (&[("if-none-match", "\"a,t\"")], 200),
        (&[("if-none-match", "t")], 200),
        (&[("if-none-match", "\"T\"")], 200),
        (&[("if-none-match", "\"t")], 200),
        (&[("if-none-match", "")], 200),
        // A tag is more than a date.
        (&[("if-none-match", "\"a\""), ("if-modified-since", THEN)], 200),
        (&[("if-modified-since", THEN)], 304),
        (&[("if-modified-since", "Sunday, 06-Nov-94 08:49:37 GMT")], 304),
        (&[("if-modified-since", "Sun Nov  6 08:49:37 1994")], 304),
        (&[("if-modified-since", "Mon, 07 Nov 1994 08:49:37 GMT")], 304),
        (&[("if-modified-since", BEFORE)], 200),
        (&[("if-modified-since", "1994-11-06T08:49:37Z")], 200),
        (&[("if-modified-since", "Sun, 99 Nov 1994 08:49:37 GMT")], 200),
        (&[("if-modified-since", THEN), ("if-modified-since", THEN)], 200),
        (&[("if-match", "\"t\"")], 200),
        (&[("if-match", "*")], 200),
        (&[("if-match", "\"a\", \"t\"")], 200),
        // Only a strong tag will do (section 13.1.1).
        (&[("if-match", "W/\"t\"")], 412),
        (&[("if-match", "\"a\"")], 412),
        (&[("if-match", "\"a\""), ("if-none-match", "\"t\"")], 412),
        (&[("if-match", "\"t\""), ("if-none-match", "\"t\"")], 304),
        (&[("if-match", "\"t\""), ("if-unmodified-since", BEFORE)], 200),
        (&[("if-unmodified-since", THEN)], 200),
        (&[("if-unmodified-since", BEFORE)], 412),
        (&[("if-unmodified-since", "yesterday")], 200),
    ];
    for (lines, status) in rows {
        for method in [Method::GET, Method::HEAD] {
            assert_eq!(answer(&method, lines).status(), *status, "{method} {lines:?}");
        }
    }
}

#[test]
fn a_range_stands_behind_if_range() {
    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (value, status) in [
        ("\"t\"", 206),
        ("W/\"t\"", 200),
        ("\"a\"", 200),
        (THEN, 206),
        ("Sun, 06 Nov 1994 08:49:38 GMT", 200),
        ("Sun, 06 Nov 1994 08:49:36 GMT", 200),
        ("t", 200),
        ("", 200),
    ] {
        let lines = [("range", "bytes=0-1"), ("if-range", value)];
        assert_eq!(answer(&Method::GET, &lines).status(), status, "{value}");
        // What stands against the range also stands against its fault.
        let beyond = [("range", "bytes=99-"), ("if-range", value)];
        assert_eq!(answer(&Method::GET, &beyond).status(), if status == 206 { 416 } else { 200 }, "{value}");
    }
    let lines = asked(&[("range", "bytes=0-1"), ("if-range", THEN)]);
    // Within the second of its making, another version could bear the same date.
    assert_eq!(ten().answer(&Method::GET, &lines, then()).status(), 200);
}

#[test]
fn a_file_is_named_as_browsers_read_it() {
    use Disposition::{Attachment, Inline};
    for (what, name, expected) in [
        (Attachment, "archive_x-Y.zip", "attachment; filename=archive_x-Y.zip"),
        (Inline, "7-a.png", "inline; filename=7-a.png"),
        (Inline, "", "inline; filename=\"\"; filename*=UTF-8''"),
        (Attachment, "a b.zip", "attachment; filename=\"a b.zip\"; filename*=UTF-8''a%20b.zip"),
        (Attachment, "a\"\\;.zip", "attachment; filename=\"a\\\"\\\\;.zip\"; filename*=UTF-8''a%22%5C%3B.zip"),
        (Attachment, "é\r\nX: y", "attachment; filename=\"___X: y\"; filename*=UTF-8''%C3%A9%0D%0AX%3A%20y"),
    ] {
        assert_eq!(disposition(what, name).to_str().unwrap(), expected);
    }
}

#[test]
fn a_tag_tells_contents_apart() {
    assert_eq!(tag_of(b"a"), tag_of(b"a"));
    assert_ne!(tag_of(b"a"), tag_of(b"b"));
    assert!(first_and_last(&tag_of(b"")) == ('"', '"') && tag_of(b"").is_ascii());
}

fn first_and_last(text: &str) -> (char, char) {
    (text.chars().next().unwrap(), text.chars().last().unwrap())
}

/// Counts what is read of it.
#[derive(Clone, Default)]
struct Counted(Arc<AtomicU64>, u64);

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let here = out.len().min(usize::try_from(self.1).unwrap());
        out.iter_mut().take(here).for_each(|byte| *byte = b'x');
        self.1 -= here as u64;
        self.0.fetch_add(here as u64, Ordering::Relaxed);
        Ok(here)
    }
}

impl Seek for Counted {
    fn seek(&mut self, _to: SeekFrom) -> std::io::Result<u64> {
        Ok(0)
    }
}

fn file(contents: impl crate::ports::Contents + 'static, len: u64) -> Served {
    let file = OpenFile { len, modified: then(), contents: Box::new(contents) };
    Served::file(HeaderValue::from_static("application/zip"), file)
}

#[tokio::test]
async fn a_file_is_read_only_as_the_client_takes_it() {
    const LEN: u64 = 10 << 20;
    let read = Arc::new(AtomicU64::new(0));
    let response = file(Counted(Arc::clone(&read), LEN), LEN).answer(&Method::GET, &HeaderMap::new(), then());
    assert_eq!(response.headers()["content-length"], LEN.to_string());
    assert_eq!(response.headers()["etag"], "\"ae1b981f1edf300-a00000\"");
    let mut body = response.into_body();
    assert_eq!(body.size_hint().exact(), Some(LEN));
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    tokio::task::yield_now().await;
    assert_eq!((first.len(), read.load(Ordering::Relaxed)), (64 << 10, 64 << 10), "nothing is read ahead");
    assert_eq!(body.size_hint().exact(), Some(LEN - (64 << 10)));
    drop(body);
    let read = Arc::new(AtomicU64::new(0));
    let response = file(Counted(Arc::clone(&read), LEN), LEN).answer(&Method::HEAD, &HeaderMap::new(), then());
    assert_eq!(response.headers()["content-length"], LEN.to_string());
    assert_eq!((response.into_body().is_end_stream(), read.load(Ordering::Relaxed)), (true, 0));
}

#[tokio::test]
async fn a_file_that_ends_early_is_an_answer_that_breaks_off() {
    let body = file(Counted(Arc::default(), 100), 101).answer(&Method::GET, &HeaderMap::new(), then()).into_body();
    assert!(body.collect().await.is_err());
}

proptest! {
    #[test]
    fn any_header_lines_are_read_without_panic_and_only_known_statuses_come(
        lines in proptest::collection::vec((0..6_usize, "[ -~]{0,40}"), 0..4)
    ) {
        let names = ["range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"];
        let mut headers = HeaderMap::new();
        for (name, value) in &lines {
            headers.append(names[*name], HeaderValue::from_str(value).unwrap());
        }
        let status = ten().answer(&Method::GET, &headers, then()).status().as_u16();
        prop_assert!([200, 206, 304, 412, 416].contains(&status));
    }

    #[test]
    fn a_part_is_what_it_says_it_is(len in 0..5000_u64, first in 0..6000_u64, last in 0..6000_u64) {
        let bytes: Vec<u8> = (0..len).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let asked = asked(&[("range", &format!("bytes={first}-{last}"))]);
            let whole = Served::whole(HeaderValue::from_static("a/b"), bytes.clone().into(), tag_of(&bytes), None);
            for served in [whole, file(Cursor::new(bytes.clone()), len)] {
                let answer = served.answer(&Method::GET, &asked, then());
                let status = answer.status();
                let body = answer.into_body().collect().await.unwrap().to_bytes();
                let part = bytes.iter().copied().skip(first as usize).take((last.saturating_sub(first) + 1) as usize);
                match status.as_u16() {
                    206 => assert!(first <= last && body.iter().copied().eq(part)),
                    200 => assert!(first > last && body == bytes),
                    416 => assert!(first >= len && first <= last && body.is_empty()),
                    other => panic!("{other}"),
                }
            }
        });
    }

    #[test]
    fn a_disposition_is_one_header_line_for_any_name(name in any::<String>()) {
        let value = disposition(Disposition::Attachment, &name);
        let text = value.to_str().unwrap();
        prop_assert!(text.starts_with("attachment; filename="));
    }
}
