//! Guessing is counted per account and per network, across every door.

use std::time::Duration;

use super::{Door, PROXIED, from, lasting};
use crate::harness::{Inside, ask, basic};

const FOUR: &str = "[guessing]\nper_account = 4\nper_network = 12\nwindow = \"15m\"\n";

fn start() -> Inside {
    let inside = Inside::start(&format!("{FOUR}{PROXIED}"));
    inside.account("rider");
    inside
}

const ATTACKER: &str = "203.0.113.66";
const OWNER: &str = "198.51.100.7";

/// Locks `rider` for strangers by four guesses spread over the doors.
fn lock(inside: &Inside) {
    for (n, door) in [Door::Basic, Door::LpTracker, Door::FitTrackee, Door::Basic].into_iter().enumerate() {
        let answer = door.sign_in(inside, ATTACKER, "rider", &format!("guess-{n}"));
        assert!(!door.is_good(&answer), "{answer:?}");
        assert_eq!(answer.header("retry-after"), "", "{answer:?}");
    }
}

#[test]
fn rlk_01_rlk_02_all_doors_share_one_counter_and_a_lock_looks_like_a_wrong_password() {
    let inside = start();
    let wrong = Door::ALL.map(|door| lasting(&door.sign_in(&inside, "192.0.2.200", "somebody", "wrong")));
    lock(&inside);
    for (door, wrong) in Door::ALL.into_iter().zip(&wrong) {
        for (client, password) in [(ATTACKER, "wrong"), (ATTACKER, "correct-horse"), ("203.0.113.9", "correct-horse")] {
            let answer = door.sign_in(&inside, client, "rider", password);
            assert_eq!(&lasting(&answer), wrong, "{door:?} {password}");
            let wait: u64 = answer.header("retry-after").parse().unwrap_or_else(|_| panic!("{door:?} {answer:?}"));
            assert!((1..=900).contains(&wait), "{answer:?}");
        }
    }
    inside.advance(Duration::from_secs(15 * 60 + 1));
    for door in Door::ALL {
        assert!(door.is_good(&door.sign_in(&inside, ATTACKER, "rider", "correct-horse")), "{door:?}");
    }
}

#[test]
fn rlk_03_other_spellings_of_the_name_are_one_account() {
    let inside = start();
    for (door, name) in [
        (Door::Basic, "RIDER"),
        (Door::Basic, "rider@example.org"),
        (Door::LpTracker, "Rider@Example.org"),
        (Door::FitTrackee, "RiDeR"),
    ] {
        assert!(!door.is_good(&door.sign_in(&inside, ATTACKER, name, "wrong")));
    }
    for door in Door::ALL {
        let answer = door.sign_in(&inside, ATTACKER, "rider", "correct-horse");
        assert!(!door.is_good(&answer) && !answer.header("retry-after").is_empty(), "{door:?} {answer:?}");
    }
}

#[test]
fn rlk_04_one_password_against_many_accounts_from_one_network_is_caught() {
    let inside = start();
    for n in 0..12 {
        let door = Door::ALL[n % 3];
        let answer = door.sign_in(&inside, ATTACKER, &format!("victim{n}"), "password1");
        assert_eq!(answer.header("retry-after"), "", "guess {n}");
    }
    for door in Door::ALL {
        let answer = door.sign_in(&inside, ATTACKER, "rider", "correct-horse");
        assert!(!door.is_good(&answer) && !answer.header("retry-after").is_empty(), "{door:?} {answer:?}");
        assert!(door.is_good(&door.sign_in(&inside, OWNER, "rider", "correct-horse")), "others are not concerned");
    }
}

#[test]
fn rlk_05_a_network_from_which_the_account_was_used_well_keeps_access() {
    let inside = start();
    assert!(Door::LpTracker.is_good(&Door::LpTracker.sign_in(&inside, OWNER, "rider", "correct-horse")));
    for _ in 0..4 {
        lock_again(&inside);
        for door in Door::ALL {
            assert!(door.is_good(&door.sign_in(&inside, OWNER, "rider", "correct-horse")), "{door:?}");
            let stranger = door.sign_in(&inside, "203.0.113.9", "rider", "correct-horse");
            assert!(!door.is_good(&stranger), "{door:?}");
        }
        inside.advance(Duration::from_mins(20));
    }
}

fn lock_again(inside: &Inside) {
    for n in 0..6 {
        let client = format!("203.0.113.{}", 100 + n);
        assert!(!Door::Basic.is_good(&Door::Basic.sign_in(inside, &client, "rider", "wrong")));
    }
}

