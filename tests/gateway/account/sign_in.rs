//! Signing in and out.

use std::time::Duration;

use super::{Browser, FORM, between, cookie, sign_in};
use crate::harness::{Answer, Inside, basic};

const THREE: &str = "[guessing]\nper_account = 3\nper_network = 100\n";

#[test]
fn web_06_the_cookie_is_for_this_host_and_no_script_and_new_at_each_sign_in() {
    let inside = Inside::start("");
    inside.account("rider");
    let first = sign_in(&inside, "rider", "correct-horse", "");
    let line = first.headers.get("set-cookie").unwrap().to_str().unwrap();
    let (pair, rest) = line.split_once("; ").unwrap();
    assert_eq!(rest, "Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000", "on plain HTTP without `Secure`");
    let token = pair.strip_prefix("trackgate=").unwrap();
    assert!(token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    // A value that was there before is not taken over, and its session ends.
    let second = sign_in(&inside, "rider@example.org", "correct-horse", &format!("Cookie: {pair}"));
    assert_ne!(cookie(&second), pair);
    let old = Browser { address: inside.address(), cookie: pair.to_owned(), lines: String::new() };
    assert!(!old.is_signed_in());
    let planted = sign_in(&inside, "rider", "correct-horse", "Cookie: trackgate=plantedplantedplantedplanted1234");
    assert!(!cookie(&planted).contains("planted"));
    // Behind a proxy, or under TLS, it is one that browsers take by TLS from this host alone.
    let secure = Inside::start("[listen]\ntrusted_proxies = [\"192.0.2.1/32\"]\n");
    secure.account("rider");
    let head = format!("POST /account/sign-in\n{FORM}\nOrigin: https://{}", secure.address());
    let answer = secure.ask(&head, "login=rider&password=correct-horse");
    let line = answer.headers.get("set-cookie").unwrap().to_str().unwrap();
    assert!(line.starts_with("__Host-trackgate="), "{line}");
    assert!(line.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=2592000"), "{line}");
    let plain = format!("trackgate={}", line.split_once('=').unwrap().1.split(';').next().unwrap());
    assert_eq!(secure.ask(&format!("GET /account\nCookie: {plain}"), "").status, 303, "the plain one is none there");
}

/// Status, header lines and body, but for what is unlike in each answer; the login stands in the form again.
fn lasting(answer: &Answer, login: &str) -> (u16, Vec<String>, String) {
    let unlike = |name: &str| matches!(name, "content-length" | "date" | "x-request-id");
    let headers = answer.headers.iter().filter(|(name, _)| !unlike(name.as_str()));
    let headers = headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    (answer.status, headers, answer.text().replace(&format!("value=\"{login}\""), "value=\"LOGIN\""))
}

#[test]
fn enu_01_enu_02_unknown_wrong_and_disabled_are_one_answer() {
    let inside = Inside::start("");
    inside.account("rider");
    let off = inside.account("off");
    let admin = super::admin(&inside, "admin");
    assert_ne!(admin.id, off.id);
    let boss = Browser::sign_in(&inside, "admin");
    let page = format!("/account/admin/accounts/{}", off.id);
    assert_eq!(boss.post(&page, &format!("{page}/disable"), "").status, 303);
    let wrong = sign_in(&inside, "rider", "wrong-horse", "");
    assert_eq!(wrong.status, 403);
    assert!(wrong.text().contains("The name or the password is not right."));
    let expected = lasting(&wrong, "rider");
    for (login, password) in [
        ("nobody", "wrong-horse"),
        ("off", "correct-horse"),
        ("off", "wrong-horse"),
        ("nobody@example.org", ""),
        ("rider@example.org", "wrong-horse"),
    ] {
        assert_eq!(lasting(&sign_in(&inside, login, password, ""), login), expected, "{login} {password}");
    }
}

#[test]
fn rlk_02_the_form_shares_the_counter_of_every_door() {
    let inside = Inside::start(THREE);
    inside.account("rider");
    for n in 0..2 {
        assert_eq!(sign_in(&inside, "rider", &format!("guess-{n}"), "").status, 403);
    }
    inside.ask(&format!("GET /auth\n{}", basic("rider", "guess")), "");
    for password in ["guess", "correct-horse"] {
        let locked = sign_in(&inside, "rider", password, "");
        assert_eq!(locked.status, 403);
        let wait: u64 = locked.header("retry-after").parse().unwrap();
        assert!((1..=900).contains(&wait));
        assert!(locked.text().contains("not right. Try again in 15 min."), "{}", locked.text());
    }
    assert_ne!(inside.ask(&format!("GET /auth\n{}", basic("rider", "correct-horse")), "").status, 200);
    inside.advance(Duration::from_secs(15 * 60 + 1));
    assert_eq!(sign_in(&inside, "rider", "correct-horse", "").status, 303);
}

#[test]
fn who_is_not_signed_in_is_led_to_the_sign_in_and_back() {
    let inside = Inside::start("");
    inside.account("rider");
    for path in super::OWN_PAGES {
        let answer = inside.ask(&format!("GET {path}"), "");
        assert_eq!(answer.status, 303, "{path}");
        let next = if path == "/account" { String::new() } else { format!("?next={path}") };
        assert_eq!(answer.header("location"), format!("/account/sign-in{next}"));
        assert_eq!(answer.header("www-authenticate"), "");
    }
    let page = inside.ask("GET /account/sign-in?next=/account/tokens", "");
    assert_eq!(between(page.text(), "name=\"next\" value=\"", "\""), Some("/account/tokens"));
    let origin = format!("Origin: http://{}", inside.address());
    let head = format!("POST /account/sign-in\n{FORM}\n{origin}");
    for (next, location) in [
        ("/account/tokens", "/account/tokens"),
        ("//evil.example/", "/account"),
        ("https://evil.example/", "/account"),
        ("/%5Cevil.example", "/account"),
        ("javascript:alert(1)", "/account"),
    ] {
        let answer = inside.ask(&head, &format!("login=rider&password=correct-horse&next={next}"));
        assert_eq!(answer.header("location"), location, "{next}");
    }
    // A dead cookie is removed on the way.
    let dead = inside.ask("GET /account/events\nCookie: trackgate=dead", "");
    assert_eq!((dead.status, dead.header("location")), (303, "/account/sign-in?ended=1&next=/account/events"));
    assert_eq!(dead.header("set-cookie"), "trackgate=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    // Who is signed in does not see the form.
    let browser = Browser::sign_in(&inside, "rider");
    assert_eq!(browser.get("/account/sign-in?next=/account/events").header("location"), "/account/events");
}

#[test]
fn rev_01_and_rev_14_signed_out_is_signed_out_however_often() {
    let inside = Inside::start("");
    inside.account("rider");
    let browser = Browser::sign_in(&inside, "rider");
    let csrf = browser.csrf("/account");
    let answers: Vec<Answer> = (0..2).map(|_| browser.post_raw("/account/sign-out", &format!("csrf={csrf}"))).collect();
    for answer in &answers {
        assert_eq!(answer.status, 303);
        assert!(answer.header("location").starts_with("/account/sign-in"));
        assert_eq!(answer.header("set-cookie"), "trackgate=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    }
    assert!(!browser.is_signed_in());
}

#[test]
fn a_session_ends_when_it_rests_for_too_long_and_at_its_end_in_any_case() {
    let inside = Inside::start("[pages.account]\nidle = \"2h\"\nabsolute = \"5h\"\n");
    inside.account("rider");
    let browser = Browser::sign_in(&inside, "rider");
    for _ in 0..2 {
        inside.advance(Duration::from_secs(2 * 3600 - 1));
        assert!(browser.is_signed_in());
    }
    inside.advance(Duration::from_secs(3600 + 2));
    assert!(!browser.is_signed_in(), "5 h are over");
    let rested = Browser::sign_in(&inside, "rider");
    inside.advance(Duration::from_hours(2));
    assert!(!rested.is_signed_in());
}

#[test]
fn languages_follow_the_browser_and_the_link() {
    let inside = Inside::start("");
    let german = inside.ask("GET /account/sign-in\nAccept-Language: de-CH, en;q=0.5", "");
    assert!(german.text().contains("<html lang=\"de\">") && german.text().contains(">Anmelden</button>"));
    let english = inside.ask("GET /account/sign-in\nAccept-Language: fr", "");
    assert!(english.text().contains("<html lang=\"en\">"));
    let link = between(english.text(), "<a href=\"/account/language", "\"").unwrap().replace("&#38;", "&");
    let chosen = inside.ask(&format!("GET /account/language{}", link.replace("&amp;", "&")), "");
    assert_eq!((chosen.status, chosen.header("location")), (303, "/account/sign-in"));
    let cookie = chosen.header("set-cookie").split(';').next().unwrap().to_owned();
    let page = inside.ask(&format!("GET /account/sign-in\nAccept-Language: en\nCookie: {cookie}"), "");
    assert!(page.text().contains("<html lang=\"de\">"));
    assert_eq!(inside.ask("GET /account/language?to=de&next=//evil.example", "").header("location"), "/account");
    assert_eq!(inside.ask("GET /account/language?to=xx", "").status, 404);
}
