//! One account, four doors: what is done at one of them, and what the others see of it.

use trackgate::accounts::Origin;
use trackgate::ports::{AccountChange, Ends};
use trackgate_schemes::store::AccountState;

use super::curl::{Curl, whole};
use super::{signed, sliding};
use crate::harness::{Answer, Inside, basic};

/// One credential of each kind, all of one account.
struct Held {
    password: String,
    sliding: String,
    signed: String,
    api: String,
}

/// What the four doors say to them: of Live Tracking, LPTracker, FitTrackee and the session tracker.
fn seen(inside: &Inside, held: &Held) -> [Answer; 4] {
    [
        inside.ask(&format!("GET /auth\n{}", basic("testrider", &held.password)), ""),
        inside.ask(&format!("GET /projects\ntoken: {}", held.sliding), ""),
        inside.ask(&format!("GET /api/auth/profile\nAuthorization: Bearer {}", held.signed), ""),
        inside.ask(&format!("GET /api/userstats.php\nAuthorization: Bearer {}", held.api), ""),
    ]
}

/// Which of them are open.
fn open(inside: &Inside, held: &Held) -> [bool; 4] {
    let [tracking, lptracker, fittrackee, sessions] = seen(inside, held);
    let lptracker = lptracker.text().starts_with(r#"{"status":"success""#);
    [tracking.status == 200, lptracker, fittrackee.status == 200, sessions.status == 200]
}

fn four(inside: &Inside) -> Held {
    let account = inside.account("testrider");
    Held {
        password: "correct-horse".into(),
        sliding: sliding(inside, "testrider", "S"),
        signed: signed(inside, "testrider"),
        api: inside.token(&account, "sessions:read"),
    }
}

/// From registration on, with the command lines of the manuals alone.
#[test]
fn an_account_of_one_door_is_an_account_of_all() {
    let inside = Inside::start("");
    let Some(mut curl) = Curl::to(&inside) else { return };
    curl.play(include_str!("transcripts/one-account.txt"));
}

#[test]
fn rev_01_signing_out_at_one_door_leaves_the_others_open() {
    let inside = Inside::start("");
    let held = four(&inside);
    let (second_sliding, second_signed) = (sliding(&inside, "testrider", "S"), signed(&inside, "testrider"));
    assert_eq!(open(&inside, &held), [true; 4]);
    let out = inside.ask(&format!("POST /logout\ntoken: {}", held.sliding), "");
    assert_eq!(out.text(), r#"{"status":"success","result":true}"#);
    assert_eq!(open(&inside, &held), [true, false, true, true]);
    let out = inside.ask(&format!("POST /api/auth/logout\nAuthorization: Bearer {}", held.signed), "");
    assert_eq!(out.text(), "{\"message\":\"successfully logged out\",\"status\":\"success\"}\n");
    assert_eq!(open(&inside, &held), [true, false, false, true]);
    // What the same account had from a second sign-in is not touched.
    let second = Held { sliding: second_sliding, signed: second_signed, ..held };
    assert_eq!(open(&inside, &second), [true; 4]);
}

#[test]
fn rev_01_from_the_first_request_on_that_starts_after_the_answer() {
    let inside = Inside::start("");
    let account = inside.account("testrider");
    for _ in 0..20 {
        let held = Held {
            password: "correct-horse".into(),
            sliding: sliding(&inside, "testrider", "S"),
            signed: signed(&inside, "testrider"),
            api: inside.token(&account, "sessions:read"),
        };
        // Each is in memory by now.
        assert_eq!(open(&inside, &held), [true; 4]);
        inside.ask(&format!("POST /logout\ntoken: {}", held.sliding), "");
        inside.ask(&format!("POST /api/auth/logout\nAuthorization: Bearer {}", held.signed), "");
        let id = held.api.trim_start_matches("tg_").split('_').next().unwrap();
        let tokens = inside.wait(inside.gateway().accounts().store().list_tokens(Some(account.id))).unwrap();
        let token = tokens.iter().find(|token| id.starts_with(&*token.id)).unwrap();
        inside.wait(inside.gateway().accounts().revoke_token(&token.id, &Origin::operator())).unwrap();
        assert_eq!(open(&inside, &held), [true, false, false, false]);
    }
}

#[test]
fn bas_16_a_new_password_ends_everything_that_the_old_one_opened() {
    let inside = Inside::start("");
    let four = four(&inside);
    assert_eq!(open(&inside, &four), [true; 4]);
    let head = format!(
        "POST /user/change-password\n{}\nContent-Type: application/x-www-form-urlencoded",
        basic("testrider", "correct-horse")
    );
    let changed = inside.ask(&head, "password=correct-horse&new_password=battery-staple");
    assert_eq!(changed.text(), r#"{"status":"OK"}"#);
    // API tokens are credentials of their own, and stay until they are revoked.
    assert_eq!(open(&inside, &four), [false, false, false, true]);
    let [tracking, lptracker, fittrackee, _] = seen(&inside, &four);
    assert_eq!((tracking.status, tracking.text()), (403, r#"{"error":"AUTHENTICATION_FAILED"}"#));
    assert_eq!(lptracker.text(), r#"{"status":"error","errors":[{"code":401,"message":"Invalid token"}]}"#);
    assert_eq!(fittrackee.json()["message"], "invalid token, please log in again");
    // The old password opens no door, the new one every one.
    for (password, good) in [("correct-horse", false), ("battery-staple", true)] {
        let login = format!(r#"{{"login":"testrider","password":"{password}","service":"S","version":"1.0"}}"#);
        assert_eq!(inside.ask("POST /login", &login).json()["status"] == "success", good);
        let login = format!(r#"{{"email":"testrider@example.org","password":"{password}"}}"#);
        let answer = inside.ask("POST /api/auth/login\nContent-Type: application/json", &login);
        assert_eq!(answer.status == 200, good);
        assert_eq!(inside.ask(&format!("GET /auth\n{}", basic("testrider", password)), "").status == 200, good);
    }
}

#[test]
fn bas_14_an_account_out_of_use_is_as_if_the_password_were_wrong() {
    let inside = Inside::start("[guessing]\nper_account = 1000\n");
    let held = four(&inside);
    let account =
        inside.wait(inside.gateway().accounts().store().account(trackgate_schemes::AccountId(1))).unwrap().unwrap();
    let sign_ins = |password: &str| {
        let lptracker = format!(r#"{{"login":"testrider","password":"{password}","service":"S","version":"1.0"}}"#);
        let fittrackee = format!(r#"{{"email":"testrider@example.org","password":"{password}"}}"#);
        [
            whole(&inside.ask(&format!("GET /auth\n{}", basic("testrider", password)), "")),
            whole(&inside.ask("POST /login", &lptracker)),
            whole(&inside.ask("POST /api/auth/login\nContent-Type: application/json", &fittrackee)),
        ]
    };
    let wrong = sign_ins("wrong-horse");
    let disabled = AccountChange { state: Some(AccountState::Disabled), ..AccountChange::default() };
    inside.wait(inside.gateway().accounts().change(account.id, disabled, Ends::Nothing, &Origin::operator())).unwrap();
    assert_eq!(open(&inside, &held), [false; 4]);
    assert_eq!(sign_ins("correct-horse"), wrong);
    inside.wait(inside.gateway().accounts().delete(account.id, &Origin::operator())).unwrap();
    assert_eq!(open(&inside, &held), [false; 4]);
    assert_eq!(sign_ins("correct-horse"), wrong);
    // Somebody else of the same name gets nothing of what was his.
    inside.account("testrider");
    assert_eq!(open(&inside, &held), [true, false, false, false]);
}
