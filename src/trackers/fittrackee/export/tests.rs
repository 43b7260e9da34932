//! Requests, archives, downloads, and what becomes of them.

use std::io::{Cursor, Read as _};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode, header};
use trackgate_schemes::Clock as _;
use trackgate_schemes::store::Account;

use super::super::tests::{NOW, Tokens};
use super::super::{FitTrackee, Settings};
use super::*;
use crate::mail::{Letter, Outbox};
use crate::ports::Job;
use crate::trackers::testing::{Play, Stage, request_of, signed};
use crate::trackers::work::Outcome;
use crate::trackers::{Services, Tracker as _};

struct Scene {
    play: Play,
    exporter: Arc<dyn crate::trackers::work::Worker>,
    rider: Account,
    token: String,
}

async fn scene() -> Scene {
    let stage = Stage::at(NOW);
    let rider = stage.account("rider").await;
    let token = signed(rider.id, stage.clock.now()).expose_text().unwrap().to_owned();
    let outbox = Outbox::new(Arc::clone(&stage.store) as _, Arc::clone(&stage.clock) as _);
    let services = Services { outbox: Some(outbox), ..stage.services() };
    let settings = Settings { ui_url: "https://fit.example.org".into(), ..Settings::default() };
    let tracker = FitTrackee::new(services, Arc::new(Tokens), settings);
    let exporter = tracker.workers().pop().unwrap();
    Scene { play: stage.put_on(&tracker), exporter, rider, token }
}

impl Scene {
    async fn ask(&self, method: &str, path: &str, more: &str) -> Response<Bytes> {
        let token = &self.token;
        let head = format!("{method} {path} HTTP/1.1\nauthorization: Bearer {token}\n{more}\n");
        self.play.answer(request_of(&head)).await
    }

    async fn text(&self, method: &str, path: &str) -> (u16, String) {
        let answer = self.ask(method, path, "").await;
        (answer.status().as_u16(), String::from_utf8(answer.body().to_vec()).unwrap())
    }

    async fn claim(&self) -> Job {
        let now = self.play.stage.clock.now();
        self.play.stage.store.claim_job(KIND, now, now + Duration::from_secs(30)).await.unwrap().unwrap()
    }

    /// Has the archive built; its name.
    async fn build(&self) -> String {
        let job = self.claim().await;
        assert_eq!(self.exporter.work(&job).await, Outcome::Done);
        assert!(self.play.stage.store.finish_job(&job).await.unwrap());
        job.work.payload.to_string()
    }

    async fn archives(&self) -> usize {
        self.play.stage.files.list(Area::Archives).await.unwrap().len()
    }
}

