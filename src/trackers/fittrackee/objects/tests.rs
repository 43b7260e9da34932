//! Transcripts, and the rules that no transcript can show.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::{Method, Request, Response};
use proptest::prelude::*;
use serde_json::Value;
use trackgate_schemes::store::Account;
use trackgate_schemes::{AccountId, Clock as _, HashPool, NoGuard, Rejection, SignIn};

use super::kept::{Measures, WORKOUTS, Workout};
use super::own;
use crate::accounts::{AccountService, Memories, Origin};
use crate::message::Body;
use crate::ports::Area;
use crate::trackers::fittrackee::profile::Profile;
use crate::trackers::fittrackee::{FitTrackee, IssueToken, IssuedToken, PrivacyPolicy, Settings, sweep_files};
use crate::trackers::testing::{Play, Stage, issued, request_of, run};

#[derive(Debug)]
struct Tokens;

impl IssueToken for Tokens {
    fn issue(&self, account: &Account, now: SystemTime) -> Result<IssuedToken, Rejection> {
        Ok(issued(account.id, now))
    }
}

const NOW: &str = "2026-11-22T01:43:09.715Z";

/// `rider`, 1, and `other`, 2, are in use; a token of `rider` may read.
async fn play() -> Play {
    let stage = Stage::at(NOW);
    let rider = stage.account("rider").await;
    stage.account("other").await;
    stage.api_token("tg-profile", &rider, "profile:read");
    let tracker = FitTrackee::new(stage.services(), Arc::new(Tokens), Settings::default());
    stage.put_on(&tracker)
}

const RIDER: AccountId = AccountId(1);
const SIGNED: (&str, &str) = ("authorization", "Bearer jwt.1.1795311789");

async fn get(play: &Play, target: &str) -> Response<Bytes> {
    play.get(target, &[SIGNED]).await
}

async fn post(play: &Play, target: &str, body: &str) -> Response<Bytes> {
    play.ask(Method::POST, target, &[SIGNED, ("content-type", "application/json")], body).await
}

fn json(answer: &Response<Bytes>) -> Value {
    serde_json::from_slice(answer.body()).unwrap()
}

#[tokio::test]
async fn transcript_of_sports_and_their_preferences() {
    play().await.perform(include_str!("../transcripts/sports.txt")).await;
}

#[tokio::test]
async fn enu_04_transcript_of_equipment() {
    play().await.perform(include_str!("../transcripts/equipment.txt")).await;
}

#[tokio::test]
async fn enu_04_transcript_of_workouts() {
    play().await.perform(include_str!("../transcripts/workouts.txt")).await;
}

#[tokio::test]
async fn transcript_of_statistics() {
    play().await.perform(include_str!("../transcripts/statistics.txt")).await;
}

#[tokio::test]
async fn transcript_of_what_the_application_asks_besides() {
    play().await.perform(include_str!("../transcripts/app.txt")).await;
}

#[tokio::test]
async fn the_configuration_tells_what_the_operator_chose() {
    let stage = Stage::at(NOW);
    stage.account("rider").await;
    let since: jiff::Timestamp = NOW.parse().unwrap();
    let settings = Settings {
        max_users: 1,
        privacy_policy: Some(PrivacyPolicy { text: "none".into(), date: since.into() }),
        admin_contact: Some("admin@example.org".into()),
        about: Some("us".into()),
        ..Settings::default()
    };
    let tracker = FitTrackee::new(stage.services(), Arc::new(Tokens), settings);
    let data = json(&stage.put_on(&tracker).get("/api/config", &[]).await)["data"].clone();
    let expected = serde_json::json!({
        "about": "us", "admin_contact": "admin@example.org", "is_registration_enabled": false, "max_users": 1,
        "privacy_policy": "none", "privacy_policy_date": "Sun, 22 Nov 2026 01:43:09 GMT",
        "is_email_sending_enabled": false,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&data[name], value, "{name}");
    }
}

