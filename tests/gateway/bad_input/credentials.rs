//! Credentials that cannot be read, at every route.

use super::{Fault, Ground, Route, fittrackee, raw, seen};
use crate::doors::curl::whole;
use crate::harness::{Inside, basic, send};

/// What a client might send for a credential, and must not be let in by.
fn bad_lines() -> Vec<(&'static str, Vec<u8>)> {
    use base64::Engine as _;
    let pair = |bytes: &[u8]| {
        let text = base64::engine::general_purpose::STANDARD.encode(bytes);
        format!("Authorization: Basic {text}").into_bytes()
    };
    let line = |text: &str| text.as_bytes().to_vec();
    let jwt = format!("Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.{}.c2ln", "e30".repeat(8 * 1024 / 3));
    let token = format!("Authorization: Bearer tg_{}", "a".repeat(8 * 1024));
    vec![
        ("nothing behind the name", line("Authorization:")),
        ("bas_10: the word alone", line("Authorization: Basic")),
        ("bas_10: the word and a blank", line("Authorization: Basic ")),
        ("bas_10: two values", line("Authorization: Basic YTpi YTpi")),
        ("bas_10: a tab", line("Authorization: Basic\tYTpi")),
        ("bas_04: no colon", pair(b"testrider")),
        ("bas_05: a NUL in the name", pair(b"test\0rider:correct-horse")),
        ("bas_05: a line feed in the password", pair(b"testrider:correct-horse\n")),
        ("bas_05: DEL", pair(b"testrider:correct\x7fhorse")),
        ("bas_06: not UTF-8", pair(b"testrider:correct-h\xf6rse")),
        ("bas_08: a pad is missing", line("Authorization: Basic dGVzdHJpZGVyOmNvcnJlY3QtaG9yc2U")),
        ("bas_08: spare bits", line("Authorization: Basic dGVzdHJpZGVyOmNvcnJlY3QtaG9yc2V=")),
        ("bas_08: URL alphabet", line("Authorization: Basic dTo_Pz8-Pj4-")),
        ("bas_08: no base64", line("Authorization: Basic !!!!")),
        ("bas_11: 8 KiB", pair(&[b'a'; 8 * 1024])),
        ("a byte above 127", b"Authorization: Basic \xe4\xf6".to_vec()),
        ("an unknown word", line("Authorization: Negotiate YTpi")),
        ("an unknown word alone", line("Authorization: Negotiate")),
        ("a word of RFC 7616", line("Authorization: Digest username=\"testrider\", realm=\"Protected\"")),
        ("brt_01: the word alone", line("Authorization: Bearer")),
        ("brt_01: a comma", line("Authorization: Bearer tg_a,tg_b")),
        ("brt_01: a blank", line("Authorization: Bearer tg_a tg_b")),
        ("brt_01: a quote", line("Authorization: Bearer \"tg_a\"")),
        ("brt_03: nobody's token", line("Authorization: Bearer tg_0000000000000000000000000000000000000000")),
        ("brt_08: two credentials on one line", line("Authorization: Basic YTpi, Bearer tg_a")),
        ("a token of 8 KiB", token.into_bytes()),
        ("a signed token of 8 KiB", jwt.into_bytes()),
        ("a signed token of two parts", line("Authorization: Bearer e30.e30")),
        ("a signed token without a signature", line("Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.")),
        ("no token in its header", line("token:")),
        ("a token of 20 KiB in its header", format!("token: {}", "a".repeat(20 * 1024)).into_bytes()),
        ("a token with a byte above 127", b"token: \xe4\xf6".to_vec()),
        ("a token that is another's kind", line("token: Bearer tg_a")),
    ]
}

impl Route {
    /// How it refuses one of them.
    fn refuses(&self, line: &[u8]) -> (u16, String) {
        let Some(value) = line.strip_prefix(b"Authorization:") else { return self.refusal(Fault::NoCredential) };
        if self.tracker != "fittrackee" {
            // As if there were none, by each of the three contracts.
            return self.refusal(Fault::NoCredential);
        }
        let value = value.trim_ascii();
        let dead = "The access token provided is expired, revoked, malformed, or invalid for other reasons.";
        let text = match value.iter().position(|byte| *byte == b' ') {
            None => fittrackee("provide a valid auth token"),
            Some(6) if value.starts_with(b"Bearer") => format!(
                r#"{{"status": "error", "message": "invalid token, please log in again", "error": "invalid_token", "error_description": "{dead}"}}"#
            ),
            Some(_) => r#"{"error": "unsupported_token_type"}"#.to_owned(),
        };
        (401, text)
    }
}

