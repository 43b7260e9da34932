//! Fail closed: no route, a store that is down, a panic; in the wording of each tracker.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method, Response};
use trackgate::gateway::{
    Fallback, Limits, Listener, Pipeline, Route, RouteTable, Running, Target, TrustedProxies, start,
};
use trackgate::layer::{Dialect, Gate, Mode};
use trackgate::message::Body;
use trackgate::telemetry::AccessLog;
use trackgate::trackers::fittrackee::FitTrackeeDialect;
use trackgate::trackers::livetracking::AccountDialect;
use trackgate::trackers::lptracker::{LpDialect, Statuses};
use trackgate::trackers::sessions::SessionsDialect;
use trackgate::trackers::{Call, Handler};
use trackgate_schemes::SystemClock;

use super::{Door, Upstream, credentials};
use crate::harness::{Answer, Inside, ask, basic};

const ROUTES: &str = r#"
[[routes]]
name = "livetracking"
tracker = "livetracking"
[[routes]]
name = "lptracker"
tracker = "lptracker"
[[routes]]
name = "fittrackee"
tracker = "fittrackee"
[[routes]]
name = "sessions"
tracker = "sessions"
[[routes]]
name = "points"
match = "POST /points"
auth = ["basic", "api", "fit", "lp"]
upstream = "up"
"#;

const LP: &str = r#"{"status":"error","errors":[{"code":503,"message":"Service unavailable"}]}"#;
const FIT: &str = r#"{"status": "error", "message": "error, please try again or contact the administrator"}"#;

fn fresh_jwt(inside: &Inside, name: &str) -> String {
    super::jwt(inside, "127.0.0.1", name)
}

fn assert_unavailable(answer: &Answer, status: u16, body: &str) {
    assert_eq!((answer.status, answer.text().trim_end()), (status, body), "{answer:?}");
    let wait: u32 = answer.header("retry-after").parse().unwrap_or_else(|_| panic!("no Retry-After: {answer:?}"));
    assert!((1..=60).contains(&wait), "{answer:?}");
}

