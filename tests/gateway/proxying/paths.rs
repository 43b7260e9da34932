//! One path for matching, policy, log and upstream. Group PTH of the security cases.

use std::cell::{Cell, RefCell};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::recorder::{Recorder, header};
use super::{Front, PUBLIC, route};
use crate::harness::{read_answer, send};

/// `/public/…` and `/` are open, `/admin` and all below it are not.
fn guarded() -> Front {
    let config = route("all", "/{*rest}", PUBLIC)
        + &route("public", "/public/{*rest}", PUBLIC)
        + &route("admin", "/admin", "auth = [\"basic\"]")
        + &route("below", "/admin/{*rest}", "auth = [\"basic\"]");
    Front::start(Recorder::ok(), &config)
}

fn target(front: &Front, target: &str) -> u16 {
    sent(front, target).0
}

/// The status of the answer, and the target that the upstream got, empty if it got nothing.
fn sent(front: &Front, target: &str) -> (u16, String) {
    let marks = front.up.marks();
    let wire = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let status = send(front.inside.address(), wire.as_bytes()).status;
    let got = front.up.since(&marks);
    assert!(got.is_empty() || got.matches("\r\n\r\n").count() == 1, "{got}");
    (status, got.split(' ').nth(1).unwrap_or_default().to_owned())
}

#[test]
fn pth_01_no_spelling_of_dot_segments_leads_past_a_route() {
    let front = guarded();
    for path in [
        "/public/../admin",
        "/public/..%2fadmin",
        "/public/%2e%2e/admin",
        "/public/%2E%2E/admin",
        "/public/.%2e/admin",
        "/public/%2e./admin",
        "/public/%2e%2e%2fadmin",
        "/public/%2e%2E%2Fadmin",
        "/public/..;/admin",
        "/public/..;a=b/admin",
        "/public/..%3b/admin",
        "/public/..%5cadmin",
        "/public/./../admin",
        "/./admin",
        "/%2e/admin",
        "/admin/..",
        "/admin/.",
        "/..",
        "http://a/public/../admin",
        "http://a/%2e%2e/admin",
    ] {
        assert_eq!(target(&front, path), 400, "{path}");
    }
    assert_eq!(front.up.all(), "");
}

#[test]
fn pth_02_slash_like_bytes_are_400() {
    let front = guarded();
    for path in [
        "/public%2fadmin",
        "/public%2Fadmin",
        "/x%5cadmin",
        "/x\\admin",
        "/admin;x",
        "/admin%3bx",
        "/admin;",
        "/;/admin",
        "/a%2f..%2fb",
    ] {
        assert_eq!(target(&front, path), 400, "{path}");
    }
    assert_eq!(front.up.all(), "");
}

#[test]
fn pth_03_and_pth_10_no_slash_or_suffix_leads_to_a_weaker_route() {
    let front = guarded();
    for (path, status) in [
        ("//admin", 400),
        ("/admin//", 400),
        ("///", 400),
        ("/admin/", 401),
        ("/admin", 401),
        ("/admin/x.css", 401),
        ("/admin/.json", 401),
        ("/admin/x/", 401),
        ("/admin/;x.css", 400),
        ("/admin/%00.css", 400),
        ("/admin%00.css", 400),
        ("/admin;x.css", 400),
        ("/admin/x.", 401),
    ] {
        let answer = front.ask(&format!("GET {path}"), "");
        assert_eq!((answer.status, answer.header("cache-control")), (status, "no-store"), "{path}");
    }
    assert_eq!(front.up.all(), "");
    // Also where nothing but the wider route has such a path.
    let config = route("all", "/{*rest}", PUBLIC) + &route("admin", "/admin", "auth = [\"basic\"]");
    let front = Front::start(Recorder::ok(), &config);
    for path in ["/admin/", "/%61dmin/", "/admin/?x"] {
        assert_eq!(sent(&front, path), (401, String::new()), "{path}");
    }
}