#[test]
fn a_credential_that_cannot_be_read_is_refused_in_the_words_of_its_route() {
    let ground = Ground::new();
    let before = ground.state();
    let address = ground.inside.address();
    for route in &ground.routes {
        let first = format!("{} {}", route.method, route.path);
        let without = whole(&send(address, &raw(address, &first, &[], b"")));
        for (what, line) in bad_lines() {
            let answer = send(address, &raw(address, &first, &[&line], b""));
            if route.is_public {
                // Neither checked nor counted.
                assert_eq!(whole(&answer), without, "{first}: {what}");
                continue;
            }
            assert_eq!(seen(&answer), route.refuses(&line), "{first}: {what}");
            let is_challenged = answer.headers.contains_key("www-authenticate");
            assert_eq!(is_challenged, route.tracker != "lptracker", "{first}: {what}");
            assert_eq!(answer.header("cache-control"), "no-store", "{first}: {what}");
        }
    }
    assert_eq!(ground.state(), before);
    ground.is_well();
}

#[test]
fn bas_01_and_brt_02_no_credential_at_every_route() {
    let ground = Ground::new();
    for route in ground.routes.iter().filter(|route| !route.is_public) {
        let answer = ground.inside.ask(&format!("{} {}", route.method, route.path), "");
        assert_eq!(seen(&answer), route.refusal(Fault::NoCredential), "{route:?}");
        // Nothing was sent, so nothing is said about it.
        let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
        let wanted: &[&str] = match route.auth.as_str() {
            "api" => &["Bearer realm=\"sessions\""],
            "api, fit" => &["Bearer realm=\"trackgate\"", "Bearer"],
            "basic" => &["Basic realm=\"Protected\""],
            "lp" => &[],
            other => panic!("how does `{other}` challenge?"),
        };
        assert_eq!(challenges, wanted, "{route:?}");
    }
}

#[test]
fn brt_08_two_credentials_are_refused_before_any_of_them_is_looked_at() {
    let ground = Ground::new();
    let before = ground.state();
    let address = ground.inside.address();
    for route in &ground.routes {
        let first = format!("{} {}", route.method, route.path);
        let without = whole(&send(address, &raw(address, &first, &[], b"")));
        let good = ground.good(route);
        let place = if route.auth == "lp" { "token: x" } else { "Authorization: Bearer x" };
        let pairs = if route.is_public {
            vec![("Authorization: Basic YTpi".to_owned(), "Authorization: Bearer x".to_owned())]
        } else {
            vec![(good.clone(), good.clone()), (good.clone(), place.to_owned()), (place.to_owned(), good)]
        };
        for (one, other) in pairs {
            let answer = send(address, &raw(address, &first, &[one.as_bytes(), other.as_bytes()], b""));
            if route.is_public {
                assert_eq!(whole(&answer), without, "{first}");
            } else {
                assert_eq!(seen(&answer), route.refusal(Fault::TwoCredentials), "{first} {one} {other}");
            }
        }
    }
    assert_eq!(ground.state(), before);
    ground.is_well();
}