#[test]
fn rlk_06_addresses_of_one_ipv6_64_are_one_network() {
    let inside = start();
    for n in 0..12 {
        let client = format!("2001:db8:0:1::{n:x}");
        assert_eq!(Door::Basic.sign_in(&inside, &client, &format!("victim{n}"), "x").header("retry-after"), "");
    }
    let answer = Door::Basic.sign_in(&inside, "2001:db8:0:1:ffff::1", "rider", "correct-horse");
    assert!(!Door::Basic.is_good(&answer) && !answer.header("retry-after").is_empty());
    assert!(Door::Basic.is_good(&Door::Basic.sign_in(&inside, "2001:db8:0:2::1", "rider", "correct-horse")));
}

#[test]
fn rlk_07_an_unlisted_peer_cannot_choose_its_network() {
    let inside = Inside::start(FOUR);
    inside.account("rider");
    for n in 0..12 {
        let answer = Door::Basic.sign_in(&inside, &format!("203.0.113.{n}"), &format!("victim{n}"), "x");
        assert_eq!(answer.header("retry-after"), "", "guess {n}");
    }
    let answer = Door::Basic.sign_in(&inside, "198.51.100.1", "rider", "correct-horse");
    assert!(!Door::Basic.is_good(&answer) && !answer.header("retry-after").is_empty());
}

#[test]
fn rlk_08_of_64_guesses_at_once_over_all_doors_no_more_are_tried_than_the_limit_allows() {
    let inside = Inside::start(&format!("[passwords]\nqueue = 100\n{FOUR}{PROXIED}"));
    inside.account("rider");
    let address = inside.address();
    let guesses: Vec<_> = (0..64)
        .map(|n| {
            let (head, body) = Door::ALL[n % 3].request(&format!("203.0.113.{n}"), "rider", &format!("guess-{n}"));
            std::thread::spawn(move || ask(address, &head, &body))
        })
        .collect();
    let answers: Vec<_> = guesses.into_iter().map(|guess| guess.join().unwrap()).collect();
    let tried = answers.iter().filter(|answer| answer.header("retry-after").is_empty()).count();
    assert_eq!(tried, 4);
    let answer = Door::Basic.sign_in(&inside, "203.0.113.200", "rider", "correct-horse");
    assert!(!Door::Basic.is_good(&answer));
}

#[test]
fn rlk_09_a_lock_outlives_a_restart_and_stays_within_its_bound() {
    let mut inside = start();
    assert!(Door::Basic.is_good(&Door::Basic.sign_in(&inside, OWNER, "rider", "correct-horse")));
    lock(&inside);
    let folder = std::mem::replace(&mut inside.folder, tempfile::tempdir().unwrap());
    drop(inside);
    let again = Inside::start_in(folder, &format!("{FOUR}{PROXIED}"), trackgate::telemetry::AccessLog::off());
    for door in Door::ALL {
        let answer = door.sign_in(&again, ATTACKER, "rider", "correct-horse");
        assert!(!door.is_good(&answer), "{door:?}");
        assert!(answer.header("retry-after").parse::<u64>().unwrap() <= 900, "{answer:?}");
        assert!(door.is_good(&door.sign_in(&again, OWNER, "rider", "correct-horse")), "{door:?}");
    }
    again.advance(Duration::from_secs(15 * 60 + 1));
    assert!(Door::Basic.is_good(&Door::Basic.sign_in(&again, ATTACKER, "rider", "correct-horse")));
}

#[test]
fn rlk_10_what_is_no_password_is_no_guess() {
    let inside = start();
    let token = super::jwt(&inside, "192.0.2.50", "rider");
    inside.advance(Duration::from_hours(31 * 24));
    let from = from(ATTACKER);
    for _ in 0..5 {
        for head in [
            "GET /auth",
            "GET /auth\nAuthorization: Basic",
            "GET /projects",
            "GET /projects\ntoken: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "GET /api/auth/profile",
            &format!("GET /api/auth/profile\nAuthorization: Bearer {token}"),
            "GET /api/userstats.php\nAuthorization: Bearer tg_x",
            "GET /ping",
            &format!("GET /ping\n{}", basic("rider", "wrong")),
        ] {
            drop(inside.ask(&format!("{head}\n{from}"), ""));
        }
    }
    for door in Door::ALL {
        assert!(door.is_good(&door.sign_in(&inside, ATTACKER, "rider", "correct-horse")), "{door:?}");
    }
}
