//! Cache facts about a credential, never decisions about a request; sliding expiry in steps.

use std::thread::sleep;
use std::time::{Duration, Instant};

use trackgate::accounts::Origin;
use trackgate::ports::{AccountChange, Ends};
use trackgate_schemes::Grants;
use trackgate_schemes::store::AccountState;

use super::{Upstream, credentials, jwt, sliding, status};
use crate::harness::{Inside, basic};

#[test]
fn rev_15_the_next_request_sees_a_change_of_grants_at_every_door() {
    let inside = Inside::start("");
    let rider = inside.account("rider");
    let credentials = credentials(&inside, &rider);
    let change = |grants: Grants| {
        let change = AccountChange { grants: Some(grants), ..AccountChange::default() };
        let accounts = inside.gateway().accounts();
        inside.wait(accounts.change(rider.id, change, Ends::Nothing, &Origin::operator())).unwrap();
    };
    // `/auth` asks for no grant; the other three do.
    for _ in 0..2 {
        change(Grants::EVERYDAY);
        for (scheme, head) in &credentials {
            assert_eq!(status(&inside.ask(head, "")), 200, "{scheme}");
        }
        change("points:read".parse().unwrap());
        for (scheme, head) in &credentials {
            let expected = if *scheme == "basic" { 200 } else { 403 };
            assert_eq!(status(&inside.ask(head, "")), expected, "{scheme}");
        }
    }
}

#[test]
fn rev_15_the_next_request_sees_that_an_account_is_out_of_use() {
    let inside = Inside::start("");
    let rider = inside.account("rider");
    let credentials = credentials(&inside, &rider);
    for (scheme, head) in &credentials {
        assert_eq!(status(&inside.ask(head, "")), 200, "{scheme}");
    }
    let change = AccountChange { state: Some(AccountState::Disabled), ..AccountChange::default() };
    inside.wait(inside.gateway().accounts().change(rider.id, change, Ends::Nothing, &Origin::operator())).unwrap();
    for (scheme, head) in &credentials {
        let status = status(&inside.ask(head, ""));
        assert!(matches!(status, 401 | 403), "{scheme}: {status}");
    }
}

#[test]
fn a_verdict_of_one_route_is_no_verdict_of_another() {
    let upstream = Upstream::start();
    let routes = r#"
[[routes]]
name = "trackers"
tracker = "fittrackee"
[[routes]]
name = "free"
match = "GET /free"
auth = ["basic", "fit"]
upstream = "up"
[[routes]]
name = "admin"
match = "GET /admin"
auth = ["basic", "fit"]
allow = { grants = ["account:admin"] }
upstream = "up"
[[routes]]
name = "sliding"
match = "GET /sliding"
auth = ["lp"]
upstream = "up"
[[routes]]
name = "network"
match = "GET /network"
auth = ["basic", "fit"]
allow = { networks = ["192.0.2.0/24"] }
upstream = "up"
"#;
    let inside = Inside::start(&format!("{}{routes}", upstream.config()));
    inside.account("rider");
    let token = format!("Authorization: Bearer {}", jwt(&inside, "127.0.0.1", "rider"));
    for line in [basic("rider", "correct-horse"), token] {
        for _ in 0..3 {
            assert_eq!(inside.ask(&format!("GET /free\n{line}"), "").status, 200);
            assert_eq!(inside.ask(&format!("GET /admin\n{line}"), "").status, 403);
            assert_eq!(inside.ask(&format!("GET /network\n{line}"), "").status, 403);
            assert_eq!(inside.ask(&format!("GET /sliding\n{line}"), "").status, 401);
        }
    }
    assert_eq!(upstream.heads().len(), 6);
}

#[test]
fn uses_of_a_sliding_token_are_written_in_steps_and_never_one_step_late() {
    const STEP: Duration = Duration::from_mins(30);
    let inside = Inside::start("");
    let rider = inside.account("rider");
    let token = sliding(&inside, "127.0.0.1", "rider");
    let store = inside.gateway().accounts().store();
    let opened = inside.now();
    let written = || {
        let sessions = inside.wait(store.list_sessions(Some(rider.id))).unwrap();
        sessions.first().unwrap().last_used_at.duration_since(opened).unwrap()
    };
    let used_at = |minutes: u64| {
        inside.clock.set(opened + Duration::from_mins(minutes));
        assert_eq!(status(&inside.ask(&format!("GET /projects\ntoken: {token}"), "")), 200);
    };
    // What is due is written within a second; what is not due stays unwritten for ever.
    for (uses, expected) in [(&[0, 10, 29][..], 0), (&[30], 30), (&[31, 45, 59], 30), (&[61, 62, 90], 61), (&[91], 91)]
    {
        for minutes in uses {
            used_at(*minutes);
        }
        sleep(Duration::from_millis(1200));
        assert_eq!(written(), Duration::from_mins(expected), "after uses at {uses:?}");
    }
    // Twelve hours of a request every six minutes.
    for n in 16..136 {
        used_at(6 * n);
        let begun = Instant::now();
        while Duration::from_mins(6 * n).saturating_sub(written()) > STEP {
            assert!(begun.elapsed() < Duration::from_secs(10), "a use that was due is not written");
            sleep(Duration::from_millis(5));
        }
    }
}
