//! Signing out, blacklists and races.

use std::io::{BufReader, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use trackgate::accounts::Origin;
use trackgate::ports::{AccountChange, Ends, TrackedFilter};
use trackgate_schemes::Secret;

use crate::harness::{Answer, Inside, ask, basic, connect, read_answer};
use crate::rules::{Door, Upstream, credentials, jwt, sliding, status};

mod signed;
mod sliding_tokens;

/// The trackers and a route that needs no store for a credential that is known.
const PROXIED_ROUTE: &str = r#"
[[routes]]
name = "livetracking"
tracker = "livetracking"
[[routes]]
name = "lptracker"
tracker = "lptracker"
[[routes]]
name = "fittrackee"
tracker = "fittrackee"
[[routes]]
name = "sessions"
tracker = "sessions"
[[routes]]
name = "points"
match = "GET /points"
auth = ["basic", "api", "fit", "lp"]
upstream = "up"
"#;

fn with_upstream(upstream: &Upstream) -> Inside {
    Inside::start(&format!("{}{PROXIED_ROUTE}", upstream.config()))
}

fn lp_line(token: &str) -> String {
    format!("token: {token}")
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

/// How one request of many went.
struct Seen {
    began: Instant,
    ended: Instant,
    accepted: bool,
}

/// Sixty-four clients send `head` while `change` is made; answers when the change was acknowledged, and
/// what the clients saw.
fn storm(inside: &Inside, head: &str, change: impl FnOnce()) -> (Instant, Vec<Seen>) {
    let (address, stop) = (inside.address(), AtomicBool::new(false));
    let client = || {
        let mut seen = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let began = Instant::now();
            let answer = ask(address, head, "");
            let accepted = match status(&answer) {
                200 => true,
                401 | 403 => false,
                // It ended between the door and the policies: the client shall ask again.
                503 => continue,
                other => panic!("{other}: {answer:?}"),
            };
            seen.push(Seen { began, ended: Instant::now(), accepted });
        }
        seen
    };
    scope(|scope| {
        let clients: Vec<_> = (0..64).map(|_| scope.spawn(client)).collect();
        sleep(Duration::from_millis(150));
        change();
        let acknowledged = Instant::now();
        sleep(Duration::from_millis(150));
        stop.store(true, Ordering::Relaxed);
        (acknowledged, clients.into_iter().flat_map(|client| client.join().unwrap()).collect())
    })
}

/// After the first refusal, and after the acknowledgement, nothing that begins is accepted.
fn assert_one_order(what: &str, acknowledged: Instant, seen: &[Seen]) {
    let refused = seen.iter().filter(|seen| !seen.accepted).map(|seen| seen.ended).min();
    let refused = refused.unwrap_or_else(|| panic!("{what}: nothing was refused"));
    assert!(seen.iter().any(|seen| seen.accepted), "{what}: nothing was accepted");
    let end = refused.min(acknowledged);
    let late = seen.iter().filter(|seen| seen.accepted && seen.began >= end).count();
    assert_eq!(late, 0, "{what}: accepted after the end");
}

#[test]
fn rev_01_rev_04_sixty_four_clients_see_one_order_while_a_credential_ends() {
    let upstream = Upstream::start();
    let inside = with_upstream(&upstream);
    let rider = inside.account("rider");
    let accounts = inside.gateway().accounts();
    let origin = Origin::operator();

    let token = sliding(&inside, "127.0.0.1", "rider");
    let (at, seen) = storm(&inside, &format!("GET /points\n{}", lp_line(&token)), || {
        assert_eq!(status(&inside.ask(&format!("POST /logout\n{}", lp_line(&token)), "")), 200);
    });
    assert_one_order("sliding", at, &seen);

    let token = jwt(&inside, "127.0.0.1", "rider");
    let (at, seen) = storm(&inside, &format!("GET /points\n{}", bearer(&token)), || {
        assert_eq!(inside.ask(&format!("POST /api/auth/logout\n{}", bearer(&token)), "").status, 200);
    });
    assert_one_order("jwt", at, &seen);

    let issued = accounts.issue_token(&rider, "test", "points:read".parse().unwrap(), None, &origin);
    let issued = inside.wait(issued).unwrap();
    let (at, seen) = storm(&inside, &format!("GET /points\n{}", bearer(issued.text.expose_text().unwrap())), || {
        inside.wait(accounts.revoke_token(&issued.token.id, &origin)).unwrap();
    });
    assert_one_order("api token", at, &seen);
}

#[test]
fn bas_16_pwd_10_with_a_new_password_the_old_one_is_dead_at_once() {
    let upstream = Upstream::start();
    let inside = with_upstream(&upstream);
    inside.account("rider");
    let old = format!("GET /points\n{}", basic("rider", "correct-horse"));
    assert_eq!(inside.ask(&old, "").status, 200, "it is remembered from here on");
    sleep(Duration::from_secs(1));
    assert_eq!(inside.ask(&old, "").status, 200);
    let head = format!(
        "POST /user/change-password\nContent-Type: application/x-www-form-urlencoded\n{}",
        basic("rider", "correct-horse")
    );
    let changed = inside.ask(&head, "password=correct-horse&new_password=another-horse");
    assert_eq!((changed.status, changed.text()), (200, r#"{"status":"OK"}"#));
    assert_eq!(inside.ask(&old, "").status, 401);
    assert_eq!(inside.ask(&format!("GET /points\n{}", basic("rider", "another-horse")), "").status, 200);
    assert!(!Door::LpTracker.is_good(&Door::LpTracker.sign_in(&inside, "127.0.0.1", "rider", "correct-horse")));
}

#[test]
fn rev_07_a_sign_out_that_cannot_be_stored_is_not_acknowledged() {
    let upstream = Upstream::start();
    let inside = with_upstream(&upstream);
    inside.account("rider");
    let lp = lp_line(&sliding(&inside, "127.0.0.1", "rider"));
    let fit = bearer(&jwt(&inside, "127.0.0.1", "rider"));
    for line in [&lp, &fit] {
        assert_eq!(inside.ask(&format!("GET /points\n{line}"), "").status, 200);
    }
    inside.wait(inside.gateway().accounts().store().close()).unwrap();
    for (head, line) in [("POST /logout", &lp), ("POST /api/auth/logout", &fit)] {
        let answer = inside.ask(&format!("{head}\n{line}"), "");
        assert_eq!(status(&answer), 503, "{head} {answer:?}");
        assert!(!answer.header("retry-after").is_empty(), "{head} {answer:?}");
        // Its state is the old one. Nobody vouches for it any more once the log was unread for too long.
        let after = inside.ask(&format!("GET /points\n{line}"), "").status;
        assert!(matches!(after, 200 | 503), "{after}");
    }
}

#[test]
fn rev_09_ending_all_ends_every_session_and_signed_token_of_that_account_alone() {
    let inside = Inside::start("[schemes.lp]\nkind = \"sliding\"\nip = { mode = \"off\" }\n");
    let (rider, other) = (inside.account("rider"), inside.account("other"));
    let accounts = inside.gateway().accounts();
    let origin = Origin::operator();
    let all =
        |heads: &[(&str, String)]| heads.iter().map(|(_, head)| status(&inside.ask(head, ""))).collect::<Vec<_>>();
    let (own, others) = (credentials(&inside, &rider), credentials(&inside, &other));
    assert_eq!(all(&own), [200; 4]);
    inside.wait(accounts.end_credentials(rider.id, &origin)).unwrap();
    assert_eq!(all(&own), [200, 200, 401, 401], "password and API tokens stay");
    assert_eq!(all(&others), [200; 4]);

    let own = credentials(&inside, &rider);
    let change = AccountChange::default();
    inside.wait(accounts.change(rider.id, change, Ends::CredentialsAndTokens, &origin)).unwrap();
    assert_eq!(all(&own), [200, 401, 401, 401]);

    let own = credentials(&inside, &rider);
    let new = Secret::from("another-horse");
    inside.wait(accounts.change_password(rider.id, new, Ends::CredentialsAndTokens, &origin)).unwrap();
    assert_eq!(all(&own), [403, 401, 401, 401]);
    assert_eq!(all(&others), [200; 4]);
}

#[test]
fn rev_14_two_sign_outs_at_once_are_one_effect() {
    let inside = Inside::start("");
    inside.account("rider");
    for _ in 0..10 {
        let lp = sliding(&inside, "127.0.0.1", "rider");
        let fit = jwt(&inside, "127.0.0.1", "rider");
        for (head, probe) in [
            (format!("POST /logout\n{}", lp_line(&lp)), format!("GET /projects\n{}", lp_line(&lp))),
            (format!("POST /api/auth/logout\n{}", bearer(&fit)), format!("GET /api/auth/profile\n{}", bearer(&fit))),
        ] {
            let address = inside.address();
            let answers: Vec<u64> = scope(|scope| {
                let both = [0; 2].map(|_| scope.spawn(|| status(&ask(address, &head, ""))));
                both.map(|one| one.join().unwrap()).into()
            });
            assert!(answers.contains(&200), "{answers:?}");
            assert!(answers.iter().all(|status| matches!(status, 200 | 401 | 503)), "{answers:?}");
            assert_eq!(status(&inside.ask(&probe, "")), 401);
        }
    }
}

#[test]
fn rev_16_an_account_deleted_during_an_upload_leaves_nothing() {
    let inside = Inside::start("");
    let rider = inside.account("rider");
    let token = inside.token(&rider, "sessions:write sessions:read");
    let accounts = inside.gateway().accounts();
    let body = r#"{"insertl": 1}"#;
    let head = format!(
        "POST /api/liveinsert.php HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{}\r\nContent-Length: {}\r\n\r\n",
        bearer(&token),
        body.len()
    );
    let mut stream = connect(inside.address());
    stream.write_all(format!("{head}{}", body.split_at(5).0).as_bytes()).unwrap();
    sleep(Duration::from_millis(300));
    inside.wait(accounts.delete(rider.id, &Origin::operator())).unwrap();
    stream.write_all(body.split_at(5).1.as_bytes()).unwrap();
    let answer: Answer = read_answer(&mut BufReader::new(stream));
    assert!(matches!(answer.status, 401 | 403 | 404 | 500 | 503), "{answer:?}");
    let filter = TrackedFilter { limit: 10, ..TrackedFilter::default() };
    assert_eq!(inside.wait(accounts.store().list_tracked(rider.id, filter)).unwrap().total, 0);
    assert!(inside.wait(accounts.store().list_tokens(None)).unwrap().is_empty());
    assert_eq!(inside.ask(&format!("GET /api/v2/sessions.php\n{}", bearer(&token)), "").status, 401);
}