#[tokio::test]
async fn an_archive_is_asked_for_built_told_of_and_downloaded() {
    let scene = scene().await;
    assert_eq!(scene.text("GET", EXPORT).await, (200, "{\"request\":null,\"status\":\"success\"}\n".to_owned()));
    let going = "{\"request\":{\"created_at\":\"Sun, 22 Nov 2026 01:43:09 GMT\",\"file_name\":null,\
                 \"file_size\":null,\"status\":\"in_progress\"},\"status\":\"success\"}\n";
    assert_eq!(scene.text("POST", REQUEST).await, (200, going.to_owned()));
    let again = (400, r#"{"status": "error", "message": "ongoing request exists"}"#.to_owned());
    assert_eq!(scene.text("POST", REQUEST).await, again);
    let name = scene.build().await;
    let (status, told) = scene.text("GET", EXPORT).await;
    let download = scene.ask("GET", &format!("{EXPORT}/{name}"), "").await;
    assert_eq!((status, download.status()), (200, StatusCode::OK));
    let size = download.body().len();
    let done = format!(
        "{{\"request\":{{\"created_at\":\"Sun, 22 Nov 2026 01:43:09 GMT\",\"file_name\":\"{name}\",\
         \"file_size\":{size},\"status\":\"successful\"}},\"status\":\"success\"}}\n"
    );
    assert_eq!(told, done);
    let header = |name| download.headers().get(name).unwrap().to_str().unwrap();
    assert_eq!(header(header::CONTENT_TYPE), "application/zip");
    assert_eq!(header(header::CONTENT_DISPOSITION), format!("attachment; filename={name}"));
    assert_eq!(header(header::ACCEPT_RANGES), "bytes");
    assert_eq!(header(header::CACHE_CONTROL), "no-cache");
    let completed = (400, r#"{"status": "error", "message": "completed request already exists"}"#.to_owned());
    assert_eq!(scene.text("POST", REQUEST).await, completed);

    let jobs = scene.play.stage.store.list_jobs(Some("mail")).await.unwrap();
    let letter = Letter::from_payload(&jobs[0].work.payload).unwrap();
    assert_eq!(jobs.len(), 1);
    assert_eq!(letter.to, "rider@example.org");
    assert_eq!(letter.subject, "FitTrackee - Your archive is ready to be downloaded");
}

#[tokio::test]
async fn an_archive_holds_what_is_kept_stored_and_with_dates_as_the_original_has_them() {
    let scene = scene().await;
    scene.ask("POST", REQUEST, "").await;
    let name = scene.build().await;
    let download = scene.ask("GET", &format!("{EXPORT}/{name}"), "").await;
    let mut archive = zip::ZipArchive::new(Cursor::new(download.body().to_vec())).unwrap();
    let names: Vec<_> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert_eq!(names, ["user_data.json", "user_workouts_data.json", "user_equipments_data.json"]);
    let mut text = String::new();
    {
        let mut file = archive.by_name("user_data.json").unwrap();
        assert_eq!(file.compression(), zip::CompressionMethod::Stored);
        file.read_to_string(&mut text).unwrap();
    }
    assert!(text.starts_with("{\n    \"accepted_privacy_policy\": "), "{text}");
    assert!(text.contains("    \"created_at\": \"2026-11-22 01:43:09.715000\",\n"), "{text}");
    assert!(text.contains("    \"records\": [],\n"), "{text}");
    let user: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((user["username"].as_str(), user["total_distance"].as_f64()), (Some("rider"), Some(0.0)));
    assert_eq!(user.as_object().unwrap().len(), 29);
}

#[tokio::test]
async fn exp_ranges_and_tags_are_those_of_http() {
    let scene = scene().await;
    scene.ask("POST", REQUEST, "").await;
    let path = format!("{EXPORT}/{}", scene.build().await);
    let whole = scene.ask("GET", &path, "").await;
    let tag = whole.headers()[header::ETAG].to_str().unwrap().to_owned();
    let part = scene.ask("GET", &path, "range: bytes=0-9\n").await;
    assert_eq!((part.status().as_u16(), &part.body()[..]), (206, &whole.body()[..10]));
    let told = format!("bytes 0-9/{}", whole.body().len());
    assert_eq!(part.headers()[header::CONTENT_RANGE], told);
    let kept = scene.ask("GET", &path, &format!("if-none-match: {tag}\n")).await;
    assert_eq!((kept.status().as_u16(), kept.body().len()), (304, 0));
    assert_eq!(scene.ask("GET", &path, "range: bytes=99999999-\n").await.status(), 416);
}

#[tokio::test]
async fn enu_04_what_is_not_there_not_finished_or_another_s_is_the_same_404() {
    let scene = scene().await;
    scene.ask("POST", REQUEST, "").await;
    let job = scene.claim().await;
    let unfinished = scene.text("GET", &format!("{EXPORT}/{}", job.work.payload)).await;
    let missing = (404, r#"{"status": "not found", "data": {"archive": []}, "message": "file not found"}"#.to_owned());
    assert_eq!(unfinished, missing);
    assert_eq!(scene.exporter.work(&job).await, Outcome::Done);
    for name in ["nope.zip", "request", "archive_.zip"] {
        assert_eq!(scene.text("GET", &format!("{EXPORT}/{name}")).await, missing, "{name}");
    }
    let other = scene.play.stage.account("other").await;
    let token = signed(other.id, scene.play.stage.clock.now()).expose_text().unwrap().to_owned();
    let other = Scene { token, ..scene };
    assert_eq!(other.text("GET", &format!("{EXPORT}/{}", job.work.payload)).await, missing);
}

#[tokio::test]
async fn api_tokens_export_nothing() {
    let scene = scene().await;
    scene.play.stage.api_token("tg", &scene.rider, "profile:read profile:write");
    for (method, path) in [("GET", EXPORT), ("POST", REQUEST), ("GET", "/api/auth/account/export/a.zip")] {
        let answer = scene.play.answer(request_of(&format!("{method} {path} HTTP/1.1\nauthorization: Bearer tg\n\n")));
        let answer = answer.await;
        let text = std::str::from_utf8(answer.body()).unwrap().to_owned();
        assert_eq!(answer.status(), 401, "{text}");
        assert_eq!(text, r#"{"status": "error", "message": "provide a valid auth token"}"#);
    }
}

#[tokio::test]
async fn after_a_day_a_new_archive_takes_the_place_of_the_old() {
    let scene = scene().await;
    scene.ask("POST", REQUEST, "").await;
    let old = scene.build().await;
    scene.play.stage.clock.advance(Duration::from_hours(24));
    assert_eq!(scene.ask("POST", REQUEST, "").await.status(), 200);
    let new = scene.build().await;
    assert_ne!(old, new);
    assert_eq!(scene.archives().await, 1);
    assert_eq!(scene.ask("GET", &format!("{EXPORT}/{old}"), "").await.status(), 404);
    assert_eq!(scene.ask("GET", &format!("{EXPORT}/{new}"), "").await.status(), 200);
}

#[tokio::test]
async fn crs_an_archive_that_was_begun_by_a_process_that_died_is_built_again() {
    let scene = scene().await;
    scene.ask("POST", REQUEST, "").await;
    let lost = scene.claim().await;
    // It died in the middle of the file: what it wrote was never committed.
    scene.play.stage.clock.advance(Duration::from_secs(30));
    let again = scene.claim().await;
    assert_eq!((again.id, again.attempts), (lost.id, 2));
    assert_eq!(scene.exporter.work(&again).await, Outcome::Done);
    // The one that was thought dead comes back: nothing is built or told twice.
    assert_eq!(scene.exporter.work(&lost).await, Outcome::Done);
    assert_eq!(scene.archives().await, 1);
    assert_eq!(scene.play.stage.store.list_jobs(Some("mail")).await.unwrap().len(), 1);
}

#[tokio::test]
async fn of_two_requests_at_once_one_goes_on() {
    let scene = scene().await;
    let (one, two) = tokio::join!(scene.ask("POST", REQUEST, ""), scene.ask("POST", REQUEST, ""));
    let mut statuses = [one.status().as_u16(), two.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    assert_eq!(scene.play.stage.store.list_jobs(Some(KIND)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_job_without_a_request_waits_a_moment_and_goes() {
    let scene = scene().await;
    let now = scene.play.stage.clock.now();
    let account = Some(scene.rider.id);
    let new = NewJob { kind: KIND.into(), account, payload: "archive_x.zip".into(), due_at: now, created_at: now };
    scene.play.stage.store.add_job(new).await.unwrap();
    let job = scene.claim().await;
    assert!(matches!(scene.exporter.work(&job).await, Outcome::Later { .. }));
    scene.play.stage.clock.advance(Duration::from_mins(2));
    assert_eq!(scene.exporter.work(&job).await, Outcome::Done);
    assert_eq!(scene.archives().await, 0);
}

#[tokio::test]
async fn old_archives_and_those_of_nobody_are_removed() {
    let scene = scene().await;
    scene.ask("POST", REQUEST, "").await;
    scene.build().await;
    let orphan: FileName = "archive_orphan.zip".parse().unwrap();
    scene.play.stage.files.put(Area::Archives, &orphan, Bytes::from_static(b"PK")).await.unwrap();
    scene.exporter.tidy().await.unwrap();
    assert_eq!(scene.archives().await, 1);
    scene.play.stage.clock.advance(Duration::from_hours(7 * 24 + 1));
    scene.exporter.tidy().await.unwrap();
    assert_eq!(scene.archives().await, 0);
}

#[tokio::test]
async fn crs_an_archive_that_takes_the_process_with_it_is_given_up_and_can_be_asked_for_again() {
    let scene = scene().await;
    scene.ask("POST", REQUEST, "").await;
    for _ in 0..5 {
        scene.claim().await;
        scene.play.stage.clock.advance(Duration::from_secs(30));
    }
    let job = scene.claim().await;
    assert_eq!(scene.exporter.work(&job).await, Outcome::Never("begun too often".to_owned()));
    assert!(scene.text("GET", EXPORT).await.1.contains("\"status\":\"errored\""));
    scene.play.stage.clock.advance(Duration::from_hours(24));
    assert_eq!(scene.text("POST", REQUEST).await.0, 200);
}

/// A workout from a track; the track.
async fn ride(scene: &Scene) -> String {
    let point = |n| format!("<trkpt lat=\"44.68{n}\" lon=\"6.07\"><time>2026-11-10T07:00:{n}Z</time></trkpt>");
    let points = (10..40).map(point).collect::<Vec<_>>().concat();
    let track = format!("<gpx version=\"1.1\" creator=\"t\"><trk><trkseg>{points}</trkseg></trk></gpx>");
    let body = format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.gpx\"\r\n\r\n{track}\r\n\
         --b\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\n{{\"sport_id\":1}}\r\n--b--\r\n"
    );
    let signed = format!("Bearer {}", scene.token);
    let headers = [("authorization", &*signed), ("content-type", "multipart/form-data; boundary=b")];
    let answer = scene.play.ask(Method::POST, "/api/workouts", &headers, body).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    track
}

#[tokio::test]
async fn an_archive_holds_each_track_as_it_was_uploaded() {
    let scene = scene().await;
    let track = ride(&scene).await;
    scene.ask("POST", REQUEST, "").await;
    let name = scene.build().await;
    let download = scene.ask("GET", &format!("{EXPORT}/{name}"), "").await;
    let mut archive = zip::ZipArchive::new(Cursor::new(download.body().to_vec())).unwrap();
    let mut text = String::new();
    archive.by_name("user_workouts_data.json").unwrap().read_to_string(&mut text).unwrap();
    let workouts: serde_json::Value = serde_json::from_str(&text).unwrap();
    let kept = workouts[0]["gpx"].as_str().unwrap();
    text.clear();
    archive.by_name(&format!("gpx/{kept}")).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, track);
}

#[tokio::test]
async fn a_track_that_is_gone_leaves_the_rest_of_an_archive() {
    let scene = scene().await;
    ride(&scene).await;
    let files = &scene.play.stage.files;
    for file in files.list(Area::Tracks).await.unwrap() {
        files.remove(Area::Tracks, &file.name).await.unwrap();
    }
    scene.ask("POST", REQUEST, "").await;
    let name = scene.build().await;
    let download = scene.ask("GET", &format!("{EXPORT}/{name}"), "").await;
    assert_eq!(zip::ZipArchive::new(Cursor::new(download.body().to_vec())).unwrap().len(), 3);
}

#[tokio::test]
async fn what_an_account_has_in_files_is_told_before_it_goes() {
    let scene = scene().await;
    ride(&scene).await;
    scene.ask("POST", REQUEST, "").await;
    scene.build().await;
    let Stage { accounts, files, .. } = &scene.play.stage;
    let mut areas = Vec::new();
    for (area, name) in super::super::files_of(accounts, scene.rider.id).await.unwrap() {
        assert!(files.open(area, &name).await.unwrap().is_some(), "{name}");
        areas.push(area);
    }
    assert_eq!(areas, [Area::Tracks, Area::Archives]);
}

#[tokio::test]
async fn names_are_of_the_contract_s_form_and_differ() {
    let names: std::collections::BTreeSet<String> = (0..100).map(|_| archive_name()).collect();
    assert_eq!(names.len(), 100);
    for name in names {
        assert_eq!(name.len(), "archive_".len() + 20 + ".zip".len());
        assert!(name.parse::<FileName>().is_ok());
    }
}
