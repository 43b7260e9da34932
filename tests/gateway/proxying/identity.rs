//! What an upstream is told of who is asking, and what it can check of that.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};

use super::recorder::{Recorder, header, headers};
use super::{Front, PUBLIC, route};
use crate::harness::basic;

/// The five lines: user, subject, grants, scheme, service.
fn told(got: &str) -> [String; 5] {
    ["user", "subject", "grants", "scheme", "service"].map(|name| {
        let values = headers(got, &format!("x-trackgate-{name}"));
        assert_eq!(values.len(), 1, "{name} in {got}");
        values[0].to_owned()
    })
}

#[test]
fn hdr_01_every_scheme_tells_the_same_identity_once() {
    let front = Front::start(Recorder::ok(), &route("in", "/x", "auth = [\"basic\", \"api\", \"lp\", \"fit\"]"));
    // The trackers' own doors are not mounted here: sign in through the account base.
    let account = front.inside.account("testrider");
    let id = account.id.to_string();
    let (_, got) = front.passes(&format!("GET /x\n{}", basic("testrider", "correct-horse")), "");
    assert_eq!(told(&got), ["testrider", &id, "*", "basic", ""]);
    let token = front.inside.token(&account, "points:write sessions:read");
    let (_, got) = front.passes(&format!("GET /x\nAuthorization: Bearer {token}"), "");
    assert_eq!(told(&got), ["testrider", &id, "points:write sessions:read", "api", ""]);
    let (_, got) = front.passes(&format!("GET /x\n{}", basic("testrider", &token)), "");
    assert_eq!(told(&got), ["testrider", &id, "points:write sessions:read", "basic", ""]);
}

#[test]
fn a_sliding_session_tells_the_service_that_signs() {
    let tracker = "[[routes]]\nname = \"lptracker\"\ntracker = \"lptracker\"\n";
    let front = Front::start(Recorder::ok(), &(tracker.to_owned() + &route("in", "/x", "auth = [\"lp\"]")));
    front.inside.account("testrider");
    let login =
        r#"{"login":"testrider@example.org","password":"correct-horse","service":"My \"App\" é","version":"1.0"}"#;
    let opened = front.ask("POST /login\nContent-Type: application/json", login).json();
    let token = opened["result"]["token"].as_str().unwrap();
    let (answer, got) = front.passes(&format!("GET /x\ntoken: {token}"), "");
    assert_eq!(answer.status, 200);
    assert_eq!(told(&got)[3..], ["lp", "My%20\"App\"%20%C3%A9"]);
    assert!(!got.contains(token));
}

#[test]
fn an_anonymous_request_has_empty_lines() {
    let config = route("open", "/open", PUBLIC) + &route("may", "/may", "auth = [\"basic\"]\noptional = true");
    let front = Front::start(Recorder::ok(), &config);
    for path in ["/open", "/may"] {
        let (answer, got) = front.passes(&format!("GET {path}\nX-Trackgate-User: root"), "");
        assert_eq!((answer.status, told(&got)), (200, ["", "", "", "none", ""].map(ToOwned::to_owned)), "{path}");
    }
}

