use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Response, header};
use proptest::prelude::*;
use trackgate_schemes::store::Account;
use trackgate_schemes::{Reason, Rejection};

use super::body::MAX_BYTES;
use super::*;
use crate::accounts::{Origin, Visibility};
use crate::layer::{Dialect as _, Refusal};
use crate::stores::MemoryPoints;
use crate::trackers::livetracking::{Compat, PublicReader, Settings};
use crate::trackers::testing::{Play, Stage, status_and_body};

const NOW: &str = "2026-11-22T01:39:00.5Z";

/// In nanoseconds, half a second before now.
const AT: &str = "1795311540000000000";

/// `testrider:secret12`
const RIDER: (&str, &str) = ("authorization", "Basic dGVzdHJpZGVyOnNlY3JldDEy");

/// `public:livetracking`
const PUBLIC: (&str, &str) = ("authorization", "Basic cHVibGljOmxpdmV0cmFja2luZw==");

async fn play_with(settings: Settings) -> (Play, Account) {
    let mut stage = Stage::at(NOW);
    stage.points = Arc::new(MemoryPoints::new(Some(std::time::Duration::from_hours(8))));
    let rider = stage.account_with("testrider", None, "secret12").await;
    stage.account_with("another", None, "secret12").await;
    let tracker = LiveTracking::new(stage.services(), settings).asking(&stage.basic(), vec![stage.bearer()]);
    let schemes = vec![stage.basic()];
    (stage.put_on_behind(schemes, &tracker), rider)
}

async fn play() -> (Play, Account) {
    play_with(Settings::default()).await
}

