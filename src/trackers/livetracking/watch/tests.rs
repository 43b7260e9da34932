use std::collections::BTreeMap;

use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use trackgate_schemes::store::{Account, AccountState};
use trackgate_schemes::{Clock as _, CredentialKind, Secret};

use super::*;
use crate::accounts::Origin;
use crate::ports::{AccountChange, Batch, Ends, FieldValue, Row, SeriesKey};
use crate::stores::MemoryPoints;
use crate::trackers::livetracking::{LiveTracking, Settings as TrackerSettings};
use crate::trackers::testing::{Play, Stage, identity, request_of};

const NOW: &str = "2026-11-22T01:39:00.5Z";
const NOW_MILLIS: i64 = 1_795_311_540_500;

/// The tracker on its stage, with points in memory.
struct World {
    play: Play,
    points: Arc<MemoryPoints>,
    watch: Arc<Watch>,
}

fn world_with(settings: &Settings) -> World {
    let stage = Stage::at(NOW);
    let points = Arc::new(MemoryPoints::default());
    let watch = Watch::new(stage.accounts.clone(), Arc::clone(&points) as _, [stage.bearer()], settings);
    let tracker = LiveTracking::new(stage.services(), TrackerSettings::default()).with_watch(watch);
    let watch = Arc::clone(tracker.watch.as_ref().unwrap());
    World { play: stage.put_on(&tracker), points, watch }
}

fn world() -> World {
    world_with(&Settings::default())
}

impl World {
    async fn rider(&self, visibility: Option<Visibility>) -> Account {
        let rider = self.play.stage.account_with("rider", None, "secret12").await;
        if let Some(visibility) = visibility {
            self.accounts().set_visibility(&rider, visibility, &Origin::operator()).await.unwrap();
        }
        rider
    }

    fn accounts(&self) -> &AccountService {
        &self.play.stage.accounts
    }

    /// A link for an hour, and its token.
    async fn share(&self, rider: &Account) -> (Arc<str>, String) {
        let ends_at = self.play.stage.clock.now() + Duration::from_hours(1);
        let shared = self.accounts().share(rider, "friends", ends_at, &Origin::operator()).await.unwrap();
        (shared.link.id, shared.token.expose_text().unwrap().to_owned())
    }

    async fn write(&self, rider: &Account, at: i64, values: &[(&str, f64)]) {
        self.points.write(rider.id, batch(&[], at, values)).await.unwrap();
    }

    /// Opens a stream.
    async fn watch(&self, headers: &[(&str, &str)]) -> Events {
        let lines: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let request = request_of(&format!("GET /watch/rider/events\n{}", lines.concat()));
        let (endpoint, call) = self.play.pass(request).await.unwrap_or_else(|refused| panic!("{refused:?}"));
        let response = endpoint.handler.call(call).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        Events { body: response.into_body(), text: String::new() }
    }

    async fn status_of_events(&self, headers: &[(&'static str, &str)]) -> (u16, String) {
        let request =
            headers.iter().fold(http::Request::builder().uri("/watch/rider/events"), |request, (name, value)| {
                request.header(*name, *value)
            });
        match self.play.pass(request.body(Body::empty()).unwrap()).await {
            Ok((endpoint, call)) => {
                let response = endpoint.handler.call(call).await;
                let status = response.status().as_u16();
                let is_stream = response.headers()[header::CONTENT_TYPE] == "text/event-stream";
                let body = if is_stream { Bytes::new() } else { response.into_body().read(1000).await.unwrap() };
                (status, String::from_utf8(body.to_vec()).unwrap())
            }
            Err(refused) => (refused.status().as_u16(), String::from_utf8(refused.body().to_vec()).unwrap()),
        }
    }
}

/// A point of the measurement that is shown.
fn batch(tags: &[(&str, &str)], at: i64, values: &[(&str, f64)]) -> Batch {
    let tags = tags.iter().map(|(key, value)| (Arc::from(*key), Arc::from(*value))).collect();
    Batch {
        series: vec![SeriesKey { measurement: "samples".into(), tags }],
        fields: values.iter().map(|(name, _)| Arc::from(*name)).collect(),
        rows: vec![Row { series: 0, at: at * 1_000_000, cells: u32::try_from(values.len()).unwrap() }],
        cells: (0..).zip(values).map(|(place, (_, value))| (place, FieldValue::Float(*value))).collect(),
    }
}

/// The events of a stream as they come.
struct Events {
    body: Body,
    text: String,
}

impl Events {
    /// The next event and what it says; `None` at the end of the stream.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let lines: BTreeMap<String, String> = event
                    .lines()
                    .filter_map(|line| line.split_once(": "))
                    .map(|(field, value)| (field.to_owned(), value.to_owned()))
                    .collect();
                self.text = rest.to_owned();
                if let Some(name) = lines.get("event") {
                    return Some((name.clone(), serde_json::from_str(&lines["data"]).unwrap()));
                }
                continue;
            }
            let frame = timeout(Duration::from_secs(10), self.body.frame()).await.expect("an event in time")?;
            self.text.push_str(std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap());
        }
    }

    /// The next event, which must be of this name.
    async fn take(&mut self, name: &str) -> Value {
        let (found, data) = self.next().await.unwrap_or_else(|| panic!("the stream ended before `{name}`"));
        assert_eq!(found, name, "{data}");
        data
    }

    /// Why it ended, which must have been within a second.
    async fn end(&mut self) -> String {
        let began = Instant::now();
        let mut why = None;
        while let Some((name, data)) = self.next().await {
            if name == "end" {
                why = Some(data["reason"].as_str().unwrap().to_owned());
            }
        }
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        why.expect("a word at the end")
    }
}

