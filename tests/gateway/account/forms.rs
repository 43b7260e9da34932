//! What a form must have before it changes anything.

use super::{ADMIN_FORMS, Browser, FORM, OWN_FORMS, admin, state};
use crate::harness::Inside;

/// A form's path for an account that has one token, one session and one link.
fn filled(inside: &Inside, account: &trackgate_schemes::store::Account, path: &str) -> String {
    let accounts = inside.gateway().accounts();
    let id = account.id;
    inside.wait(async {
        let tokens = accounts.store().list_tokens(Some(id)).await.unwrap();
        let sessions = accounts.store().list_sessions(Some(id)).await.unwrap();
        let links = accounts.shares(id).await.unwrap();
        let path = path.replace("{token}", tokens.first().map_or("none", |token| &token.id));
        let path = path.replace("{session}", sessions.first().map_or("none", |session| &session.id));
        let path = path.replace("{link}", links.first().map_or("none", |link| &link.id));
        path.replace("{account}", &id.to_string())
    })
}

fn with_things(inside: &Inside, browser: &Browser) {
    let made = browser.post("/account/tokens/new", "/account/tokens", "label=a&grant=points:read&expiry=never");
    assert_eq!(made.status, 200, "{}", made.text());
    let made = browser.post("/account/sharing", "/account/sharing/links", "label=a&life=1h");
    assert_eq!(made.status, 200, "{}", made.text());
    assert!(inside.address().port() > 0);
}

#[test]
fn web_03_no_form_changes_anything_without_its_token_or_from_a_foreign_page() {
    let inside = Inside::start("");
    let account = admin(&inside, "rider");
    let mut browser = Browser::sign_in(&inside, "rider");
    with_things(&inside, &browser);
    let other = inside.account("other");
    let others = Browser::sign_in(&inside, "other").csrf("/account");
    let csrf = browser.csrf("/account");
    let own = format!("http://{}", inside.address());
    let before = state(&inside, &account) + &state(&inside, &other);
    let forms = OWN_FORMS.iter().map(|(_, path, fields)| (filled(&inside, &account, path), *fields));
    let forms = forms.chain(ADMIN_FORMS.iter().map(|path| (filled(&inside, &other, path), "")));
    for (path, fields) in forms.chain([("/account/sign-out".to_owned(), "")]) {
        // No token, an empty one, another session's, the right one in the query or a header.
        for token in
            ["", "csrf=", &format!("csrf={others}"), &format!("csrf={csrf}x"), &format!("csrf={}", csrf.split_at(1).1)]
        {
            browser.lines = format!("Origin: {own}\nSec-Fetch-Site: same-origin\n");
            let answer = browser.post_raw(&path, &format!("{token}&{fields}"));
            assert_eq!(answer.status, 403, "{path} {token}");
        }
        browser.lines = format!("Origin: {own}\nX-CSRF-Token: {csrf}\n");
        assert_eq!(browser.post_raw(&format!("{path}?csrf={csrf}"), fields).status, 403, "{path}");
        // The right token, and a browser that says that a foreign page sent it.
        for lines in [
            "Origin: null\n".to_owned(),
            "Origin: http://evil.example\n".to_owned(),
            format!("Origin: https://{}\n", inside.address()),
            format!("Origin: http://{}1\n", inside.address()),
            format!("Origin: {own}.evil.example\n"),
            "Sec-Fetch-Site: cross-site\n".to_owned(),
            format!("Origin: {own}\nSec-Fetch-Site: same-site\n"),
            format!("Origin: {own}\nOrigin: http://evil.example\n"),
        ] {
            browser.lines = lines;
            let answer = browser.post_raw(&path, &format!("csrf={csrf}&{fields}"));
            assert_eq!(answer.status, 403, "{path} {}", browser.lines);
            assert!(answer.text().contains("Nothing was changed."));
        }
        // A form in another form.
        browser.lines = format!("Origin: {own}\n");
        for kind in ["text/plain", "application/json", "multipart/form-data; boundary=x"] {
            let head = format!("POST {path}\nCookie: {}\nContent-Type: {kind}\n{}", browser.cookie, browser.lines);
            let answer = inside.ask(&head, &format!("csrf={csrf}&{fields}"));
            assert_eq!(answer.status, 400, "{path} {kind}");
        }
        // It cannot be sent by a link or a picture either.
        browser.lines = String::new();
        let read = browser.get(&format!("{path}?csrf={csrf}&{fields}"));
        assert!(matches!(read.status, 200 | 404 | 405), "{path}: {}", read.status);
    }
    assert_eq!(state(&inside, &account) + &state(&inside, &other), before);
    assert!(browser.is_signed_in());
}

