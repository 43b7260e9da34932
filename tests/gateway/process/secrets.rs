//! Secrets stay where they belong: out of logs, explanations and, but for digests, out of the store.

use std::path::Path;

use super::{Place, token_id};
use crate::harness::basic;

const PASSWORD: &str = "marked-Zq7vX4-password";
const WRONG: &str = "marked-Kd2wM9-guess";
const NOWHERE: [&str; 0] = [];

/// The files below this folder that hold these bytes.
fn holding(folder: &Path, wanted: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let seen = look_for(folder, wanted, &mut found);
    assert!(seen > 10_000, "there is a store to be searched");
    found
}

/// How many bytes were looked at.
fn look_for(folder: &Path, wanted: &[u8], found: &mut Vec<String>) -> usize {
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            seen += look_for(&entry.path(), wanted, found);
            continue;
        }
        let bytes = std::fs::read(entry.path()).unwrap();
        seen += bytes.len();
        if bytes.windows(wanted.len()).any(|window| window == wanted) {
            found.push(entry.path().display().to_string());
        }
    }
    seen
}

#[test]
fn log_01_brt_11_no_secret_is_in_a_log_or_in_a_file_of_the_store() {
    for form in ["json", "text"] {
        no_secret_is_kept(form);
    }
}

fn no_secret_is_kept(form: &str) {
    let place = Place::with(&format!("[log]\nformat = \"{form}\"\n"));
    let mut served = place.serve();
    let form = "Content-Type: application/x-www-form-urlencoded";
    let json = "Content-Type: application/json";
    let registered = format!("username=rider&password={PASSWORD}&email=rider@example.org");
    assert_eq!(served.ask(&format!("POST /register\n{form}"), &registered).status, 200);
    let login = |password: &str| {
        format!(r#"{{"login":"rider@example.org","password":"{password}","service":"s","version":"1.0"}}"#)
    };
    let sliding = served.ask(&format!("POST /login\n{json}"), &login(PASSWORD)).json();
    let sliding = sliding["result"]["token"].as_str().unwrap_or_else(|| panic!("{sliding}")).to_owned();
    let login = |password: &str| format!(r#"{{"email":"rider@example.org","password":"{password}"}}"#);
    let jwt = served.ask(&format!("POST /api/auth/login\n{json}"), &login(PASSWORD)).json();
    let jwt = jwt["auth_token"].as_str().unwrap().to_owned();
    let token = place.done(&["token", "new", "--user", "rider", "--grant", "profile:read"], "");
    let token = token.trim();

    // Each where it belongs, and where it does not.
    assert!(served.knows("rider", PASSWORD) && served.knows_sliding(&sliding));
    assert!(served.knows_bearer(&jwt) && served.knows_bearer(token));
    for secret in [PASSWORD, WRONG, &sliding, &jwt, token] {
        for head in [
            format!("GET /auth\n{}", basic("rider", secret)),
            format!("GET /auth\n{}", basic("nobody", secret)),
            format!("GET /auth\n{}", basic(secret, "correct-horse")),
            format!("GET /auth\nAuthorization: Bearer {secret}"),
            format!("GET /auth\nAuthorization: Mystery {secret}"),
            format!("GET /auth?u=rider&p={secret}"),
            format!("GET /nothing-here?token={secret}"),
            format!("GET /projects\nCookie: token={secret}"),
            format!("GET /projects\ntoken: {secret}x"),
            format!("GET /projects\nX-Unknown: {secret}"),
            format!("GET /api/auth/profile\nAuthorization: Bearer {secret}x"),
            format!("GET /api/auth/profile\nReferer: http://example.org/?p={secret}\nUser-Agent: {secret}"),
        ] {
            assert_ne!(served.ask(&head, "").status, 500, "{head}");
        }
        for (path, body) in [
            ("/register", format!("username=x&password={secret}")),
            ("/register", format!("username=rider&password={secret}")),
            ("/login", format!(r#"{{"login":"rider@example.org","password":"{secret}x","service":"s"}}"#)),
            ("/login", format!(r#"{{"password":"{secret}""#)),
            // In the field of the name, by mistake.
            ("/login", format!(r#"{{"login":"{secret}","password":"correct-horse","service":"s","version":"1.0"}}"#)),
            ("/api/auth/login", format!(r#"{{"email":"{secret}@example.org","password":"correct-horse"}}"#)),
            ("/api/auth/login", login(&format!("{secret}x"))),
            ("/api/auth/register", format!(r#"{{"username":"r","email":"r@example.org","password":"{secret}"}}"#)),
        ] {
            let kind = if body.starts_with('{') { json } else { form };
            assert_ne!(served.ask(&format!("POST {path}\n{kind}"), &body).status, 500, "{body}");
        }
    }
    // A password change and both sign-outs write to the store as well.
    assert_eq!(served.ask(&format!("POST /logout\ntoken: {sliding}"), "").json()["status"], "success");
    assert_eq!(served.ask(&format!("POST /api/auth/logout\nAuthorization: Bearer {jwt}"), "").status, 200);
    place.done(&["user", "passwd", "rider", "--password-stdin"], WRONG);
    place.done(&["token", "revoke", token_id(token)], "");

    let jwt_parts: Vec<&str> = jwt.split('.').collect();
    let marks =
        ["Zq7vX4", "Kd2wM9", part(&sliding, 8, 24), jwt_parts[1], jwt_parts[2], secret_of(token), part(token, 20, 40)];
    let data = place.path("data");
    for mark in marks {
        assert_eq!(holding(&data, mark.as_bytes()), NOWHERE, "while it runs: {mark}");
    }
    served.signal("TERM");
    let (_, out) = served.ended();
    let log = place.log();
    assert!(log.contains("/nothing-here") && log.contains("/login"), "the requests were logged");
    let audit = place.done(&["audit", "--limit", "1000", "--json"], "");
    assert!(audit.contains("sign_in") || audit.contains("sign-in"), "{audit}");
    for mark in marks {
        assert!(!log.contains(mark) && !out.contains(mark) && !audit.contains(mark), "{mark}");
        assert_eq!(holding(&data, mark.as_bytes()), NOWHERE, "after its end: {mark}");
    }
    // The pairs as they go on the wire.
    for name in ["rider", "nobody"] {
        for secret in [PASSWORD, WRONG] {
            let pair = basic(name, secret);
            assert!(!log.contains(pair.rsplit(' ').next().unwrap()));
        }
    }
}

/// An API token behind its public id.
fn secret_of(token: &str) -> &str {
    part(token, 15, token.len())
}

fn part(text: &str, from: usize, to: usize) -> &str {
    text.get(from..to).unwrap()
}

const UPSTREAM: &str = r#"
[upstreams.points]
urls = ["http://127.0.0.1:9"]

[[routes]]
name = "points"
match = "POST /points/{*rest}"
auth = ["basic", "api", "lp"]
allow = { grants = ["points:write"], rate = "20/s" }
upstream = "points"
send = { identity = "signed" }

[[routes]]
name = "points-read"
match = "GET /points/{*rest}"
auth = ["api"]
upstream = "points"
"#;

#[test]
fn explain_tells_what_would_become_of_a_request_and_no_secret() {
    let place = Place::with(UPSTREAM);
    place.account("rider");
    let token = place.done(&["token", "new", "--user", "rider", "--grant", "points:write"], "");
    let token = token.trim();
    let header = format!("Authorization: Bearer {token}");
    let out = place.done(
        &["explain", "-X", "POST", "/points/a?p=hidden-query", "-H", &header, "-H", "Cookie: c=hidden-cookie"],
        "",
    );
    for told in [
        "POST /points",
        "path          /points/a",
        "route         points",
        "points-read",
        "another method",
        "basic absent",
        "api known",
        "identity      rider",
        "grants",
        "rate",
        "X-Trackgate-User",
        "X-Trackgate-Assertion",
        "authorization",
        "outcome",
    ] {
        assert!(out.to_lowercase().contains(&told.to_lowercase()), "no {told:?} in\n{out}");
    }
    for secret in [token, secret_of(token), "hidden-query", "hidden-cookie"] {
        assert!(!out.contains(secret), "{secret} in\n{out}");
    }
    let json = place.done(&["explain", "-X", "POST", "/points/a?p=hidden-query", "-H", &header, "--json"], "");
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&value["route"], &value["canonical_path"]), (&"points".into(), &"/points/a".into()), "{json}");
    assert!(!json.contains(secret_of(token)) && !json.contains("hidden-query"), "{json}");
}

#[test]
fn explain_reads_a_raw_request_from_standard_input() {
    let place = Place::with(UPSTREAM);
    place.account("rider");
    for (password, told) in [("correct-horse", "basic known"), (WRONG, "basic refused: wrong_secret")] {
        let raw = format!("POST /points/a HTTP/1.1\r\nHost: points.example\r\n{}\r\n\r\n", basic("rider", password));
        let out = place.done(&["explain", "--raw", "-"], &raw);
        assert!(out.contains("route         points\n"), "{out}");
        assert!(out.contains(told), "no {told:?} in\n{out}");
        let pair = basic("rider", password);
        assert!(!out.contains(password) && !out.contains(pair.rsplit(' ').next().unwrap()), "{out}");
        std::fs::write(place.path("raw"), raw).unwrap();
        assert!(place.done(&["explain", "--raw", "raw"], "").contains(told));
    }
    let out = place.done(&["explain", "--raw", "-"], "POST /points/a HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(out.contains("basic absent") && out.contains("api absent") && out.contains("lp absent"), "{out}");
    assert!(out.contains("401"), "{out}");
    let out = place.done(&["explain", "/points/../../etc/passwd"], "");
    assert!(out.contains("path          refused: the path holds a dot segment"), "{out}");
    assert!(out.contains("status 400") && !out.contains("  not "), "no route was looked for: {out}");
    let out = place.done(&["explain", "/points/../../etc/passwd", "--json"], "");
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&told["canonical_path"], &told["route"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    assert_eq!(told["path_fault"], "the path holds a dot segment");
}