async fn write(play: &Play, headers: &[(&'static str, &str)], body: impl Into<Vec<u8>>) -> Response<bytes::Bytes> {
    play.ask(Method::POST, "/write?db=testrider", headers, body).await
}

async fn query(play: &Play, who: (&'static str, &str), query: &str) -> Response<bytes::Bytes> {
    play.get(&format!("/query?{query}"), &[who]).await
}

fn error(text: &str) -> String {
    format!("{{\"error\":{}}}\n", quote::json(text.as_bytes()))
}

fn packed(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn writes_are_answered_as_recorded() {
    play().await.0.perform(include_str!("../transcripts/write.txt")).await;
}

#[tokio::test]
async fn queries_are_answered_as_recorded() {
    play().await.0.perform(include_str!("../transcripts/query.txt")).await;
}

#[tokio::test]
async fn head_is_no_method_of_queries() {
    let (play, _rider) = play().await;
    let answer = play.ask(Method::HEAD, "/query?q=SHOW+DATABASES", &[RIDER], "").await;
    assert_eq!(
        (answer.status(), &answer.headers()["allow"]),
        (StatusCode::METHOD_NOT_ALLOWED, &"OPTIONS, GET, POST".parse().unwrap())
    );
}

#[tokio::test]
async fn what_is_packed_is_unpacked_and_a_long_body_is_read_whole() {
    let (play, rider) = play().await;
    let gzip = ("content-encoding", "gzip");
    let lines: Vec<_> =
        (0..20_000).map(|n| format!("samples hr_bpm={n} {}\n", 1_795_311_540_000_000_000_i64 + n)).collect();
    let lines = lines.concat();
    assert!(lines.len() > 500_000);
    let two = [packed(b"a f=1\n"), packed(b"b f=1\n")].concat();
    for (headers, body) in
        [(&[RIDER][..], lines.clone().into_bytes()), (&[RIDER, gzip], packed(lines.as_bytes())), (&[RIDER, gzip], two)]
    {
        assert_eq!(write(&play, headers, body).await.status(), 204);
    }
    let view = play.stage.points.view(rider.id);
    assert_eq!(view.measurements().iter().map(|name| &**name).collect::<Vec<_>>(), ["a", "b", "samples"]);
    let counted = query(&play, RIDER, "db=testrider&q=SELECT+COUNT(hr_bpm)+FROM+samples").await;
    assert!(status_and_body(&counted).1.contains(",20000]"), "{counted:?}");
    let mut broken = packed(b"m f=1");
    let last = broken.len() - 8;
    broken[last] ^= 1;
    let cut = packed(&vec![b'#'; 100_000])[..40].to_vec();
    for (body, said) in [(broken, "gzip: invalid checksum"), (cut, "unexpected EOF")] {
        let answer = write(&play, &[RIDER, gzip], body).await;
        assert_eq!(status_and_body(&answer), (StatusCode::BAD_REQUEST, &*error(said)));
    }
}

#[tokio::test]
async fn tsd_03_a_body_is_no_longer_than_25_mb_unpacked_either() {
    let (play, _rider) = play().await;
    let mut body = vec![b'#'; MAX_BYTES];
    assert_eq!(write(&play, &[RIDER], body.clone()).await.status(), 204);
    assert_eq!(write(&play, &[RIDER, ("content-encoding", "gzip")], packed(&body)).await.status(), 204);
    body.push(b'#');
    let bomb = packed(&vec![b'#'; 200_000_000]);
    for (headers, body) in [
        (&[RIDER][..], body.clone()),
        (&[RIDER, ("content-encoding", "gzip")], packed(&body)),
        (&[RIDER, ("content-encoding", "gzip")], bomb),
    ] {
        let answer = write(&play, headers, body).await;
        assert_eq!(status_and_body(&answer), (StatusCode::PAYLOAD_TOO_LARGE, &*error("Request Entity Too Large")));
        assert_eq!(answer.headers()[header::CONNECTION], "close");
    }
    // What is told before comes before.
    let answer = play.ask(Method::POST, "/write", &[RIDER, ("content-length", "30000000")], "").await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let answer = write(&play, &[RIDER, ("content-length", "30000000")], "").await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn large_bodies_share_their_room() {
    let room = Room::new();
    let body = || Body::from(vec![b'#'; MAX_BYTES]);
    let mut held = Vec::new();
    let refused = loop {
        match body::read(body(), &room).await {
            Ok(body) => held.push(body),
            Err(why) => break why,
        }
    };
    assert_eq!((held.len(), refused.reason), (10, Reason::Overloaded));
    assert!(refused.retry_after.is_some());
    assert!(body::read(Body::from("m f=1"), &room).await.is_ok(), "small ones need none");
    held.pop();
    assert!(body::read(body(), &room).await.is_ok());
}

#[tokio::test]
async fn a_body_is_never_read_as_a_form() {
    let (play, rider) = play().await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    let body = format!("samples note=\"a+b%20c&d\" {AT}");
    assert_eq!(write(&play, &[RIDER, form], body).await.status(), 204);
    assert_eq!(play.stage.points.view(rider.id).measurements().len(), 1);
    let told = query(&play, RIDER, "db=testrider&q=SELECT+note+FROM+samples").await;
    assert!(status_and_body(&told).1.contains("a+b%20c\\u0026d"), "{told:?}");
}

#[tokio::test]
async fn tsd_04_no_bytes_of_a_body_get_into_a_header() {
    let (play, _rider) = play().await;
    let answer = write(&play, &[RIDER], b"\x1f\x8b\x00\xff\r\xc3\xbc".to_vec()).await;
    assert_eq!(answer.headers()["x-influxdb-error"], "unable to parse '???? ??': missing fields");
    assert_eq!(answer.body(), "{\"error\":\"unable to parse '\\u001f\\ufffd\\u0000\\ufffd\\rü': missing fields\"}\n");
    let answer = write(&play, &[RIDER], vec![b'x'; 100_000]).await;
    assert_eq!(answer.headers()["x-influxdb-error"].len(), 1024);
}

#[tokio::test]
async fn compat_makes_wrong_credentials_401() {
    let settings = Settings { compat: Compat::Influx, ..Settings::default() };
    let (play, _rider) = play_with(settings).await;
    let wrong = ("authorization", "Basic dGVzdHJpZGVyOndyb25n");
    for answer in [write(&play, &[wrong], "").await, query(&play, wrong, "q=SHOW+DATABASES").await] {
        assert_eq!(status_and_body(&answer), (StatusCode::UNAUTHORIZED, &*error("authorization failed")));
        assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Basic realm=\"Protected\"");
        assert!(!answer.headers().contains_key("x-influxdb-error"));
    }
}

#[tokio::test]
async fn public_can_be_switched_off() {
    let (play, _rider) = play_with(Settings { public_reader: PublicReader::Off, ..Settings::default() }).await;
    assert_eq!(query(&play, PUBLIC, "q=SHOW+DATABASES").await.status(), 403);
    let in_query = play.get("/query?q=SHOW+DATABASES&u=public&p=livetracking", &[]).await;
    assert_eq!(in_query.status(), 403);
}

#[tokio::test]
async fn a_private_database_is_unknown_to_public() {
    let (play, rider) = play().await;
    write(&play, &[RIDER], format!("samples hr_bpm=120 {AT}")).await;
    let select = "db=testrider&q=SELECT+hr_bpm+FROM+samples";
    assert_eq!(query(&play, PUBLIC, select).await.status(), 200);
    play.stage.accounts.set_visibility(&rider, Visibility::Private, &Origin::operator()).await.unwrap();
    let private = query(&play, PUBLIC, select).await;
    let unknown = query(&play, PUBLIC, &select.replace("testrider", "nodb")).await;
    assert_eq!(private.status(), 403);
    assert_eq!(status_and_body(&private).1.replace("testrider", "nodb"), status_and_body(&unknown).1);
    let listed = query(&play, PUBLIC, "q=SHOW+DATABASES").await;
    assert!(!status_and_body(&listed).1.contains("testrider"), "{listed:?}");
    assert_eq!(query(&play, RIDER, select).await.status(), 200);
}

#[tokio::test]
async fn riders_who_never_said_can_be_private_by_setting() {
    let (play, rider) = play_with(Settings { visibility: Visibility::Private, ..Settings::default() }).await;
    let select = "db=testrider&q=SELECT+hr_bpm+FROM+samples";
    assert_eq!(query(&play, PUBLIC, select).await.status(), 403);
    play.stage.accounts.set_visibility(&rider, Visibility::Public, &Origin::operator()).await.unwrap();
    assert_eq!(query(&play, PUBLIC, select).await.status(), 200);
}

#[tokio::test]
async fn tsd_06_no_spelling_of_another_s_database_is_read_or_written() {
    let (play, _rider) = play().await;
    for statement in [
        "SELECT * FROM another..samples",
        "SELECT * FROM \"another\".\"livetracking\".\"samples\"",
        "SELECT * FROM samples, another..samples",
        "SELECT * FROM another../.*/",
        "SELECT * INTO another..samples FROM samples",
        "SELECT * INTO \"another\".\"livetracking\".:MEASUREMENT FROM /.*/",
        "SHOW MEASUREMENTS ON another",
        "SHOW FIELD KEYS ON another",
        "SHOW TAG KEYS ON another FROM samples",
        "SHOW TAG VALUES ON another WITH KEY = a",
        "SHOW SERIES ON another",
        "SHOW RETENTION POLICIES ON another",
        "DELETE FROM samples; SELECT * FROM another..samples",
        "SELECT * FROM samples -- comment\n; SELECT * FROM another..samples",
        "SELECT * FROM samples /* ; */; SELECT * FROM /* x */ another /* y */ . . samples",
    ] {
        let form = statement.bytes().map(|b| format!("%{b:02x}")).collect::<Vec<_>>().concat();
        for who in [RIDER, PUBLIC] {
            let reads = statement.contains("INTO") || statement.contains("DELETE") || who == RIDER;
            let answer = query(&play, who, &format!("db=testrider&q={form}")).await;
            let (status, body) = status_and_body(&answer);
            assert!(!reads || status == 403 || status == 400, "{statement}: {status} {body}");
        }
    }
}

#[tokio::test]
async fn api_tokens_do_what_they_were_issued_for() {
    let (play, rider) = play().await;
    let line = format!("samples hr_bpm=120 {AT}");
    let delete = "/query?db=testrider&q=DELETE+FROM+samples";
    for (grants, writes, reads) in [
        ("points:write", true, false),
        ("points:read", false, true),
        ("points:write points:read", true, true),
        ("profile:read", false, false),
    ] {
        play.stage.api_token("tk1", &rider, grants);
        let origin = Origin::operator();
        let issued =
            play.stage.accounts.issue_token(&rider, "app", grants.parse().unwrap(), None, &origin).await.unwrap();
        let basic = format!("Basic {}", STANDARD.encode(format!("testrider:{}", issued.text.expose_text().unwrap())));
        for who in [("authorization", "Bearer tk1"), ("authorization", &*basic)] {
            let expected = |is_good| if is_good { 200 } else { 403 };
            assert_eq!(write(&play, &[who], line.clone()).await.status(), if writes { 204 } else { 403 }, "{grants}");
            assert_eq!(query(&play, who, "db=testrider&q=SELECT+*+FROM+samples").await.status(), expected(reads));
            let deleted = play.ask(Method::POST, delete, &[who], "").await;
            assert_eq!(deleted.status(), expected(writes), "{grants} {deleted:?}");
            let listed = query(&play, who, "q=SHOW+DATABASES").await;
            assert_eq!(status_and_body(&listed).1.contains("testrider"), reads);
        }
    }
}

#[tokio::test]
async fn a_deleted_account_leaves_no_points() {
    let (play, rider) = play().await;
    write(&play, &[RIDER], format!("samples hr_bpm=120 {AT}")).await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    let deleted = play.ask(Method::DELETE, "/user", &[RIDER, form], "password=secret12").await;
    assert_eq!(deleted.status(), 200, "{deleted:?}");
    assert!(play.stage.points.view(rider.id).measurements().is_empty());
}

#[tokio::test]
async fn an_account_that_another_process_deleted_leaves_no_points() {
    let (play, rider) = play().await;
    write(&play, &[RIDER], format!("samples hr_bpm=120 {AT}")).await;
    let forget = || play.stage.accounts.memories().forget_account(rider.id);
    forget();
    tokio::task::yield_now().await;
    assert_eq!(play.stage.points.view(rider.id).measurements().len(), 1, "it only changed");
    play.stage.store.delete_account(rider.id, play.stage.accounts.clock().now()).await.unwrap();
    forget();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(play.stage.points.view(rider.id).measurements().is_empty());
}

#[tokio::test]
async fn a_store_that_is_down_is_503_in_these_words() {
    let (play, _rider) = play().await;
    play.stage.points.close().await.unwrap();
    let answer = write(&play, &[RIDER], format!("samples hr_bpm=120 {AT}")).await;
    assert_eq!(status_and_body(&answer), (StatusCode::SERVICE_UNAVAILABLE, &*error("unavailable, try again later")));
    assert!(answer.headers().contains_key(header::RETRY_AFTER));
    play.stage.store.close().await.unwrap();
    let other = play.get("/query?q=SHOW+DATABASES", &[("authorization", "Basic YW5vdGhlcjpzZWNyZXQxMg==")]).await;
    let ping = play.get("/ping", &[]).await;
    assert_eq!((other.status(), ping.status()), (StatusCode::SERVICE_UNAVAILABLE, StatusCode::SERVICE_UNAVAILABLE));
}

#[tokio::test]
async fn a_query_waits_for_its_turn_and_not_for_ever() {
    let mut settings = Settings::default();
    settings.query.at_once = 1;
    let stage = Stage::at(NOW);
    stage.account_with("testrider", None, "secret12").await;
    let tracker = LiveTracking::new(stage.services(), settings).asking(&stage.basic(), Vec::new());
    let turns = Arc::clone(&tracker.state.turns);
    let play = stage.put_on(&tracker);
    let taken = Arc::clone(&turns).try_acquire_owned().unwrap();
    let refused = query(&play, RIDER, "q=SHOW+DATABASES").await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key(header::RETRY_AFTER));
    drop(taken);
    assert_eq!(query(&play, RIDER, "q=SHOW+DATABASES").await.status(), 200);
}

#[test]
fn every_reason_has_a_wording_of_its_status() {
    for compat in [Compat::Influx, Compat::Manual] {
        for reason in Reason::ALL {
            let why = Rejection::new(*reason, "test");
            let response = SampleDialect::new(compat).render(&Refusal::new(&why));
            let (status, body) = status_and_body(&response);
            let fits = match reason.status().as_u16() {
                401 => matches!(status.as_u16(), 401 | 403),
                other => status.as_u16() == other,
            };
            assert!(fits && body.ends_with('\n'), "{reason} {status}");
            assert_eq!(body.starts_with("{\"error\":\""), status != 404 && status != 405, "{body}");
        }
    }
}

#[test]
fn any_body_and_parameters_are_answered() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (play, _rider) = runtime.block_on(play());
    proptest!(ProptestConfig::with_cases(256), |(
        parameters in "(&?(db=testrider|db|q|q=SELECT%20|params=%7B|precision=s|epoch=|u=testrider|p=|rp=x|chunked=true|pretty=true|[a-z%=&;+]{0,6})){0,6}",
        body in proptest::collection::vec(any::<u8>(), 0..120),
        kind in proptest::sample::select(vec!["", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"]),
        packed in any::<bool>(),
    )| {
        for path in ["/write", "/query"] {
            let encoding = if packed { "gzip" } else { "identity" };
            let headers = [RIDER, ("content-type", kind), ("content-encoding", encoding)];
            let answer = runtime.block_on(play.ask(Method::POST, &format!("{path}?{parameters}"), &headers, body.clone()));
            prop_assert!(answer.status() != 500 || parameters.contains("rp="), "{} {answer:?}", answer.status());
        }
    });
}