#[test]
fn web_03_nobody_is_signed_in_by_a_foreign_page() {
    let inside = Inside::start("");
    inside.account("rider");
    let own = format!("http://{}", inside.address());
    for lines in ["", "Origin: null\n", "Origin: http://evil.example\n", "Sec-Fetch-Site: cross-site\n"] {
        let answer =
            inside.ask(&format!("POST /account/sign-in\n{FORM}\n{lines}"), "login=rider&password=correct-horse");
        assert_eq!((answer.status, answer.header("set-cookie")), (403, ""), "{lines}");
    }
    for lines in [format!("Origin: {own}\n"), "Sec-Fetch-Site: same-origin\n".to_owned()] {
        let answer =
            inside.ask(&format!("POST /account/sign-in\n{FORM}\n{lines}"), "login=rider&password=correct-horse");
        assert_eq!(answer.status, 303, "{lines}");
    }
}

#[test]
fn web_01_a_configured_url_is_the_only_origin() {
    let inside = Inside::start("[pages.account]\nurl = \"https://gate.example.org\"\n");
    inside.account("rider");
    let ask = |origin: &str| {
        inside.ask(&format!("POST /account/sign-in\n{FORM}\nOrigin: {origin}"), "login=rider&password=correct-horse")
    };
    assert_eq!(ask("https://gate.example.org").status, 303);
    for origin in [format!("http://{}", inside.address()), "https://gate.example.org:444".to_owned()] {
        assert_eq!(ask(&origin).status, 403, "{origin}");
    }
}

#[test]
fn web_11_members_that_a_form_does_not_have_change_nothing() {
    let inside = Inside::start("");
    let account = inside.account("rider");
    let other = inside.account("other");
    let browser = Browser::sign_in(&inside, "rider");
    let before = state(&inside, &other);
    let more = format!("account={0}&id={0}&admin=true&grants=account:admin&state=active", other.id);
    let fields = format!("label=x&grant=points:read&expiry=30d&{more}");
    assert_eq!(browser.post("/account/tokens/new", "/account/tokens", &fields).status, 200);
    let fields = format!("visibility=private&{more}");
    assert_eq!(browser.post("/account/sharing", "/account/sharing/visibility", &fields).status, 303);
    assert_eq!(state(&inside, &other), before);
    let after = inside.wait(inside.gateway().accounts().store().account(account.id)).unwrap().unwrap();
    assert_eq!(after.grants, account.grants);
}

#[test]
fn a_form_that_cannot_be_read_or_is_too_large_changes_nothing() {
    let inside = Inside::start("");
    let account = inside.account("rider");
    let browser = Browser::sign_in(&inside, "rider");
    let csrf = browser.csrf("/account");
    let before = state(&inside, &account);
    for bad in ["label=%zz", "label=%ff", "label=%00", &"a&".repeat(300)] {
        let answer = browser.post_raw("/account/tokens", &format!("csrf={csrf}&grant=points:read&expiry=30d&{bad}"));
        assert_eq!(answer.status, 400, "{bad}");
    }
    let large = format!("csrf={csrf}&label={}", "x".repeat(70_000));
    assert_eq!(browser.post_raw("/account/tokens", &large).status, 413);
    assert_eq!(state(&inside, &account), before);
}
