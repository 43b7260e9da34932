//! Links: found, changed, missing, sealed.

use trackgate::accounts::Origin;
use trackgate::ports::{AccountChange, Ends};
use trackgate_schemes::store::AccountState;

use super::{Front, route, route_for, secret_file, top};
use crate::harness::basic;

const BASIC: &str = "credentials = \"basic\", links = \"points\"";

#[test]
fn a_changed_link_is_used_at_once() {
    let front = Front::start(&route("basic", BASIC));
    assert_eq!(front.ask("GET /basic/a", "").json()["who"], "anna-there");
    front.link("points", "other");
    assert_eq!(front.ask("GET /basic/a", "").status, 401, "the upstream's own word");
    front.link("points", "there-word");
    assert_eq!(front.ask("GET /basic/a", "").json()["who"], "anna-there");
}

#[test]
fn an_account_without_a_link_is_refused_and_told_so() {
    let front = Front::start(&route("basic", BASIC));
    front.unlink("points");
    let answer = front.ask("GET /basic/a", "");
    assert_eq!(answer.status, 403);
    assert_eq!(answer.json()["error"], "this account is not linked to an account of the server behind");
    assert_eq!(front.legacy.requests(), 0);
    for dialect in ["lptracker", "fittrackee", "livetracking", "sessions"] {
        let front = Front::start(&format!("{}dialect = \"{dialect}\"\n", route("basic", BASIC)));
        front.unlink("points");
        let answer = front.ask("GET /basic/a", "");
        assert!(answer.text().to_lowercase().replace('_', " ").contains("not linked"), "{}", answer.text());
        assert_eq!(front.legacy.requests(), 0);
    }
}

#[test]
fn nobody_has_a_link_on_an_optional_route() {
    let front = Front::start(&route_for("basic", "auth = [\"basic\"]\noptional = true", BASIC));
    assert_eq!(front.inside.ask("GET /basic/a", "").status, 403);
    assert_eq!(front.legacy.requests(), 0);
    let rider = front.inside.ask(&format!("GET /basic/a\n{}", basic("rider", "correct-horse")), "");
    assert_eq!(rider.json()["who"], "anna-there");
}

#[test]
fn a_disabled_account_is_refused_at_the_gate() {
    let front = Front::start(&route("basic", BASIC));
    assert_eq!(front.ask("GET /basic/a", "").status, 200);
    let change = AccountChange { state: Some(AccountState::Disabled), ..AccountChange::default() };
    let accounts = front.inside.gateway().accounts();
    front.inside.wait(accounts.change(front.rider.id, change, Ends::Nothing, &Origin::operator())).unwrap();
    assert_eq!(front.ask("GET /basic/a", "").status, 401);
    assert_eq!(front.legacy.requests(), 1);
}

#[test]
fn without_its_key_a_link_opens_nothing_and_with_the_old_key_it_does() {
    let mut front = Front::start(&route("basic", BASIC));
    assert_eq!(front.ask("GET /basic/a", "").status, 200);
    secret_file(front.inside.folder.path(), "new.key", &"n".repeat(64));
    let upstream = top(&front.legacy, "");
    let text = |links: &str| format!("[links]\n{links}\n{upstream}\n{}", route("basic", BASIC));
    front.inside.reload(&text("key = \"file:new.key\"")).unwrap();
    assert_eq!(front.ask("GET /basic/a", "").status, 500);
    assert_eq!(front.legacy.requests(), 1);
    let old = "key = \"file:new.key\"\nprevious_keys = [\"file:data/links.key\"]";
    front.inside.reload(&text(old)).unwrap();
    assert_eq!(front.ask("GET /basic/a", "").json()["who"], "anna-there");
    let short = front.inside.reload(&text("key = \"file:legacy.token\""));
    assert!(short.unwrap_err().contains("links.key"));
}

#[test]
fn hdr_07_what_a_client_sends_under_the_name_of_ours_is_replaced() {
    let send = "credentials = \"header\", header = \"X-Api-Key\", prefix = \"Key \", links = \"tokens\"";
    let front = Front::start(&route("own-header", send));
    let answer = front.ask("GET /own-header/a\nX-Api-Key: mine\nx-api-key: again", "");
    assert_eq!(answer.json()["who"], "anna-there");
    let head = front.legacy.last_head();
    assert_eq!(head.get_all("x-api-key").iter().collect::<Vec<_>>(), ["Key there-token"]);
    assert!(!head.contains_key("authorization"));
}

#[test]
fn a_token_that_was_signed_out_upstream_is_minted_anew() {
    let send = "credentials = \"jwt\", key = \"file:legacy.key\", claims = \"fittrackee\", links = \"points\"";
    let front = Front::start(&route("jwt", send));
    assert_eq!(front.ask("GET /jwt/a", "").json()["who"], "42");
    let token = front.legacy.last_head()["authorization"].to_str().unwrap().to_owned();
    front.inside.advance(std::time::Duration::from_secs(5));
    assert_eq!(front.ask("GET /jwt/a", "").json()["who"], "42");
    assert_eq!(front.legacy.last_head()["authorization"], *token, "it is remembered");
    let signed_out = token.strip_prefix("Bearer ").unwrap().to_owned();
    front.legacy.it.signed_out.lock().unwrap().push(signed_out);
    assert_eq!(front.ask("GET /jwt/a", "").json()["who"], "42");
    assert_ne!(front.legacy.last_head()["authorization"], *token);
    assert_eq!(front.legacy.requests(), 4);
}

#[test]
fn a_minted_token_can_name_the_account_s_own_number() {
    let send = "credentials = \"jwt\", key = \"file:legacy.key\", claims = \"fittrackee\", subject = \"account\"";
    let front = Front::start(&route("jwt", send));
    assert_eq!(front.ask("GET /jwt/a", "").json()["who"], front.rider.id.to_string());
    assert!(front.links().is_none(), "no route wants links, so no key was made");
}

#[test]
fn the_gateway_s_own_credential_goes_with_everybody_s_request() {
    let public = "auth = \"none\"\npublic = \"a test\"";
    let basic = "credentials = \"basic\", account = \"anna-there\", secret = \"file:legacy.word\"";
    let front = Front::start(&format!(
        "{}{}",
        route_for("basic", public, basic),
        route_for("bearer", public, "credentials = \"bearer\", secret = \"file:legacy.token\"")
    ));
    for path in ["basic", "bearer"] {
        assert_eq!(front.inside.ask(&format!("GET /{path}/a"), "").json()["who"], "anna-there");
    }
}
