//! Bodies that cannot be read, at every route that takes one.

use super::{Fault, Ground, Route, fittrackee, page, raw, seen};
use crate::harness::{Answer, send};

/// What is wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    /// It is not UTF-8.
    Bytes,
    /// It is not in the form that it should be in, though its type says so.
    Form,
    /// It is in another form, and good in that.
    OtherForm,
    /// It is JSON, and no object.
    NoObject,
    /// It is an object that has not one good field.
    Fields,
    /// Each field stands in it twice.
    Twice,
    /// There is none.
    Empty,
}

/// Bodies of each kind, as a type and bytes.
fn bodies(route: &Route) -> Vec<(&'static str, Wrong, &'static str, Vec<u8>)> {
    const JSON: &str = "application/json";
    const FORM: &str = "application/x-www-form-urlencoded";
    let field = match route.path.as_str() {
        "/login" => "login",
        "/register" => "username",
        "/api/auth/register" | "/api/auth/login" => "email",
        "/api/auth/account/confirm" | "/api/auth/email/update" => "token",
        "/api/auth/account/privacy-policy" => "accepted_policy",
        "/api/auth/profile/edit" => "bio",
        "/api/auth/profile/edit/preferences" => "language",
        "/api/liveinsert.php" => "insertl",
        "/api/sesinsert.php" => "inserts",
        _ => "password",
    };
    // As deep as the largest body lets it be, up to 10 000.
    let levels = |bytes: u64| usize::try_from((route.max_body_bytes.saturating_sub(200) / bytes).min(10_000)).unwrap();
    let deep = format!("{}{}", "[".repeat(levels(2)), "]".repeat(levels(2)));
    let objects = format!("{}1{}", r#"{"a":"#.repeat(levels(6)), "}".repeat(levels(6)));
    let digits = "9".repeat(100_000 / 8);
    let text = |text: String| text.into_bytes();
    let twice = [
        ("username", r#""newcomer""#),
        ("email", r#""new@example.org""#),
        ("login", r#""testrider""#),
        ("password", r#""correct-horse""#),
        ("new_password", r#""battery-staple""#),
        ("insertl", "1"),
        ("inserts", "1"),
        ("startdate", r#""2026-01-05""#),
        ("enddate", r#""2026-01-06""#),
        ("service", r#""S""#),
        ("version", r#""1.0""#),
    ];
    let twice: Vec<_> = twice.iter().map(|(name, value)| format!(r#""{name}":{value},"{name}":{value}"#)).collect();
    vec![
        ("no body", Wrong::Empty, JSON, Vec::new()),
        ("an open brace", Wrong::Form, JSON, b"{".to_vec()),
        ("a bare word", Wrong::Form, JSON, b"username".to_vec()),
        ("not UTF-8", Wrong::Bytes, JSON, [format!(r#"{{"{field}":""#).as_bytes(), b"\xff\"}"].concat()),
        ("a lone surrogate", Wrong::Form, JSON, text(format!(r#"{{"{field}":"\ud800"}}"#))),
        ("a lone surrogate in a name", Wrong::Form, JSON, text(r#"{"\udfff":"x"}"#.to_owned())),
        ("a number beyond all", Wrong::Form, JSON, text(format!(r#"{{"{field}":1e999}}"#))),
        ("a raw NUL in a text", Wrong::Form, JSON, text(format!("{{\"{field}\":\"a\u{0}b\"}}"))),
        ("a comment", Wrong::Form, JSON, text(format!(r#"/* */ {{"{field}":"x"}}"#))),
        ("not a number", Wrong::Form, JSON, text(format!(r#"{{"{field}":NaN}}"#))),
        ("a list", Wrong::NoObject, JSON, b"[1]".to_vec()),
        ("a text", Wrong::NoObject, JSON, b"\"x\"".to_vec()),
        ("a number", Wrong::NoObject, JSON, b"5".to_vec()),
        ("lists thousands deep", Wrong::NoObject, JSON, text(deep.clone())),
        ("a number of 12 500 digits", Wrong::Fields, JSON, text(format!(r#"{{"{field}":0.{digits}}}"#))),
        ("lists thousands deep in a field", Wrong::Fields, JSON, text(format!(r#"{{"{field}":{deep}}}"#))),
        (
            "lists thousands deep beside the fields",
            Wrong::Fields,
            JSON,
            text(format!(r#"{{"{field}":[],"x":{deep}}}"#)),
        ),
        ("objects thousands deep", Wrong::Fields, JSON, text(objects)),
        ("null", Wrong::Fields, JSON, text(format!(r#"{{"{field}":null,"a":1}}"#))),
        ("every field twice", Wrong::Twice, JSON, text(format!("{{{}}}", twice.join(",")))),
        ("a form that says it is JSON", Wrong::Form, JSON, b"username=newcomer&password=correct-horse".to_vec()),
        ("JSON that says it is a form", Wrong::OtherForm, FORM, text(format!(r#"{{"{field}":{{"a":1}}}}"#))),
        (
            "a type of another kind",
            Wrong::OtherForm,
            "text/xml; charset=utf-8",
            text(format!(r#"{{"{field}":{{"a":1}}}}"#)),
        ),
        ("a type that is none", Wrong::OtherForm, "application", text(format!(r#"{{"{field}":{{"a":1}}}}"#))),
        (
            "multipart without its boundary",
            Wrong::OtherForm,
            "multipart/form-data",
            text(format!(r#"{{"{field}":{{"a":1}}}}"#)),
        ),
    ]
}

impl Route {
    /// Whether it reads members of a JSON object in FitTrackee's way. Without mail two end points read nothing.
    fn reads_members(&self) -> bool {
        let reads = [
            "/api/auth/account/confirm",
            "/api/auth/account/privacy-policy",
            "/api/auth/email/update",
            "/api/auth/login",
            "/api/auth/password/update",
            "/api/auth/profile/edit",
            "/api/auth/profile/edit/account",
            "/api/auth/profile/edit/preferences",
            "/api/auth/register",
        ];
        matches!(self.method.as_str(), "PATCH" | "POST") && reads.contains(&self.path.as_str())
    }

    /// Whether such a body is a good one here: of equal members the last wins, and none is missing.
    fn takes(&self, wrong: Wrong) -> bool {
        self.path == "/api/auth/profile/edit/account" && wrong == Wrong::Twice
    }

    /// How it refuses such a body; `None` where it reads none.
    fn refuses_body(&self, wrong: Wrong) -> Option<(u16, String)> {
        let path = format!("{} {}", self.method, self.path);
        let codes = |codes: &str| (400, format!(r#"{{"errors":[{codes}]}}"#));
        let lptracker =
            |message: &str| (200, format!(r#"{{"status":"error","errors":[{{"code":400,"message":"{message}"}}]}}"#));
        let json = |status: u16, message: &str| (status, fittrackee(message));
        let sessions = |message: &str| (400, self.sessions("validation_error", message));
        Some(match (path.as_str(), wrong) {
            // A body that cannot be read has no fields (contract section 2).
            ("POST /register", _) => codes(r#""INVALIDATE_USERNAME","INVALIDATE_PASSWORD""#),
            ("POST /user/change-password", _) => codes(r#""INVALIDATE_PASSWORD","INVALIDATE_NEW_PASSWORD""#),
            ("DELETE /user", _) => codes(r#""INVALIDATE_PASSWORD""#),
            // What it says it is does not matter, for people leave that out.
            ("POST /login", Wrong::Fields | Wrong::Twice | Wrong::OtherForm) => lptracker("Invalid parameter: login"),
            ("POST /login", _) => lptracker("The body is not a JSON object"),
            (_, Wrong::OtherForm) if self.reads_members() => {
                (415, page("415 Unsupported Media Type", "The body must be JSON and say so."))
            }
            (_, Wrong::Bytes | Wrong::Form | Wrong::Empty) if self.reads_members() => {
                (400, page("400 Bad Request", "The request cannot be read."))
            }
            ("POST /api/auth/login", Wrong::Fields | Wrong::Twice) => json(401, "invalid credentials"),
            ("PATCH /api/auth/profile/edit/account", Wrong::Fields) => json(400, "email is missing"),
            // Of equal members the last wins; here others are missing, such as the policy or the link.
            _ if self.reads_members() => json(400, "invalid payload"),
            ("POST /api/liveinsert.php", Wrong::Fields | Wrong::OtherForm) => sessions("insertl must be 1"),
            ("POST /api/sesinsert.php", Wrong::Fields | Wrong::OtherForm) => sessions("inserts must be 1"),
            ("POST /api/liveinsert.php" | "POST /api/sesinsert.php", wrong) => sessions(match wrong {
                Wrong::Bytes => "the body is not UTF-8",
                Wrong::Empty => "the body is empty",
                Wrong::NoObject => "the body must be a JSON object",
                Wrong::Twice if self.path == "/api/liveinsert.php" => "startdate stands twice",
                Wrong::Twice => "enddate stands twice",
                _ => "the body is not valid JSON",
            }),
            _ => return None,
        })
    }
}

/// Whether an end point that reads no body answered as it always does, or refused in a clear way.
fn is_clear(route: &Route, answer: &Answer) -> bool {
    let is_refused = (400..500).contains(&answer.status);
    (200..300).contains(&answer.status)
        || (is_refused && (answer.body.is_empty() || answer.text().contains("error") || route.tracker == "fittrackee"))
}

#[test]
fn a_body_that_cannot_be_read_is_refused_in_the_words_of_its_route() {
    let ground = Ground::new();
    let before = ground.state();
    let address = ground.inside.address();
    let mut failed = Vec::new();
    for route in &ground.routes {
        let first = format!("{} {}", route.method, route.path);
        for (what, wrong, kind, body) in bodies(route) {
            if route.takes(wrong) {
                continue;
            }
            let lines =
                [ground.good(route), format!("Content-Type: {kind}"), format!("Content-Length: {}", body.len())];
            let lines: Vec<_> = lines.iter().map(String::as_bytes).collect();
            let answer = send(address, &raw(address, &first, &lines, &body));
            match route.refuses_body(wrong) {
                Some(expected) if seen(&answer) != expected => {
                    failed.push(format!("{first}: {what}\n  {:?}\n  {expected:?}\n", seen(&answer)));
                }
                Some(_) => {}
                None => assert!(is_clear(route, &answer), "{first}: {what}: {answer:?}"),
            }
        }
    }
    assert!(failed.is_empty(), "\n{}", failed.concat());
    assert_eq!(ground.state(), before);
    ground.is_well();
}

#[test]
fn a_body_that_grows_too_large_is_refused_as_soon_as_it_has() {
    let ground = Ground::new();
    let before = ground.state();
    let address = ground.inside.address();
    for route in ground.routes.iter().filter(|route| route.refuses_body(Wrong::Empty).is_some()) {
        let first = format!("{} {}", route.method, route.path);
        let size = usize::try_from(route.max_body_bytes).unwrap() + 1;
        // All of it in one chunk, and never the end.
        let body = [format!("{size:x}\r\n").as_bytes(), &vec![b' '; size], b"\r\n"].concat();
        let lines =
            [ground.good(route), "Content-Type: application/json".to_owned(), "Transfer-Encoding: chunked".to_owned()];
        let lines: Vec<_> = lines.iter().map(String::as_bytes).collect();
        let answer = send(address, &raw(address, &first, &lines, &body));
        assert_eq!(seen(&answer), route.refusal(Fault::BodyTooLarge), "{first}");
    }
    assert_eq!(ground.state(), before);
    ground.is_well();
}

#[test]
fn a_body_as_large_as_may_be_is_read() {
    let ground = Ground::new();
    let address = ground.inside.address();
    for route in ground.routes.iter().filter(|route| route.refuses_body(Wrong::Empty).is_some()) {
        let first = format!("{} {}", route.method, route.path);
        let size = usize::try_from(route.max_body_bytes).unwrap();
        let length = format!("Content-Length: {size}");
        let lines = [ground.good(route), "Content-Type: application/json".to_owned(), length];
        let lines: Vec<_> = lines.iter().map(String::as_bytes).collect();
        let answer = send(address, &raw(address, &first, &lines, &vec![b' '; size]));
        assert_eq!(seen(&answer), route.refuses_body(Wrong::Empty).unwrap(), "{first}");
    }
}

#[test]
fn a_body_whose_framing_breaks_is_refused_and_changes_nothing() {
    let ground = Ground::new();
    let before = ground.state();
    let address = ground.inside.address();
    for route in &ground.routes {
        let first = format!("{} {}", route.method, route.path);
        for chunks in ["zz\r\n{}\r\n0\r\n\r\n", "-1\r\n", "2\r\n{}x\r\n0\r\n\r\n", "ffffffffffffffffff\r\n"] {
            let lines = [
                ground.good(route),
                "Content-Type: application/json".to_owned(),
                "Transfer-Encoding: chunked".to_owned(),
            ];
            let lines: Vec<_> = lines.iter().map(String::as_bytes).collect();
            let answer = send(address, &raw(address, &first, &lines, chunks.as_bytes()));
            let code = answer.text().contains("\"code\":400") || answer.status == 400;
            assert!(code || route.refuses_body(Wrong::Empty).is_none(), "{first} {chunks:?}: {answer:?}");
            assert!(answer.status < 500, "{first} {chunks:?}: {answer:?}");
        }
        for lines in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "Content-Length: 5\r\nContent-Length: 6",
            "Content-Length: +5",
            "Transfer-Encoding: gzip, chunked",
        ] {
            let good = ground.good(route);
            let answer = send(address, &raw(address, &first, &[good.as_bytes(), lines.as_bytes()], b"0\r\n\r\n"));
            let refused = if route.tracker == "lptracker" {
                answer.text().contains("\"code\":400")
            } else {
                answer.status == 400
            };
            assert!(refused, "{first} {lines:?}: {answer:?}");
        }
    }
    assert_eq!(ground.state(), before);
    ground.is_well();
}