#[test]
fn pth_04_nothing_is_decoded_twice() {
    let front = guarded();
    for path in ["/%252e%252e/admin", "/public/%252e%252e%252fadmin", "/%2561dmin", "/x%255c", "/x%253b"] {
        assert_eq!(sent(&front, path), (200, path.to_owned()));
    }
    assert_eq!(target(&front, "/admin/%252e%252e"), 401);
}

#[test]
fn pth_05_unreadable_bytes_are_400() {
    let front = guarded();
    for path in [
        "/%c0%af",
        "/%e0%80%af",
        "/%ed%a0%80",
        "/%f8%80%80%80",
        "/%00",
        "/a%0d%0aX-A:1",
        "/%0a",
        "/%7f",
        "/%zz",
        "/%",
        "/%4",
        "/%u0041",
        "/\u{e9}",
        "/a\tb",
    ] {
        assert_eq!(target(&front, path), 400, "{path:?}");
    }
    assert_eq!(front.up.all(), "");
}

#[test]
fn pth_06_a_fragment_is_400() {
    let front = guarded();
    for path in ["/a#b", "/#", "/a?b#c", "#", "http://a/#x", "/admin#/../public"] {
        assert_eq!(target(&front, path), 400, "{path}");
    }
    assert_eq!(front.up.all(), "");
}

#[test]
fn pth_07_the_query_has_no_part_in_matching_and_goes_on_as_it_came() {
    let front = guarded();
    for path in ["/admin?/../public/x", "/admin?x=/public", "/admin/?a"] {
        assert_eq!(target(&front, path), 401, "{path}");
    }
    for path in ["/public/x?/../admin", "/public/x?a=1&a=2&%2e%2e%2f;", "/public/x?", "/public/x??", "/public/x?a=%zz"]
    {
        assert_eq!(sent(&front, path), (200, path.to_owned()));
    }
}

#[test]
fn pth_08_coded_letters_are_those_letters() {
    let front = guarded();
    for path in ["/%61dmin", "/%61%64%6d%69%6e", "/a%64min/x", "/admi%6e/", "/%61dmin/%2561"] {
        assert_eq!(target(&front, path), 401, "{path}");
    }
    assert_eq!(sent(&front, "/public/%7e%c3%a9%41"), (200, "/public/~%C3%A9A".to_owned()));
    // What was judged is what is sent on, also where a route names letters that may be escaped.
    let config = route("me", "/@me", "auth = [\"basic\"]") + &route("all", "/{*rest}", PUBLIC);
    let front = Front::start(Recorder::ok(), &config);
    for path in ["/@me", "/%40me", "/%40%6De", "/@me/"] {
        assert_eq!(target(&front, path), 401, "{path}");
    }
    assert_eq!(front.up.all(), "");
}