#[test]
fn rev_08_a_store_that_is_down_is_503_with_retry_after_in_every_wording() {
    let upstream = Upstream::start();
    let inside = Inside::start(&format!("{}{ROUTES}", upstream.config()));
    let rider = inside.account("rider");
    // Issued, but never used: memory knows none of them.
    let api = inside.token(&rider, "sessions:read");
    let jwt = fresh_jwt(&inside, "rider");
    let lp = "A".repeat(32);
    let right = basic("rider", "correct-horse");
    inside.wait(inside.gateway().accounts().store().close()).unwrap();

    assert_unavailable(&inside.ask(&format!("GET /auth\n{right}"), ""), 503, r#"{"error":"DB"}"#);
    assert_unavailable(&inside.ask(&format!("GET /projects\ntoken: {lp}"), ""), 200, LP);
    assert_unavailable(&inside.ask(&format!("GET /api/auth/profile\nAuthorization: Bearer {jwt}"), ""), 503, FIT);
    let v1 = r#"{"error":"the server cannot answer now, try again later"}"#;
    let stats = inside.ask(&format!("GET /api/userstats.php\nAuthorization: Bearer {api}"), "");
    assert_unavailable(&stats, 503, v1);
    let plain = "{\"error\":\"service unavailable\"}";
    for line in
        [right, format!("token: {lp}"), format!("Authorization: Bearer {jwt}"), format!("Authorization: Bearer {api}")]
    {
        assert_unavailable(&inside.ask(&format!("POST /points\n{line}"), "cpu 1"), 503, plain);
    }
    assert_eq!(upstream.heads().len(), 0, "nothing passed");

    assert_unavailable(&Door::LpTracker.sign_in(&inside, "192.0.2.1", "rider", "correct-horse"), 200, LP);
    assert_unavailable(&Door::FitTrackee.sign_in(&inside, "192.0.2.1", "rider", "correct-horse"), 503, FIT);
    let form = "username=newrider&password=correct-horse";
    let register = inside.ask("POST /register\nContent-Type: application/x-www-form-urlencoded", form);
    assert_unavailable(&register, 503, r#"{"error":"DB"}"#);
}

#[test]
fn rev_08_rev_11_memory_opens_no_door_beyond_its_bound_while_the_store_is_down() {
    let inside = Inside::start("");
    let rider = inside.account("rider");
    let credentials = credentials(&inside, &rider);
    for (scheme, head) in &credentials {
        assert_eq!(super::status(&inside.ask(head, "")), 200, "{scheme}");
    }
    inside.wait(inside.gateway().accounts().store().close()).unwrap();
    // The log is read twice a second; the bound runs from the last time that it could be.
    std::thread::sleep(trackgate::accounts::Follower::BOUND + Duration::from_millis(1500));
    for (scheme, head) in &credentials {
        let answer = inside.ask(head, "");
        assert_eq!(super::status(&answer), 503, "{scheme}: {answer:?}");
        assert!(!answer.header("retry-after").is_empty(), "{scheme}: {answer:?}");
    }
}

#[test]
fn without_a_route_nothing_passes() {
    let upstream = Upstream::start();
    let inside = Inside::start(&format!("{}{ROUTES}", upstream.config()));
    inside.account("rider");
    let right = basic("rider", "correct-horse");
    assert_eq!(inside.ask(&format!("POST /pointsx\n{right}"), "cpu 1").status, 404);
    assert_eq!(inside.ask(&format!("POST /points/\n{right}"), "cpu 1").status, 404);
    assert_eq!(inside.ask(&format!("GET /points\n{right}"), "").status, 405);
    assert_eq!(upstream.heads().len(), 0);
}

/// A gateway of two end points, one of which panics, in this wording.
fn panicking(dialect: Arc<dyn Dialect>) -> (trackgate::gateway::Handle, SocketAddr) {
    let route = |path: &str, handler: Arc<dyn Handler>| Route {
        name: "test".into(),
        methods: vec![Method::GET],
        path: path.to_owned(),
        hosts: Vec::new(),
        gate: Gate::new(Mode::Public { reason: "a test".into() }, Vec::new(), Vec::new()),
        target: Target::Tracker(handler),
        dialect: Arc::clone(&dialect),
        max_body_bytes: 0,
        raw_path: false,
    };
    let good = |_call: Call| async { Response::new(Body::from("good")) };
    let bad = |call: Call| async move { panic!("as asked by {}", call.request_id) };
    let routes = vec![route("/good", Arc::new(good)), route("/panic", Arc::new(bad))];
    let fallback = Fallback { header: HeaderName::from_static("token"), dialect };
    let table = RouteTable::new(routes, vec![fallback]).unwrap();
    let running = Running { table, proxies: TrustedProxies::default() };
    let pipeline = Arc::new(Pipeline::new(running, Arc::default(), Arc::new(SystemClock), AccessLog::off()));
    let listener = Listener::new("127.0.0.1:0".parse().unwrap());
    let handle =
        start(vec![listener], Limits::default(), NonZeroUsize::new(1), move |_core| Arc::clone(&pipeline)).unwrap();
    let address = handle.addresses()[0];
    (handle, address)
}

#[test]
fn crs_05_a_panic_is_an_internal_error_in_every_wording_and_harms_nobody_else() {
    let fit: Arc<dyn Dialect> = Arc::new(FitTrackeeDialect::new("300 per 5 minute".into()));
    let dialects: [(Arc<dyn Dialect>, u16, &str); 4] = [
        (Arc::new(AccountDialect), 500, r#"{"error":"UNKNOWN_ERROR"}"#),
        (
            Arc::new(LpDialect::new(Statuses::AlwaysOk)),
            200,
            r#"{"status":"error","errors":[{"code":500,"message":"Internal error"}]}"#,
        ),
        (fit, 500, r#"{"status": "error", "message": "error, please try again or contact the administrator"}"#),
        (Arc::new(SessionsDialect), 500, r#"{"error":"server error"}"#),
    ];
    for (dialect, status, body) in dialects {
        let (_handle, address) = panicking(dialect);
        for _ in 0..3 {
            let answer = ask(address, "GET /panic", "");
            assert_eq!((answer.status, answer.text().trim_end()), (status, body), "{answer:?}");
            let answer = ask(address, "GET /good", "");
            assert_eq!((answer.status, answer.text()), (200, "good"));
        }
    }
}
