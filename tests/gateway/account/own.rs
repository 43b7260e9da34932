//! What is another's is not there, and sharing.

use super::{ADMIN_FORMS, ADMIN_PAGES, Browser, between, state};
use crate::harness::Inside;

#[test]
fn web_12_another_accounts_things_are_not_there() {
    let inside = Inside::start("");
    let victim = inside.account("victim");
    inside.account("rider");
    let theirs = Browser::sign_in(&inside, "victim");
    theirs.post("/account/tokens/new", "/account/tokens", "label=a&grant=points:read&expiry=never");
    theirs.post("/account/sharing", "/account/sharing/links", "label=a&life=1h");
    let accounts = inside.gateway().accounts();
    let (token, session, link) = inside.wait(async {
        let tokens = accounts.store().list_tokens(Some(victim.id)).await.unwrap();
        let sessions = accounts.store().list_sessions(Some(victim.id)).await.unwrap();
        let links = accounts.shares(victim.id).await.unwrap();
        (tokens[0].id.clone(), sessions[0].id.clone(), links[0].id.clone())
    });
    let before = state(&inside, &victim);
    let browser = Browser::sign_in(&inside, "rider");
    assert_eq!(browser.get(&format!("/account/tokens/{token}")).status, 404);
    for id in [&*token, "none"] {
        for (path, fields) in [("rotate", "overlap=0"), ("revoke", "")] {
            let answer = browser.post("/account/tokens/new", &format!("/account/tokens/{id}/{path}"), fields);
            assert_eq!(answer.status, 404, "{id} {path}");
        }
    }
    for id in [&*session, "none"] {
        assert_eq!(browser.post("/account/sessions", &format!("/account/sessions/{id}/end"), "").status, 404);
    }
    for id in [&*link, "none"] {
        assert_eq!(browser.post("/account/sharing", &format!("/account/sharing/links/{id}/end"), "").status, 404);
    }
    // Nobody but administrators sees or changes other accounts.
    for path in ADMIN_PAGES {
        let answer = browser.get(path);
        assert_eq!(answer.status, 403, "{path}");
        assert!(!answer.text().contains("victim"));
    }
    for path in ADMIN_FORMS {
        let path = path.replace("{account}", &victim.id.to_string());
        assert_eq!(browser.post("/account", &path, "").status, 403, "{path}");
    }
    assert_eq!(state(&inside, &victim), before);
    for path in super::OWN_PAGES {
        assert!(!browser.get(path).text().contains("/account/admin"), "{path}");
    }
}

#[test]
fn rides_are_shared_by_a_switch_and_by_links_that_are_shown_once() {
    let inside = Inside::start("");
    let account = inside.account("Rider");
    let browser = Browser::sign_in(&inside, "rider");
    let accounts = inside.gateway().accounts();
    let saved = browser.post("/account/sharing", "/account/sharing/visibility", "visibility=private");
    assert_eq!((saved.status, saved.header("location")), (303, "/account/sharing?done=visibility_set"));
    let is_private = inside.wait(accounts.visibility(account.id)).unwrap();
    assert_eq!(is_private, Some(trackgate::accounts::Visibility::Private));
    assert_eq!(browser.post("/account/sharing", "/account/sharing/visibility", "visibility=other").status, 400);
    let shown = browser.post("/account/sharing", "/account/sharing/links", "label=grandma&life=8h");
    assert_eq!((shown.status, shown.header("cache-control")), (200, "no-store"));
    let url = between(shown.text(), "id=\"link\" class=\"mono\" value=\"", "\"").unwrap();
    let token = url.strip_prefix(&format!("http://{}/watch/rider#share=", inside.address())).unwrap();
    let found = inside.wait(accounts.share_of(token, inside.now())).unwrap();
    assert_eq!(found.unwrap().1.id, account.id);
    let page = browser.get("/account/sharing");
    assert!(page.text().contains("grandma") && !page.text().contains(token));
    let id = between(page.text(), "/account/sharing/links/", "/end").unwrap();
    let ended = browser.post("/account/sharing", &format!("/account/sharing/links/{id}/end"), "");
    assert_eq!(ended.header("location"), "/account/sharing?done=link_ended");
    assert!(inside.wait(accounts.share_of(token, inside.now())).unwrap().is_none());
    assert_eq!(browser.post("/account/sharing", "/account/sharing/links", "label=x&life=99y").status, 400);
}
