//! A stranger cannot tell who has an account.

use crate::doors::curl::whole;
use crate::harness::{Inside, basic};

/// Every way to offer a name and a password.
fn doors(inside: &Inside, name: &str, password: &str) -> Vec<(&'static str, String)> {
    let lptracker = |login: &str| {
        let body = format!(r#"{{"login":"{login}","password":"{password}","service":"S","version":"1.0"}}"#);
        whole(&inside.ask("POST /login\nContent-Type: application/json", &body))
    };
    let pair = basic(name, password);
    let form = "Content-Type: application/x-www-form-urlencoded";
    let fittrackee = format!(r#"{{"email":"{name}@example.org","password":"{password}"}}"#);
    vec![
        ("GET /user", whole(&inside.ask(&format!("GET /user\n{pair}"), ""))),
        ("GET /auth", whole(&inside.ask(&format!("GET /auth\n{pair}"), ""))),
        ("GET /user/NAME", whole(&inside.ask(&format!("GET /user/{name}\n{pair}"), ""))),
        ("DELETE /user", whole(&inside.ask(&format!("DELETE /user\n{form}\n{pair}"), &format!("password={password}")))),
        (
            "POST /user/change-password",
            whole(&inside.ask(
                &format!("POST /user/change-password\n{form}\n{pair}"),
                &format!("password={password}&new_password=battery-staple"),
            )),
        ),
        ("POST /login by name", lptracker(name)),
        ("POST /login by address", lptracker(&format!("{name}@example.org"))),
        (
            "POST /api/auth/login",
            whole(&inside.ask("POST /api/auth/login\nContent-Type: application/json", &fittrackee)),
        ),
    ]
}

#[test]
fn enu_01_an_unknown_name_and_a_wrong_password_get_the_same_answer_at_every_door() {
    let inside = Inside::start("[guessing]\nper_account = 1000000\nper_network = 1000000\n");
    inside.account("testrider");
    for password in
        ["wrong-horse", "x", "tg_0000000000000000", &"y".repeat(1025), "pässwörd", "a:b:c", " correct-horse"]
    {
        let known = doors(&inside, "testrider", password);
        assert_eq!(doors(&inside, "nobody12", password), known, "{password}");
        for (door, answer) in known {
            let refused = answer.starts_with("403\n") || answer.starts_with("401\n");
            assert!(refused || answer.contains(r#"{"code":401,"#), "{door}: {answer}");
        }
    }
}

#[test]
fn enu_01_also_while_both_are_locked() {
    let inside = Inside::start("[guessing]\nper_account = 3\n");
    inside.account("testrider");
    let locked = |name: &str| {
        for _ in 0..4 {
            inside.ask(&format!("GET /auth\n{}", basic(name, "wrong-horse")), "");
            // Nobody's name and nobody's address are not known to belong together.
            let body = format!(r#"{{"email":"{name}@example.org","password":"wrong-horse"}}"#);
            inside.ask("POST /api/auth/login\nContent-Type: application/json", &body);
        }
        doors(&inside, name, "wrong-horse")
    };
    let known = locked("testrider");
    assert_eq!(locked("nobody12"), known);
    assert!(known.iter().all(|(_, answer)| answer.contains("\nretry-after: ")), "{known:?}");
    // The right password is no different while the lock lasts.
    assert_eq!(doors(&inside, "testrider", "correct-horse"), known);
}

#[test]
fn enu_02_also_for_an_account_that_is_not_in_use() {
    let inside = Inside::start("[guessing]\nper_account = 1000000\nper_network = 1000000\n");
    inside.account("other");
    let body =
        r#"{"username":"testrider","email":"testrider@example.org","password":"correct-horse","accepted_policy":true}"#;
    assert_eq!(inside.ask("POST /api/auth/register\nContent-Type: application/json", body).status, 200);
    // It waits to be confirmed, and its password is right.
    assert_eq!(doors(&inside, "testrider", "correct-horse"), doors(&inside, "nobody12", "correct-horse"));
}

#[test]
fn enu_04_foreign_and_unknown_numbers_get_the_same_answer() {
    let inside = Inside::start("");
    let (ann, bob) = (inside.account("ann"), inside.account("bob"));
    let (anns, bobs) = (inside.token(&ann, "sessions:write"), inside.token(&bob, "sessions:read"));
    let head = format!("POST /api/liveinsert.php\nAuthorization: Bearer {anns}");
    let id = inside.ask(&head, r#"{"insertl":1}"#).json()["session_id"].as_i64().unwrap();
    let ask =
        |id: i64| whole(&inside.ask(&format!("GET /api/v2/sessions.php?id={id}\nAuthorization: Bearer {bobs}"), ""));
    assert_eq!(ask(id), ask(4711));
    assert!(ask(id).starts_with("404\n"));
}
