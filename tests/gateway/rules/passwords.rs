//! Passwords: imported forms, the bounded pool, what is refused before hashing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use trackgate::ports::{AccountChange, Ends};
use trackgate_schemes::Secret;

use super::{Door, PROXIED, lasting};
use crate::harness::{Answer, Inside, ask, basic};

/// Puts an imported form in the place of the password.
fn import(inside: &Inside, name: &str, form: &str) {
    let account = inside.account(name);
    let change = AccountChange { password: Some(Secret::from(form)), ..AccountChange::default() };
    let store = inside.gateway().accounts().store();
    inside.wait(store.change_account(account.id, change, Ends::Nothing, inside.now())).unwrap();
}

fn stored(inside: &Inside, name: &str) -> String {
    let login = trackgate_schemes::Login::parse(name).unwrap();
    let account = inside.wait(inside.gateway().accounts().store().account_by_login(&login)).unwrap().unwrap();
    account.password.unwrap().expose_text().unwrap().to_owned()
}

#[test]
fn pwd_01_a_new_password_is_stored_as_argon2id() {
    let inside = Inside::start("");
    let form = "username=newrider&password=correct-horse";
    assert_eq!(inside.ask("POST /register\nContent-Type: application/x-www-form-urlencoded", form).status, 200);
    inside.account("rider");
    let (one, other) = (stored(&inside, "newrider"), stored(&inside, "rider"));
    for stored in [&one, &other] {
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    }
    assert_ne!(one, other, "each has a salt of its own");
}

#[test]
fn pwd_04_imported_forms_open_every_door_and_are_upgraded_by_it() {
    let inside = Inside::start("");
    let bcrypt = "$2b$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe";
    for (n, (form, password)) in [
        (bcrypt.to_owned(), "a".repeat(72)),
        (bcrypt.replace("$2b$", "$2y$"), "a".repeat(72)),
        ("$apr1$01234567$ci/pK3.qnUZOyE.Xerv.C0".to_owned(), "correct horse".to_owned()),
        ("{SHA}NstYn3QVe0WBGmkMWLQ0CV9I6fo=".to_owned(), "correct-horse".to_owned()),
    ]
    .into_iter()
    .enumerate()
    {
        for door in Door::ALL {
            let name = format!("rider{n}{}", format!("{door:?}").to_lowercase());
            import(&inside, &name, &form);
            let wrong =
                door.sign_in(&inside, "127.0.0.1", &name, &format!("{}b", password.split_at(password.len() - 1).0));
            assert!(!door.is_good(&wrong), "{form} {door:?}");
            assert_eq!(stored(&inside, &name), form, "a wrong password upgrades nothing");
            assert_ne!(stored(&inside, &name), "");
            // One rider at a time signs in from here.
            let client = format!("192.0.2.{n}");
            let answer = door.sign_in(&inside, &client, &name, &password);
            if door.is_good(&answer) {
                assert!(stored(&inside, &name).starts_with("$argon2id$"), "{form} {door:?}");
                end_sessions(&inside);
            } else {
                panic!("{form} {door:?} {answer:?}");
            }
            assert!(door.is_good(&door.sign_in(&inside, &client, &name, &password)), "{form} {door:?}");
            end_sessions(&inside);
        }
    }
}

fn end_sessions(inside: &Inside) {
    let accounts = inside.gateway().accounts();
    for session in inside.wait(accounts.store().list_sessions(None)).unwrap() {
        inside.wait(accounts.end_session(&session.id, &trackgate::accounts::Origin::operator())).unwrap();
    }
}

#[test]
fn pwd_05_bcrypt_takes_no_password_of_73_bytes() {
    let inside = Inside::start("");
    let form = "$2b$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe";
    import(&inside, "rider", form);
    for door in Door::ALL {
        assert!(!door.is_good(&door.sign_in(&inside, "127.0.0.1", "rider", &"a".repeat(73))), "{door:?}");
    }
    assert_eq!(stored(&inside, "rider"), form);
}

