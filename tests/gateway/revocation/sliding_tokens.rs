//! Sliding tokens: expiry, addresses, sign-out.

use std::thread::scope;
use std::time::Duration;

use super::{assert_one_order, lp_line, storm, with_upstream};
use crate::harness::{Answer, Inside, ask, basic};
use crate::rules::{PROXIED, Upstream, from, sliding, status};

const DAY: Duration = Duration::from_hours(24);
const INSTANT: Duration = Duration::from_millis(1);
const ALMOST_A_DAY: Duration = Duration::from_millis(24 * 3_600_000 - 1);

fn is_live(inside: &Inside, token: &str) -> bool {
    match status(&inside.ask(&format!("GET /projects\n{}", lp_line(token)), "")) {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

/// A sign-in by this service from this client.
fn sign_in(inside: &Inside, client: &str, name: &str, service: &str) -> Answer {
    let body = serde_json::json!({ "login": name, "password": "correct-horse", "service": service, "version": "1.0" });
    inside.ask(&format!("POST /login\nContent-Type: application/json\n{}", from(client)), &body.to_string())
}

fn token_of(answer: &Answer) -> Option<String> {
    Some(answer.json()["result"]["token"].as_str()?.to_owned())
}

fn sign_out(inside: &Inside, token: &str) -> u64 {
    status(&inside.ask(&format!("POST /logout\n{}", lp_line(token)), ""))
}

#[test]
fn sld_01_a_token_lives_from_use_to_use_and_is_dead_at_exactly_24_hours() {
    let inside = Inside::start("");
    inside.account("rider");
    let token = sliding(&inside, "127.0.0.1", "rider");
    for _ in 0..3 {
        inside.advance(ALMOST_A_DAY);
        assert!(is_live(&inside, &token), "a millisecond before");
    }
    inside.advance(DAY);
    assert!(!is_live(&inside, &token), "exactly at its end");
    inside.advance(INSTANT);
    assert!(!is_live(&inside, &token), "after");

    let never_used = sliding(&inside, "127.0.0.1", "rider");
    inside.advance(DAY);
    assert!(!is_live(&inside, &never_used));
}

#[test]
fn sld_02_requests_that_are_not_let_through_do_not_slide() {
    let upstream = Upstream::start();
    let routes = r#"
[[routes]]
name = "lptracker"
tracker = "lptracker"
[[routes]]
name = "admin"
match = "GET /admin"
auth = ["lp"]
allow = { grants = ["account:admin"] }
upstream = "up"
[[routes]]
name = "elsewhere"
match = "GET /elsewhere"
auth = ["lp"]
allow = { networks = ["192.0.2.0/24"] }
upstream = "up"
[[routes]]
name = "rare"
match = "GET /rare"
auth = ["lp"]
allow = { rate = "1/1h" }
upstream = "up"
[[routes]]
name = "open"
match = "GET /open"
auth = "none"
public = "everybody reads it"
upstream = "up"
"#;
    let inside = Inside::start(&format!("{}{routes}", upstream.config()));
    inside.account("rider");
    let token = sliding(&inside, "127.0.0.1", "rider");
    let line = lp_line(&token);
    assert_eq!(inside.ask(&format!("GET /rare\n{line}"), "").status, 200);
    inside.advance(ALMOST_A_DAY);
    for (head, expected) in [
        (format!("GET /admin\n{line}"), 403),
        (format!("GET /elsewhere\n{line}"), 403),
        (format!("GET /rare\n{line}"), 429),
        (format!("GET /nowhere\n{line}"), 404),
        (format!("DELETE /projects\n{line}"), 404),
        (format!("GET /projects\n{line}\n{line}"), 400),
        (format!("GET /projects/..\n{line}"), 400),
        (format!("GET /open\n{line}"), 200),
    ] {
        let answer = inside.ask(&head, "");
        assert_eq!(status(&answer), expected, "{head} {answer:?}");
    }
    inside.advance(INSTANT);
    assert!(!is_live(&inside, &token));
}

#[test]
fn sld_03_at_the_boundary_nothing_is_accepted_after_a_refusal() {
    let upstream = Upstream::start();
    let inside = with_upstream(&upstream);
    inside.account("rider");
    let token = sliding(&inside, "127.0.0.1", "rider");
    let (at, seen) = storm(&inside, &format!("GET /points\n{}", lp_line(&token)), || inside.advance(DAY));
    assert_one_order("expiry", at, &seen);
}

#[test]
fn sld_05_a_second_user_is_refused_without_a_name_or_displaces_by_setting() {
    let inside = Inside::start(PROXIED);
    inside.account("anna");
    inside.account("bert");
    let anna = token_of(&sign_in(&inside, "192.0.2.1", "anna", "one")).unwrap();
    for client in ["192.0.2.1", "::ffff:192.0.2.1"] {
        let refused = sign_in(&inside, client, "bert", "one");
        assert_eq!(status(&refused), 403, "{client}");
        assert!(!refused.text().contains("anna") && !refused.text().contains("bert"), "{refused:?}");
    }
    assert!(is_live(&inside, &anna));
    assert!(token_of(&sign_in(&inside, "192.0.2.2", "bert", "one")).is_some());

    let displace = "[schemes.lp]\nkind = \"sliding\"\nip = { mode = \"one-user\", on_conflict = \"displace\" }\n";
    let inside = Inside::start(&format!("{displace}{PROXIED}"));
    inside.account("anna");
    inside.account("bert");
    let anna = token_of(&sign_in(&inside, "192.0.2.1", "anna", "one")).unwrap();
    assert!(is_live(&inside, &anna));
    let bert = token_of(&sign_in(&inside, "192.0.2.1", "bert", "one")).unwrap();
    assert_eq!((is_live(&inside, &anna), is_live(&inside, &bert)), (false, true));
}

#[test]
fn sld_06_of_two_users_who_race_from_one_address_one_has_live_tokens() {
    for conflict in ["refuse", "displace"] {
        let scheme =
            format!("[schemes.lp]\nkind = \"sliding\"\nip = {{ mode = \"one-user\", on_conflict = \"{conflict}\" }}\n");
        let inside = Inside::start(&scheme);
        for name in ["anna", "bert"] {
            inside.account(name);
        }
        for round in 0..20 {
            let inside = &inside;
            let answers = scope(|scope| {
                ["anna", "bert"]
                    .map(|name| scope.spawn(move || sign_in(inside, "127.0.0.1", name, "race")))
                    .map(|one| one.join().unwrap())
            });
            let tokens: Vec<_> = answers.iter().filter_map(token_of).collect();
            let live: Vec<_> = tokens.iter().filter(|token| is_live(inside, token)).collect();
            assert_eq!(live.len(), 1, "{conflict}, round {round}: {answers:?}");
            assert_eq!(sign_out(inside, live[0]), 200);
        }
    }
}

#[test]
fn sld_07_one_user_has_any_number_of_services_which_live_apart() {
    let inside = Inside::start("");
    inside.account("rider");
    let tokens: Vec<_> =
        (0..6).map(|n| token_of(&sign_in(&inside, "127.0.0.1", "rider", &format!("service {n}"))).unwrap()).collect();
    assert!(tokens.iter().all(|token| is_live(&inside, token)));
    assert_eq!(sign_out(&inside, &tokens[2]), 200);
    let live: Vec<_> = tokens.iter().map(|token| is_live(&inside, token)).collect();
    assert_eq!(live, [true, true, false, true, true, true]);
}

#[test]
fn sld_08_the_address_is_free_at_the_instant_of_the_last_sign_out_or_expiry_and_not_before() {
    let inside = Inside::start("");
    inside.account("anna");
    inside.account("bert");
    let tokens = ["one", "two"].map(|service| token_of(&sign_in(&inside, "127.0.0.1", "anna", service)).unwrap());
    let bert = || token_of(&sign_in(&inside, "127.0.0.1", "bert", "one"));
    assert_eq!(bert(), None);
    sign_out(&inside, &tokens[0]);
    assert_eq!(bert(), None, "one of two is left");
    sign_out(&inside, &tokens[1]);
    let bert = bert().unwrap();

    // The last use counts, whether or not it was written yet.
    inside.advance(Duration::from_mins(20));
    assert!(is_live(&inside, &bert));
    inside.advance(ALMOST_A_DAY);
    assert_eq!(token_of(&sign_in(&inside, "127.0.0.1", "anna", "one")), None);
    inside.advance(INSTANT);
    assert!(token_of(&sign_in(&inside, "127.0.0.1", "anna", "one")).is_some());
    assert!(!is_live(&inside, &bert));
}

#[test]
fn sld_14_every_sign_in_makes_a_new_token_whatever_the_client_proposes() {
    let inside = Inside::start("");
    inside.account("rider");
    let first = sliding(&inside, "127.0.0.1", "rider");
    let proposal = "B".repeat(32);
    let body = format!(
        r#"{{"login":"rider","password":"correct-horse","service":"one","version":"1.0","token":"{proposal}"}}"#
    );
    for line in [lp_line(&first), lp_line(&proposal)] {
        let answer = inside.ask(&format!("POST /login\nContent-Type: application/json\n{line}"), &body);
        let token = token_of(&answer).unwrap();
        assert!(token != first && token != proposal);
        assert!(is_live(&inside, &token) && is_live(&inside, &first) && !is_live(&inside, &proposal));
    }
}

#[test]
fn sld_15_a_token_that_is_bound_to_its_address_is_refused_elsewhere_and_lives_on_at_home() {
    let upstream = Upstream::start();
    let routes = "[schemes.lp]\nkind = \"sliding\"\nip = { mode = \"exact\" }\n[[routes]]\nname = \"lp\"\ntracker = \"lptracker\"\n";
    let inside = Inside::start(&format!("{PROXIED}{}{routes}", upstream.config()));
    inside.account("rider");
    let token = token_of(&sign_in(&inside, "192.0.2.1", "rider", "one")).unwrap();
    let from_there =
        |client: &str| status(&inside.ask(&format!("GET /projects\n{}\n{}", lp_line(&token), from(client)), ""));
    assert_eq!(from_there("192.0.2.1"), 200);
    inside.advance(ALMOST_A_DAY);
    assert_eq!(from_there("192.0.2.2"), 401);
    inside.advance(Duration::from_nanos(999_999));
    assert_eq!(from_there("192.0.2.2"), 401);
    assert_eq!(from_there("192.0.2.1"), 200, "the owner's session lives on");
}

#[test]
fn sld_16_an_absolute_life_ends_a_token_that_is_in_use() {
    let inside = Inside::start("[schemes.lp]\nkind = \"sliding\"\nabsolute = \"30d\"\n");
    inside.account("rider");
    let token = sliding(&inside, "127.0.0.1", "rider");
    for _ in 0..59 {
        inside.advance(DAY / 2);
        assert!(is_live(&inside, &token));
    }
    inside.advance(Duration::from_millis(12 * 3_600_000 - 1));
    assert!(is_live(&inside, &token));
    inside.advance(INSTANT);
    assert!(!is_live(&inside, &token));
}

#[test]
fn sld_17_sign_ins_that_never_sign_out_are_bounded_and_the_oldest_leave() {
    let inside = Inside::start("[schemes.lp]\nkind = \"sliding\"\nper_account = 3\n");
    let rider = inside.account("rider");
    let mut tokens = Vec::new();
    for n in 0..7 {
        inside.advance(Duration::from_secs(1));
        tokens.push(token_of(&sign_in(&inside, "127.0.0.1", "rider", &format!("service {n}"))).unwrap());
    }
    let live: Vec<_> = tokens.iter().map(|token| is_live(&inside, token)).collect();
    assert_eq!(live, [false, false, false, false, true, true, true]);
    let stored = inside.wait(inside.gateway().accounts().store().list_sessions(Some(rider.id))).unwrap();
    assert_eq!(stored.len(), 3);
}

#[test]
fn sld_18_a_dead_token_cannot_sign_out_and_a_request_that_runs_may_end() {
    let inside = Inside::start("");
    inside.account("rider");
    let token = sliding(&inside, "127.0.0.1", "rider");
    assert_eq!(sign_out(&inside, &token), 200);
    assert_eq!(sign_out(&inside, &token), 401, "twice");
    assert_eq!(sign_out(&inside, &"C".repeat(32)), 401, "never there");
    let expired = sliding(&inside, "127.0.0.1", "rider");
    inside.advance(DAY);
    assert_eq!(sign_out(&inside, &expired), 401, "dead by itself");

    // Sixteen requests run while it is signed out: each gets a whole answer, the next is refused.
    let token = sliding(&inside, "127.0.0.1", "rider");
    let (address, head) = (inside.address(), format!("GET /projects\n{}", lp_line(&token)));
    let answers = scope(|scope| {
        let running: Vec<_> = (0..16).map(|_| scope.spawn(|| ask(address, &head, ""))).collect();
        assert_eq!(sign_out(&inside, &token), 200);
        running.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(answers.iter().all(|answer| matches!(status(answer), 200 | 401 | 503)), "{answers:?}");
    assert!(!is_live(&inside, &token));
}

#[test]
fn sld_19_service_names_are_limited_and_never_sent_raw() {
    let upstream = Upstream::start();
    let inside = with_upstream(&upstream);
    inside.account("rider");
    for service in ["a\r\nX-Evil: 1", "a\nb", "a\u{0}b", "\u{2028}", "", " ", &"x".repeat(10 << 10), &"x".repeat(101)] {
        let answer = sign_in(&inside, "127.0.0.1", "rider", service);
        assert_eq!(status(&answer), 400, "{service:?} {answer:?}");
    }
    for service in ["<script>alert(1)</script>", "Größe \"8\" \\ 日本", "a%0d%0aX-Evil: 1"] {
        let answer = sign_in(&inside, "127.0.0.1", "rider", service);
        let token = token_of(&answer).unwrap_or_else(|| panic!("{service} {answer:?}"));
        assert_eq!(inside.ask(&format!("GET /points\n{}", lp_line(&token)), "").status, 200);
        let head = upstream.heads().pop().unwrap();
        let lines: Vec<_> = head.lines().filter(|line| line.starts_with("x-trackgate-service: ")).collect();
        assert_eq!(lines.len(), 1, "{head}");
        assert!(lines[0].bytes().all(|byte| matches!(byte, b' '..=b'~')), "{head}");
        assert!(!head.to_lowercase().contains("\nx-evil"), "{head}");
    }
    assert_eq!(inside.ask(&format!("GET /auth\n{}", basic("rider", "correct-horse")), "").status, 200);
}