/// Seven workouts, named by when they began.
async fn seven(play: &Play) {
    for (id, day, sport_id, distance, seconds, speed) in [
        ("nov12", "2026-11-12T07:00:00Z", 5, 0.667, 590, 4.07),
        ("nov11", "2026-11-11T07:00:00Z", 5, 0.667, 590, 4.07),
        ("nov10", "2026-11-10T07:00:00Z", 5, 0.667, 590, 4.07),
        ("nov3", "2026-11-03T17:30:00Z", 5, 5.0, 1800, 10.0),
        ("nov1b", "2026-11-01T07:00:01Z", 5, 10.5, 3600, 10.5),
        ("nov1", "2026-11-01T07:00:00Z", 5, 10.5, 3600, 10.5),
        ("oct5", "2026-10-05T06:00:00Z", 1, 40.0, 80_000, 1.8),
    ] {
        let is_ride = sport_id == 1;
        let workout = Workout {
            sport_id,
            title: Some(if is_ride { "Long ride" } else { "Little run" }.into()),
            notes: is_ride.then(|| "good".into()),
            measures: Measures {
                duration: seconds,
                moving: Some(seconds),
                distance: Some(distance),
                ave_speed: Some(speed),
                max_speed: Some(speed),
                ..Measures::default()
            },
            ..Workout::default()
        };
        let began: jiff::Timestamp = day.parse().unwrap();
        let item = own::item(RIDER, id, began.as_microsecond(), &workout).unwrap_or_else(|_| unreachable!());
        assert!(play.stage.store.add_item(WORKOUTS, item).await.unwrap());
    }
}

