//! What every page is sent with, and what is never in it.

use super::{ADMIN_PAGES, Browser, OWN_PAGES, admin, between, sign_in};
use crate::harness::{Answer, Inside};

fn check(answer: &Answer, what: &str) {
    let policy = answer.header("content-security-policy");
    for part in
        ["default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"]
    {
        assert!(policy.contains(part), "{what}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{what}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(answer.header("referrer-policy"), "same-origin", "{what}");
    assert_eq!(answer.header("cache-control"), "no-store", "{what}");
    assert_eq!(answer.header("access-control-allow-origin"), "", "{what}");
    if !answer.body.is_empty() {
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{what}");
        let text = answer.text();
        for forbidden in [" style=", "<style", "onclick=", "javascript:", "<script>", "src=\"http"] {
            assert!(!text.contains(forbidden), "{what} holds {forbidden}");
        }
        assert!(text.contains("<main id=\"main\"") && text.contains("<h1") && text.contains("<html lang=\""), "{what}");
        assert_eq!(text.matches("<h1").count(), 1, "{what}");
    }
}

#[test]
fn web_05_and_web_10_every_page_is_sent_with_its_policy_and_kept_by_nobody() {
    let inside = Inside::start("");
    admin(&inside, "rider");
    let browser = Browser::sign_in(&inside, "rider");
    for path in OWN_PAGES.into_iter().chain(ADMIN_PAGES) {
        let answer = browser.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.header("strict-transport-security"), "", "not without TLS");
        check(&answer, path);
    }
    check(&inside.ask("GET /account/sign-in", ""), "sign-in");
    check(&sign_in(&inside, "rider", "wrong", ""), "wrong");
    check(&inside.ask("GET /account/tokens", ""), "to the sign-in");
    check(&browser.get("/account/none"), "no page");
    check(&browser.get("/account/tokens/none"), "no token");
    check(&browser.post_raw("/account/tokens", ""), "foreign");
    check(&inside.ask("POST /account/tokens", ""), "nobody");
    check(&browser.post("/account/tokens/new", "/account/tokens", "label=x&grant=points:read&expiry=30d"), "shown");
    let head = format!("HEAD /account\nCookie: {}", browser.cookie);
    let answer = inside.ask(&head, "");
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    let secure = Inside::start("[pages.account]\nurl = \"https://gate.example.org\"\n");
    let answer = secure.ask("GET /account/sign-in", "");
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
}

#[test]
fn web_04_and_web_09_what_somebody_typed_is_text_everywhere() {
    let inside = Inside::start("");
    let boss = admin(&inside, "rider");
    let browser = Browser::sign_in(&inside, "rider");
    let markup = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E%3Cimg+src=x+onerror=alert(1)%3E'";
    let raw = "<script>alert(1)";
    browser.post("/account/tokens/new", "/account/tokens", &format!("label={markup}&grant=points:read&expiry=never"));
    browser.post("/account/sharing", "/account/sharing/links", &format!("label={markup}&life=1h"));
    let body = r#"{"login":"rider@example.org","password":"correct-horse","service":"\"><script>alert(1)</script>","version":"1"}"#;
    inside.ask("POST /login\nContent-Type: application/json", body);
    sign_in(&inside, "%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "x", "");
    let tokens = inside.wait(inside.gateway().accounts().store().list_tokens(Some(boss.id))).unwrap();
    let pages = OWN_PAGES.into_iter().chain(ADMIN_PAGES).map(ToOwned::to_owned).chain([
        format!("/account/tokens/{}", tokens[0].id),
        format!("/account/admin?q={markup}"),
        format!("/account/admin/audit?who={markup}&service={markup}&action={markup}&since={markup}"),
        format!("/account/sign-in?next=/{markup}"),
        format!("/account/{markup}"),
        format!("/account/tokens/{markup}"),
        format!("/account?done={markup}"),
    ]);
    let mut seen = 0;
    for path in pages {
        let answer = browser.get(&path);
        assert!(!answer.text().contains(raw) && !answer.text().contains("<img src=x"), "{path}");
        seen += answer.text().matches("&#60;script&#62;").count();
    }
    assert!(seen >= 5, "the texts are shown, as text: {seen}");
    let wrong = sign_in(&inside, "%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "x", "");
    assert!(!wrong.text().contains(raw));
}

#[test]
fn assets_are_kept_for_ever_under_names_that_change_with_their_bytes() {
    let inside = Inside::start("");
    let page = inside.ask("GET /account/sign-in", "");
    for (before, kind) in [
        ("<link rel=\"stylesheet\" href=\"", "text/css; charset=utf-8"),
        ("<script src=\"", "text/javascript; charset=utf-8"),
        ("<link rel=\"icon\" href=\"", "image/svg+xml"),
    ] {
        let path = between(page.text(), before, "\"").unwrap();
        let answer = inside.ask(&format!("GET {path}"), "");
        assert_eq!((answer.status, answer.header("content-type")), (200, kind));
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let tag = answer.header("etag").to_owned();
        assert_eq!(inside.ask(&format!("GET {path}\nIf-None-Match: {tag}"), "").status, 304);
        assert_eq!(inside.ask(&format!("GET {path}x"), "").status, 404);
    }
}

#[test]
fn hdr_07_the_session_cookie_reaches_no_upstream() {
    let upstream = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = upstream.local_addr().unwrap().port();
    let got = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = upstream.accept().unwrap();
        let mut bytes = [0; 4096];
        let length = stream.read(&mut bytes).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    });
    let config = format!(
        "[upstreams.up]\nurls = [\"http://127.0.0.1:{port}\"]\n[[routes]]\nname = \"account\"\npages = \"account\"\n\
         [[routes]]\nname = \"up\"\nmatch = \"/up\"\nauth = \"none\"\npublic = \"a test\"\nupstream = \"up\"\n\
         send = {{ credentials = \"pass\" }}\n"
    );
    let inside = Inside::start(&config);
    inside.account("rider");
    let browser = Browser::sign_in(&inside, "rider");
    let head = format!("GET /up\nCookie: a=1; {}; __Host-trackgate=x; b=2", browser.cookie);
    assert_eq!(inside.ask(&head, "").status, 200);
    let got = got.join().unwrap();
    assert!(got.contains("a=1; b=2") && !got.to_lowercase().contains("trackgate="), "{got}");
}
