//! The same before real servers: FitTrackee 0.8.13 (`.ci/with-fittrackee`) and InfluxDB 1.6 (`.ci/with-influxdb`).

use std::env;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use trackgate::accounts::{LinkKeys, Links, NewLink, Origin};
use trackgate::telemetry::AccessLog;
use trackgate_schemes::Secret;

use super::pairs::{In, credential};
use super::secret_file;
use crate::harness::Inside;
use crate::skipped::skipped;

const AUTH: &str = "auth = [\"basic\", \"api\", \"lp\", \"fit\"]";

/// Only the sign-ins of our own trackers: everything else is the upstream's.
const SIGN_INS: &str = "[[routes]]\nname = \"lp\"\nmatch = \"POST /login\"\ntracker = \"lptracker\"\n\
                        [[routes]]\nname = \"fit\"\nmatch = \"POST /api/auth/login\"\ntracker = \"fittrackee\"\n";

/// Asks with each of the four protocols, as the linked account.
fn ask_each_way(config: &str, key: &str, link: NewLink, target: &str, is_right: impl Fn(&Value) -> bool) {
    let folder = tempfile::tempdir().unwrap();
    secret_file(folder.path(), "upstream.key", key);
    let inside = Inside::start_in(folder, &format!("{config}{SIGN_INS}"), AccessLog::off());
    let rider = inside.account("rider");
    let token = inside.token(&rider, "points:read");
    let keys = std::fs::read(inside.folder.path().join("data/links.key")).unwrap();
    let links = Links::new(inside.gateway().accounts().clone(), LinkKeys::new(&Secret::new(keys), &[]).unwrap());
    inside.wait(links.set(&rider, "real", link, &Origin::operator())).unwrap();
    // The event of the new account comes back from the log, and ends what streams to it at that moment.
    std::thread::sleep(Duration::from_secs(1));
    for from in [In::Basic, In::Bearer, In::Sliding, In::Jwt] {
        let (sent, _secret) = credential(&inside, &token, from);
        for _ in 0..2 {
            let answer = inside.ask(&format!("GET {target}\n{sent}"), "");
            assert_eq!(answer.status, 200, "{from:?}: {}", answer.text());
            assert!(is_right(&answer.json()), "{from:?}: {}", answer.text());
        }
    }
}

#[test]
fn four_protocols_in_and_fittrackee_sees_its_own_user() {
    let (Ok(url), Ok(key), Ok(ftcli)) =
        (env::var("FITTRACKEE_URL"), env::var("FITTRACKEE_SECRET"), env::var("FITTRACKEE_FTCLI"))
    else {
        return skipped("fittrackee");
    };
    let name = format!("t{:08x}", rand::random::<u32>());
    let email = format!("{name}@example.org");
    let upstream = url.strip_prefix("http://").unwrap().parse().unwrap();
    let post = |path: &str, body: &Value| {
        let head = format!("POST {path}\nContent-Type: application/json");
        crate::harness::ask(upstream, &head, &body.to_string())
    };
    let user = json!({ "username": name, "email": email, "password": "there-word-8", "accepted_policy": true });
    assert_eq!(post("/api/auth/register", &user).status, 200);
    let told = Command::new(&ftcli).args(["users", "update", &name, "--activate"]).output().unwrap();
    assert!(told.status.success(), "{told:?}");
    let config = |send: &str| {
        format!(
            "[upstreams.real]\nurls = [\"{url}\"]\nlogin = {{ kind = \"fittrackee\" }}\n[[routes]]\nname = \"real\"\n\
             match = \"/api/{{*rest}}\"\nupstream = \"real\"\n{AUTH}\nsend = {{ {send}, links = \"real\" }}\n"
        )
    };
    let is_right = |profile: &Value| profile["data"]["username"] == *name;
    let link = NewLink { user: email, secret: Some("there-word-8".into()), number: None };
    let session = config("credentials = \"session\"");
    ask_each_way(&session, &key, link.clone(), "/api/auth/profile", is_right);
    // Its own sign-in says the number.
    let signed_in = post("/api/auth/login", &json!({ "email": link.user, "password": "there-word-8" }));
    let token = signed_in.json()["auth_token"].as_str().unwrap().to_owned();
    let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(&token).unwrap().claims;
    let number = claims["sub"].as_str().unwrap().parse().unwrap();
    let jwt = config("credentials = \"jwt\", key = \"file:upstream.key\", claims = \"fittrackee\"");
    let link = NewLink { secret: None, number: Some(number), ..link };
    ask_each_way(&jwt, &key, link, "/api/auth/profile", is_right);
}

#[test]
fn four_protocols_in_and_influxdb_sees_its_own_user() {
    let (Ok(url), Ok(password)) = (env::var("INFLUXDB_URL"), env::var("INFLUXDB_PASSWORD")) else {
        return skipped("influxdb");
    };
    let config = format!(
        "[upstreams.real]\nurls = [\"{url}\"]\n[[routes]]\nname = \"real\"\nmatch = \"GET /query\"\n\
         upstream = \"real\"\n{AUTH}\nsend = {{ credentials = \"basic\", links = \"real\" }}\n"
    );
    let link = NewLink { user: "tester".to_owned(), secret: Some(password.as_str().into()), number: None };
    // Each user of that server sees the databases on which it has rights.
    let is_right = |answer: &Value| answer.to_string().contains("[\"tester\"]");
    ask_each_way(&config, "unused, but there", link, "/query?q=SHOW+DATABASES", is_right);
}
