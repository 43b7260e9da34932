//! `/decisions`: every answer's id leads to its decision, which holds no secret.

use serde_json::json;

use trackgate::telemetry::AccessLog;

use super::Watched;
use crate::harness::{Answer, Inside, ask, basic, send, wire};
use crate::proxying::recorder::Recorder;

#[test]
fn what_is_let_through_is_found_by_the_id_of_its_answer() {
    let watched = Watched::start();
    let account = watched.inside.account("testrider");
    let token = watched.inside.token(&account, "points:write");
    let answer = watched.inside.ask(&format!("POST /points/%37?key=1\nAuthorization: Bearer {token}"), "x");
    assert_eq!(answer.status, 200);
    let told = watched.decision(&answer);
    assert_eq!(told["method"], "POST");
    assert_eq!(told["path"], "/points/7", "the canonical path without its query");
    assert_eq!((&told["route"], &told["client"]), (&"points".into(), &"127.0.0.1".into()));
    assert_eq!(told["listener"], watched.inside.address().to_string());
    let schemes = json!([
        { "scheme": "basic", "verdict": "absent", "reason": null },
        { "scheme": "api", "verdict": "known", "reason": null },
    ]);
    assert_eq!(told["schemes"], schemes);
    assert_eq!((&told["identity"]["name"], &told["identity"]["scheme"]), (&"testrider".into(), &"api".into()));
    assert!(token.contains(told["identity"]["credential"].as_str().unwrap()), "the public id is part of the token");
    assert_eq!(told["policies"], json!([{ "policy": "grants", "value": "allow" }]));
    assert_eq!(told["upstream"]["name"], "up");
    assert_eq!(told["outcome"], json!({ "what": "answered", "status": 200, "reason": null, "by": null }));
    let public = watched.decision(&watched.inside.ask("GET /open/a", ""));
    assert_eq!((&public["schemes"], &public["identity"]), (&json!([]), &json!(null)));
}

#[test]
fn of_several_addresses_the_one_that_answered_is_named() {
    let (up, other) = (Recorder::ok(), Recorder::ok());
    let urls = |more: &str| format!("urls = [\"http://{}\"{more}]", up.address);
    let route = "[[routes]]\nname = \"all\"\nmatch = \"GET /{*rest}\"\nauth = \"none\"\npublic = \"a test\"\n\
                 upstream = \"up\"\n";
    let config = |more: &str| format!("[admin]\naddress = \"127.0.0.1:0\"\n[upstreams.up]\n{}\n{route}", urls(more));
    let two = config(&format!(", \"http://{}\"", other.address));
    let mut inside = Inside::start_in(tempfile::tempdir().unwrap(), &two, AccessLog::off());
    let told = |inside: &Inside, n: usize| {
        let answer = inside.ask(&format!("GET /asked/{n}"), "");
        assert_eq!(answer.status, 200);
        let admin = inside.gateway().admin_url().unwrap().strip_prefix("http://").unwrap().parse().unwrap();
        let told = ask(admin, &format!("GET /decisions/{}", answer.header("x-request-id")), "");
        told.json()["upstream"].clone()
    };
    for n in 0..8 {
        let upstream = told(&inside, n);
        let by = [&up, &other].into_iter().find(|each| each.all().contains(&format!("/asked/{n} "))).unwrap();
        assert_eq!(upstream, json!({ "name": "up", "address": format!("http://{}", by.address) }));
    }
    inside.reload(&config("")).unwrap();
    assert_eq!(told(&inside, 8)["address"], json!(null), "there is but one");
}