#[test]
fn pwd_07_a_password_is_changed_with_the_present_one_only() {
    let inside = Inside::start("");
    let rider = inside.account("rider");
    let token = inside.token(&rider, "profile:read profile:write");
    let before = stored(&inside, "rider");
    let change = |credential: &str, form: &str| {
        let head = "POST /user/change-password\nContent-Type: application/x-www-form-urlencoded";
        inside.ask(&format!("{head}\n{credential}"), form)
    };
    let right = basic("rider", "correct-horse");
    for (credential, form) in [
        (&right, "new_password=another-horse"),
        (&right, "password=&new_password=another-horse"),
        (&right, "password=wrong-horse&new_password=another-horse"),
        (&right, "password=correct-horse"),
        (&basic("rider", "wrong-horse"), "password=correct-horse&new_password=another-horse"),
        (&basic("rider", &token), "password=correct-horse&new_password=another-horse"),
        (&"X-None: 1".to_owned(), "password=correct-horse&new_password=another-horse"),
    ] {
        let answer = change(credential, form);
        assert_ne!(answer.text(), r#"{"status":"OK"}"#, "{form}");
        assert_eq!(stored(&inside, "rider"), before, "{form}");
    }
    assert_eq!(change(&right, "password=correct-horse&new_password=another-horse").text(), r#"{"status":"OK"}"#);
    assert_ne!(stored(&inside, "rider"), before);
}

#[test]
fn bas_12_over_1_kib_is_answered_like_a_wrong_one_and_counts_as_no_guess() {
    let inside = Inside::start(&format!("[guessing]\nper_account = 3\n{PROXIED}"));
    inside.account("rider");
    let long = "x".repeat(1025);
    for door in Door::ALL {
        let wrong = lasting(&door.sign_in(&inside, "203.0.113.1", "somebody", "wrong"));
        for _ in 0..4 {
            let answer = door.sign_in(&inside, "203.0.113.1", "rider", &long);
            assert_eq!(lasting(&answer), wrong, "{door:?}");
            assert_eq!(answer.header("retry-after"), "");
        }
    }
    assert!(Door::Basic.is_good(&Door::Basic.sign_in(&inside, "203.0.113.1", "rider", "correct-horse")));
}

#[test]
fn enu_01_unknown_wrong_and_disabled_cannot_be_told_apart_at_any_door() {
    let inside = Inside::start("");
    inside.account("rider");
    let disabled = inside.account("gone");
    let state = Some(trackgate_schemes::store::AccountState::Disabled);
    let change = AccountChange { state, ..AccountChange::default() };
    inside
        .wait(inside.gateway().accounts().store().change_account(disabled.id, change, Ends::Nothing, inside.now()))
        .unwrap();
    for door in Door::ALL {
        let wrong = lasting(&door.sign_in(&inside, "127.0.0.1", "rider", "wrong"));
        for (name, password) in [("nobody", "wrong"), ("gone", "correct-horse"), ("gone", "wrong")] {
            let answer = door.sign_in(&inside, "127.0.0.1", name, password);
            assert_eq!(lasting(&answer), wrong, "{door:?} {name}");
        }
    }
}

#[test]
fn pwd_09_a_full_pool_turns_newcomers_away_while_known_credentials_go_on() {
    let limits = "[passwords]\nthreads = 1\nqueue = 1\n[guessing]\nper_network = 100000\n";
    let inside = Inside::start(limits);
    let rider = inside.account("rider");
    let known = super::credentials(&inside, &rider);
    // The event log tells of the account that was just made: what is known of it is forgotten once more.
    std::thread::sleep(Duration::from_secs(1));
    for (scheme, head) in &known {
        assert_eq!(super::status(&inside.ask(head, "")), 200, "{scheme}");
    }
    let address = inside.address();
    let stop = AtomicBool::new(false);
    let turned_away: Vec<Answer> = std::thread::scope(|scope| {
        let storm: Vec<_> = (0..12)
            .map(|n| {
                let stop = &stop;
                scope.spawn(move || {
                    let mut refused = Vec::new();
                    for guess in 0.. {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        let door = Door::ALL[n % 3];
                        let (head, body) = door.request("127.0.0.1", &format!("stranger{n}x{guess}"), "wrong");
                        let answer = ask(address, &head, &body);
                        assert!(!door.is_good(&answer));
                        if super::status(&answer) == 503 {
                            refused.push(answer);
                        }
                    }
                    refused
                })
            })
            .collect();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(700) {
            for (scheme, head) in &known {
                let answer = ask(address, head, "");
                if super::status(&answer) != 200 {
                    stop.store(true, Ordering::Relaxed);
                    panic!("{scheme}: {answer:?}");
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
        storm.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(!turned_away.is_empty(), "the pool was never full");
    for answer in turned_away {
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1, "{answer:?}");
    }
    assert_eq!(inside.ask(&format!("GET /auth\n{}", basic("rider", "correct-horse")), "").status, 200);
}

#[test]
fn pwd_09_a_network_that_fills_the_queue_does_not_keep_others_out() {
    let limits = "[passwords]\nthreads = 1\nqueue = 4\n[guessing]\nper_network = 100000\n";
    let inside = Inside::start(&format!("{limits}{PROXIED}"));
    inside.account("rider");
    let address = inside.address();
    let (stop, turned_away) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for n in 0..12 {
            let (stop, turned_away) = (&stop, &turned_away);
            scope.spawn(move || {
                for guess in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let door = Door::ALL[n % 3];
                    let (head, body) = door.request("203.0.113.66", &format!("stranger{n}x{guess}"), "wrong");
                    if super::status(&ask(address, &head, &body)) == 503 {
                        turned_away.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
        let others = || {
            while !turned_away.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            // Each from a network of its own, so that nothing is remembered of them.
            for n in 0..12 {
                let door = Door::ALL[n % 3];
                let answer = door.sign_in(&inside, &format!("198.51.100.{n}"), "rider", "correct-horse");
                assert!(door.is_good(&answer), "{door:?} {n}: {answer:?}");
            }
        };
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(others));
        stop.store(true, Ordering::Relaxed);
        ended.unwrap_or_else(|why| std::panic::resume_unwind(why));
    });
}