#[tokio::test]
async fn a_list_holds_what_its_query_wants() {
    let play = play().await;
    seven(&play).await;
    for (query, expected, page, pages, total) in [
        ("", "nov12 nov11 nov10 nov3 nov1b", 1, 2, 7),
        ("?page=2", "nov1 oct5", 2, 2, 7),
        ("?page=3", "", 3, 2, 7),
        ("?page=0&per_page=2", "nov12 nov11", 1, 4, 7),
        ("?page=-1&per_page=2", "nov12 nov11", 1, 4, 7),
        ("?per_page=2&page=3", "nov1b nov1", 3, 4, 7),
        ("?per_page=1000", "nov12 nov11 nov10 nov3 nov1b nov1 oct5", 1, 1, 7),
        ("?per_page=0", "nov12 nov11 nov10 nov3 nov1b nov1 oct5", 1, 1, 7),
        ("?page=2147483647&per_page=100", "", 2_147_483_647, 1, 7),
        ("?from=2026-11-02&to=2026-11-05", "nov3", 1, 1, 1),
        ("?from=2026-11-10", "nov12 nov11 nov10", 1, 1, 3),
        ("?to=2026-11-03", "nov3 nov1b nov1 oct5", 1, 1, 4),
        ("?sport_id=1", "oct5", 1, 1, 1),
        ("?sport_id=99", "", 1, 0, 0),
        ("?order=asc&per_page=3", "oct5 nov1 nov1b", 1, 3, 7),
        ("?order=up&per_page=1", "nov12", 1, 7, 7),
        ("?order_by=distance&per_page=4", "oct5 nov1b nov1 nov3", 1, 2, 7),
        ("?order_by=duration&order=asc&per_page=4", "nov10 nov11 nov12 nov3", 1, 2, 7),
        ("?order_by=ave_speed&per_page=3", "nov1b nov1 nov3", 1, 3, 7),
        ("?distance_from=6", "nov1b nov1 oct5", 1, 1, 3),
        ("?distance_from=0.667&distance_to=5", "nov12 nov11 nov10 nov3", 1, 1, 4),
        ("?duration_from=01:00", "nov1b nov1 oct5", 1, 1, 3),
        ("?duration_to=00:40&order=asc", "nov3 nov10 nov11 nov12", 1, 1, 4),
        ("?ave_speed_from=10.1", "nov1b nov1", 1, 1, 2),
        ("?max_speed_from=5&max_speed_to=10", "nov3", 1, 1, 1),
        ("?title=LONG", "oct5", 1, 1, 1),
        ("?title=%25", "", 1, 0, 0),
        ("?notes=oo", "oct5", 1, 1, 1),
        ("?description=x", "", 1, 0, 0),
        ("?equipment_id=none&per_page=1", "nov12", 1, 7, 7),
        ("?equipment_id=nope", "", 1, 0, 0),
        ("?whatever=1&title=&sport_id=&from=&distance_from=&order_by=&per_page=1", "nov12", 1, 7, 7),
    ] {
        let answer = json(&get(&play, &format!("/api/workouts{query}")).await);
        let ids: Vec<_> =
            answer["data"]["workouts"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
        assert_eq!(ids.join(" "), expected, "{query}");
        let expected = serde_json::json!({
            "has_next": page < pages, "has_prev": page > 1, "page": page, "pages": pages, "total": total
        });
        assert_eq!(answer["pagination"], expected, "{query}");
    }
}

#[tokio::test]
async fn a_query_that_cannot_be_read_is_400_and_never_500() {
    let play = play().await;
    for query in [
        "page=x",
        "page=99999999999",
        "per_page=x",
        "from=x",
        "to=2026-13-01",
        "sport_id=x",
        "order_by=nope",
        "order_by=id",
        "distance_from=x",
        "distance_to=nan",
        "ave_speed_from=inf",
        "duration_from=x",
        "duration_to=1",
    ] {
        let answer = get(&play, &format!("/api/workouts?{query}")).await;
        assert_eq!(answer.status(), 400, "{query}");
        assert_eq!(&answer.body()[..], br#"{"status": "error", "message": "invalid payload"}"#, "{query}");
    }
}

#[tokio::test]
async fn neighbours_are_found_among_those_that_the_list_wants() {
    let play = play().await;
    seven(&play).await;
    let neighbours = |answer: &Value, n: usize| {
        let workout = &answer["data"]["workouts"][n];
        (workout["previous_workout"].clone(), workout["next_workout"].clone())
    };
    let all = json(&get(&play, "/api/workouts?per_page=20").await);
    assert_eq!(neighbours(&all, 3), ("nov1b".into(), "nov10".into()));
    assert_eq!(neighbours(&all, 6), (Value::Null, "nov1".into()));
    let some = json(&get(&play, "/api/workouts?distance_from=5&sport_id=5").await);
    assert_eq!(neighbours(&some, 0), ("nov1b".into(), Value::Null));
}

/// A multipart body of these parts: name, file name, content.
fn multipart(parts: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file_name, content) in parts {
        let file_name = file_name.map(|name| format!("; filename=\"{name}\"")).unwrap_or_default();
        body.extend(format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"{file_name}\r\n\r\n").bytes());
        body.extend(*content);
        body.extend(b"\r\n");
    }
    body.extend(b"--b--\r\n");
    body
}

async fn upload(play: &Play, body: Vec<u8>) -> Response<Bytes> {
    let headers = [SIGNED, ("content-type", "multipart/form-data; boundary=b")];
    play.ask(Method::POST, "/api/workouts", &headers, body).await
}

fn gpx(name: &str, points: usize) -> String {
    let points = (0..points).fold(String::new(), |mut text, n| {
        let (minute, second) = (n / 6, n % 6 * 10);
        let time = format!("2026-11-10T07:{minute:02}:{second:02}Z");
        write!(text, "<trkpt lat=\"44.{:05}\" lon=\"6.07367\"><time>{time}</time></trkpt>", 68_095 + 10 * n).unwrap();
        text
    });
    format!(
        "<gpx version=\"1.1\" creator=\"t\"><trk><name>{name}</name><desc>up and down</desc>\
         <trkseg>{points}</trkseg></trk></gpx>"
    )
}