#[test]
fn pth_09_only_methods_of_the_route_pass() {
    let config = route("some", "GET,PURGE /some", PUBLIC) + &route("any", "/any", PUBLIC);
    let front = Front::start(Recorder::ok(), &config);
    let status = |line: &str| {
        let wire = format!("{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        send(front.inside.address(), wire.as_bytes()).status
    };
    let long = "A".repeat(10_240);
    for (line, statuses) in [
        ("get /some", &[400][..]),
        ("GeT /some", &[400]),
        ("POST /some", &[405]),
        ("XYZZY /some", &[405]),
        ("CONNECT /some", &[400, 405]),
        ("CONNECT a:80", &[400, 405]),
        ("TRACE /any", &[405]),
        ("OPTIONS *", &[501]),
        ("OPTIONS /some", &[405]),
        ("G@T /some", &[400]),
        (&format!("{long} /any"), &[400, 414, 431, 501]),
        ("GET *", &[400]),
        ("PRI *", &[400]),
    ] {
        let got = status(line);
        assert!(statuses.contains(&got), "{line}: {got}");
    }
    assert_eq!(front.up.all(), "");
    assert_eq!((status("PURGE /some"), status("XYZZY /any"), status("OPTIONS /any")), (200, 200, 200));
    let allow = front.ask("POST /some", "");
    assert_eq!(allow.header("allow"), "GET, PURGE, HEAD");
    // What no route takes is told what there is, too (RFC 9110 section 15.5.6).
    assert_eq!(front.ask("TRACE /some", "").header("allow"), "GET, PURGE, HEAD");
    assert_eq!(front.ask("TRACE /any", "").header("allow"), "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
    let nowhere = front.ask("TRACE /nowhere", "");
    assert_eq!((nowhere.status, nowhere.headers.get("allow").map(http::HeaderValue::len)), (405, Some(0)));
}

#[test]
fn pth_11_absolute_targets() {
    let front = guarded();
    for (line, statuses) in [
        ("http://b/public/x", &[400, 421][..]),
        ("http://u:p@a/public/x", &[400]),
        ("http://u@a/admin", &[400]),
        ("ftp://a/public/x", &[400]),
        ("http:///public/x", &[400]),
        ("http://a", &[400]),
        ("http://a:b/", &[400]),
        ("//a/public", &[400]),
        ("a/public", &[400]),
        ("public", &[400]),
    ] {
        let got = target(&front, line);
        assert!(statuses.contains(&got), "{line}: {got}");
    }
    assert_eq!(front.up.all(), "");
    assert_eq!(sent(&front, "http://a/public/x?y"), (200, "/public/x?y".to_owned()));
}

#[test]
fn a_raw_route_takes_paths_byte_for_byte() {
    let raw = |name: &str, pattern: &str, more: &str| route(name, pattern, &format!("{more}\nraw_path = true"));
    let config = raw("raw", "/raw/{*rest}", PUBLIC)
        + &route("strict", "/raw/strict/{*rest}", "auth = [\"basic\"]")
        + &raw("guarded", "/guarded/{*rest}", "auth = [\"basic\"]")
        + &route("all", "/{*rest}", PUBLIC);
    let front = Front::start(Recorder::ok(), &config);
    for path in [
        "/raw/a%2Fb",
        "/raw/a;b=c",
        "/raw//a//",
        "/raw/a%5Cb",
        "/raw/%C3%A9",
        "/raw/a%3Bb",
        "/raw/plain?q=%2f",
        "/raw/!$&'()*+,=:@",
        "/raw/",
        "/raw/%2F%2F",
    ] {
        assert_eq!(sent(&front, path), (200, path.to_owned()));
    }
    // Only what two readers could not tell apart is written in one way.
    assert_eq!(sent(&front, "/raw/%7e%41%2f"), (200, "/raw/~A%2F".to_owned()));
    let before = front.up.all();
    for (path, status) in [
        ("/raw/../guarded/x", 400),
        ("/raw/%2e%2e/x", 400),
        ("/raw/..%2fx", 400),
        ("/raw/..;/x", 400),
        ("/raw/%00", 400),
        ("/raw/%zz", 400),
        ("/raw/a#b", 400),
        ("/raw/strict/x", 401),
        ("/raw/strict/a;b", 400),
        ("/raw/%73trict/a;b", 400),
        ("/guarded/x", 401),
        ("/guarded/a;b", 401),
        ("/guard%65d/a%2fb", 401),
        ("/guarded/", 401),
        ("/other/a;b", 400),
    ] {
        assert_eq!(target(&front, path), status, "{path}");
    }
    assert_eq!(front.up.all(), before);
}

/// Pieces of targets that servers are known to read in more than one way.
fn any_target() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => proptest::sample::select(vec![
            "/", "//", "admin", "public", "raw", "s", "a", ".", "..", "%2e", "%2E%2e", "%2f", "%2F", "%5c", "\\", ";", "%3b", ";x=y", "%61", "%41",
            "%25", "%2561", "%c3%a9", "%C3%A9", "%c0%af", "%00", "%0d%0a", "%zz", "%", "@", "%40", "!", "%21", "{", "%7b", "?", "#", "&a=b", " ", "\t", "~",
            "%7e", "+", "%2b", "*", "é", "http://a", "http://b", "a:80", "a@",
        ]).prop_map(ToOwned::to_owned),
        1 => "[ -~]{1,3}",
        1 => "%[0-9a-fA-F]{2}",
    ];
    (prop_oneof![9 => Just("/"), 1 => Just("")], proptest::collection::vec(piece, 0..7))
        .prop_map(|(start, pieces)| start.to_owned() + &pieces.concat())
}

