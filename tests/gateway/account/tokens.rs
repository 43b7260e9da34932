//! API tokens by the pages.

use std::time::Duration;

use super::{Browser, between};
use crate::harness::{Answer, Inside, basic};

fn made(browser: &Browser, fields: &str) -> Answer {
    browser.post("/account/tokens/new", "/account/tokens", fields)
}

/// The token that a page shows this once.
fn shown(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    between(answer.text(), "id=\"token\" class=\"mono\" value=\"", "\"").unwrap().to_owned()
}

fn auth(inside: &Inside, name: &str, token: &str) -> u16 {
    inside.ask(&format!("GET /auth\n{}", basic(name, token)), "").status
}

#[test]
fn a_token_is_shown_once_works_and_is_revoked() {
    let inside = Inside::start("");
    inside.account("Rider");
    let browser = Browser::sign_in(&inside, "rider");
    let page = made(&browser, "label=my%20phone&grant=points:write&grant=sessions:read&expiry=30d");
    let token = shown(&page);
    assert!(token.starts_with("tg_"));
    let write = format!("'Rider:{token}' --data-binary 'samples spd_kph=25.4,hr_bpm=131'").replace('\'', "&#39;");
    assert!(page.text().contains(&write), "{}", page.text());
    assert!(page.text().contains("/write?db=rider"));
    assert!(page.text().contains(&format!("Authorization: Bearer {token}")));
    assert_eq!(auth(&inside, "Rider", &token), 200);
    let bearer = format!("GET /api/v2/sessions.php\nAuthorization: Bearer {token}");
    assert_eq!(inside.ask(&bearer, "").status, 200);
    for path in ["/account/tokens", "/account", "/account/events"] {
        assert!(!browser.get(path).text().contains(&token), "{path}");
    }
    let list = browser.get("/account/tokens");
    assert!(list.text().contains("my phone") && list.text().contains("Send live data"));
    let id = between(list.text(), "href=\"/account/tokens/", "\"").filter(|id| *id != "new").map(ToOwned::to_owned);
    let id = id.unwrap_or_else(|| {
        let rest = list.text().split_once("class=\"button small\" href=\"/account/tokens/").unwrap().1;
        rest.split('"').next().unwrap().to_owned()
    });
    let one = format!("/account/tokens/{id}");
    // Uses are written in steps.
    let is_told = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        browser.get(&one).text().contains("<span class=\"mono muted\">127.0.0.1</span>")
    });
    assert!(is_told, "the last use is told");
    let revoked = browser.post(&one, &format!("{one}/revoke"), "");
    assert_eq!((revoked.status, revoked.header("location")), (303, "/account/tokens?done=token_revoked"));
    assert_eq!(auth(&inside, "Rider", &token), 403);
    assert_eq!(inside.ask(&bearer, "").status, 401);
    assert_eq!(browser.get(&one).status, 404);
    assert_eq!(browser.post("/account", &format!("{one}/revoke"), "").status, 404);
}

#[test]
fn brt_10_a_token_is_rotated_with_an_overlap() {
    let inside = Inside::start("");
    let account = inside.account("rider");
    let browser = Browser::sign_in(&inside, "rider");
    for (overlap, seconds) in [("0", 0), ("1h", 3600), ("1d", 86_400)] {
        let old = inside.token(&account, "points:read");
        let id = inside.wait(inside.gateway().accounts().store().list_tokens(Some(account.id))).unwrap();
        let id = id.iter().find(|held| old.contains(&*held.id)).unwrap().id.clone();
        let page =
            browser.post("/account/tokens/new", &format!("/account/tokens/{id}/rotate"), &format!("overlap={overlap}"));
        let new = shown(&page);
        assert_eq!(auth(&inside, "rider", &new), 200);
        if seconds > 0 {
            inside.advance(Duration::from_secs(seconds - 1));
            assert_eq!(auth(&inside, "rider", &old), 200, "{overlap}");
            inside.advance(Duration::from_secs(1));
        }
        assert_eq!(auth(&inside, "rider", &old), 403, "{overlap}");
    }
    let held = inside.token(&account, "points:read");
    let tokens = inside.wait(inside.gateway().accounts().store().list_tokens(Some(account.id))).unwrap();
    let id = &tokens.iter().find(|token| held.contains(&*token.id)).unwrap().id;
    assert_eq!(browser.post("/account/tokens/new", &format!("/account/tokens/{id}/rotate"), "overlap=99y").status, 400);
    assert_eq!(auth(&inside, "rider", &held), 200);
}

#[test]
fn brt_13_a_token_never_gets_more_than_the_account_has() {
    let inside = Inside::start("");
    let account = inside.account("rider");
    let browser = Browser::sign_in(&inside, "rider");
    let before = super::state(&inside, &account);
    for (grant, status) in
        [("account:admin", 403), ("account:read", 403), ("points:read&grant=account:admin", 403), ("no+grant", 400)]
    {
        let answer = made(&browser, &format!("label=x&grant={grant}&expiry=30d"));
        assert_eq!(answer.status, status, "{grant}");
    }
    assert_eq!(super::state(&inside, &account), before);
    assert!(!browser.get("/account/tokens/new").text().contains("account:admin"));
}

#[test]
fn what_is_missing_is_told_beside_its_field_and_nothing_is_made() {
    let inside = Inside::start("");
    let account = inside.account("rider");
    let browser = Browser::sign_in(&inside, "rider");
    let before = super::state(&inside, &account);
    for (fields, told) in [
        ("label=&grant=points:read&expiry=30d", "id=\"label-error\""),
        ("label=x&expiry=30d", "id=\"grants-error\""),
        ("label=x&grant=points:read&expiry=date&date=2020-01-01", "id=\"date-error\""),
        ("label=x&grant=points:read&expiry=date&date=soon", "id=\"date-error\""),
        (&format!("label={}&grant=points:read&expiry=30d", "x".repeat(65)), "id=\"label-error\""),
    ] {
        let answer = made(&browser, fields);
        assert_eq!(answer.status, 422, "{fields}");
        assert!(answer.text().contains(told), "{fields}");
    }
    assert_eq!(super::state(&inside, &account), before);
}

#[test]
fn brt_14_a_token_opens_no_page() {
    let inside = Inside::start("");
    let account = super::admin(&inside, "rider");
    let token = inside.token(&account, "* account:admin");
    let before = super::state(&inside, &account);
    for line in [
        format!("Authorization: Bearer {token}"),
        basic("rider", &token),
        basic("rider", "correct-horse"),
        format!("Cookie: trackgate={token}"),
        format!("token: {token}"),
    ] {
        for path in super::OWN_PAGES.into_iter().chain(super::ADMIN_PAGES) {
            let answer = inside.ask(&format!("GET {path}\n{line}"), "");
            assert_eq!(answer.status, 303, "{path} {line}");
        }
        let origin = format!("Origin: http://{}", inside.address());
        for (_, path, fields) in super::OWN_FORMS {
            let answer = inside.ask(&format!("POST {path}\n{}\n{origin}\n{line}", super::FORM), fields);
            assert!(matches!(answer.status, 401 | 404), "{path} {line}: {}", answer.status);
        }
    }
    assert_eq!(super::state(&inside, &account), before);
}
