//! All sixteen pairs: each protocol in, each protocol out.

use serde_json::json;

use super::{Front, holds, route};
use crate::harness::{Inside, basic};

#[derive(Clone, Copy, Debug)]
pub(super) enum In {
    Basic,
    Bearer,
    Sliding,
    Jwt,
}

#[derive(Clone, Copy)]
enum Out {
    Basic,
    Bearer,
    Session,
    Jwt,
}

macro_rules! pairs {
    ($($name:ident: $from:ident to $to:ident;)+) => {
        $(#[test]
        fn $name() {
            pass(In::$from, Out::$to);
        })+
    };
}

pairs! {
    basic_in_basic_out: Basic to Basic;
    basic_in_bearer_out: Basic to Bearer;
    basic_in_session_out: Basic to Session;
    basic_in_jwt_out: Basic to Jwt;
    bearer_in_basic_out: Bearer to Basic;
    bearer_in_bearer_out: Bearer to Bearer;
    bearer_in_session_out: Bearer to Session;
    bearer_in_jwt_out: Bearer to Jwt;
    sliding_in_basic_out: Sliding to Basic;
    sliding_in_bearer_out: Sliding to Bearer;
    sliding_in_session_out: Sliding to Session;
    sliding_in_jwt_out: Sliding to Jwt;
    jwt_in_basic_out: Jwt to Basic;
    jwt_in_bearer_out: Jwt to Bearer;
    jwt_in_session_out: Jwt to Session;
    jwt_in_jwt_out: Jwt to Jwt;
}

/// A request goes on as that of the linked account, and nothing that the client sent to say who it is goes with it.
fn pass(from: In, to: Out) {
    let (path, send, who) = match to {
        Out::Basic => ("basic", "credentials = \"basic\", links = \"points\"", "anna-there"),
        Out::Bearer => ("bearer", "credentials = \"bearer\", links = \"tokens\"", "anna-there"),
        Out::Session => ("session", "credentials = \"session\", links = \"points\"", "anna-there"),
        Out::Jwt => {
            let send = "credentials = \"jwt\", key = \"file:legacy.key\", claims = \"fittrackee\", links = \"points\"";
            ("jwt", send, "42")
        }
    };
    let trackers =
        ["lptracker", "fittrackee"].map(|name| format!("[[routes]]\nname = \"{name}\"\ntracker = \"{name}\"\n"));
    let front = Front::start(&format!("{}{}", route(path, send), trackers.concat()));
    let (line, secret) = credential(&front.inside, &front.token, from);
    for _ in 0..2 {
        let answer = front.inside.ask(&format!("GET /{path}/thing\n{line}"), "");
        assert_eq!((answer.status, answer.json()["who"].clone()), (200, json!(who)), "{}", answer.text());
        let head = front.legacy.last_head();
        assert!(!holds(&head, &secret), "{head:?}");
        let ours = ["authorization", "token"].map(|name| head.get_all(name).iter().count());
        assert_eq!(ours, if matches!(to, Out::Session) { [0, 1] } else { [1, 0] });
        assert_eq!(head.get("x-trackgate-user").unwrap(), "rider");
    }
    assert_eq!(front.legacy.logins(), usize::from(matches!(to, Out::Session)));
}

/// The line that a client of this protocol sends, and what of it must stay here.
pub(super) fn credential(inside: &Inside, api_token: &str, from: In) -> (String, String) {
    let json = "Content-Type: application/json";
    match from {
        In::Basic => {
            let line = basic("rider", "correct-horse");
            let secret = line.rsplit(' ').next().unwrap().to_owned();
            (line, secret)
        }
        In::Bearer => (format!("Authorization: Bearer {api_token}"), api_token.to_owned()),
        In::Sliding => {
            let body = json!({ "login": "rider", "password": "correct-horse", "service": "t", "version": "1.0" });
            let answer = inside.ask(&format!("POST /login\n{json}"), &body.to_string()).json();
            let token = answer["result"]["token"].as_str().unwrap().to_owned();
            (format!("token: {token}"), token)
        }
        In::Jwt => {
            let body = json!({ "email": "rider@example.org", "password": "correct-horse" });
            let answer = inside.ask(&format!("POST /api/auth/login\n{json}"), &body.to_string()).json();
            let token = answer["auth_token"].as_str().unwrap().to_owned();
            (format!("Authorization: Bearer {token}"), token)
        }
    }
}
