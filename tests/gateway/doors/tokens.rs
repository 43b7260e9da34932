//! API tokens: as bearer tokens, as passwords, and revoked, in the words of each door.

use std::net::Ipv4Addr;

use trackgate::accounts::{ChangeError, Origin};

use super::curl::whole;
use super::{ask_from, signed, sliding};
use crate::harness::{Inside, basic};

const CORS: &str = "access-control-allow-headers: X-Requested-With, Content-Type, Accept, Origin, Authorization\n\
                    access-control-allow-methods: GET, POST, PUT, DELETE, OPTIONS\naccess-control-allow-origin: *\n";

fn refused_by_live_tracking() -> String {
    format!(
        "403\n{CORS}cache-control: no-store\ncontent-type: application/json\nwww-authenticate: Basic realm=\"Protected\"\n\n{}",
        r#"{"error":"AUTHENTICATION_FAILED"}"#
    )
}

pub(crate) fn revoke(inside: &Inside, token: &str) {
    let accounts = inside.gateway().accounts();
    let tokens = inside.wait(accounts.store().list_tokens(None)).unwrap();
    let held = tokens.iter().find(|held| token.contains(&*held.id)).unwrap();
    inside.wait(accounts.revoke_token(&held.id, &Origin::operator())).unwrap();
}

