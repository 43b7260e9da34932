//! `X-Trackgate-Trace`: administrators alone are told how their request was judged.

use serde_json::{Value, json};
use trackgate::accounts::{Origin, Registration};
use trackgate_schemes::store::AccountState;

use super::Watched;
use crate::harness::{Answer, basic};

fn admin(watched: &Watched) -> String {
    let new = Registration {
        name: "boss".to_owned(),
        email: None,
        password: Some("correct-horse".into()),
        state: AccountState::Active,
        grants: "* account:admin".parse().unwrap(),
    };
    watched.inside.wait(watched.inside.gateway().accounts().register(new, &Origin::operator())).unwrap();
    basic("boss", "correct-horse")
}

fn trace(answer: &Answer) -> Value {
    let value = answer.header("x-trackgate-trace");
    assert!(value.len() <= 4096 && value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '), "{value}");
    serde_json::from_str(value).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

#[test]
fn an_administrator_gets_the_judgement_of_the_request() {
    let watched = Watched::start();
    let boss = admin(&watched);
    let answer = watched.inside.ask(&format!("POST /points/7?key=marked\n{boss}\nX-Trackgate-Trace: 1"), "x");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let told = trace(&answer);
    assert_eq!((&told["route"], &told["canonical_path"]), (&"points".into(), &"/points/7".into()));
    assert_eq!(told["schemes"], json!([{ "scheme": "basic", "verdict": "known", "reason": null }]));
    assert_eq!((&told["identity"]["name"], &told["policies"][0]["rule"]), (&"boss".into(), &"points:write".into()));
    assert_eq!((&told["outcome"]["status"], &told["policies"][0]["value"]), (&200.into(), &"allow".into()));
    assert!(told["headers"]["dropped"].to_string().contains("x-trackgate-trace"), "{told}");
    for secret in ["correct-horse", "marked", boss.rsplit(' ').next().unwrap()] {
        assert!(!told.to_string().contains(secret), "{told}");
    }
    assert!(!watched.up.all().to_ascii_lowercase().contains("x-trackgate-trace"), "{}", watched.up.all());
}

#[test]
fn an_administrator_whom_a_policy_refuses_is_told_too() {
    let watched = Watched::start();
    let boss = admin(&watched);
    let ask = || watched.inside.ask(&format!("GET /few\n{boss}\nX-Trackgate-Trace: 1"), "");
    let told = trace(&ask());
    assert_eq!((&told["outcome"]["status"], &told["policies"][0]["value"]), (&200.into(), &"allow".into()));
    let told = trace(&ask());
    assert_eq!(told["policies"][0]["value"], "rate_limited");
    assert_eq!(told["outcome"]["what"], "refused");
    assert_eq!((&told["outcome"]["status"], &told["outcome"]["reason"]), (&429.into(), &"rate_limited".into()));
}

#[test]
fn nobody_else_gets_one_and_no_line_reaches_an_upstream() {
    let watched = Watched::start();
    let boss = admin(&watched);
    let account = watched.inside.account("testrider");
    let token = watched.inside.token(&account, "points:write");
    let rider = format!("Authorization: Bearer {token}");
    let lines = [
        format!("POST /points/7\n{rider}\nX-Trackgate-Trace: 1"),
        format!("POST /points/7\n{}\nX-Trackgate-Trace: 1", basic("boss", "wrong")),
        "POST /points/7\nX-Trackgate-Trace: 1".to_owned(),
        format!("POST /points/7\n{boss}\nX-Trackgate-Trace: 0"),
        format!("POST /points/7\n{boss}\nX_Trackgate_Trace: 1"),
        format!("POST /points/7\n{boss}"),
        // Where credentials are not looked at, nobody is known to be an administrator.
        format!("GET /open/a\n{boss}\nX-Trackgate-Trace: 1"),
        "GET /nowhere\nX-Trackgate-Trace: 1".to_owned(),
    ];
    for head in lines {
        let answer = watched.inside.ask(&head, "x");
        assert_eq!(answer.header("x-trackgate-trace"), "", "{head}");
    }
    assert!(!watched.up.all().to_ascii_lowercase().contains("trackgate-trace"), "{}", watched.up.all());
}
