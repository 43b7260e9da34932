//! `allow = {…}`: every kind of rule, alone and combined, before an upstream.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::recorder::Recorder;
use super::{Front, PUBLIC, route};
use crate::harness::basic;

fn allowing(access: &str, rule: &str) -> Front {
    Front::start(Recorder::ok(), &route("r", "/{*rest}", &format!("{access}\nallow = {rule}")))
}

/// The status, and 403 only when nothing came to the upstream.
fn status(front: &Front, head: &str) -> u16 {
    let (answer, got) = front.passes(head, "");
    assert_eq!(answer.status == 200, !got.is_empty(), "{head}: {} {got}", answer.status);
    answer.status
}

#[test]
fn methods_and_networks() {
    let front = allowing(PUBLIC, r#"{ methods = ["GET", "HEAD"] }"#);
    assert_eq!((status(&front, "GET /"), status(&front, "POST /"), status(&front, "DELETE /")), (200, 403, 403));
    for (rule, expected) in [
        (r#"{ networks = ["127.0.0.0/8"] }"#, 200),
        (r#"{ networks = ["::ffff:127.0.0.0/104"] }"#, 200),
        (r#"{ networks = ["10.0.0.0/8"] }"#, 403),
        (r#"{ networks = ["127.0.0.0/8"], deny_networks = ["127.0.0.1/32"] }"#, 403),
        (r#"{ deny_networks = ["10.0.0.0/8"] }"#, 200),
        (r#"{ deny_networks = ["127.0.0.0/8"] }"#, 403),
    ] {
        assert_eq!(status(&allowing(PUBLIC, rule), "GET /"), expected, "{rule}");
    }
}

#[test]
fn any_all_and_not() {
    for (rule, get, post) in [
        (r#"{ any = [{ methods = ["GET"] }, { networks = ["10.0.0.0/8"] }] }"#, 200, 403),
        (r#"{ any = [{ networks = ["10.0.0.0/8"] }, { methods = ["POST"] }] }"#, 403, 200),
        (r#"{ all = [{ methods = ["GET"] }, { networks = ["127.0.0.0/8"] }] }"#, 200, 403),
        (r#"{ all = [{ methods = ["GET"] }, { networks = ["10.0.0.0/8"] }] }"#, 403, 403),
        (r#"{ not = { methods = ["POST"] } }"#, 200, 403),
        (r#"{ not = { any = [{ methods = ["GET"] }, { networks = ["10.0.0.0/8"] }] } }"#, 403, 200),
        (r#"{ not = { methods = ["GET"], networks = ["10.0.0.0/8"] } }"#, 200, 200),
        (r#"{ methods = ["GET"], not = { not = { networks = ["127.0.0.0/8"] } } }"#, 200, 403),
        (r#"{ any = [{ all = [{ methods = ["POST"] }, { not = { networks = ["10.0.0.0/8"] } }] }] }"#, 403, 200),
    ] {
        let front = allowing(PUBLIC, rule);
        assert_eq!((status(&front, "GET /"), status(&front, "POST /")), (get, post), "{rule}");
    }
}

#[test]
fn brt_05_grants_are_those_of_the_credential() {
    let front = allowing("auth = [\"basic\", \"api\"]", r#"{ grants = ["points:write", "points:read"] }"#);
    let account = front.inside.account("testrider");
    assert_eq!(status(&front, &format!("GET /\n{}", basic("testrider", "correct-horse"))), 200);
    let ask = |grants: &str| {
        front.passes(&format!("GET /\nAuthorization: Bearer {}", front.inside.token(&account, grants)), "")
    };
    assert_eq!(ask("points:write points:read").0.status, 200);
    for grants in ["points:write", "sessions:read"] {
        let (answer, got) = ask(grants);
        assert_eq!((answer.status, got.as_str()), (403, ""), "{grants}");
        let challenges: Vec<_> =
            answer.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect();
        let scoped = challenges
            .iter()
            .any(|value| value.contains("error=\"insufficient_scope\"") && value.contains("points:read"));
        assert!(scoped, "{challenges:?}");
    }
}

#[test]
fn hours_follow_the_wall_clock_in_their_zone() {
    let front = allowing(PUBLIC, r#"{ hours = "mon-fri 08:00-18:00 Europe/Berlin" }"#);
    // Seconds from the present to an instant in a week that has begun by then.
    let monday = UNIX_EPOCH + Duration::from_hours(24 * 4);
    let week = Duration::from_hours(24 * 7).as_secs();
    let since_monday = |now: SystemTime| now.duration_since(monday).unwrap().as_secs() % week;
    for hour in 0..24 * 7 {
        let at = Duration::from_hours(hour).as_secs() + 1800;
        let wait = (at + week - since_monday(front.inside.now())) % week;
        front.inside.advance(Duration::from_secs(wait));
        let now = jiff::Timestamp::try_from(front.inside.now()).unwrap().in_tz("Europe/Berlin").unwrap();
        let open = now.weekday().to_monday_zero_offset() < 5 && (8..18).contains(&now.hour());
        assert_eq!(status(&front, "GET /"), if open { 200 } else { 403 }, "{now}");
    }
}

#[test]
fn rlk_11_a_rate_lets_through_up_to_its_limit_and_then_says_when() {
    let front = allowing("auth = [\"basic\"]", r#"{ rate = "3/h" }"#);
    for name in ["one", "two"] {
        front.inside.account(name);
    }
    for name in ["one", "two"] {
        let login = basic(name, "correct-horse");
        for _turn in 0..3 {
            assert_eq!(status(&front, &format!("GET /\n{login}")), 200);
        }
        let (answer, got) = front.passes(&format!("GET /\n{login}"), "");
        assert_eq!((answer.status, got.as_str()), (429, ""));
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=1200).contains(&wait), "a third of an hour at most: {wait}");
        // The wall clock has no say: no free burst when it jumps on.
        front.inside.advance(Duration::from_hours(2));
        assert_eq!(status(&front, &format!("GET /\n{login}")), 429);
    }
}

#[test]
fn rlk_11_a_rate_comes_back_with_time() {
    let front = allowing(PUBLIC, r#"{ rate = "5/s", rate_by = "client" }"#);
    let passed = (0..8).filter(|_| status(&front, "GET /") == 200).count();
    assert!((5..=7).contains(&passed), "{passed}");
    std::thread::sleep(Duration::from_millis(1200));
    assert_eq!(status(&front, "GET /"), 200);
}

#[test]
fn rlk_11_a_rate_counts_by_client_or_by_route_too() {
    let top = "listen.trusted_proxies = [\"127.0.0.1/32\"]";
    let from = |front: &Front, client: &str| status(front, &format!("GET /\nX-Forwarded-For: {client}"));
    let rule =
        |by: &str| route("r", "/{*rest}", &format!("{PUBLIC}\nallow = {{ rate = \"2/h\", rate_by = \"{by}\" }}"));
    let front = Front::start_with(top, Recorder::ok(), &rule("client"));
    for client in ["198.51.100.1", "198.51.100.2", "2001:db8::1"] {
        assert_eq!([(); 3].map(|()| from(&front, client)), [200, 200, 429], "{client}");
    }
    assert_eq!(from(&front, "2001:db8::ffff"), 429, "the same /64");
    let front = Front::start_with(top, Recorder::ok(), &rule("route"));
    assert_eq!(["198.51.100.1", "198.51.100.2", "198.51.100.3"].map(|client| from(&front, client)), [200, 200, 429]);
}

#[test]
fn a_refused_request_is_not_counted() {
    let rule = r#"{ all = [{ rate = "2/h" }], not = { methods = ["POST"] }, grants = ["points:write"] }"#;
    let front = allowing("auth = [\"basic\"]", rule);
    front.inside.account("testrider");
    let login = basic("testrider", "correct-horse");
    for _turn in 0..5 {
        assert_eq!(status(&front, &format!("POST /\n{login}")), 403);
        assert_eq!(status(&front, "GET /"), 401);
    }
    assert_eq!([(); 3].map(|()| status(&front, &format!("GET /\n{login}"))), [200, 200, 429]);
}

#[test]
fn a_rate_is_refused_in_the_wording_of_the_route() {
    for (dialect, expected, text) in [
        ("plain", 429, "too many requests"),
        ("livetracking", 429, "TOO_MANY_REQUESTS"),
        ("lptracker", 200, "\"code\":503"),
        ("fittrackee", 429, "rate limit exceeded"),
        ("sessions", 429, "too many requests"),
    ] {
        let more = format!("{PUBLIC}\ndialect = \"{dialect}\"\nallow = {{ rate = \"1/h\" }}");
        let front = Front::start(Recorder::ok(), &route("r", "/{*rest}", &more));
        assert_eq!(front.ask("GET /", "").text(), "ok");
        let (answer, got) = front.passes("GET /", "");
        assert_eq!((answer.status, got.as_str()), (expected, ""), "{dialect}");
        assert!(answer.text().contains(text) && !answer.header("retry-after").is_empty(), "{dialect}: {answer:?}");
    }
}
