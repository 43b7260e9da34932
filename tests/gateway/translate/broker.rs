//! The session broker: one login for all, once, and never against the upstream's will.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Front, holds, route, route_for};
use crate::harness::wire;

const BY_LINKS: &str = "credentials = \"session\", links = \"points\"";

/// A login that the configuration describes.
const JSON: &str = r#"login = { kind = "json", path = "/json-login", body = '{"who":{user},"word":{password}}', token = "/access/0/token" }"#;

fn sessions() -> Front {
    Front::start(&route("session", BY_LINKS))
}

#[test]
fn a_session_that_the_body_says_is_over_is_opened_anew_and_the_request_repeated() {
    let front = sessions();
    assert_eq!(front.ask("GET /session/a", "").json()["who"], "anna-there");
    front.legacy.expire();
    let answer = front.ask("POST /session/b", "twelve bytes");
    assert_eq!(answer.json(), json!({ "who": "anna-there", "method": "POST", "length": 12 }));
    assert_eq!((front.legacy.logins(), front.legacy.requests()), (2, 3));
}

#[test]
fn a_session_that_the_status_says_is_over_is_opened_anew() {
    for login in [JSON, "login = { kind = \"fittrackee\" }"] {
        let front = Front::start_with(login, &route("status", BY_LINKS));
        assert_eq!(front.ask("GET /status/a", "").json()["who"], "anna-there");
        front.legacy.expire();
        assert_eq!(front.ask("GET /status/b", "").json()["who"], "anna-there");
        assert_eq!((front.legacy.logins(), front.legacy.requests()), (2, 3));
    }
}

#[test]
fn a_second_refusal_goes_through_and_is_not_believed_for_a_while() {
    let front = sessions();
    front.legacy.it.is_strict.store(true, Ordering::SeqCst);
    let answer = front.ask("GET /session/a", "");
    assert_eq!((answer.status, answer.json()["errors"][0]["code"].clone()), (200, json!(401)));
    assert_eq!((front.legacy.logins(), front.legacy.requests()), (2, 2));
    for _ in 0..3 {
        assert_eq!(front.ask("GET /session/a", "").json()["errors"][0]["code"], 401);
    }
    assert_eq!((front.legacy.logins(), front.legacy.requests()), (2, 5));
    front.inside.advance(Duration::from_secs(31));
    front.legacy.it.is_strict.store(false, Ordering::SeqCst);
    front.legacy.expire();
    assert_eq!(front.ask("GET /session/a", "").json()["who"], "anna-there");
    assert_eq!(front.legacy.logins(), 3);
}

#[test]
fn a_large_body_is_sent_once_and_the_next_request_finds_a_new_session() {
    let front = sessions();
    assert_eq!(front.ask("GET /session/a", "").json()["who"], "anna-there");
    front.legacy.expire();
    let answer = front.ask("POST /session/b", &"x".repeat((64 << 10) + 1));
    assert_eq!(answer.json()["errors"][0]["code"], 401);
    assert_eq!((front.legacy.logins(), front.legacy.requests()), (1, 2));
    assert_eq!(front.ask("GET /session/c", "").json()["who"], "anna-there");
    assert_eq!((front.legacy.logins(), front.legacy.requests()), (2, 3));
    let whole = front.ask("POST /session/d", &"x".repeat(200 << 10));
    assert_eq!(whole.json()["length"], 200 << 10);
}

#[test]
fn a_wrong_password_is_tried_once_until_the_link_is_changed() {
    let front = sessions();
    front.link("points", "wrong");
    for _ in 0..4 {
        let answer = front.ask("GET /session/a", "");
        assert_eq!(answer.status, 403);
        assert_eq!(answer.json()["error"], "the server behind does not take the password of the linked account");
    }
    assert_eq!((front.legacy.logins(), front.legacy.requests()), (1, 0));
    // It is in the store, too: a restart tries nothing.
    let listed = front.inside.wait(front.links().unwrap().list(front.rider.id)).unwrap();
    assert!(listed.iter().any(|listed| listed.set == "points" && listed.link.as_ref().unwrap().is_refused));
    front.link("points", "there-word");
    assert_eq!(front.ask("GET /session/a", "").json()["who"], "anna-there");
    assert_eq!(front.legacy.logins(), 2);
}

#[test]
fn the_same_password_is_tried_again_when_the_link_is_made_anew() {
    let front = sessions();
    front.link("points", "late");
    assert_eq!(front.ask("GET /session/a", "").status, 403);
    front.legacy.it.passwords.lock().unwrap().insert("anna-there".to_owned(), "late".to_owned());
    front.inside.advance(Duration::from_secs(1));
    front.link("points", "late");
    assert_eq!(front.ask("GET /session/a", "").json()["who"], "anna-there");
    assert_eq!(front.legacy.logins(), 2);
}

