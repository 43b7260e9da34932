//! Order: the first scheme that finds its credential decides; refused never falls through.

use super::{Upstream, credentials, jwt, sliding};
use crate::harness::{Inside, basic};

const ROUTES: &str = r#"
[[routes]]
name = "sign-in"
tracker = "lptracker"
[[routes]]
name = "fit"
tracker = "fittrackee"
[[routes]]
name = "guarded"
match = "GET /guarded"
auth = ["basic", "api", "fit", "lp"]
upstream = "up"
[[routes]]
name = "optional"
match = "GET /optional"
auth = ["lp", "fit", "api", "basic"]
optional = true
upstream = "up"
[[routes]]
name = "tokens"
match = "GET /tokens"
auth = ["fit", "api"]
upstream = "up"
[[routes]]
name = "open"
match = "GET /open"
auth = "none"
public = "a page for everybody"
upstream = "up"
"#;

fn start(upstream: &Upstream) -> Inside {
    Inside::start(&format!("[guessing]\nper_account = 3\n{}{ROUTES}", upstream.config()))
}

#[test]
fn each_scheme_of_a_route_opens_it_and_the_upstream_learns_which() {
    let upstream = Upstream::start();
    let inside = start(&upstream);
    let rider = inside.account("rider");
    let good = [
        ("basic", basic("rider", "correct-horse")),
        ("api", format!("Authorization: Bearer {}", inside.token(&rider, "points:write"))),
        ("fit", format!("Authorization: Bearer {}", jwt(&inside, "127.0.0.1", "rider"))),
        ("lp", format!("token: {}", sliding(&inside, "127.0.0.1", "rider"))),
    ];
    for path in ["/guarded", "/optional"] {
        for (scheme, line) in &good {
            assert_eq!(inside.ask(&format!("GET {path}\n{line}"), "").status, 200, "{scheme}");
            let head = upstream.heads().pop().unwrap();
            assert!(head.contains(&format!("\r\nx-trackgate-scheme: {scheme}\r\n")), "{head}");
        }
    }
}

#[test]
fn a_bad_credential_never_falls_through_to_another_scheme_or_to_anonymous() {
    let upstream = Upstream::start();
    let inside = start(&upstream);
    let rider = inside.account("rider");
    assert_eq!(inside.ask("GET /optional", "").status, 200, "without a credential it is open");
    assert_eq!(upstream.heads().len(), 1);
    let mistyped = format!("{}x", inside.token(&rider, "points:write").split_at(20).0);
    let bad = [
        basic("rider", "wrong"),
        basic("nobody", "wrong"),
        "Authorization: Basic %%%".to_owned(),
        "Authorization: Bearer a.b.c".to_owned(),
        "Authorization: Bearer".to_owned(),
        format!("Authorization: Bearer {mistyped}"),
        "Authorization: Digest x".to_owned(),
        format!("token: {}", "a".repeat(32)),
        "token: ".to_owned(),
    ];
    for line in bad {
        for path in ["/guarded", "/optional"] {
            let answer = inside.ask(&format!("GET {path}\n{line}"), "");
            assert_eq!(answer.status, 401, "{path} {line}: {answer:?}");
        }
    }
    assert_eq!(upstream.heads().len(), 1, "nothing passed");
}

#[test]
fn the_first_scheme_that_finds_its_credential_decides() {
    let upstream = Upstream::start();
    let routes = r#"
[schemes.other]
kind = "sliding"
header = "token"
[schemes.tokens]
kind = "bearer"
header = "token"
[[routes]]
name = "sign-in"
tracker = "lptracker"
[[routes]]
name = "own-first"
match = "GET /own-first"
auth = ["tokens", "lp", "other"]
upstream = "up"
[[routes]]
name = "other-first"
match = "GET /other-first"
auth = ["tokens", "other", "lp"]
upstream = "up"
"#;
    let inside = Inside::start(&format!("{}{routes}", upstream.config()));
    let rider = inside.account("rider");
    let sliding = sliding(&inside, "127.0.0.1", "rider");
    let api = inside.token(&rider, "points:read");
    // All three read one header. A sliding token is no API token, so the first looks on; the next finds a
    // token of its kind, and the last is not asked.
    for (path, token, status) in [
        ("/own-first", &sliding, 200),
        ("/other-first", &sliding, 401),
        ("/own-first", &api, 200),
        ("/other-first", &api, 200),
    ] {
        for _ in 0..2 {
            assert_eq!(inside.ask(&format!("GET {path}\ntoken: {token}"), "").status, status, "{path}");
        }
    }
    assert_eq!(upstream.heads().len(), 6);
}

