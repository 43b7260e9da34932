//! Commands work while the gateway runs, and it sees what they changed within a second.

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use trackgate::accounts::Origin;
use trackgate::assemble;
use trackgate::config::{self, Overrides};
use trackgate_schemes::{Login, SystemClock};

use super::{Place, Served, token_id};
use crate::harness::basic;

/// A second after this moment nothing is accepted any more. Gives how long it took.
fn refused_within_a_second(since: Instant, mut is_known: impl FnMut() -> bool) -> Duration {
    loop {
        let asked_at = since.elapsed();
        if !is_known() {
            return asked_at;
        }
        assert!(asked_at < SECOND, "accepted {asked_at:?} after the command ended");
        sleep(Duration::from_millis(20));
    }
}

/// Runs a command to its end, then sees a credential refused within a second.
fn ends(place: &Place, words: &[&str], input: &str, is_known: impl FnMut() -> bool) {
    place.done(words, input);
    refused_within_a_second(Instant::now(), is_known);
}

fn started() -> (Place, Served) {
    let place = Place::new();
    let served = place.serve();
    place.account("rider");
    (place, served)
}

#[test]
fn a_new_account_can_sign_in() {
    let (_place, served) = started();
    assert!(served.knows("rider", "correct-horse"));
    assert!(!served.knows("rider", "battery-staple"));
}

#[test]
fn bas_14_rev_15_a_known_pair_of_a_disabled_account_is_refused_within_a_second() {
    let (place, served) = started();
    assert!(served.knows("rider", "correct-horse"));
    let (sliding, jwt) = (served.sliding_token("rider"), served.jwt("rider"));
    assert!(served.knows_sliding(&sliding) && served.knows_bearer(&jwt));
    place.done(&["user", "disable", "rider"], "");
    let since = Instant::now();
    refused_within_a_second(since, || served.knows("rider", "correct-horse"));
    refused_within_a_second(since, || served.knows_sliding(&sliding));
    refused_within_a_second(since, || served.knows_bearer(&jwt));
    place.done(&["user", "enable", "rider"], "");
    sleep(SECOND);
    assert!(served.knows("rider", "correct-horse"));
}

#[test]
fn bas_16_an_old_password_is_refused_within_a_second_after_a_change() {
    let (place, served) = started();
    assert!(served.knows("rider", "correct-horse"));
    let (sliding, jwt) = (served.sliding_token("rider"), served.jwt("rider"));
    assert!(served.knows_sliding(&sliding) && served.knows_bearer(&jwt));
    place.done(&["user", "passwd", "rider", "--password-stdin"], "battery-staple\n");
    let since = Instant::now();
    refused_within_a_second(since, || served.knows("rider", "correct-horse"));
    refused_within_a_second(since, || served.knows_sliding(&sliding));
    refused_within_a_second(since, || served.knows_bearer(&jwt));
    assert!(served.knows("rider", "battery-staple"));
}

#[test]
fn a_password_change_leaves_api_tokens_unless_told_otherwise() {
    let (place, served) = started();
    let token = place.done(&["token", "new", "--user", "rider", "--grant", "profile:read"], "");
    assert!(served.knows_bearer(token.trim()));
    place.done(&["user", "passwd", "rider", "--password-stdin"], "battery-staple\n");
    sleep(SECOND);
    assert!(served.knows_bearer(token.trim()));
    let words = ["user", "passwd", "rider", "--password-stdin", "--end-tokens"];
    ends(&place, &words, "correct-horse\n", || served.knows_bearer(token.trim()));
}

#[test]
fn rev_02_a_revoked_token_is_refused_within_a_second_beside_another_process() {
    let (place, served) = started();
    let token = place.done(&["token", "new", "--user", "rider", "--grant", "profile:read"], "");
    let token = token.trim();
    assert!(served.knows_bearer(token));
    ends(&place, &["token", "revoke", token_id(token)], "", || served.knows_bearer(token));

    // This process as the second one on the store: many times, and the longest is told.
    let overrides = Overrides { data_dir: Some(place.path("data")), listen: None };
    let config = config::load(None, &overrides).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let ground = runtime.block_on(assemble::ground(&config, Arc::new(SystemClock))).unwrap();
    let accounts = &ground.accounts;
    let rider = runtime.block_on(accounts.store().account_by_login(&Login::parse("rider").unwrap()));
    let rider = rider.unwrap().unwrap();
    let origin = Origin::operator();
    let longest = (0..25)
        .map(|_| {
            let grants = "profile:read".parse().unwrap();
            let issued = runtime.block_on(accounts.issue_token(&rider, "", grants, None, &origin)).unwrap();
            let text = issued.text.expose_text().unwrap();
            assert!(served.knows_bearer(text));
            runtime.block_on(accounts.revoke_token(&issued.token.id, &origin)).unwrap();
            refused_within_a_second(Instant::now(), || served.knows_bearer(text))
        })
        .max();
    eprintln!("the longest of 25 revocations was seen after {longest:?}");
    runtime.block_on(accounts.store().close()).unwrap();
}