#[tokio::test]
async fn the_page_is_the_same_whoever_it_is_about() {
    let world = world();
    let private = world.play.stage.account_with("zz_private", None, "secret12").await;
    world.accounts().set_visibility(&private, Visibility::Private, &Origin::operator()).await.unwrap();
    world.play.stage.account_with("zz_open", None, "secret12").await;
    let page = async |name: &str| {
        let answer = world.play.get(&format!("/watch/{name}"), &[]).await;
        assert_eq!(answer.status(), StatusCode::OK, "{name}");
        let text = String::from_utf8(answer.body().to_vec()).unwrap();
        assert!(text.contains(&format!("<title>{} - Live Tracking</title>", name.to_lowercase())));
        (text.replace(&name.to_lowercase(), "NAME"), format!("{:?}", answer.headers()))
    };
    let first = page("zz_private").await;
    for name in ["zz_open", "zz_nobody", "ZZ_NoBody"] {
        assert!(page(name).await == first, "{name}");
    }
    assert!(first.0.contains("<meta name=\"robots\" content=\"noindex, nofollow\">"));
}

#[tokio::test]
async fn a_name_that_cannot_be_is_not_found() {
    let world = world();
    for name in ["abc", "rider-1", "password", "a%3Cscript%3E", "abcdefghijklmnopqrstu", "%C3%A9%C3%A9%C3%A9%C3%A9"] {
        let page = world.play.get(&format!("/watch/{name}"), &[]).await;
        assert_eq!(
            (page.status(), &page.body()[..]),
            (StatusCode::NOT_FOUND, &b"<h1>User Not Found</h1>"[..]),
            "{name}"
        );
        assert_eq!(page.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        let events = world.play.get(&format!("/watch/{name}/events"), &[]).await;
        assert_eq!((events.status(), &events.body()[..]), (StatusCode::NOT_FOUND, &b"{\"error\":\"NOT_FOUND\"}"[..]));
    }
}

#[tokio::test]
async fn every_file_that_the_page_loads_is_there_and_is_kept() {
    let world = world();
    let page = world.play.get("/watch/rider", &[]).await;
    let text = std::str::from_utf8(page.body()).unwrap();
    let files: Vec<_> = text.split('"').filter(|part| part.starts_with("/watch-assets/")).collect();
    assert!(files.len() >= 9, "{files:?}");
    for file in files {
        let answer = world.play.get(file, &[]).await;
        assert_eq!(answer.status(), StatusCode::OK, "{file}");
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
        let tag = answer.headers()[header::ETAG].to_str().unwrap();
        assert_eq!(world.play.get(file, &[("if-none-match", tag)]).await.status(), StatusCode::NOT_MODIFIED);
        let other = file.replace("/watch-assets/", "/watch-assets/x");
        assert_eq!(world.play.get(&other, &[]).await.status(), StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn enu_who_may_not_learns_nothing_of_who_there_is() {
    let world = world();
    let rider = world.rider(Some(Visibility::Private)).await;
    let other = world.play.stage.account("other").await;
    world.play.stage.know("other", identity(&other, CredentialKind::Session, "other"));
    world
        .play
        .stage
        .know("limited", identity(&rider, CredentialKind::ApiToken, "l").with_grants("points:write".parse().unwrap()));
    let (_, token) = world.share(&rider).await;
    let wrong = token.replace(token.get(20..22).unwrap(), "!!");
    for what in ["events", "latest"] {
        let mut answers = Vec::new();
        for name in ["rider", "nobody"] {
            for (header, value) in
                [("accept", "*/*"), ("authorization", "Bearer other"), ("authorization", "Bearer limited")]
            {
                let answer = world.play.get(&format!("/watch/{name}/{what}"), &[(header, value)]).await;
                answers.push((answer.status(), format!("{:?}", answer.headers()), answer.body().clone()));
            }
        }
        let first = &answers[0];
        assert_eq!((first.0, &first.2[..]), (StatusCode::FORBIDDEN, &b"{\"error\":\"FORBIDDEN\"}"[..]));
        assert!(answers.iter().all(|answer| answer == first), "{answers:#?}");
        for (header, value) in
            [("x-watch-share", wrong.as_str()), ("x-watch-share", "x"), ("authorization", "Bearer nobody")]
        {
            let answer = world.play.get(&format!("/watch/rider/{what}"), &[(header, value)]).await;
            assert_eq!(
                (answer.status(), &answer.body()[..]),
                (StatusCode::FORBIDDEN, &b"{\"error\":\"AUTHENTICATION_FAILED\"}"[..])
            );
            assert!(!answer.headers().contains_key(header::WWW_AUTHENTICATE), "no browser asks for a password");
        }
    }
}

#[tokio::test]
async fn the_owner_and_who_has_a_link_watch_a_private_rider() {
    let world = world();
    let rider = world.rider(Some(Visibility::Private)).await;
    world.play.stage.know("owner", identity(&rider, CredentialKind::Session, "s"));
    let (_, token) = world.share(&rider).await;
    for (header, value) in [("authorization", "Bearer owner"), ("x-watch-share", token.as_str())] {
        let answer = world.play.get("/watch/rider/latest", &[(header, value)]).await;
        assert_eq!(answer.status(), StatusCode::OK, "{header}");
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    }
    // One that is made later is as good, though what decides is remembered by now.
    let (_, later) = world.share(&rider).await;
    assert_eq!(world.play.get("/watch/rider/latest", &[("x-watch-share", &later)]).await.status(), StatusCode::OK);
    // A link shows its own rider alone.
    let other = world.play.stage.account("other").await;
    world.accounts().set_visibility(&other, Visibility::Private, &Origin::operator()).await.unwrap();
    let answer = world.play.get("/watch/other/latest", &[("x-watch-share", &token)]).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let both = [("authorization", "Bearer owner"), ("x-watch-share", token.as_str())];
    assert_eq!(
        world.play.get("/watch/rider/latest", &both).await.status(),
        StatusCode::BAD_REQUEST,
        "they could disagree"
    );
}

#[tokio::test]
async fn who_never_said_is_as_the_setting_has_it() {
    for (visibility, status) in [(Visibility::Public, StatusCode::OK), (Visibility::Private, StatusCode::FORBIDDEN)] {
        let world = world_with(&Settings { visibility, ..Settings::default() });
        world.rider(None).await;
        assert_eq!(world.play.get("/watch/rider/latest", &[]).await.status(), status);
    }
}

#[tokio::test]
async fn a_stream_tells_the_ride_and_then_what_comes() {
    let world = world();
    let rider = world.rider(None).await;
    world.write(&rider, NOW_MILLIS - 2000, &[("lat", 53.1), ("lng", 8.2), ("spd_kph", 20.0)]).await;
    world.write(&rider, NOW_MILLIS - 1000, &[("lat", 53.2), ("lng", 8.3), ("spd_kph", 30.0), ("battery", 80.0)]).await;
    let mut events = world.watch(&[]).await;
    assert_eq!(events.take("hello").await, json!({ "now": NOW_MILLIS, "hours": 8 }));
    let ride = events.take("ride").await;
    assert_eq!(
        ride["track"],
        json!({ "t": [NOW_MILLIS - 2000, NOW_MILLIS - 1000], "lat": [53.1, 53.2], "lng": [8.2, 8.3] })
    );
    let speed = json!({ "count": 2, "min": 20, "mean": 25, "max": 30, "t": [NOW_MILLIS - 2000, NOW_MILLIS - 1000], "v": [20, 30] });
    assert_eq!(ride["plots"], json!({ "spd_kph": speed }));
    assert_eq!(ride["newest"]["battery"], json!([NOW_MILLIS - 1000, 80]));
    world.write(&rider, NOW_MILLIS, &[("spd_kph", 31.25)]).await;
    let points = events.take("points").await;
    let (last_time, last_speed) =
        (points["t"].as_array().unwrap().last(), points["spd_kph"].as_array().unwrap().last());
    assert_eq!((last_time, last_speed), (Some(&json!(NOW_MILLIS)), Some(&json!(31.25))));
}

#[tokio::test]
async fn a_client_that_comes_back_gets_what_it_missed() {
    let world = world();
    let rider = world.rider(None).await;
    for second in 0..5 {
        world.write(&rider, NOW_MILLIS + second * 1000, &[("hr_bpm", 120.0)]).await;
    }
    let last = (NOW_MILLIS + 2000).to_string();
    let mut events = world.watch(&[("Last-Event-ID", &last)]).await;
    events.take("hello").await;
    assert_eq!(
        events.take("points").await,
        json!({ "t": [NOW_MILLIS + 3000, NOW_MILLIS + 4000], "hr_bpm": [120, 120] })
    );
    for foreign in ["x", "-1", "99999999999999999"] {
        let mut events = world.watch(&[("Last-Event-ID", foreign)]).await;
        events.take("hello").await;
        events.take("ride").await;
    }
}

#[tokio::test]
async fn points_of_long_ago_and_points_that_are_gone_make_the_ride_new() {
    let world = world();
    let rider = world.rider(None).await;
    world.write(&rider, NOW_MILLIS, &[("hr_bpm", 120.0)]).await;
    let mut events = world.watch(&[]).await;
    events.take("hello").await;
    events.take("ride").await;
    world.write(&rider, NOW_MILLIS - 3_600_000, &[("hr_bpm", 90.0)]).await;
    let ride = loop {
        let (name, data) = events.next().await.unwrap();
        if name == "ride" {
            break data;
        }
    };
    assert_eq!(ride["plots"]["hr_bpm"]["min"], 90);
    world.points.drop_points(rider.id).await.unwrap();
    assert_eq!(
        events.take("ride").await,
        json!({ "track": { "t": [], "lat": [], "lng": [] }, "plots": {}, "newest": {} })
    );
}

#[tokio::test]
async fn rev_10_a_stream_ends_with_the_switch() {
    let world = world();
    let rider = world.rider(Some(Visibility::Public)).await;
    let mut events = world.watch(&[]).await;
    events.take("hello").await;
    world.accounts().set_visibility(&rider, Visibility::Private, &Origin::operator()).await.unwrap();
    assert_eq!(events.end().await, "private");
}

#[tokio::test]
async fn rev_10_a_stream_ends_with_its_link() {
    let world = world();
    let rider = world.rider(Some(Visibility::Private)).await;
    let (id, token) = world.share(&rider).await;
    let mut events = world.watch(&[("X-Watch-Share", &token)]).await;
    events.take("hello").await;
    world.accounts().end_share(&rider, &id, &Origin::operator()).await.unwrap();
    assert_eq!(events.end().await, "unshared");
    assert_eq!(world.status_of_events(&[("x-watch-share", &token)]).await.0, 403);
}

#[tokio::test]
async fn exp_05_a_stream_ends_when_its_link_does_by_itself() {
    let world = world();
    let rider = world.rider(Some(Visibility::Private)).await;
    let (_, token) = world.share(&rider).await;
    let mut events = world.watch(&[("X-Watch-Share", &token)]).await;
    events.take("hello").await;
    world.play.stage.clock.advance(Duration::from_hours(1));
    assert_eq!(events.end().await, "unshared");
}

#[tokio::test]
async fn rev_10_a_stream_ends_with_the_account() {
    let world = world();
    let rider = world.rider(None).await;
    let mut events = world.watch(&[]).await;
    events.take("hello").await;
    let change = AccountChange { state: Some(AccountState::Disabled), ..AccountChange::default() };
    world.accounts().change(rider.id, change, Ends::Nothing, &Origin::operator()).await.unwrap();
    assert_eq!(events.end().await, "gone");
    assert_eq!(world.status_of_events(&[]).await, (403, r#"{"error":"FORBIDDEN"}"#.to_owned()));
}

#[tokio::test]
async fn exp_05_a_stream_ends_with_its_session() {
    let world = world();
    let rider = world.rider(None).await;
    let end = world.play.stage.clock.now() + Duration::from_mins(5);
    world.play.stage.know("owner", identity(&rider, CredentialKind::Session, "s").with_expiry(Some(end)));
    let mut events = world.watch(&[("Authorization", "Bearer owner")]).await;
    events.take("hello").await;
    world.play.stage.clock.advance(Duration::from_mins(5));
    assert_eq!(events.end().await, "expired");
}

#[tokio::test]
async fn a_gateway_that_stops_ends_its_streams() {
    let world = world();
    world.rider(None).await;
    let mut events = world.watch(&[]).await;
    events.take("hello").await;
    world.watch.stop();
    assert_eq!(events.end().await, "restart");
}

#[tokio::test]
async fn a_store_that_is_down_is_503_and_not_private() {
    let world = world();
    world.rider(None).await;
    world.play.stage.store.close().await.unwrap();
    assert_eq!(world.status_of_events(&[]).await, (503, r#"{"error":"DB"}"#.to_owned()));
}

#[tokio::test]
async fn streams_are_few_enough_and_their_places_come_back() {
    let world = world();
    world.rider(None).await;
    let mut held = Vec::new();
    for _ in 0..Limits::USUAL.per_client {
        held.push(world.watch(&[]).await);
    }
    let refused = world.play.get("/watch/rider/events", &[]).await;
    assert_eq!(
        (refused.status(), &refused.body()[..]),
        (StatusCode::SERVICE_UNAVAILABLE, &b"{\"error\":\"BUSY\"}"[..])
    );
    assert_eq!(refused.headers()[header::RETRY_AFTER], "10");
    drop(held);
    timeout(Duration::from_secs(5), async {
        while world.watch.slots.len() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    drop(world.watch(&[]).await);
}

#[tokio::test]
async fn polling_gets_the_ride_and_then_what_came() {
    let world = world();
    let rider = world.rider(None).await;
    world.write(&rider, NOW_MILLIS - 1000, &[("pwr_w", 200.0)]).await;
    let whole: Value = serde_json::from_slice(world.play.get("/watch/rider/latest", &[]).await.body()).unwrap();
    assert_eq!(
        (&whole["now"], &whole["ride"]["newest"]["pwr_w"]),
        (&json!(NOW_MILLIS), &json!([NOW_MILLIS - 1000, 200]))
    );
    world.write(&rider, NOW_MILLIS, &[("pwr_w", 210.0)]).await;
    let target = format!("/watch/rider/latest?since={}", NOW_MILLIS - 1000);
    let rest: Value = serde_json::from_slice(world.play.get(&target, &[]).await.body()).unwrap();
    assert_eq!(rest, json!({ "now": NOW_MILLIS, "points": { "t": [NOW_MILLIS], "pwr_w": [210] } }));
}

#[tokio::test]
async fn a_head_of_a_stream_takes_no_place() {
    let world = world();
    world.rider(None).await;
    let answer = world.play.ask(Method::HEAD, "/watch/rider/events", &[], "").await;
    assert_eq!(
        (answer.status(), answer.headers()[header::CONTENT_TYPE].to_str().unwrap()),
        (StatusCode::OK, "text/event-stream")
    );
    assert_eq!(world.watch.slots.len(), 0);
}

#[tokio::test]
async fn a_share_token_is_in_no_debug_text() {
    let world = world();
    let rider = world.rider(None).await;
    let (_, token) = world.share(&rider).await;
    let _events = world.watch(&[("X-Watch-Share", &token)]).await;
    let secret = Secret::from(token.as_str());
    assert!(!format!("{:?} {secret:?}", world.watch).contains(token.get(12..40).unwrap()));
}
