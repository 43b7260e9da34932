//! Sessions and the password by the pages.

use std::time::{Duration, Instant};

use super::{Browser, sign_in};
use crate::harness::{Answer, Inside, ask};

fn lp(inside: &Inside, password: &str) -> String {
    let body = format!(
        r#"{{"login":"rider@example.org","password":"{password}","service":"PHP <b>SDK</b>","version":"1.0"}}"#
    );
    let answer = inside.ask("POST /login\nContent-Type: application/json", &body);
    answer.json()["result"]["token"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

fn lp_is_good(inside: &Inside, token: &str) -> bool {
    let answer = inside.ask(&format!("POST /logout\ntoken: {token}"), "");
    answer.json()["status"] == "success"
}

fn fit(inside: &Inside, password: &str) -> String {
    let body = format!(r#"{{"email":"rider@example.org","password":"{password}"}}"#);
    let answer = inside.ask("POST /api/auth/login\nContent-Type: application/json", &body);
    answer.json()["auth_token"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

fn fit_status(inside: &Inside, token: &str) -> u16 {
    inside.ask(&format!("GET /api/auth/profile\nAuthorization: Bearer {token}"), "").status
}

fn ids(page: &Answer) -> Vec<String> {
    let parts = page.text().split("action=\"/account/sessions/").skip(1);
    parts
        .filter_map(|part| part.split_once("/end\""))
        .map(|(id, _)| id.to_owned())
        .filter(|id| !id.contains('"'))
        .collect()
}

#[test]
fn every_session_is_listed_and_ended_by_itself() {
    let inside = Inside::start("");
    inside.account("rider");
    let browser = Browser::sign_in(&inside, "rider");
    let token = lp(&inside, "correct-horse");
    fit(&inside, "correct-horse");
    let page = browser.get("/account/sessions");
    let text = page.text();
    assert!(text.contains("PHP &#60;b&#62;SDK&#60;/b&#62;") && !text.contains("<b>SDK"), "{text}");
    assert!(text.contains("this browser") && text.contains("127.0.0.1") && text.contains("LPTracker"));
    assert!(text.contains("Signed tokens") && text.contains("FitTrackee"));
    let ids = ids(&page);
    assert_eq!(ids.len(), 3, "two sessions and a signed token");
    let ended = browser.post("/account/sessions", &format!("/account/sessions/{}/end", ids[1]), "");
    assert_eq!(ended.status, 303);
    assert!(!lp_is_good(&inside, &token));
    assert!(browser.is_signed_in());
    assert_eq!(browser.post("/account/sessions", &format!("/account/sessions/{}/end", ids[1]), "").status, 404);
    assert_eq!(browser.post("/account/sessions", &format!("/account/sessions/{}/end", ids[0]), "").status, 303);
    assert!(!browser.is_signed_in(), "its own session can be ended too");
}

#[test]
fn rev_06_one_signed_token_is_ended_and_others_live_on() {
    let inside = Inside::start("");
    inside.account("rider");
    inside.account("other");
    let browser = Browser::sign_in(&inside, "rider");
    let ended = fit(&inside, "correct-horse");
    inside.advance(Duration::from_secs(1));
    let other = fit(&inside, "correct-horse");
    // The other one is used, and signed out where it was issued.
    assert_eq!((fit_status(&inside, &ended), fit_status(&inside, &other)), (200, 200));
    let signed = || ids(&browser.get("/account/sessions")).into_iter().filter(|id| id.starts_with("signed/"));
    let listed: Vec<String> = signed().collect();
    assert_eq!(listed.len(), 2);
    let path = format!("/account/sessions/{}/end", listed[1]);
    let stranger = Browser::sign_in(&inside, "other");
    assert_eq!(stranger.post("/account/sessions", &path, "").status, 404);
    assert_eq!(fit_status(&inside, &ended), 200);
    let answer = browser.post("/account/sessions", &path, "");
    assert_eq!((answer.status, answer.header("location")), (303, "/account/sessions?done=token_ended"));
    assert_eq!((fit_status(&inside, &ended), fit_status(&inside, &other)), (401, 200));
    assert_eq!(browser.post("/account/sessions", &path, "").status, 404);
    let out = inside.ask(&format!("POST /api/auth/logout\nAuthorization: Bearer {other}"), "");
    assert_eq!((out.status, signed().count()), (200, 0));
}

#[test]
fn the_last_use_of_a_signed_token_is_shown() {
    let inside = Inside::start("");
    inside.account("rider");
    let browser = Browser::sign_in(&inside, "rider");
    let token = fit(&inside, "correct-horse");
    assert!(browser.get("/account/sessions").text().contains("not yet"));
    assert_eq!(fit_status(&inside, &token), 200);
    // It is noted in memory, and written soon.
    let until = Instant::now() + Duration::from_secs(20);
    while browser.get("/account/sessions").text().contains("not yet") {
        assert!(Instant::now() < until, "the last use is not written");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn rev_09_end_all_ends_all_but_this_browser_and_api_tokens() {
    let inside = Inside::start("");
    let account = inside.account("rider");
    let mut browser = Browser::sign_in(&inside, "rider");
    let other = Browser::sign_in(&inside, "rider");
    let (lp, fit, api) = (lp(&inside, "correct-horse"), fit(&inside, "correct-horse"), inside.token(&account, "*"));
    inside.advance(Duration::from_secs(1));
    let answer = browser.post("/account/sessions", "/account/sessions/end-all", "");
    assert_eq!((answer.status, answer.header("location")), (303, "/account/sessions?done=all_ended"));
    assert!(!browser.is_signed_in(), "the old value is dead");
    browser.cookie = super::cookie(&answer);
    assert!(browser.is_signed_in() && !other.is_signed_in());
    assert!(!lp_is_good(&inside, &lp));
    assert_eq!(fit_status(&inside, &fit), 401);
    assert_eq!(fit_status(&inside, &api), 200);
    assert!(!browser.get("/account/sessions").text().contains("Signed tokens"));
}

#[test]
fn rev_09_a_new_password_ends_all_older_credentials_but_this_browser() {
    let inside = Inside::start("");
    let account = inside.account("rider");
    let mut browser = Browser::sign_in(&inside, "rider");
    let other = Browser::sign_in(&inside, "rider");
    let (lp, fit) = (lp(&inside, "correct-horse"), fit(&inside, "correct-horse"));
    let fields = "present=correct-horse&new=battery-staple&repeat=battery-staple";
    let answer = browser.post("/account/password", "/account/password", fields);
    assert_eq!((answer.status, answer.header("location")), (303, "/account/password?done=password_changed"));
    browser.cookie = super::cookie(&answer);
    assert!(browser.is_signed_in() && !other.is_signed_in() && !lp_is_good(&inside, &lp));
    assert_eq!(fit_status(&inside, &fit), 401);
    assert_eq!(sign_in(&inside, "rider", "correct-horse", "").status, 403);
    Browser::sign_in_with(&inside, "rider", "battery-staple");
    assert!(browser.get("/account/events").text().contains("Password changed"));
    assert!(inside.wait(inside.gateway().accounts().store().account(account.id)).unwrap().unwrap().generation > 0);
}

#[test]
fn pwd_07_no_password_is_changed_without_the_present_one() {
    let inside = Inside::start("[guessing]\nper_account = 4\n");
    let account = inside.account("rider");
    let browser = Browser::sign_in(&inside, "rider");
    let before = super::state(&inside, &account);
    let change = |fields: &str| browser.post("/account/password", "/account/password", fields);
    for (fields, status, told) in [
        ("new=battery-staple&repeat=battery-staple", 403, "present-error"),
        ("present=wrong-horse&new=battery-staple&repeat=battery-staple", 403, "present-error"),
        ("present=correct-horse&new=battery-staple&repeat=battery-stapler", 422, "repeat-error"),
        ("present=correct-horse&new=short&repeat=short", 422, "new-error"),
        ("present=correct-horse&new=&repeat=", 422, "new-error"),
        (&format!("present=correct-horse&new={0}&repeat={0}", "x".repeat(1025)), 422, "new-error"),
    ] {
        let answer = change(fields);
        assert_eq!(answer.status, status, "{fields}");
        assert!(answer.text().contains(&format!("id=\"{told}\"")), "{fields}");
        assert!(!answer.text().contains("battery") && !answer.text().contains("wrong-horse"), "none is repeated");
    }
    // Guesses here count as everywhere else.
    for _ in 0..2 {
        change("present=wrong-horse&new=battery-staple&repeat=battery-staple");
    }
    let locked = change("present=correct-horse&new=battery-staple&repeat=battery-staple");
    assert_eq!(locked.status, 403);
    assert_ne!(locked.header("retry-after"), "");
    assert_eq!(super::state(&inside, &account), before);
}

#[test]
fn web_02_the_cookie_opens_nothing_but_pages() {
    let inside = Inside::start("");
    inside.account("rider");
    let browser = Browser::sign_in(&inside, "rider");
    let value = browser.cookie.split_once('=').unwrap().1.to_owned();
    for path in ["/user", "/auth", "/api/auth/profile", "/api/v2/sessions.php", "/contact/1", "/users"] {
        let head = format!("GET {path}\nCookie: {}\nOrigin: http://evil.example", browser.cookie);
        let with = ask(inside.address(), &head, "");
        let without = ask(inside.address(), &format!("GET {path}\nOrigin: http://evil.example"), "");
        assert_eq!(with.status, without.status, "{path}");
        assert_eq!(with.body, without.body, "{path}");
        assert_eq!(with.header("access-control-allow-credentials"), "", "{path}");
    }
    // Its value is no token elsewhere either.
    assert!(!lp_is_good(&inside, &value));
    assert_ne!(fit_status(&inside, &value), 200);
    assert!(browser.is_signed_in());
}
