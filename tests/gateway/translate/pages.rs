//! The page of linked trackers: people link their own accounts, by signing in there once.

use super::{Front, route};
use crate::account::Browser;

const PAGES: &str = "[[routes]]\nname = \"account\"\npages = \"account\"\n";
const SESSION: &str = "credentials = \"session\", links = \"crm\"";
const PAGE: &str = "/account/links";

fn front() -> (Front, Browser) {
    let front = Front::start(&format!("{}{PAGES}", route("session", SESSION)));
    let browser = Browser::sign_in(&front.inside, "rider");
    (front, browser)
}

#[test]
fn a_link_is_made_by_signing_in_there_once_and_let_go() {
    let (front, browser) = front();
    assert_eq!(front.ask("GET /session/a", "").status, 403);
    let page = browser.get(PAGE);
    assert!(
        page.text().contains("not linked") && page.text().contains("<h2 id=\"set-crm\">crm</h2>"),
        "{}",
        page.text()
    );
    let made = browser.post(PAGE, "/account/links/crm", "user=anna-there&secret=there-word");
    assert_eq!((made.status, made.header("location")), (303, "/account/links?done=account_linked"));
    let page = browser.get("/account/links?done=account_linked");
    assert!(page.text().contains("Your account there: anna-there"), "{}", page.text());
    assert!(page.text().contains("The account is linked.") && !page.text().contains("there-word"));
    assert_eq!(front.ask("GET /session/a", "").json()["who"], "anna-there");
    assert_eq!(front.legacy.logins(), 1, "the sign-in of the page is the session of the requests");
    let gone = browser.post(PAGE, "/account/links/crm/remove", "");
    assert_eq!((gone.status, gone.header("location")), (303, "/account/links?done=account_unlinked"));
    assert_eq!(front.ask("GET /session/a", "").status, 403);
}

#[test]
fn what_the_server_does_not_take_is_not_linked_and_not_guessed_at() {
    let (front, browser) = front();
    for (guess, logins) in [("a", 1), ("a", 1), ("b", 2)] {
        let refused = browser.post(PAGE, "/account/links/crm", &format!("user=anna-there&secret={guess}"));
        assert_eq!(refused.status, 422);
        assert!(refused.text().contains("The server does not take this name and password."), "{}", refused.text());
        assert!(refused.text().contains("value=\"anna-there\""));
        assert_eq!(front.legacy.logins(), logins);
    }
    let refused = browser.post(PAGE, "/account/links/crm", "user=Anna-There&secret=there-word");
    assert!(refused.text().contains("Too many were wrong"), "{}", refused.text());
    assert_eq!(front.legacy.logins(), 2);
    assert_eq!(front.ask("GET /session/a", "").status, 403);
    front.inside.advance(std::time::Duration::from_mins(15));
    let made = browser.post(PAGE, "/account/links/crm", "user=anna-there&secret=there-word");
    assert_eq!(made.status, 303);
}

#[test]
fn web_08_a_foreign_page_links_nothing_and_other_sets_are_not_there() {
    let (front, browser) = front();
    for path in ["/account/links/other", "/account/links/points", "/account/links/crm/remove"] {
        assert_eq!(browser.post(PAGE, path, "user=a&secret=b").status, 404, "{path}");
    }
    let empty = browser.post(PAGE, "/account/links/crm", "user=&secret=");
    assert!(empty.status == 422 && empty.text().contains("Please fill in every field."));
    let foreign = browser.post_raw("/account/links/crm", "csrf=x&user=anna-there&secret=there-word");
    assert_eq!((foreign.status, front.legacy.logins()), (403, 0));
}

#[test]
fn a_login_that_is_down_links_nothing() {
    let (front, browser) = front();
    front.legacy.it.is_down.store(true, std::sync::atomic::Ordering::SeqCst);
    let refused = browser.post(PAGE, "/account/links/crm", "user=anna-there&secret=there-word");
    assert!(refused.status == 422 && refused.text().contains("does not answer just now"), "{}", refused.text());
}

#[test]
fn without_links_there_is_no_such_page() {
    let front = Front::start(PAGES);
    let browser = Browser::sign_in(&front.inside, "rider");
    assert_eq!(browser.get(PAGE).status, 404);
    assert!(!browser.get("/account").text().contains("/account/links"));
}
