//! Transcripts, and the rules that no transcript can show.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::Request;
use jiff::civil::{DateTime, date};
use jiff::{Timestamp, Zoned};
use proptest::prelude::*;
use serde_json::Value;

use super::insert;
use super::query::Query;
use super::times::{self, Reading};
use super::wire::{Commas, Members, Stop};
use super::*;
use crate::message::Body;
use crate::ports::NewTracked;
use crate::trackers::testing::{Play, Stage, request_of};

const NOW: &str = "2026-11-22T01:43:09.715Z";

/// Two accounts; `ro`, `rw` and `points` are tokens of the first, `other` one of the second.
async fn play(settings: Settings) -> Play {
    let stage = Stage::at(NOW);
    let (rider, other) = (stage.account("Rider").await, stage.account("Zoë").await);
    stage.api_token("ro", &rider, "sessions:read");
    stage.api_token("rw", &rider, "sessions:write");
    stage.api_token("points", &rider, "points:read points:write");
    stage.api_token("other", &other, "*");
    let tracker = SessionTracker::new(stage.accounts.clone(), settings);
    stage.put_on(&tracker)
}

async fn choose(play: &Play, name: &str, chosen: Preferences) {
    let login = trackgate_schemes::Login::parse(name).unwrap();
    let store = &play.stage.store;
    let account = store.account_by_login(&login).await.unwrap().unwrap();
    let before = store.document(ID, account.id).await.unwrap();
    assert!(store.replace_document(ID, account.id, before.as_deref(), &chosen.to_text()).await.unwrap());
}

fn post(path: &str, body: &str) -> Request<Body> {
    request_of(&format!("POST {path} HTTP/1.1\nauthorization: Bearer rw\n\n{body}"))
}

fn past(start: &str, end: &str) -> Request<Body> {
    let ((start_day, start_time), (end_day, end_time)) = (start.split_once(' ').unwrap(), end.split_once(' ').unwrap());
    let text = format!(
        "{{\"inserts\":1,\"startdate\":\"{start_day}\",\"starttime\":\"{start_time}\",\"enddate\":\"{end_day}\",\
         \"endtime\":\"{end_time}\"}}"
    );
    post("/api/sesinsert.php", &text)
}

async fn list(play: &Play, query: &str) -> Value {
    let ask = format!("GET /api/v2/sessions.php?{query} HTTP/1.1\nauthorization: Bearer ro\n\n");
    let answer = play.answer(request_of(&ask)).await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    serde_json::from_slice::<Value>(answer.body()).unwrap()["data"].take()
}

#[tokio::test]
async fn transcript_of_live_inserts_with_the_manuals_example() {
    play(Settings::default()).await.perform(include_str!("transcripts/live.txt")).await;
}

#[tokio::test]
async fn enu_04_transcript_of_past_inserts_and_lists() {
    play(Settings::default()).await.perform(include_str!("transcripts/past.txt")).await;
}

#[tokio::test]
async fn transcript_of_what_is_refused_with_400() {
    play(Settings::default()).await.perform(include_str!("transcripts/faults.txt")).await;
}

#[tokio::test]
async fn transcript_of_statistics() {
    let settings = Settings { profile_base: Some("https://example.org/u/".into()), ..Settings::default() };
    let play = play(settings).await;
    choose(&play, "Zoë", Preferences { profile_public: true, ..Preferences::default() }).await;
    play.perform(include_str!("transcripts/stats.txt")).await;
}

#[tokio::test]
async fn brt_05_and_brt_06_transcript_of_tokens_and_permissions() {
    play(Settings::default()).await.perform(include_str!("transcripts/tokens.txt")).await;
}