/// Whatever a client writes: what the upstream gets would have come by the same route, and through
/// the same gate, had the client written just that.
#[test]
fn pth_12_the_route_of_a_target_is_the_route_of_what_the_upstream_gets() {
    let raw = format!("{PUBLIC}\nraw_path = true");
    let config = [
        ("all", "/{*rest}", PUBLIC),
        ("public", "/public/{*rest}", PUBLIC),
        ("one", "/public/{one}/a", PUBLIC),
        ("me", "/@", "auth = [\"basic\"]"),
        ("admin", "/admin", "auth = [\"basic\"]"),
        ("below", "/admin/{*rest}", "auth = [\"basic\"]"),
        ("raw", "/raw/{*rest}", &raw),
        ("strict", "/raw/admin/{*rest}", "auth = [\"basic\"]"),
    ]
    .map(|(name, pattern, more)| route(name, pattern, &format!("{more}\nallow = {{ rate = \"1000000/s\" }}")))
    .concat();
    let front = Front::start(Recorder::ok(), &config);
    let ask = |client: &mut super::Client, target: &str| {
        let marks = front.up.marks();
        let wire = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        if std::io::Write::write_all(client.stream.get_mut(), wire.as_bytes()).is_err() {
            *client = front.client();
            client.write(&wire);
        }
        let answer = read_answer(&mut client.stream);
        if answer.header("connection") == "close" {
            *client = front.client();
        }
        let got = front.up.since(&marks);
        (answer.status, got)
    };
    let client = RefCell::new(front.client());
    let passed = Cell::new(0);
    let mut runner = TestRunner::new(Config { cases: 3000, failure_persistence: None, ..Config::default() });
    let result = runner.run(&any_target(), |written| {
        let mut client = client.borrow_mut();
        let (status, got) = ask(&mut client, &written);
        if status == 200 {
            // One request, of one line, without what only we may write.
            prop_assert_eq!(got.matches("\r\n\r\n").count(), 1, "{}", got);
            let sent = got.split(' ').nth(1).unwrap();
            prop_assert!(sent.starts_with('/') && sent.bytes().all(|b| b.is_ascii_graphic()));
            let path = sent.split('?').next().unwrap();
            let decoded = path.replace("%2e", ".").replace("%2E", ".");
            prop_assert!(!decoded.split('/').any(|segment| matches!(segment, "." | "..")), "{}", sent);
            let is_raw = path.starts_with("/raw/");
            prop_assert!(is_raw || !path.contains("//") && !path.contains([';', '\\']), "{}", sent);
            prop_assert!(!path.starts_with("/admin") || path.len() > 6 && !path.starts_with("/admin/"), "{}", sent);
            prop_assert!(!path.starts_with("/@") || path.len() > 2, "{}", sent);
            prop_assert_eq!(header(&got, "x-trackgate-user"), Some(""));
            let (status, same) = ask(&mut client, sent);
            prop_assert_eq!((status, same.split(' ').nth(1)), (200, Some(sent)), "{}", written);
            passed.set(passed.get() + 1);
        } else {
            prop_assert!(matches!(status, 400 | 401 | 404 | 421), "{} for {}", status, written);
            prop_assert_eq!(got, "", "{}", written);
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    assert!(passed.get() > 100, "only {} targets passed", passed.get());
}