#[test]
fn bas_04_a_pair_with_an_empty_half_is_a_wrong_one() {
    let ground = Ground::new();
    for route in ground.routes.iter().filter(|route| route.auth == "basic") {
        for (name, password) in [("", "correct-horse"), ("testrider", ""), ("", "")] {
            let answer = ground.inside.ask(&format!("{} {}\n{}", route.method, route.path, basic(name, password)), "");
            assert_eq!(seen(&answer), (403, r#"{"error":"AUTHENTICATION_FAILED"}"#.to_owned()), "{route:?}");
        }
    }
}

#[test]
fn bas_09_the_word_in_any_case_and_blanks_behind_it() {
    let inside = Inside::start("");
    inside.account("testrider");
    let pair = basic("testrider", "correct-horse").split(' ').next_back().unwrap().to_owned();
    for word in ["Basic", "basic", "BASIC", "bAsIc", "Basic   "] {
        assert_eq!(inside.ask(&format!("GET /auth\nauthorization: {word} {pair}"), "").status, 200, "{word}");
    }
}

#[test]
fn bas_12_a_password_of_a_kibibyte_is_checked_and_one_byte_more_is_not() {
    let inside = Inside::start("");
    inside.account("testrider");
    for length in [1024, 1025, 6000] {
        let answer = inside.ask(&format!("GET /auth\n{}", basic("testrider", &"x".repeat(length))), "");
        assert_eq!(seen(&answer), (403, r#"{"error":"AUTHENTICATION_FAILED"}"#.to_owned()), "{length}");
    }
    assert_eq!(inside.ask(&format!("GET /auth\n{}", basic("testrider", "correct-horse")), "").status, 200);
}

/// A route of the operator's that takes all kinds, before an upstream that counts who came through.
#[test]
fn bas_17_and_rev_01_what_is_refused_never_reaches_an_upstream() {
    let upstream = Counted::start();
    let text = format!(
        "[upstreams.behind]\nurls = [\"http://{}\"]\n\
         [[routes]]\nname = \"all\"\nmatch = \"/behind\"\nauth = [\"basic\", \"api\", \"lp\", \"fit\"]\nupstream = \"behind\"\n\
         [[routes]]\nname = \"lp\"\ntracker = \"lptracker\"\n[[routes]]\nname = \"fit\"\ntracker = \"fittrackee\"\n",
        upstream.address
    );
    let inside = Inside::start(&text);
    let account = inside.account("testrider");
    let api = inside.token(&account, "points:write");
    let sliding = crate::doors::sliding(&inside, "testrider", "S");
    let signed = crate::doors::signed(&inside, "testrider");
    let good = [
        basic("testrider", "correct-horse"),
        format!("Authorization: Bearer {api}"),
        format!("token: {sliding}"),
        format!("Authorization: Bearer {signed}"),
    ];
    let address = inside.address();
    for (what, line) in bad_lines() {
        let answer = send(address, &raw(address, "POST /behind", &[&line], b""));
        assert_eq!(seen(&answer), (401, "{\"error\":\"unauthorized\"}\n".to_owned()), "{what}");
    }
    // Two that are good each, and one that is good beside one that is not: nobody chooses between them.
    let bad = ["token: x", "Authorization: Bearer tg_a", "Authorization: Basic YTpi"];
    for one in &good {
        for other in good.iter().map(String::as_str).chain(bad) {
            for pair in [[one.as_str(), other], [other, one]] {
                let answer = send(address, &raw(address, "POST /behind", &pair.map(str::as_bytes), b""));
                assert_eq!(seen(&answer), (400, "{\"error\":\"bad request\"}\n".to_owned()), "{pair:?}");
            }
        }
    }
    assert_eq!(upstream.count(), 0);
    for line in &good {
        assert_eq!(inside.ask(&format!("POST /behind\n{line}"), "").status, 204, "{line}");
    }
    assert_eq!(upstream.count(), 4);
    // Signed out and revoked: from the first request on.
    inside.ask(&format!("POST /logout\ntoken: {sliding}"), "");
    inside.ask(&format!("POST /api/auth/logout\nAuthorization: Bearer {signed}"), "");
    crate::doors::tokens::revoke(&inside, &api);
    for line in &good[1..] {
        assert_eq!(inside.ask(&format!("POST /behind\n{line}"), "").status, 401, "{line}");
    }
    assert_eq!(upstream.count(), 4);
}

/// An upstream that answers 204 and counts.
struct Counted {
    address: std::net::SocketAddr,
    count: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl Counted {
    fn start() -> Self {
        use std::io::{BufRead as _, Write as _};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = std::sync::Arc::clone(&count);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = std::io::BufReader::new(stream.unwrap());
                let mut line = String::new();
                while stream.read_line(&mut line).is_ok_and(|read| read > 2) {
                    line.clear();
                }
                counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                drop(stream.get_mut().write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"));
            }
        });
        Self { address, count }
    }

    fn count(&self) -> usize {
        self.count.load(std::sync::atomic::Ordering::SeqCst)
    }
}