#[test]
fn bas_15_an_api_token_is_a_password_with_its_own_grants_only() {
    let inside = Inside::start("");
    let account = inside.account("testrider");
    inside.account("other");
    let token = inside.token(&account, "points:write");
    let auth = |name: &str, password: &str| inside.ask(&format!("GET /auth\n{}", basic(name, password)), "");
    assert_eq!(auth("testrider", &token).text(), r#"{"username":"testrider","status":"OK"}"#);
    assert_eq!(auth("TESTRIDER", &token).status, 200);
    // Another's name, no name, a token that is not quite this one.
    let mut last = token.clone();
    let swapped = if last.ends_with('a') { 'b' } else { 'a' };
    last.pop();
    last.push(swapped);
    for (name, password) in [("other", token.as_str()), ("", &token), ("nobody", &token), ("testrider", &last)] {
        assert_eq!(whole(&auth(name, password)), refused_by_live_tracking(), "{name}");
    }
    // It opens nothing that it was not issued for.
    let before = inside.wait(inside.gateway().accounts().store().account(account.id)).unwrap().unwrap();
    let forbidden =
        format!("403\n{CORS}cache-control: no-store\ncontent-type: application/json\n\n{}", r#"{"error":"FORBIDDEN"}"#);
    let form = "Content-Type: application/x-www-form-urlencoded";
    let change = format!("POST /user/change-password\n{form}\n{}", basic("testrider", &token));
    for old in ["correct-horse", &token] {
        let answer = inside.ask(&change, &format!("password={old}&new_password=battery-staple"));
        assert_eq!(without_challenge(&whole(&answer)), forbidden);
    }
    let delete = inside.ask(&format!("DELETE /user\n{form}\n{}", basic("testrider", &token)), "password=correct-horse");
    assert_eq!(without_challenge(&whole(&delete)), forbidden);
    let after = inside.wait(inside.gateway().accounts().store().account(account.id)).unwrap().unwrap();
    assert_eq!(before, after);
    assert_eq!(inside.ask(&format!("GET /api/userstats.php\nAuthorization: Bearer {token}"), "").status, 403);
    revoke(&inside, &token);
    assert_eq!(whole(&auth("testrider", &token)), refused_by_live_tracking());
    assert_eq!(auth("testrider", "correct-horse").status, 200);
}

/// Whether a 403 for want of a grant names the scheme is left open.
fn without_challenge(answer: &str) -> String {
    answer.lines().filter(|line| !line.starts_with("www-authenticate")).collect::<Vec<_>>().join("\n")
}

/// The door of LPTracker takes no API tokens by its contract; here a route of its own lets it.
#[test]
fn rev_01_a_revoked_token_is_refused_in_the_words_of_each_door() {
    let routes = "[[routes]]\nname = \"lists\"\nmatch = \"GET /projects\"\ntracker = \"lptracker\"\nauth = [\"api\", \"lp\"]\n\
                  [[routes]]\nname = \"lp\"\nmatch = \"POST /login\"\ntracker = \"lptracker\"\n\
                  [[routes]]\nname = \"lt\"\ntracker = \"livetracking\"\n\
                  [[routes]]\nname = \"fit\"\ntracker = \"fittrackee\"\n\
                  [[routes]]\nname = \"sessions\"\ntracker = \"sessions\"\n";
    let inside = Inside::start(routes);
    let account = inside.account("testrider");
    let token = inside.token(&account, "profile:read sessions:read");
    let bearer = |head: &str| inside.ask(&format!("{head}\nAuthorization: Bearer {token}"), "");
    let paths = ["GET /projects", "GET /api/auth/profile", "GET /api/userstats.php", "GET /api/v2/stats.php"];
    for path in paths {
        let answer = bearer(path);
        assert!(answer.status == 200 && !answer.text().contains("error"), "{path}: {answer:?}");
    }
    assert_eq!(inside.ask(&format!("GET /auth\n{}", basic("testrider", &token)), "").status, 200);
    let others = (sliding(&inside, "testrider", "S"), signed(&inside, "testrider"));
    revoke(&inside, &token);
    let lptracker = "200\ncache-control: no-store\ncontent-type: application/json\n\n\
                     {\"status\":\"error\",\"errors\":[{\"code\":401,\"message\":\"Invalid token\"}]}";
    let description = "The access token provided is expired, revoked, malformed, or invalid for other reasons.";
    let fittrackee = format!(
        "401\ncache-control: no-store\ncontent-type: application/json\npragma: no-cache\nwww-authenticate: Bearer\n\
         www-authenticate: Bearer realm=\"trackgate\", error=\"invalid_token\"\n\n\
         {{\"status\": \"error\", \"message\": \"invalid token, please log in again\", \"error\": \"invalid_token\", \
         \"error_description\": \"{description}\"}}"
    );
    let head = "401\ncache-control: no-store\ncontent-type: application/json\n\
                www-authenticate: Bearer realm=\"sessions\", error=\"invalid_token\"\n\n";
    let first = format!("{head}{}", r#"{"error":"invalid or missing token"}"#);
    let second = format!(
        "{head}{}",
        r#"{"ok":false,"error":{"code":"unauthorized","message":"invalid or missing token"},"meta":{"version":2}}"#
    );
    for (path, words) in paths.into_iter().zip([lptracker, &fittrackee, &first, &second]) {
        assert_eq!(whole(&bearer(path)), words, "{path}");
    }
    let auth = inside.ask(&format!("GET /auth\n{}", basic("testrider", &token)), "");
    assert_eq!(whole(&auth), refused_by_live_tracking());
    // Nothing else of the account went with it.
    assert_eq!(inside.ask(&format!("GET /projects\ntoken: {}", others.0), "").json()["status"], "success");
    assert_eq!(inside.ask(&format!("GET /api/auth/profile\nAuthorization: Bearer {}", others.1), "").status, 200);
}

#[test]
fn brt_07_a_token_elsewhere_than_in_its_header_is_not_looked_at() {
    let inside = Inside::start("");
    let account = inside.account("testrider");
    let token = inside.token(&account, "sessions:write profile:read");
    let nobody = [
        inside.ask(&format!("GET /api/auth/profile?access_token={token}&token={token}"), ""),
        inside.ask(&format!("GET /api/auth/profile\nCookie: access_token={token}; token={token}"), ""),
        inside.ask(
            "POST /api/auth/logout\nContent-Type: application/x-www-form-urlencoded",
            &format!("access_token={token}"),
        ),
    ];
    for answer in nobody {
        assert_eq!((answer.status, answer.json()["message"].as_str()), (401, Some("provide a valid auth token")));
    }
    let form = "Content-Type: application/x-www-form-urlencoded";
    let insert =
        inside.ask(&format!("POST /api/liveinsert.php?access_token={token}\n{form}"), &format!("access_token={token}"));
    assert_eq!((insert.status, insert.header("www-authenticate")), (401, "Bearer realm=\"sessions\""));
}

#[test]
fn brt_11_no_credential_is_in_a_file_of_the_store() {
    let inside = Inside::start("");
    let account = inside.account("testrider");
    let api = inside.token(&account, "sessions:read");
    let opened = (sliding(&inside, "testrider", "S"), signed(&inside, "testrider"));
    inside.ask(&format!("GET /api/userstats.php\nAuthorization: Bearer {api}"), "");
    inside.ask(&format!("GET /projects\ntoken: {}", opened.0), "");
    inside.ask(&format!("POST /api/auth/logout\nAuthorization: Bearer {}", opened.1), "");
    inside.ask(&format!("GET /auth\n{}", basic("testrider", &api)), "");
    let mut searched = 0;
    let mut folders = vec![inside.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            searched += bytes.len();
            // The second half of each: the first may be an id, which is no secret.
            for secret in [&api, &opened.0, &opened.1, "correct-horse"] {
                let secret = secret.split_at(secret.len() / 2).1;
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "{} holds a credential", path.display());
            }
        }
    }
    assert!(searched > 50_000, "the store was somewhere else");
}

#[test]
fn brt_13_a_token_cannot_have_what_its_account_has_not() {
    let inside = Inside::start("");
    let account = inside.account("testrider");
    let accounts = inside.gateway().accounts();
    for grants in ["account:admin", "sessions:read account:admin"] {
        let grants = grants.parse().unwrap();
        let issued = inside.wait(accounts.issue_token(&account, "greedy", grants, None, &Origin::operator()));
        assert!(matches!(issued, Err(ChangeError::Grants)), "{issued:?}");
    }
    assert!(inside.wait(accounts.store().list_tokens(None)).unwrap().is_empty());
}

#[test]
fn brt_16_a_token_from_many_addresses_is_always_of_its_own_account() {
    let inside = Inside::start("");
    let (ann, bob) = (inside.account("ann"), inside.account("bob"));
    let tokens = [("ann", inside.token(&ann, "sessions:read")), ("bob", inside.token(&bob, "sessions:read"))];
    std::thread::scope(|scope| {
        for host in 1..=8 {
            let (inside, tokens) = (&inside, &tokens);
            scope.spawn(move || {
                for round in 0..40_usize {
                    let (name, token) = &tokens[(round + usize::from(host)) % 2];
                    let head = format!("GET /api/userstats.php\nAuthorization: Bearer {token}");
                    let answer = ask_from(inside, Ipv4Addr::new(127, 0, 0, host), &head, "");
                    assert_eq!(answer.json()["nick"], *name);
                }
            });
        }
    });
}