#[test]
fn rev_02_what_one_gateway_ends_another_on_the_same_store_refuses_within_a_second() {
    let (place, here) = started();
    // A folder of its own, since only one gateway has a folder's samples.
    let store = place.path("data/trackgate.db");
    let there = Place::with(&format!("[store]\nurl = \"sqlite:{}\"\n", store.display()));
    let there = there.serve();
    for _ in 0..5 {
        let (sliding, jwt) = (here.sliding_token("rider"), here.jwt("rider"));
        assert!(there.knows_sliding(&sliding) && there.knows_bearer(&jwt));
        assert_eq!(here.ask(&format!("POST /logout\ntoken: {sliding}"), "").json()["status"], "success");
        refused_within_a_second(Instant::now(), || there.knows_sliding(&sliding));
        assert_eq!(here.ask(&format!("POST /api/auth/logout\nAuthorization: Bearer {jwt}"), "").status, 200);
        refused_within_a_second(Instant::now(), || there.knows_bearer(&jwt));
    }
    let (sliding, jwt) = (there.sliding_token("rider"), there.jwt("rider"));
    assert!(there.knows("rider", "correct-horse") && there.knows_sliding(&sliding) && there.knows_bearer(&jwt));
    let head = "POST /user/change-password\nContent-Type: application/x-www-form-urlencoded";
    let head = format!("{head}\n{}", basic("rider", "correct-horse"));
    assert_eq!(here.ask(&head, "password=correct-horse&new_password=battery-staple").status, 200);
    assert!(!here.knows("rider", "correct-horse"), "by the very next request here");
    let since = Instant::now();
    refused_within_a_second(since, || there.knows("rider", "correct-horse"));
    refused_within_a_second(since, || there.knows_sliding(&sliding));
    refused_within_a_second(since, || there.knows_bearer(&jwt));
    assert!(there.knows("rider", "battery-staple"));
}

#[test]
fn a_rotated_token_ends_and_its_successor_works() {
    let (place, served) = started();
    let old = place.done(&["token", "new", "--user", "rider", "--grant", "profile:read"], "");
    let old = old.trim();
    assert!(served.knows_bearer(old));
    let new = place.done(&["token", "rotate", token_id(old)], "");
    refused_within_a_second(Instant::now(), || served.knows_bearer(old));
    assert!(served.knows_bearer(new.trim()));
}

#[test]
fn a_revoked_session_is_refused_within_a_second_and_leaves_others() {
    let (place, served) = started();
    let (first, second) = (served.sliding_token("rider"), served.sliding_token("rider"));
    assert!(served.knows_sliding(&first) && served.knows_sliding(&second));
    let sessions: serde_json::Value = serde_json::from_str(&place.done(&["session", "list", "--json"], "")).unwrap();
    assert_eq!(sessions.as_array().unwrap().len(), 2);
    let id = sessions[0]["id"].as_str().unwrap();
    place.done(&["session", "revoke", id], "");
    let since = Instant::now();
    refused_within_a_second(since, || served.knows_sliding(&first) && served.knows_sliding(&second));
    assert!(served.knows_sliding(&first) || served.knows_sliding(&second));
    let jwt = served.jwt("rider");
    assert!(served.knows_bearer(&jwt));
    place.done(&["session", "revoke", "--user", "rider"], "");
    let since = Instant::now();
    refused_within_a_second(since, || served.knows_sliding(&first) || served.knows_sliding(&second));
    refused_within_a_second(since, || served.knows_bearer(&jwt));
    assert!(served.knows("rider", "correct-horse"));
}

#[test]
fn a_deleted_account_is_refused_within_a_second_and_its_name_is_free() {
    let (place, served) = started();
    let token = place.done(&["token", "new", "--user", "rider", "--grant", "profile:read"], "");
    assert!(served.knows("rider", "correct-horse"));
    let (sliding, jwt) = (served.sliding_token("rider"), served.jwt("rider"));
    assert!(served.knows_sliding(&sliding) && served.knows_bearer(&jwt) && served.knows_bearer(token.trim()));
    place.done(&["user", "delete", "rider"], "");
    let since = Instant::now();
    refused_within_a_second(since, || served.knows("rider", "correct-horse"));
    refused_within_a_second(since, || served.knows_sliding(&sliding));
    refused_within_a_second(since, || served.knows_bearer(&jwt));
    refused_within_a_second(since, || served.knows_bearer(token.trim()));
    place.done(&["user", "add", "rider", "--password-stdin"], "battery-staple\n");
    assert!(served.knows("rider", "battery-staple"));
    assert!(!served.knows("rider", "correct-horse") && !served.knows_bearer(token.trim()));
}

const SECOND: Duration = Duration::from_secs(1);
