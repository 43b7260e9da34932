//! Heads that are too large, and bodies that say so before they come.

use super::{Fault, Ground, raw, seen, send_until_answered};
use crate::harness::send;

#[test]
fn a_head_of_a_mebibyte_is_refused_in_the_words_of_its_route() {
    let ground = Ground::new();
    let before = ground.state();
    let address = ground.inside.address();
    let long = [b"X-Filler: ".to_vec(), vec![b'x'; 1 << 20]].concat();
    let many: Vec<_> = (0..=20_000).map(|n| format!("X-{n}: {}", "x".repeat(40))).collect();
    let many: Vec<_> = many.iter().map(String::as_bytes).collect();
    // Nothing in the path `/` says whose it is: what cannot be routed there is refused plainly.
    for route in ground.routes.iter().filter(|route| route.path != "/") {
        let first = format!("{} {}", route.method, route.path);
        for lines in [&[long.as_slice()][..], &many] {
            let answer = send_until_answered(address, &raw(address, &first, lines, b""));
            assert_eq!(seen(&answer), route.refusal(Fault::HeadTooLarge), "{first}");
            assert_eq!(answer.header("connection"), "close");
        }
    }
    assert_eq!(ground.state(), before);
    ground.is_well();
}

#[test]
fn bas_11_a_credential_of_a_mebibyte_is_a_head_that_is_too_large() {
    let ground = Ground::new();
    let address = ground.inside.address();
    for route in ground.routes.iter().filter(|route| !route.is_public) {
        let first = format!("{} {}", route.method, route.path);
        for word in ["Authorization: Basic ", "Authorization: Bearer ", "token: "] {
            let line = [word.as_bytes(), &vec![b'A'; 1 << 20]].concat();
            let answer = send_until_answered(address, &raw(address, &first, &[&line], b""));
            assert_eq!(seen(&answer), route.refusal(Fault::HeadTooLarge), "{first} {word}");
        }
    }
    ground.is_well();
}

#[test]
fn a_body_that_says_it_is_too_large_is_refused_before_it_comes() {
    let ground = Ground::new();
    let before = ground.state();
    let address = ground.inside.address();
    for route in &ground.routes {
        let first = format!("{} {}", route.method, route.path);
        for length in [route.max_body_bytes + 1, 1 << 40, 9_223_372_036_854_775_807] {
            let expected = route.too_large(length);
            let length = format!("Content-Length: {length}");
            let lines = [ground.good(route), "Content-Type: application/json".to_owned(), length];
            let lines: Vec<_> = lines.iter().map(String::as_bytes).collect();
            let answer = send(address, &raw(address, &first, &lines, b""));
            assert_eq!(seen(&answer), expected, "{first}");
            assert_eq!(answer.header("connection"), "close");
        }
        // Who is not let in does not learn how much would be taken.
        if !route.is_public {
            let answer = send(address, &raw(address, &first, &[b"Content-Length: 1099511627776"], b""));
            assert_eq!(seen(&answer), route.refusal(Fault::NoCredential), "{first}");
        }
    }
    assert_eq!(ground.state(), before);
    ground.is_well();
}

#[test]
fn lines_that_are_no_header_lines_are_refused() {
    let ground = Ground::new();
    let address = ground.inside.address();
    for route in &ground.routes {
        let first = format!("{} {}", route.method, route.path);
        for line in
            [&b"no colon"[..], b"Name : x", b": x", b" folded", b"X: a\x00b", b"X: a\rb", b"X: a\x7fb", b"Host: other"]
        {
            let answer = send(address, &raw(address, &first, &[line], b""));
            let (status, body) = seen(&answer);
            let code = if route.tracker == "lptracker" { 200 } else { 400 };
            assert_eq!(status, code, "{first} {line:?} {body}");
            assert_eq!(answer.header("connection"), "close");
        }
    }
    ground.is_well();
}
