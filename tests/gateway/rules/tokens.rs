//! API tokens: grants, checksum, rotation, expiry, last use in steps.

use std::time::Duration;

use trackgate::accounts::{ChangeError, Origin};

use super::{PROXIED, Upstream, from};
use crate::harness::{Answer, Inside, basic};

fn use_token(inside: &Inside, token: &str) -> Answer {
    inside.ask(&format!("GET /api/v2/sessions.php\nAuthorization: Bearer {token}"), "")
}

#[test]
fn brt_04_a_mistyped_token_is_refused_without_a_store() {
    let inside = Inside::start("");
    let rider = inside.account("rider");
    let token = inside.token(&rider, "sessions:read");
    inside.wait(inside.gateway().accounts().store().close()).unwrap();
    assert_eq!(use_token(&inside, &token).status, 503, "to judge a whole token the store is needed");
    for at in 3..token.len() {
        let mut mistyped = token.clone().into_bytes();
        mistyped[at] = if mistyped[at] == b'a' { b'b' } else { b'a' };
        let mistyped = String::from_utf8(mistyped).unwrap();
        assert_eq!(use_token(&inside, &mistyped).status, 401, "{at}");
        if at % 8 == 0 {
            let answer = inside.ask(&format!("GET /auth\n{}", basic("rider", &mistyped)), "");
            assert!(matches!(answer.status, 401 | 403 | 503), "{answer:?}");
        }
    }
}