#[test]
fn bas_17_brt_08_two_credentials_are_refused_before_any_scheme_runs() {
    let upstream = Upstream::start();
    let inside = start(&upstream);
    let rider = inside.account("rider");
    let good = basic("rider", "correct-horse");
    let api = format!("Authorization: Bearer {}", inside.token(&rider, "points:write"));
    let lp = format!("token: {}", sliding(&inside, "127.0.0.1", "rider"));
    let wrong = basic("rider", "wrong");
    // More than the three guesses that would lock the account, had a scheme looked at them.
    for (one, other) in [
        (&good, &good),
        (&good, &api),
        (&good, &lp),
        (&lp, &lp),
        (&wrong, &lp),
        (&wrong, &api),
        (&wrong, &good),
        (&wrong, &wrong),
    ] {
        for path in ["/guarded", "/optional"] {
            let answer = inside.ask(&format!("GET {path}\n{one}\n{other}"), "");
            assert_eq!(answer.status, 400, "{one} {other}: {answer:?}");
        }
    }
    let joined = format!("GET /guarded\n{good}, {}", api.split_once(": ").unwrap().1);
    assert!(matches!(inside.ask(&joined, "").status, 400 | 401));
    assert_eq!(upstream.heads().len(), 0, "nothing passed");
    assert_eq!(inside.ask(&format!("GET /guarded\n{good}"), "").status, 200, "nothing was counted");
}

#[test]
fn brt_02_brt_03_a_401_names_every_scheme_of_the_route() {
    let upstream = Upstream::start();
    let inside = start(&upstream);
    inside.account("rider");
    let challenges = |head: &str| {
        let answer = inside.ask(head, "");
        assert_eq!(answer.status, 401);
        let all = answer.headers.get_all("www-authenticate").iter();
        all.map(|line| line.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let missing = challenges("GET /guarded");
    assert!(missing.contains(&r#"Basic realm="trackgate", charset="UTF-8""#.to_owned()), "{missing:?}");
    assert!(missing.iter().any(|line| line.starts_with("Bearer")), "{missing:?}");
    assert!(missing.iter().all(|line| !line.contains("error")), "{missing:?}");
    let wrong = challenges(&format!("GET /guarded\n{}", basic("rider", "wrong")));
    assert!(wrong.iter().any(|line| line.starts_with("Basic ")), "{wrong:?}");
    assert!(wrong.iter().any(|line| line.starts_with("Bearer")), "{wrong:?}");
    let unknown = challenges("GET /tokens\nAuthorization: Bearer a.b.c");
    assert!(unknown.iter().any(|line| line.contains(r#"error="invalid_token""#)), "{unknown:?}");
    assert!(challenges("GET /tokens").iter().all(|line| !line.starts_with("Basic")));
}

#[test]
fn rlk_10_on_a_public_route_credentials_are_neither_checked_nor_counted() {
    let upstream = Upstream::start();
    let inside = start(&upstream);
    inside.account("rider");
    for _ in 0..6 {
        assert_eq!(inside.ask(&format!("GET /open\n{}", basic("rider", "wrong")), "").status, 200);
        assert_eq!(inside.ask("GET /open\nAuthorization: Bearer nonsense\ntoken: nonsense", "").status, 200);
    }
    for head in upstream.heads() {
        assert!(head.contains("\r\nx-trackgate-user: \r\n"), "{head}");
        assert!(head.contains("\r\nx-trackgate-subject: \r\n"), "{head}");
    }
    assert_eq!(inside.ask(&format!("GET /guarded\n{}", basic("rider", "correct-horse")), "").status, 200);
}

#[test]
fn brt_07_sld_13_a_credential_in_another_place_is_not_looked_at() {
    let inside = Inside::start("");
    let rider = inside.account("rider");
    for (scheme, head) in credentials(&inside, &rider) {
        assert!(status_is_good(&inside, &head), "{scheme}");
        let (line, credential) = head.split_once('\n').unwrap();
        let value = credential.rsplit([' ', ':']).next().unwrap();
        for elsewhere in [
            format!("{line}?token={value}&access_token={value}"),
            format!("{line}\nCookie: token={value}; access_token={value}"),
        ] {
            assert!(!status_is_good(&inside, &elsewhere), "{scheme}");
        }
    }
}

fn status_is_good(inside: &Inside, head: &str) -> bool {
    let answer = inside.ask(head, "");
    match super::status(&answer) {
        200 => true,
        401 => false,
        _ => panic!("{head}: {answer:?}"),
    }
}