#[test]
fn another_s_wrong_password_opens_no_session_of_the_right_one() {
    let front = sessions();
    assert_eq!(front.ask("GET /session/a", "").json()["who"], "anna-there");
    let thief = front.inside.account("thief");
    let token = front.inside.token(&thief, "points:read");
    let new =
        trackgate::accounts::NewLink { user: "anna-there".to_owned(), secret: Some("guess".into()), number: None };
    let origin = trackgate::accounts::Origin::operator();
    front.inside.wait(front.links().unwrap().set(&thief, "points", new, &origin)).unwrap();
    let answer = front.inside.ask(&format!("GET /session/a\nAuthorization: Bearer {token}"), "");
    assert_eq!((answer.status, front.legacy.requests()), (403, 1));
}

#[test]
fn a_thousand_requests_at_once_on_an_expired_session_are_one_login() {
    let front = sessions();
    assert_eq!(front.ask("GET /session/a", "").json()["who"], "anna-there");
    front.legacy.expire();
    front.legacy.it.pace.store(300, Ordering::SeqCst);
    let address = front.inside.address();
    let head = format!("GET /session/a\nAuthorization: Bearer {}", front.token);
    let request = wire(address, &head, "");
    let answers = front.inside.wait(async {
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..1000 {
            let request = request.clone();
            running.spawn(async move {
                let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
                stream.write_all(&request).await.unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).await.unwrap();
                answer
            });
        }
        running.join_all().await
    });
    let good = answers.iter().filter(|answer| answer.contains("\"who\":\"anna-there\"")).count();
    assert_eq!((good, front.legacy.logins()), (1000, 2));
}

#[test]
fn a_login_that_is_down_is_asked_less_and_less_often() {
    let front = sessions();
    front.legacy.it.is_down.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let answer = front.ask("GET /session/a", "");
        assert_eq!((answer.status, answer.header("retry-after")), (502, "1"));
    }
    assert_eq!((front.legacy.logins(), front.legacy.requests()), (1, 0));
    front.inside.advance(Duration::from_millis(1100));
    assert_eq!(front.ask("GET /session/a", "").header("retry-after"), "2");
    assert_eq!(front.ask("GET /session/a", "").header("retry-after"), "2");
    assert_eq!(front.legacy.logins(), 2);
    front.legacy.it.is_down.store(false, Ordering::SeqCst);
    front.inside.advance(Duration::from_secs(3));
    assert_eq!(front.ask("GET /session/a", "").json()["who"], "anna-there");
    assert_eq!(front.legacy.logins(), 3);
}

#[test]
fn the_gateway_s_own_account_has_a_session_that_all_share() {
    let send = "credentials = \"session\", account = \"anna-there\", secret = \"file:legacy.word\"";
    let front = Front::start(&route_for("session", "auth = \"none\"\npublic = \"a test\"", send));
    for _ in 0..2 {
        let answer = front.inside.ask("GET /session/a\ntoken: session-0", "");
        assert_eq!(answer.json()["who"], "anna-there");
    }
    assert_eq!(front.legacy.logins(), 1);
    let head = front.legacy.last_head();
    assert_eq!(head.get_all("token").iter().count(), 1);
    assert!(!holds(&head, "there-word"));
}

#[test]
fn the_gateway_s_own_wrong_password_is_the_gateway_s_fault() {
    let send = "credentials = \"session\", account = \"anna-there\", secret = \"file:legacy.token\"";
    let front = Front::start(&route("session", send));
    for _ in 0..3 {
        assert_eq!(front.ask("GET /session/a", "").status, 502);
    }
    assert_eq!((front.legacy.logins(), front.legacy.requests()), (1, 0));
}

#[test]
fn a_session_with_a_life_time_is_opened_anew_behind_it() {
    let login = "login = { kind = \"lptracker\", lifetime = \"1h\" }";
    let front = Front::start_with(login, &route("session", BY_LINKS));
    for (advance, logins) in [(0, 1), (3599, 1), (1, 2), (3599, 2)] {
        front.inside.advance(Duration::from_secs(advance));
        assert_eq!(front.ask("GET /session/a", "").json()["who"], "anna-there");
        assert_eq!(front.legacy.logins(), logins);
    }
}

#[test]
fn sessions_stay_open_over_a_reload() {
    let mut front = sessions();
    assert_eq!(front.ask("GET /session/a", "").json()["who"], "anna-there");
    let text =
        format!("{}\n{}", super::top(&front.legacy, "login = { kind = \"lptracker\" }"), route("session", BY_LINKS));
    front.inside.reload(&text).unwrap();
    assert_eq!(front.ask("GET /session/b", "").json()["who"], "anna-there");
    assert_eq!(front.legacy.logins(), 1);
}
