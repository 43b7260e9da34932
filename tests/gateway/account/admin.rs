//! What administrators do by the pages.

use super::{Browser, admin, sign_in};
use crate::harness::{Inside, basic};

#[test]
fn administrators_find_disable_enable_and_sign_out_accounts() {
    let inside = Inside::start("");
    let boss = admin(&inside, "boss");
    let rider = inside.account("Rider_One");
    let token = inside.token(&rider, "*");
    for n in 0..30 {
        let name = format!("other{n:02}");
        let registration = trackgate::accounts::Registration {
            name,
            email: None,
            password: None,
            state: trackgate_schemes::store::AccountState::Active,
            grants: trackgate_schemes::Grants::EVERYDAY,
        };
        let accounts = inside.gateway().accounts();
        inside.wait(accounts.register(registration, &trackgate::accounts::Origin::operator())).unwrap();
    }
    let browser = Browser::sign_in(&inside, "boss");
    let first = browser.get("/account/admin");
    assert!(
        first.text().contains("Rider_One") && first.text().contains("other22") && !first.text().contains("other23")
    );
    let next = super::between(first.text(), "href=\"/account/admin?after=", "\"").unwrap();
    let second = browser.get(&format!("/account/admin?after={next}"));
    assert!(
        second.text().contains("other23") && second.text().contains("other29") && !second.text().contains("Rider_One")
    );
    let found = browser.get("/account/admin?q=RIDER_one%40ex");
    assert!(found.text().contains("Rider_One") && !found.text().contains("other0"));
    assert!(browser.get("/account/admin?q=nobody-at-all").text().contains("Nobody"));
    let page = format!("/account/admin/accounts/{}", rider.id);
    let theirs = Browser::sign_in(&inside, "rider_one");
    assert_eq!(browser.post(&page, &format!("{page}/end-sessions"), "").status, 303);
    assert!(!theirs.is_signed_in() && browser.is_signed_in());
    let theirs = Browser::sign_in(&inside, "rider_one");
    assert_eq!(browser.post(&page, &format!("{page}/disable"), "").status, 303);
    assert!(!theirs.is_signed_in());
    assert_eq!(sign_in(&inside, "rider_one", "correct-horse", "").status, 403);
    assert_ne!(inside.ask(&format!("GET /auth\n{}", basic("Rider_One", &token)), "").status, 200);
    assert!(browser.get(&page).text().contains("out of use"));
    assert_eq!(browser.post(&page, &format!("{page}/enable"), "").status, 303);
    Browser::sign_in(&inside, "rider_one");
    // Nobody takes themselves out of use by a slip.
    let own = format!("/account/admin/accounts/{}", boss.id);
    assert_eq!(browser.post(&own, &format!("{own}/disable"), "").status, 400);
    assert!(browser.is_signed_in());
    for path in ["/account/admin/accounts/999", "/account/admin/accounts/x", "/account/admin/accounts/-1"] {
        assert_eq!(browser.get(path).status, 404, "{path}");
    }
}

#[test]
fn rlk_01_an_administrator_lifts_a_lock() {
    let inside = Inside::start("[guessing]\nper_account = 3\n");
    admin(&inside, "boss");
    let rider = inside.account("rider");
    let browser = Browser::sign_in(&inside, "boss");
    for _ in 0..4 {
        sign_in(&inside, "rider", "wrong", "");
    }
    assert_eq!(sign_in(&inside, "rider", "correct-horse", "").status, 403);
    assert!(browser.get("/account/admin?q=rider").text().contains(">locked<"));
    let page = format!("/account/admin/accounts/{}", rider.id);
    assert!(browser.get(&page).text().contains("Locked until"));
    assert_eq!(browser.post(&page, &format!("{page}/unlock"), "").status, 303);
    assert!(!browser.get(&page).text().contains("Locked until"));
    assert_eq!(sign_in(&inside, "rider", "correct-horse", "").status, 303);
}

#[test]
fn log_03_the_trail_is_searched_by_who_what_service_outcome_and_day() {
    let inside = Inside::start("");
    admin(&inside, "boss");
    inside.account("rider");
    sign_in(&inside, "rider", "wrong", "");
    let browser = Browser::sign_in(&inside, "boss");
    let search = |query: &str| browser.get(&format!("/account/admin/audit?{query}")).text().to_owned();
    let rows = |text: &str| text.matches("<tr role=\"row\">").count() - usize::from(text.contains("<thead"));
    assert_eq!(rows(&search("who=rider&outcome=refused")), 1);
    assert!(search("who=rider&outcome=refused").contains("wrong password"));
    assert_eq!(rows(&search("who=rider&action=sign-in&outcome=done")), 0);
    assert!(search("service=command&action=account.create").contains("Account made"));
    assert!(search("since=2999-01-01").contains("Nothing found"));
    assert!(search("until=2000-01-01").contains("Nothing found"));
    let everything = search("");
    assert!(rows(&everything) >= 4, "{everything}");
    for _ in 0..30 {
        sign_in(&inside, "rider", "correct-horse", "");
    }
    let first = search("who=rider&action=sign-in");
    assert_eq!(rows(&first), 25);
    let older = super::between(&first, "href=\"/account/admin/audit?", "\" rel=\"next\"").unwrap();
    let older = older.replace("&#38;", "&").replace("&amp;", "&");
    let second = search(&older);
    assert_eq!(rows(&second), 6, "{older}");
    assert!(second.contains("rel=\"prev\""));
    assert_eq!(rows(&search("action=none-such")), 25, "what is no action is not asked for");
}