#[test]
fn jwt_29_and_hdr_10_claims_of_another_issuer_are_coded_or_refused() {
    let scheme = "[schemes.ext]\nkind = \"jwt\"\nkey = \"file:ext.key\"\nexternal_grants = [\"points:write\"]\n";
    let front = Front::start(Recorder::ok(), &(scheme.to_owned() + &route("in", "/x", "auth = [\"ext\"]")));
    let key = std::fs::read(front.inside.folder.path().join("ext.key")).unwrap();
    let now = front.inside.now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    for subject in [
        "plain",
        "Jérôme",
        "a b",
        "100%",
        "a\r\nX-Trackgate-Grants: *",
        "a\n\nGET /smuggled HTTP/1.1",
        "nul\0",
        "<b>\"x\"</b>",
        "\u{202e}x",
    ] {
        let claims = json!({ "sub": subject, "iat": now, "exp": now + 60 });
        let token =
            jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(&key)).unwrap();
        let (answer, got) = front.passes(&format!("GET /x\nAuthorization: Bearer {token}"), "");
        assert!(matches!(answer.status, 200 | 401), "{subject:?}");
        if answer.status == 401 {
            assert_eq!(got, "", "{subject:?}");
            assert_ne!(subject, "plain");
            continue;
        }
        assert_eq!(got.matches("\r\n\r\n").count(), 1, "{got}");
        let [user, sent, grants, scheme, _service] = told(&got);
        assert_eq!((grants.as_str(), scheme.as_str()), ("points:write", "ext"));
        for value in [user, sent] {
            assert!(value.bytes().all(|b| b.is_ascii_graphic()), "{value}");
            assert_eq!(uncoded(&value), subject);
        }
    }
}

fn uncoded(value: &str) -> String {
    let mut bytes = value.bytes();
    let mut text = Vec::new();
    while let Some(byte) = bytes.next() {
        text.push(match byte {
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            byte => byte,
        });
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn a_signed_assertion_is_verified_by_the_published_key() {
    let signed = "send = { identity = \"signed\" }";
    let config = route("in", "/in", &format!("auth = [\"api\"]\n{signed}"))
        + &route("open", "/open", &format!("{PUBLIC}\n{signed}"));
    let front = Front::start(Recorder::ok(), &config);
    let account = front.inside.account("testrider");
    let token = front.inside.token(&account, "points:write");
    let (_, got) = front.passes(&format!("GET /in\nAuthorization: Bearer {token}\nX-Trackgate-Assertion: forged"), "");
    let assertion = header(&got, "x-trackgate-assertion").unwrap();

    let published = front.ask("GET /.well-known/trackgate/jwks.json", "");
    assert_eq!(published.status, 200);
    let set: jsonwebtoken::jwk::JwkSet = serde_json::from_slice(&published.body).unwrap();
    let kid = jsonwebtoken::decode_header(assertion).unwrap().kid.unwrap();
    let key = DecodingKey::from_jwk(set.find(&kid).unwrap()).unwrap();
    assert!(!published.text().contains("\"d\""), "the private part is not published");

    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_audience(&["up"]);
    rules.set_issuer(&["trackgate"]);
    rules.leeway = 0;
    let claims = jsonwebtoken::decode::<Value>(assertion, &key, &rules).unwrap().claims;
    assert_eq!(claims["sub"], account.id.to_string());
    assert_eq!(claims["name"], "testrider");
    assert_eq!(claims["grants"], "points:write");
    assert_eq!(claims["scheme"], "api");
    assert_eq!(claims["jti"], header(&got, "x-request-id").unwrap());
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 60);
    let now = front.inside.now().duration_since(UNIX_EPOCH).unwrap();
    assert!(now.abs_diff(Duration::from_secs(claims["iat"].as_u64().unwrap())) < Duration::from_secs(5));

    // Another audience, and any changed byte of the claims, do not pass.
    rules.set_audience(&["elsewhere"]);
    assert!(jsonwebtoken::decode::<Value>(assertion, &key, &rules).is_err());
    rules.set_audience(&["up"]);
    let parts: Vec<&str> = assertion.split('.').collect();
    let mut changed: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    changed["name"] = json!("root");
    let forged = format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(changed.to_string()), parts[2]);
    assert!(jsonwebtoken::decode::<Value>(&forged, &key, &rules).is_err());

    let (_, got) = front.passes("GET /open", "");
    let anonymous =
        jsonwebtoken::decode::<Value>(header(&got, "x-trackgate-assertion").unwrap(), &key, &rules).unwrap();
    assert_eq!((&anonymous.claims["sub"], &anonymous.claims["grants"]), (&json!(""), &json!("")));
}