#[tokio::test]
async fn a_revoked_token_is_401() {
    let play = play(Settings::default()).await;
    let insert = || post("/api/liveinsert.php", "{\"insertl\":1}");
    play.stage.revoke("rw");
    assert_eq!(play.answer(insert()).await.status(), 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_inserts_at_once_exactly_one_is_stored() {
    let play = Arc::new(play(Settings::default()).await);
    for (path, body) in [
        ("/api/sesinsert.php", r#"{"inserts":1,"startdate":"2026-11-01","enddate":"2026-11-02"}"#),
        ("/api/liveinsert.php", r#"{"insertl":1}"#),
    ] {
        let inserts: Vec<_> = (0..16)
            .map(|_| {
                let play = Arc::clone(&play);
                tokio::spawn(async move { play.answer(post(path, body)).await.status().as_u16() })
            })
            .collect();
        let mut statuses = Vec::new();
        for insert in inserts {
            statuses.push(insert.await.unwrap());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [&[201][..], &[409; 15]].concat(), "{path}");
    }
}

#[tokio::test]
async fn lists_are_paged_to_200_and_past_the_end() {
    let play = play(Settings::default()).await;
    let first: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    for n in 0..203 {
        let at = |hours| (first + Duration::from_hours(hours)).strftime("%Y-%m-%d %H:%M").to_string();
        assert_eq!(play.answer(past(&at(2 * n), &at(2 * n + 1))).await.status(), 201);
    }
    let shape = |data: &Value| {
        let ids: Vec<_> = data["items"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect();
        assert_eq!(data["count"], ids.len());
        (data["total"].as_u64(), data["limit"].as_u64(), ids.first().copied(), ids.len())
    };
    for (query, limit, newest, count) in [
        ("", 50, Some(203), 50),
        ("limit=200", 200, Some(203), 200),
        ("limit=201", 200, Some(203), 200),
        ("limit=999999999999999999", 200, Some(203), 200),
        ("limit=200&offset=200", 200, Some(3), 3),
        ("limit=1&offset=202", 1, Some(1), 1),
        ("offset=203", 50, None, 0),
        ("offset=999999999999999999", 50, None, 0),
    ] {
        let wanted = (Some(203), Some(limit), newest, count);
        assert_eq!(shape(&list(&play, query).await), wanted, "{query}");
    }
}

#[tokio::test]
async fn statistics_sum_over_all_pages() {
    let play = play(Settings::default()).await;
    let rider = play.stage.store.account_by_login(&trackgate_schemes::Login::parse("Rider").unwrap()).await.unwrap();
    let (rider, first) = (rider.unwrap().id, SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 365));
    for n in 0..1001 {
        let start = first + Duration::from_hours(2 * n);
        let new = NewTracked {
            start,
            end: Some(start + Duration::from_hours(1)),
            scheduled_end: None,
            public: false,
            locked_by: None,
            notes: None,
            start_offset: 0,
            end_offset: 0,
        };
        play.stage.store.add_tracked(rider, new, start).await.unwrap();
    }
    let stats = request_of("GET /api/userstats.php HTTP/1.1\nauthorization: Bearer ro\n\n");
    let stats: Value = serde_json::from_slice(play.answer(stats).await.body()).unwrap();
    assert_eq!(stats["total_locked_since"], "1 months 11 days 17 hours");
    assert_eq!(stats["since_date"], "1971-01-01 00:00:00");
}

#[tokio::test]
async fn preferences_that_cannot_be_read_stop_the_request() {
    let play = play(Settings::default()).await;
    let insert = || post("/api/liveinsert.php", "{\"insertl\":1}");
    choose(&play, "Rider", Preferences { timezone: Some("Moon/Tycho".into()), ..Preferences::default() }).await;
    assert_eq!(play.answer(insert()).await.status(), 500);
    choose(&play, "Rider", Preferences::default()).await;
    assert_eq!(play.answer(insert()).await.status(), 201);
}

#[tokio::test]
async fn a_body_over_64_kib_is_413() {
    let play = play(Settings::default()).await;
    let body = format!("{{\"insertl\":1,\"x\":\"{}\"}}", "x".repeat(64 * 1024));
    let answer = play.answer(post("/api/liveinsert.php", &body)).await;
    assert_eq!(answer.status(), 413);
    assert_eq!(&answer.body()[..], br#"{"error":"the body is too large"}"#);
}

fn berlin() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap()
}

fn utc(at: SystemTime) -> String {
    times::local(at, 0)
}

fn at(text: &str) -> SystemTime {
    text.parse::<Timestamp>().unwrap().into()
}

fn read(text: &str) -> Reading {
    Reading::of(text.parse::<DateTime>().unwrap(), &berlin(), "at").unwrap()
}

#[test]
fn clk_06_a_skipped_time_is_read_with_the_offset_before_the_change() {
    let skipped = read("2026-03-29T02:30");
    assert_eq!((utc(skipped.first), skipped.first), ("2026-03-29 01:30:00".into(), skipped.second));
    assert_eq!(utc(read("2026-03-29T01:59").first), "2026-03-29 00:59:00");
    assert_eq!(utc(read("2026-03-29T03:00").first), "2026-03-29 01:00:00");
}

#[test]
fn clk_06_a_time_shown_twice_has_two_instants() {
    let twice = read("2026-10-25T02:30");
    assert_eq!((utc(twice.first), utc(twice.second)), ("2026-10-25 00:30:00".into(), "2026-10-25 01:30:00".into()));
    assert_eq!(twice.latest_until(at("2026-10-25T01:29:59Z")), twice.first);
    assert_eq!(twice.latest_until(at("2026-10-25T01:30:00Z")), twice.second);
    assert_eq!(twice.earliest_after(at("2026-10-25T00:29:59Z")), twice.first);
    assert_eq!(twice.earliest_after(twice.first), twice.second);
}

#[test]
fn clk_06_a_live_session_starts_in_the_hour_that_runs() {
    let body = br#"{"insertl":1,"startdate":"2026-10-25","starttime":"02:30"}"#;
    let members = Members::parse(body, Commas::Strict, &["insertl", "startdate", "starttime"]).unwrap();
    for (now, start, offset) in
        [("2026-10-25T00:31:00Z", "2026-10-25 00:30:00", 7200), ("2026-10-25T01:31:00Z", "2026-10-25 01:30:00", 3600)]
    {
        let live = insert::live(&members, &berlin(), at(now)).unwrap();
        assert_eq!((utc(live.start), live.start_offset), (start.into(), offset));
    }
    let early = insert::live(&members, &berlin(), at("2026-10-25T00:29:00Z"));
    assert_eq!(early, Err(Stop::fault("the start lies in the future")));
}

#[tokio::test]
async fn clk_06_sessions_over_both_changes_keep_their_length_and_are_shown_as_written() {
    let play = play(Settings::default()).await;
    choose(&play, "Rider", Preferences { timezone: Some("Europe/Berlin".into()), ..Preferences::default() }).await;
    for (start, end, shown_end, offsets, hours) in [
        ("2026-03-28 12:00", "2026-03-29 12:00", "2026-03-29 12:00:00", ["+01:00", "+02:00"], 23),
        ("2026-10-24 12:00", "2026-10-25 12:00", "2026-10-25 12:00:00", ["+02:00", "+01:00"], 25),
        // From the first 02:45 to the second 02:15 of the longest night.
        ("2025-10-26 02:45", "2025-10-26 02:15", "2025-10-26 02:15:00", ["+02:00", "+01:00"], 0),
        // To a time that the clock skipped.
        ("2025-03-30 01:00", "2025-03-30 02:30", "2025-03-30 03:30:00", ["+01:00", "+02:00"], 1),
    ] {
        assert_eq!(play.answer(past(start, end)).await.status(), 201, "{start}");
        let day = start.split_once(' ').unwrap().0;
        let data = list(&play, &format!("from={day}&to={day}")).await;
        let item = &data["items"][0];
        assert_eq!((&data["count"], item["start"].as_str()), (&1.into(), Some(&*format!("{start}:00"))));
        assert_eq!(item["end"], shown_end);
        assert_eq!([&item["timezonestart"], &item["timezoneend"]], offsets);
        let id = item["id"].as_i64().unwrap();
        let account = play.stage.store.account_by_login(&trackgate_schemes::Login::parse("Rider").unwrap()).await;
        let stored = play.stage.store.tracked(account.unwrap().unwrap().id, id).await.unwrap().unwrap().data;
        assert_eq!(stored.end.unwrap().duration_since(stored.start).unwrap().as_secs() / 3600, hours, "{start}");
    }
}

proptest! {
    /// `from` and `to` cut time into days without a gap or an overlap, in zones whose midnight may be missing.
    #[test]
    fn clk_06_days_follow_each_other_without_a_missing_hour(
        zone in prop::sample::select(vec!["Europe/Berlin", "America/Sao_Paulo", "Asia/Beirut", "Australia/Lord_Howe", "UTC"]),
        day in 0..20_000_i64,
    ) {
        let zone = TimeZone::get(zone).unwrap();
        let day = date(1971, 1, 1).checked_add(jiff::Span::new().days(day)).unwrap();
        let (start, end) = (times::day_start(day, &zone).unwrap(), times::day_start(day.tomorrow().unwrap(), &zone).unwrap());
        let shown = |at: SystemTime| Zoned::new(Timestamp::try_from(at).unwrap(), zone.clone()).date();
        prop_assert_eq!(shown(start), day);
        prop_assert!(shown(start - Duration::from_secs(1)) < day);
        prop_assert_eq!(shown(end - Duration::from_secs(1)), day);
    }

    #[test]
    fn any_body_is_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        for commas in [Commas::Lenient, Commas::Strict] {
            drop(Members::parse(&bytes, commas, &["a"]));
        }
    }

    /// Whatever stands in the members is a session or a fault of the request, never a panic.
    #[test]
    fn any_members_are_read_without_panic(
        start in "[0-9]{4}-[0-9]{2}-[0-9]{2}|\\PC{0,10}",
        time in "[0-9]{2}:[0-9]{2}|\\PC{0,5}",
        end in "[0-9]{4}-[0-9]{2}-[0-9]{2}",
        public in any::<i64>(),
    ) {
        let body = serde_json::json!({ "insertl": 1, "inserts": 1, "startdate": start, "starttime": time,
            "enddate": end, "endtime": time, "scheduledend": end, "scheduledendtime": time, "public": public });
        let wanted = &["insertl", "inserts", "startdate", "starttime", "enddate", "endtime", "scheduledend",
            "scheduledendtime", "public"];
        let members = Members::parse(body.to_string().as_bytes(), Commas::Strict, wanted).unwrap();
        for read in [insert::live, insert::past] {
            if let Err(stop) = read(&members, &berlin(), at(NOW)) {
                prop_assert!(matches!(stop, Stop::Fault(_)));
            }
        }
    }

    #[test]
    fn any_query_is_read_without_panic(text in "\\PC{0,40}|((from|to|limit|offset|active|id)=[0-9%+-]{0,12}&){0,4}") {
        if let Ok(query) = Query::parse(Some(&text))
            && let Err(stop) = list::filter(&query, &berlin())
        {
            prop_assert!(matches!(stop, Stop::Fault(_)));
        }
    }
}

#[test]
fn only_whole_dates_and_times_are_read() {
    for text in ["2026-2-28", "2026-02-29", "+026-01-01", "2026-00-01", "2026-01-01 ", "２026-01-01", "", "2026/01/01"]
    {
        assert!(times::date(text, "at").is_err(), "{text}");
    }
    for text in ["24:00", "1:00", "01:60", "01:00:00", "01:0a", " 1:00", "-1:00", ""] {
        assert!(times::time(text, "at").is_err(), "{text}");
    }
    assert_eq!(times::date("2024-02-29", "at"), Ok(date(2024, 2, 29)));
}

#[test]
fn dos_06_hostile_json_is_read_in_bounded_stack_or_refused() {
    let parse = |text: &str| Members::parse(text.as_bytes(), Commas::Lenient, &["a"]).map(|_members| ());
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    assert_eq!(parse(&format!("{{\"a\":{deep}}}")), Ok(()));
    assert_eq!(parse(&format!("{{\"b\":{deep}}}")), Ok(()));
    assert_eq!(parse(&deep), Err(Stop::fault("the body must be a JSON object")));
    assert_eq!(parse("{\"a\":1,\"\\u0061\":2}"), Err(Stop::fault("a stands twice")));
    for text in
        ["{\"a\":1e999}", "{\"a\":\"\\ud800\"}", "{\"a\":NaN}", "{\"a\":1} {\"a\":1}", "{\"a\":1}}", "{\"a\":1,},"]
    {
        assert_eq!(parse(text), Err(Stop::fault("the body is not valid JSON")), "{text}");
    }
    assert_eq!(
        Members::parse(b"{\"a\":\"\xff\"}", Commas::Strict, &["a"]).map(|_| ()),
        Err(Stop::fault("the body is not UTF-8"))
    );
}

#[test]
fn durations_are_told_in_words() {
    for (seconds, text) in [
        (0, "0 minutes"),
        (59, "0 minutes"),
        (60, "1 minutes"),
        (3600, "1 hours"),
        (86_400 + 60, "1 days 1 minutes"),
        ((30 + 18) * 86_400 + 10 * 3600, "1 months 18 days 10 hours"),
        (400 * 86_400, "13 months 10 days"),
    ] {
        assert_eq!(times::human(Duration::from_secs(seconds)), text);
    }
    assert_eq!([-16_200, 0, 3600, 45_900].map(times::offset_text), ["-04:30", "+00:00", "+01:00", "+12:45"]);
}