#[test]
fn every_refusal_has_a_reason_in_the_decision_and_in_the_log() {
    let watched = Watched::start();
    let account = watched.inside.account("testrider");
    let token = watched.inside.token(&account, "sessions:read");
    let good = basic("testrider", "correct-horse");
    let address = watched.inside.address();
    assert_eq!(watched.inside.ask(&format!("GET /few\n{good}"), "").status, 200);
    let asked = |head: &str, body: &str| wire(address, head, body);
    let raw = |text: &str| text.as_bytes().to_vec();
    let chunked = "POST /open/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let many = format!("800\r\n{}\r\n0\r\n\r\n", "x".repeat(2048));
    let rows = [
        (asked("POST /points/7", "x"), 401, "no_credential", "gate", None),
        (asked(&format!("POST /points/7\n{}", basic("testrider", "wrong")), "x"), 401, "wrong_secret", "basic", None),
        (asked("POST /points/7\nAuthorization: Bearer tg_x", "x"), 401, "malformed_credential", "api", None),
        (asked("POST /points/7\ntoken: nothing", "x"), 401, "unknown_credential", "lp", None),
        (
            asked(&format!("POST /points/7\nAuthorization: Bearer {token}"), "x"),
            403,
            "insufficient_grant",
            "grants",
            Some("testrider"),
        ),
        (asked(&format!("POST /points/7\n{good}\ntoken: x"), "x"), 400, "ambiguous_credentials", "gate", None),
        (asked("GET /nowhere", ""), 404, "not_found", "gateway", None),
        (asked("GET /points/7", ""), 405, "method_not_allowed", "gateway", None),
        (asked("GET /open/a;b", ""), 400, "bad_path", "gateway", None),
        (asked("POST /open/a", &"x".repeat(2048)), 413, "body_too_large", "gateway", None),
        (raw(&format!("{chunked}{many}")), 413, "body_too_large", "proxy", None),
        (asked(&format!("GET /few\n{good}"), ""), 429, "rate_limited", "rate", Some("testrider")),
        (asked("GET /gone", ""), 502, "upstream_down", "proxy", None),
        (asked("GET /open/a\nExpect: wonders", ""), 417, "expectation_failed", "gateway", None),
        (asked(&format!("GET /open/a\nX-Long: {}", "x".repeat(40_000)), ""), 431, "head_too_large", "gateway", None),
        (asked(&format!("GET /open/{}", "x".repeat(9000)), ""), 414, "target_too_long", "gateway", None),
        (asked("TRACE /open/a", ""), 405, "method_not_allowed", "gateway", None),
        (
            raw("GET /open/a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"),
            400,
            "bad_request",
            "gateway",
            None,
        ),
        (raw("GET /open/a HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"), 400, "bad_request", "gateway", None),
        (raw("nonsense\r\n\r\n"), 400, "bad_request", "gateway", None),
    ];
    for (wire, status, reason, by, user) in rows {
        let what = String::from_utf8_lossy(&wire[..wire.len().min(100)]).into_owned();
        let answer = send(address, &wire);
        assert_eq!(answer.status, status, "{what}");
        let (told, line) = (watched.decision(&answer), watched.line(&answer));
        let outcome = json!({ "what": "refused", "status": status, "reason": reason, "by": by });
        assert_eq!(told["outcome"], outcome, "{what}");
        assert_eq!((&line["reason"], &line["by"]), (&reason.into(), &by.into()), "{what}");
        assert_eq!(told["identity"]["name"].as_str(), user, "{what}");
        assert_eq!(line["user"].as_str(), user, "{what}");
    }
}

#[test]
fn a_tracker_that_refuses_in_its_own_words_has_a_reason_too() {
    let watched = Watched::start();
    watched.inside.account("testrider");
    let answer = watched.inside.ask(
        "POST /api/auth/login\nContent-Type: application/json",
        "{\"email\":\"testrider@example.org\",\"password\":\"wrong\"}",
    );
    assert_eq!(answer.status, 401);
    assert_eq!(watched.line(&answer)["reason"], "wrong_secret");
    let answer = watched.inside.ask(
        "POST /login\nContent-Type: application/json",
        "{\"login\":\"testrider\",\"password\":\"wrong\",\"service\":\"s\"}",
    );
    assert_eq!(answer.status, 200, "as the protocol has it");
    let told = watched.decision(&answer);
    assert_eq!((&told["outcome"]["what"], &told["outcome"]["status"]), (&"refused".into(), &200.into()), "{told}");
    assert!(told["outcome"]["reason"].is_string() && watched.line(&answer)["reason"].is_string());
}