#[tokio::test]
async fn a_track_becomes_a_workout() {
    let play = play().await;
    let file = gpx("Little run", 60);
    let data = br#"{"sport_id":5,"notes":"from file"}"#;
    let answer = upload(&play, multipart(&[("file", Some("Run.GPX"), file.as_bytes()), ("data", None, data)])).await;
    assert_eq!(answer.status(), 201);
    let answer = json(&answer);
    let workout = &answer["data"]["workouts"][0];
    let expected = serde_json::json!({
        "title": "Little run", "notes": "from file", "description": "up and down", "sport_id": 5,
        "workout_date": "Tue, 10 Nov 2026 07:00:00 GMT", "duration": "0:09:50", "moving": "0:09:50", "pauses": null,
        "distance": 0.657, "ave_speed": 4.01, "max_speed": 4.01, "ascent": null, "min_alt": null, "map": null,
        "with_gpx": false, "bounds": [44.68095, 6.07367, 44.68685, 6.07367],
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&workout[name], value, "{name}");
    }
    assert_eq!(workout["segments"].as_array().unwrap().len(), 1);
    assert_eq!(workout["segments"][0]["segment_id"], 0);
    let named = br#"{"sport_id":"5","title":"Mine","description":"x"}"#;
    let answer = upload(&play, multipart(&[("data", None, named), ("file", Some("a.gpx"), file.as_bytes())])).await;
    let second = &json(&answer)["data"]["workouts"][0];
    assert_eq!((&second["title"], &second["description"]), (&"Mine".into(), &"x".into()));
    let target = format!("/api/workouts/{}", second["id"].as_str().unwrap());
    let headers = [SIGNED, ("content-type", "application/json")];
    let changed = play.ask(Method::PATCH, &target, &headers, r#"{"distance":99,"duration":1}"#).await;
    assert_eq!(json(&changed)["data"]["workouts"][0]["distance"], 0.657, "what the track tells stays");
}

#[tokio::test]
async fn the_file_of_a_track_stays_as_long_as_its_workout() {
    let play = play().await;
    let Stage { accounts, files, clock, .. } = &play.stage;
    let tracks = async || files.list(Area::Tracks).await.unwrap().len();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let file = gpx("Little run", 60);
        let parts = [("file", Some("Run.GPX"), file.as_bytes()), ("data", None, &br#"{"sport_id":5}"#[..])];
        let answer = json(&upload(&play, multipart(&parts)).await);
        ids.push(answer["data"]["workouts"][0]["id"].as_str().unwrap().to_owned());
    }
    let stray = format!("{RIDER}-stray.gpx").parse().unwrap();
    files.put(Area::Tracks, &stray, "x".into()).await.unwrap();
    assert_eq!(tracks().await, 3);
    let gone = play.ask(Method::DELETE, &format!("/api/workouts/{}", ids[0]), &[SIGNED], "").await;
    assert_eq!((gone.status().as_u16(), tracks().await), (204, 2));
    let sweep = async || sweep_files(accounts, &**files, clock.now()).await.unwrap();
    assert_eq!(sweep().await, 0, "it is young");
    clock.advance(std::time::Duration::from_hours(1));
    assert_eq!((sweep().await, tracks().await), (1, 1));
    accounts.delete(RIDER, &Origin::operator()).await.unwrap();
    assert_eq!((sweep().await, tracks().await), (1, 0));
}

#[tokio::test]
async fn users_delete_themselves_alone_with_all_that_is_kept() {
    let play = play().await;
    let files = &play.stage.files;
    let file = gpx("Little run", 60);
    let parts = [("file", Some("Run.GPX"), file.as_bytes()), ("data", None, &br#"{"sport_id":5}"#[..])];
    assert_eq!(upload(&play, multipart(&parts)).await.status(), 201);
    assert_eq!(files.list(Area::Tracks).await.unwrap().len(), 1);
    for (name, status) in [("other", 403), ("nobody", 403), ("RIDER", 403), ("rider", 204), ("rider", 401)] {
        let answer = play.ask(Method::DELETE, &format!("/api/users/{name}"), &[SIGNED], "").await;
        assert_eq!(answer.status().as_u16(), status, "{name}");
    }
    assert!(play.stage.store.account(RIDER).await.unwrap().is_none());
    assert!(files.list(Area::Tracks).await.unwrap().is_empty());
    assert_eq!(play.stage.store.list_accounts(AccountId(0), 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn brt_14_an_api_token_deletes_nobody() {
    let play = play().await;
    let token = ("authorization", "Bearer tg-profile");
    let answer = play.ask(Method::DELETE, "/api/users/rider", &[token], "").await;
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (401, PROVIDE_TOKEN.as_bytes()));
    assert!(play.stage.store.account(RIDER).await.unwrap().is_some());
}

const PROVIDE_TOKEN: &str = r#"{"status": "error", "message": "provide a valid auth token"}"#;

#[tokio::test]
async fn upl_09_what_is_no_track_is_refused_and_nothing_stays() {
    let play = play().await;
    let (good, data) = (gpx("x", 2), &br#"{"sport_id":5}"#[..]);
    let good = good.as_bytes();
    let file = |name, content| ("file", Some(name), content);
    let fail = |message: &str| format!("{{\"status\": \"fail\", \"message\": \"{message}\"}}");
    let error = |message: &str| format!("{{\"status\": \"error\", \"message\": \"{message}\"}}");
    for (parts, expected) in [
        (vec![("data", None, data)], fail("no file part")),
        (vec![("file", None, good), ("data", None, data)], fail("no file part")),
        (vec![file("", good), ("data", None, data)], fail("no selected file")),
        (vec![file("a.txt", good), ("data", None, data)], fail("file extension not allowed")),
        (vec![file("gpx", good), ("data", None, data)], fail("file extension not allowed")),
        (vec![file("a.zip", good), ("data", None, data)], fail("file extension not allowed")),
        (vec![file("a.gpx", good), ("data", None, b"{}")], error("invalid payload")),
        (vec![file("a.gpx", good), ("data", None, b"[1]")], error("invalid payload")),
        (vec![file("a.gpx", good), ("data", None, b"no JSON")], error("invalid payload")),
        (vec![file("a.gpx", good), ("data", None, br#"{"sport_id":null}"#)], error("invalid payload")),
        (vec![file("a.gpx", good), ("data", None, br#"{"sport_id":99}"#)], error("Sport id: 99 does not exist")),
        (vec![file("a.gpx", b"no XML"), ("data", None, data)], error("gpx file is invalid")),
        (vec![file("a.gpx", b"<gpx version=\"1.1\"></gpx>"), ("data", None, data)], error("no tracks in gpx file")),
    ] {
        let answer = upload(&play, multipart(&parts)).await;
        assert_eq!((answer.status().as_u16(), &answer.body()[..]), (400, expected.as_bytes()), "{parts:?}");
    }
    let answer = upload(&play, multipart(&[file("a.gpx", good)])).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (400, &"text/html; charset=utf-8".parse().unwrap())
    );
    assert_eq!(json(&get(&play, "/api/workouts").await)["pagination"]["total"], 0);
}

#[tokio::test]
async fn upl_08_bodies_that_are_no_multipart_are_400_and_cheap() {
    let play = play().await;
    let many = multipart(&vec![("x", None, &b""[..]); 20_000]);
    let endless =
        [b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"", &b"a".repeat(1_000_000)[..]].concat();
    let nested = multipart(&[("file", Some("a.gpx"), &multipart(&[("file", Some("a.gpx"), b"")]))]);
    for body in [Vec::new(), b"--b".to_vec(), b"--b--".to_vec(), many, endless, b"\r\n".repeat(500_000)] {
        let answer = upload(&play, body).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.body()[..]),
            (400, &br#"{"status": "fail", "message": "no file part"}"#[..])
        );
    }
    assert_eq!(upload(&play, nested).await.status(), 400);
    let header = "multipart/form-data; boundary=";
    for kind in ["application/json", "multipart/form-data", &format!("{header}\"\""), &format!("{header}b, {header}c")]
    {
        let answer = play.ask(Method::POST, "/api/workouts", &[SIGNED, ("content-type", kind)], "--b--").await;
        assert_eq!(answer.status(), 400, "{kind}");
    }
    assert_eq!(play.ask(Method::POST, "/api/workouts", &[SIGNED], "--b--").await.status(), 400);
}

#[tokio::test]
async fn a_request_over_a_mebibyte_is_413_declared_or_not() {
    let play = play().await;
    let large = multipart(&[("file", Some("a.gpx"), &b" ".repeat(1024 * 1024))]);
    let answer = upload(&play, large).await;
    let expected = br#"{"status": "fail", "message": "Error during workout upload, file size exceeds 1.0MB."}"#;
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (413, &expected[..]));
    let headers = [SIGNED, ("content-type", "multipart/form-data; boundary=b"), ("content-length", "5033164")];
    let answer = play.ask(Method::POST, "/api/workouts", &headers, "").await;
    let expected = br#"{"status": "fail", "message": "Error during workout upload, file size (4.8MB) exceeds 1.0MB."}"#;
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (413, &expected[..]));
}

fn profile_request() -> Request<Body> {
    request_of("GET /api/auth/profile HTTP/1.1\nauthorization: Bearer jwt.1.1795311789\n\n")
}

#[tokio::test]
async fn a_profile_that_did_not_change_is_told_without_the_store() {
    let play = play().await;
    let (first, second) = (play.pass(profile_request()).await.unwrap(), play.pass(profile_request()).await.unwrap());
    let first = run(first).await;
    play.stage.store.close().await.unwrap();
    let second = run(second).await;
    assert_eq!((second.status(), second.headers(), second.body()), (first.status(), first.headers(), first.body()));
    assert_eq!(second.status(), 200);
}

#[tokio::test]
async fn every_change_is_in_the_next_profile() {
    let play = play().await;
    let profile = async || json(&play.answer(profile_request()).await)["data"].clone();
    assert_eq!(profile().await["nb_workouts"], 0);
    let body = r#"{"sport_id":5,"duration":3600,"workout_date":"2026-11-01 08:00","distance":10.5}"#;
    let answer = json(&post(&play, "/api/workouts/no_gpx", body).await);
    let target = format!("/api/workouts/{}", answer["data"]["workouts"][0]["id"].as_str().unwrap());
    assert_eq!(profile().await["total_distance"], 10.5);
    let headers = [SIGNED, ("content-type", "application/json")];
    play.ask(Method::PATCH, &target, &headers, r#"{"distance":11}"#).await;
    assert_eq!(profile().await["total_distance"], 11.0);
    play.ask(Method::DELETE, &target, &[SIGNED], "").await;
    assert_eq!(profile().await["nb_workouts"], 0);
    Profile::update(&play.stage.accounts, RIDER, |profile| profile.bio = Some("new".into()))
        .await
        .map_err(drop)
        .unwrap();
    assert_eq!(profile().await["bio"], "new");
}

#[tokio::test]
async fn a_change_in_another_process_is_seen_by_the_event_log() {
    let play = play().await;
    let stage = &play.stage;
    let mut follower = stage.accounts.follow().await.unwrap();
    let sign_in = SignIn::new(Arc::clone(&stage.store) as _, Arc::new(NoGuard), HashPool::new(1, 1));
    let memories = Arc::new(Memories::default());
    let there = AccountService::new(Arc::clone(&stage.store), sign_in, memories, Arc::clone(&stage.clock) as _);
    let bio = async || json(&play.answer(profile_request()).await)["data"]["bio"].clone();
    assert_eq!(bio().await, Value::Null);
    Profile::update(&there, RIDER, |profile| profile.bio = Some("new".into())).await.map_err(drop).unwrap();
    assert_eq!(bio().await, Value::Null, "nothing was read of it yet");
    follower.catch_up().await.unwrap();
    assert_eq!(bio().await, "new");
}

#[tokio::test]
async fn of_changes_of_one_workout_at_once_none_is_lost() {
    let play = play().await;
    seven(&play).await;
    let patch = |body: &str| {
        let text = format!(
            "PATCH /api/workouts/nov3 HTTP/1.1\nauthorization: Bearer jwt.1.1795311789\ncontent-type: application/json\n\n{body}"
        );
        play.pass(request_of(&text))
    };
    let (first, second) = (patch(r#"{"title":"a"}"#).await.unwrap(), patch(r#"{"notes":"b"}"#).await.unwrap());
    let (first, second) = (tokio::spawn(run(first)), tokio::spawn(run(second)));
    assert_eq!(
        (first.await.unwrap().status(), second.await.unwrap().status()),
        (200.try_into().unwrap(), 200.try_into().unwrap())
    );
    let workout = &json(&get(&play, "/api/workouts/nov3").await)["data"]["workouts"][0];
    assert_eq!((&workout["title"], &workout["notes"]), (&"a".into(), &"b".into()));
}

#[tokio::test]
async fn a_workout_is_the_best_no_more_once_another_is_better() {
    let play = play().await;
    seven(&play).await;
    let holders = async || {
        let records = json(&get(&play, "/api/records").await)["data"]["records"].clone();
        let holder = |record: &Value| format!("{}{}", record["record_type"].as_str().unwrap(), record["workout_id"]);
        records.as_array().unwrap().iter().filter(|it| it["sport_id"] == 5).map(holder).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(holders().await, r#"AS"nov1" FD"nov1" LD"nov1" MS"nov1""#);
    play.ask(Method::DELETE, "/api/workouts/nov1", &[SIGNED], "").await;
    assert_eq!(holders().await, r#"AS"nov1b" FD"nov1b" LD"nov1b" MS"nov1b""#);
}

#[tokio::test]
async fn days_are_those_of_the_users_zone() {
    let play = play().await;
    let zone = async |name: Option<&str>| {
        Profile::update(&play.stage.accounts, RIDER, |profile| profile.timezone = name.map(Into::into))
            .await
            .map_err(drop)
            .unwrap();
    };
    let add = async || {
        let body = r#"{"sport_id":5,"duration":60,"workout_date":"2026-11-01 08:00","distance":1}"#;
        let workout = json(&post(&play, "/api/workouts/no_gpx", body).await)["data"]["workouts"][0].clone();
        (workout["workout_date"].as_str().unwrap().to_owned(), workout["title"].as_str().unwrap().to_owned())
    };
    for (name, date) in [
        (Some("America/New_York"), "Sun, 01 Nov 2026 13:00:00 GMT"),
        (Some("Asia/Tokyo"), "Sat, 31 Oct 2026 23:00:00 GMT"),
        (Some("Middle/Earth"), "Sun, 01 Nov 2026 08:00:00 GMT"),
        (None, "Sun, 01 Nov 2026 08:00:00 GMT"),
    ] {
        zone(name).await;
        assert_eq!(add().await, (date.to_owned(), "Running - 2026-11-01 08:00:00".to_owned()), "{name:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_workout_no_preference_and_no_equipment_makes_a_fault_of_the_server(
        name in prop::sample::select(vec![
            "sport_id", "duration", "distance", "workout_date", "ascent", "descent", "title", "notes", "equipment_ids",
            "color", "is_active", "stopped_speed_threshold", "default_equipment_ids", "label", "description",
            "equipment_type_id", "default_for_sport_ids",
        ]),
        value in prop::sample::select(vec![
            "null", "true", "0", "-1", "5", "1.5", "1e308", "-1e-308", "18446744073709551616", "\"\"", "\"5\"",
            "\"\\u0000\"", "\"2026-11-01 08:00\"", "\"9999-12-31 23:59\"", "\"0001-01-01 00:00\"", "[]", "[[]]", "[\"x\"]", "[5]", "[null]", "{}", "{\"a\":1}",
        ]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let play = play().await;
            for (target, body) in [
                ("/api/workouts/no_gpx", r#""sport_id":5,"duration":60,"distance":1,"workout_date":"2026-11-01 08:00""#),
                ("/api/auth/profile/edit/sports", r#""sport_id":5"#),
                ("/api/equipments", r#""label":"a","equipment_type_id":1"#),
            ] {
                let answer = post(&play, target, &format!("{{{body},\"{name}\":{value}}}")).await;
                assert!(answer.status().as_u16() < 500, "{target} {name} {value} {}", answer.status());
                let shown = get(&play, "/api/auth/profile").await;
                assert_eq!(shown.status(), 200);
            }
        });
    }
}
