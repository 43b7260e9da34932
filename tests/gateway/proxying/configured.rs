//! Routes as an operator writes them: realms, routes in a tracker's place, what does not start.

use std::path::Path;
use std::sync::Arc;

use trackgate::assemble::Gateway;
use trackgate::config::{self, Overrides};
use trackgate::telemetry::AccessLog;
use trackgate_schemes::ManualClock;

use super::recorder::{Recorder, header};
use super::{Front, PUBLIC, route};
use crate::harness::basic;

#[test]
fn a_route_sets_the_realm_of_its_challenges() {
    let config = route("own", "/own", "auth = [\"basic\", \"api\"]")
        + &route("harbour", "/harbour", "auth = [\"basic\", \"api\", \"lp\"]\nrealm = \"Harbour\"")
        + &route("quay", "/quay", "auth = [\"basic\"]\nrealm = \"Quay 7\"")
        + "[[routes]]\nname = \"livetracking\"\ntracker = \"livetracking\"\n"
        + "[[routes]]\nname = \"lp\"\ntracker = \"lptracker\"\nauth = [\"basic\"]\nrealm = \"Boats\"\n";
    let front = Front::start(Recorder::ok(), &config);
    front.inside.account("testrider");
    for (path, challenges) in [
        ("/own", &["Basic realm=\"trackgate\", charset=\"UTF-8\"", "Bearer realm=\"trackgate\""][..]),
        ("/harbour", &["Basic realm=\"Harbour\", charset=\"UTF-8\"", "Bearer realm=\"Harbour\""]),
        ("/quay", &["Basic realm=\"Quay 7\", charset=\"UTF-8\""]),
        ("/auth", &["Basic realm=\"Protected\""]),
    ] {
        let answer = front.ask(&format!("GET {path}"), "");
        let named: Vec<_> =
            answer.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect();
        assert_eq!((answer.status, named.as_slice()), (401, challenges), "{path}");
    }
    // One name whatever the realm: the upstream is told the same scheme.
    for path in ["/own", "/harbour", "/quay"] {
        let (answer, got) = front.passes(&format!("GET {path}\n{}", basic("testrider", "correct-horse")), "");
        assert_eq!((answer.status, header(&got, "x-trackgate-scheme")), (200, Some("basic")), "{path}");
    }
    let projects = front.ask(&format!("GET /projects\n{}", basic("testrider", "correct-horse")), "");
    assert_eq!(projects.json()["status"], "success");
}

#[test]
fn a_realm_can_be_changed_by_a_reload_and_a_changed_password_is_known_in_every_realm() {
    let up = Recorder::ok();
    let routes = |realm: &str| {
        super::with_upstream(
            &up,
            &(route("a", "/a", "auth = [\"basic\"]")
                + &route("b", "/b", &format!("auth = [\"basic\"]\nrealm = \"{realm}\""))),
        )
    };
    let mut inside = crate::harness::Inside::start(&routes("One"));
    let account = inside.account("testrider");
    let login = basic("testrider", "correct-horse");
    assert_eq!(inside.ask(&format!("GET /b\n{login}"), "").status, 200);
    inside.reload(&routes("Two")).unwrap();
    assert_eq!(inside.ask("GET /b", "").header("www-authenticate"), "Basic realm=\"Two\", charset=\"UTF-8\"");
    for path in ["/a", "/b"] {
        assert_eq!(inside.ask(&format!("GET {path}\n{login}"), "").status, 200);
    }
    let origin = trackgate::accounts::Origin::operator();
    let accounts = inside.gateway().accounts();
    let changed =
        accounts.change_password(account.id, "another-horse".into(), trackgate::ports::Ends::Credentials, &origin);
    inside.wait(changed).unwrap();
    for path in ["/a", "/b"] {
        assert_eq!(inside.ask(&format!("GET {path}\n{login}"), "").status, 401, "{path}");
        assert_eq!(inside.ask(&format!("GET {path}\n{}", basic("testrider", "another-horse")), "").status, 200);
    }
}

#[test]
fn a_route_can_stand_in_the_place_of_one_end_point_of_a_tracker() {
    let tracker = "[[routes]]\nname = \"livetracking\"\ntracker = \"livetracking\"\n";
    let front = Front::start(Recorder::ok(), &(route("time", "GET /time", PUBLIC) + tracker));
    let (answer, got) = front.passes("GET /time", "");
    assert_eq!((answer.text(), got.starts_with("GET /time ")), ("ok", true));
    let (answer, got) = front.passes("GET /ping", "");
    assert_eq!((answer.status, got.as_str()), (204, ""));
}

/// Why this configuration does not start, with all that led to it.
fn does_not_start(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let overrides =
        Overrides { data_dir: Some(folder.path().join("data")), listen: Some("127.0.0.1:0".parse().unwrap()) };
    let config = match config::parse(text, Path::new("."), &overrides, "t.toml") {
        Ok(config) => config,
        Err(error) => return error.to_string(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let started = runtime.block_on(Gateway::start(
        config,
        Arc::new(ManualClock::new(std::time::SystemTime::now())),
        AccessLog::off(),
    ));
    started.expect_err(text).to_string()
}

#[test]
fn cfg_01_routes_that_answer_nothing_do_not_start() {
    let tracker =
        |name: &str, more: &str| format!("[[routes]]\nname = \"{name}\"\ntracker = \"livetracking\"\n{more}\n");
    let to_up = |name: &str, pattern: &str| {
        format!("[upstreams.up]\nurls = [\"http://127.0.0.1:1\"]\n{}", route(name, pattern, PUBLIC))
    };
    for (text, told) in [
        (
            tracker("t", "match = \"GET /atuh\""),
            "the route `t`: the tracker `livetracking` has no end point `/atuh`; the nearest are `GET,OPTIONS /auth`",
        ),
        (
            tracker("t", "match = \"PUT /auth\""),
            "the route `t`: `/auth` of the tracker `livetracking` takes no `PUT`, only GET, OPTIONS",
        ),
        (tracker("t", "match = \"GET,HEAD /auth/\""), "has no end point `/auth/`"),
        (
            to_up("jwks", "/.well-known/trackgate/jwks.json")
                + &route("later", "GET /.well-known/trackgate/jwks.json", PUBLIC),
            "the route `jwks` answers the same requests",
        ),
        (to_up("u", "GET /.well-known/trackgate/jwks.json"), "no request reaches the route `u`: "),
        (
            tracker("t", "") + &to_up("u", "GET /auth"),
            "no request reaches the route `u`: `t` before it answer them all",
        ),
        (tracker("t", "") + &to_up("u", "GET,POST /user/{name}"), ""),
        (to_up("u", "/auth") + &tracker("t", "match = \"GET /auth\""), "the route `u` answers the same requests"),
        (
            tracker("t", "match = \"GET /user/{who}\"") + &to_up("u", "GET /user/{name}"),
            "the route `t` answers the same requests",
        ),
    ] {
        if !told.is_empty() {
            let error = does_not_start(&text);
            assert!(error.contains(told), "{text}\n gave {error}");
        }
    }
}