#[test]
fn decisions_are_chosen_and_newest_first() {
    let watched = Watched::start();
    let account = watched.inside.account("testrider");
    let token = watched.inside.token(&account, "points:write");
    let ids =
        |answers: &[&Answer]| answers.iter().map(|answer| answer.header("x-request-id").to_owned()).collect::<Vec<_>>();
    let mut answers = Vec::new();
    for head in ["GET /open/1", "GET /nowhere", "GET /open/2", "POST /points/7"] {
        answers.push(watched.inside.ask(head, ""));
        watched.inside.advance(std::time::Duration::from_secs(1));
    }
    answers.push(watched.inside.ask(&format!("POST /points/7\nAuthorization: Bearer {token}"), ""));
    let [one, lost, two, stranger, rider] = &answers[..] else { panic!("five were asked") };
    for (query, wanted) in [
        ("", ids(&[rider, stranger, two, lost, one])),
        ("limit=2", ids(&[rider, stranger])),
        ("route=open", ids(&[two, one])),
        ("reason=not_found", ids(&[lost])),
        ("user=testrider", ids(&[rider])),
        ("user=testrider&reason=not_found", ids(&[])),
    ] {
        let told = watched.look(&format!("/decisions?{query}")).json();
        let got: Vec<_> = told["decisions"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(got, wanted, "{query}");
        assert_eq!(told["kept"], 10_000);
    }
    for bad in ["limit=0", "who=x", "reason=x", "user=%"] {
        assert_eq!(watched.look(&format!("/decisions?{bad}")).status, 400, "{bad}");
    }
}

#[test]
fn the_ring_keeps_no_more_than_it_is_told_to() {
    let watched = Watched::start_with("decisions = 4");
    let first = watched.inside.ask("GET /open/first", "");
    for n in 0..40 {
        assert_eq!(watched.inside.ask(&format!("GET /open/{n}"), "").status, 200);
    }
    let kept = watched.look("/decisions?limit=1000").json()["decisions"].as_array().unwrap().len();
    assert!((1..=4).contains(&kept), "{kept}");
    let told = watched.look(&format!("/decisions/{}", first.header("x-request-id")));
    assert_eq!((told.status, &told.json()["kept"]), (404, &4.into()));
    let none = Watched::start_with("decisions = 0");
    let answer = none.inside.ask("GET /open/a", "");
    assert_eq!(none.look(&format!("/decisions/{}", answer.header("x-request-id"))).status, 404);
    assert_eq!(none.look("/decisions").json()["decisions"], json!([]));
}

#[test]
fn log_01_no_secret_is_in_any_answer_of_the_admin_listener() {
    let watched = Watched::start();
    let account = watched.inside.account("testrider");
    let token = watched.inside.token(&account, "points:write");
    let lines = [
        basic("testrider", "correct-horse"),
        basic("testrider", "wrong-marked-secret"),
        format!("Authorization: Bearer {token}"),
        format!("Authorization: Bearer {token}x"),
        "Authorization: Marked marked-secret".to_owned(),
        "token: marked-secret".to_owned(),
        "Cookie: session=marked-secret".to_owned(),
        "X-Trackgate-Trace: marked-secret".to_owned(),
    ];
    for line in &lines {
        for target in
            ["POST /points/7?key=marked-secret", "GET /open/7?key=marked-secret", "GET /nowhere?a=marked-secret"]
        {
            watched.inside.ask(&format!("{target}\n{line}"), "marked-secret");
        }
    }
    let pages = ["/metrics", "/decisions?limit=1000", "/readyz", "/nowhere", "/decisions/marked-secret"];
    for page in pages {
        let told = watched.look(page);
        let told = format!("{} {:?}", told.text(), told.headers);
        let values = lines.iter().map(|line| line.rsplit(' ').next().unwrap());
        for secret in values.chain(["correct-horse", "marked-secret", &token]) {
            assert!(!told.contains(secret), "{page} tells {secret}");
        }
    }
    assert!(watched.look("/decisions").text().contains("testrider"));
}