#[test]
fn brt_05_brt_06_a_token_does_what_it_was_issued_for() {
    let upstream = Upstream::start();
    let routes = "[[routes]]\nname = \"points\"\nmatch = \"POST /points\"\nauth = [\"basic\", \"api\"]\nupstream = \"up\"\n\
                  allow = { grants = [\"points:write\"] }\n";
    let inside = Inside::start(&format!("{}{routes}", upstream.config()));
    let rider = inside.account("rider");
    let (reads, writes) = (inside.token(&rider, "points:read"), inside.token(&rider, "points:write"));
    let ask = |line: &str| inside.ask(&format!("POST /points\n{line}"), "cpu 1");
    let denied = ask(&format!("Authorization: Bearer {reads}"));
    assert_eq!(denied.status, 403);
    let challenges: Vec<_> =
        denied.headers.get_all("www-authenticate").iter().map(|line| line.to_str().unwrap()).collect();
    assert!(
        challenges
            .iter()
            .any(|line| line.contains(r#"error="insufficient_scope""#) && line.contains(r#"scope="points:write""#)),
        "{challenges:?}"
    );
    assert_eq!(ask(&basic("rider", &reads)).status, 403, "as the password of Basic it can do no more");
    assert_eq!(upstream.heads().len(), 0);
    assert_eq!(ask(&format!("Authorization: Bearer {writes}")).status, 200);
    assert_eq!(ask(&basic("rider", &writes)).status, 200);
    inside.account("other");
    assert_eq!(ask(&basic("other", &writes)).status, 401, "bas_15: it is good for its own account only");
    assert_eq!(upstream.heads().len(), 2);
}

#[test]
fn brt_09_expired_revoked_and_unknown_tokens_get_one_answer() {
    let inside = Inside::start("");
    let rider = inside.account("rider");
    let accounts = inside.gateway().accounts();
    let origin = Origin::operator();
    let issue = |ends: Option<Duration>| {
        let ends = ends.map(|life| inside.now() + life);
        inside.wait(accounts.issue_token(&rider, "test", "sessions:read".parse().unwrap(), ends, &origin)).unwrap()
    };
    let text = |issued: &trackgate::accounts::IssuedToken| issued.text.expose_text().unwrap().to_owned();
    let (ending, revoked) = (issue(Some(Duration::from_hours(1))), issue(None));
    let unknown = trackgate_schemes::bearer::NewToken::random().text.expose_text().unwrap().to_owned();
    for _ in 0..2 {
        assert_eq!(use_token(&inside, &text(&ending)).status, 200);
        assert_eq!(use_token(&inside, &text(&revoked)).status, 200);
    }
    inside.wait(accounts.revoke_token(&revoked.token.id, &origin)).unwrap();
    inside.advance(Duration::from_hours(1) - Duration::from_millis(1));
    assert_eq!(use_token(&inside, &text(&ending)).status, 200, "a millisecond before its end");
    inside.advance(Duration::from_millis(1));
    let dead = [text(&ending), text(&revoked), unknown].map(|token| use_token(&inside, &token));
    for answer in &dead {
        assert_eq!(answer.status, 401);
        assert_eq!(super::lasting(answer), super::lasting(&dead[0]));
    }
}

#[test]
fn brt_10_a_rotated_token_works_until_exactly_the_end_of_the_overlap() {
    let inside = Inside::start("");
    let rider = inside.account("rider");
    let accounts = inside.gateway().accounts();
    let origin = Origin::operator();
    let issued = accounts.issue_token(&rider, "test", "sessions:read".parse().unwrap(), None, &origin);
    let old = inside.wait(issued).unwrap();
    let old_text = old.text.expose_text().unwrap();
    assert_eq!(use_token(&inside, old_text).status, 200);
    let new = inside.wait(accounts.rotate_token(&old.token.id, Duration::from_mins(10), &origin)).unwrap();
    let new_text = new.text.expose_text().unwrap();
    inside.advance(Duration::from_mins(10) - Duration::from_secs(1));
    assert_eq!((use_token(&inside, old_text).status, use_token(&inside, new_text).status), (200, 200));
    inside.advance(Duration::from_secs(1));
    assert_eq!((use_token(&inside, old_text).status, use_token(&inside, new_text).status), (401, 200));
    inside.advance(Duration::from_secs(1));
    assert_eq!((use_token(&inside, old_text).status, use_token(&inside, new_text).status), (401, 200));
}

#[test]
fn brt_13_no_token_has_more_than_its_account() {
    let inside = Inside::start("");
    let rider = inside.account("rider");
    let accounts = inside.gateway().accounts();
    let origin = Origin::operator();
    let issued = accounts.issue_token(&rider, "test", "account:admin points:read".parse().unwrap(), None, &origin);
    assert_eq!(inside.wait(issued).unwrap_err(), ChangeError::Grants);
    assert!(inside.wait(accounts.store().list_tokens(None)).unwrap().is_empty());
}

#[test]
fn brt_14_a_limited_token_changes_no_password() {
    let inside = Inside::start("");
    let rider = inside.account("rider");
    let token = inside.token(&rider, "profile:write profile:read");
    let form = "password=correct-horse&new_password=another-horse";
    let head = format!(
        "POST /user/change-password\nContent-Type: application/x-www-form-urlencoded\n{}",
        basic("rider", &token)
    );
    assert_eq!(inside.ask(&head, form).status, 403);
    assert_eq!(inside.ask(&format!("GET /auth\n{}", basic("rider", "correct-horse")), "").status, 200);
}

#[test]
fn brt_15_the_last_use_is_written_once_for_each_step() {
    let inside = Inside::start(PROXIED);
    let rider = inside.account("rider");
    let token = inside.token(&rider, "sessions:read");
    let accounts = inside.gateway().accounts();
    let first_use = inside.now();
    for n in 0..200 {
        let head =
            format!("GET /api/v2/sessions.php\nAuthorization: Bearer {token}\n{}", from(&format!("192.0.2.{n}")));
        assert_eq!(inside.ask(&head, "").status, 200);
        inside.advance(Duration::from_millis(300));
    }
    let noted = || inside.wait(accounts.store().list_tokens(Some(rider.id))).unwrap()[0].clone();
    let begun = std::time::Instant::now();
    while noted().last_used_at.is_none() {
        assert!(begun.elapsed() < Duration::from_secs(10), "no use was written");
        std::thread::sleep(Duration::from_millis(10));
    }
    let late = noted().last_used_at.unwrap().duration_since(first_use).unwrap_or_default();
    assert!(late < Duration::from_millis(300), "a minute's uses are one: {late:?}");
    assert_eq!(noted().last_client, Some("192.0.2.0".parse().unwrap()));
}

#[test]
fn brt_16_one_token_from_many_addresses_at_once_is_one_identity() {
    let upstream = Upstream::start();
    let routes = "[[routes]]\nname = \"points\"\nmatch = \"POST /points\"\nauth = [\"api\"]\nupstream = \"up\"\n";
    let inside = Inside::start(&format!("{PROXIED}{}{routes}", upstream.config()));
    let tokens = ["anna", "bert"].map(|name| (name, inside.token(&inside.account(name), "points:write")));
    let address = inside.address();
    std::thread::scope(|scope| {
        for n in 0..32 {
            let (name, token) = &tokens[n % 2];
            scope.spawn(move || {
                let head = format!(
                    "POST /points\nAuthorization: Bearer {token}\nX-Mine: {name}\n{}",
                    from(&format!("192.0.2.{n}"))
                );
                assert_eq!(crate::harness::ask(address, &head, "cpu 1").status, 200);
            });
        }
    });
    let heads = upstream.heads();
    assert_eq!(heads.len(), 32);
    for head in heads {
        let value = |name: &str| head.split(&format!("\r\n{name}: ")).nth(1).unwrap().split("\r\n").next().unwrap();
        assert_eq!(value("x-mine"), value("x-trackgate-user"));
    }
}
