//! Transcripts, and the rules that no transcript can show.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use proptest::prelude::*;
use trackgate_schemes::store::{Account, AccountState};
use trackgate_schemes::testing::Occupied;
use trackgate_schemes::{Clock as _, Grants, HashPool, Login, Reason, Rejection};

use super::wire::{self, Document};
use super::*;
use crate::accounts::Origin;
use crate::layer::Refusal;
use crate::mail::Letter;
use crate::trackers::json::Scalar;
use crate::trackers::testing::{Play, Stage, issued, request_of, run, signed};

#[derive(Debug)]
pub(super) struct Tokens;

impl IssueToken for Tokens {
    fn issue(&self, account: &Account, now: SystemTime) -> Result<IssuedToken, Rejection> {
        Ok(issued(account.id, now))
    }
}

pub(super) const NOW: &str = "2026-11-22T01:43:09.715Z";

pub(super) fn on(stage: Stage) -> Play {
    let tracker = FitTrackee::new(stage.services(), Arc::new(Tokens), Settings::default());
    stage.put_on(&tracker)
}

/// The tracker on this stage, with letters into an outbox in the store of the stage.
pub(super) fn with_mail(stage: Stage) -> Play {
    let outbox = Outbox::new(Arc::clone(&stage.store) as _, Arc::clone(&stage.clock) as _);
    let settings = Settings { ui_url: "https://fit.example.org".into(), ..Settings::default() };
    let services = Services { outbox: Some(outbox), ..stage.services() };
    let tracker = FitTrackee::new(services, Arc::new(Tokens), settings);
    stage.put_on(&tracker)
}

/// The letters in the outbox, first posted first.
pub(super) async fn letters(play: &Play) -> Vec<Letter> {
    let jobs = play.stage.store.list_jobs(Some(crate::mail::KIND)).await.unwrap();
    jobs.iter().map(|job| Letter::from_payload(&job.work.payload).unwrap()).collect()
}

/// The token of the link in a letter, which leads to this page.
pub(super) fn token_in(letter: &Letter, page: &str) -> String {
    let link = format!("https://fit.example.org{page}?token=");
    let (_, rest) = letter.text.split_once(&link).unwrap_or_else(|| panic!("no {link} in {}", letter.text));
    let token: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    assert_eq!(token.len(), 40);
    token
}

/// With one account in use, `rider`, that came through another door.
async fn with_rider(stage: Stage) -> Play {
    let rider = stage.account("rider").await;
    stage.api_token("tg-profile", &rider, "profile:read");
    stage.api_token("tg-points", &rider, "points:write");
    on(stage)
}

pub(super) fn post(path: &str, body: &str) -> http::Request<crate::message::Body> {
    request_of(&format!("POST {path} HTTP/1.1\ncontent-type: application/json\n\n{body}"))
}

fn login(email: &str) -> http::Request<crate::message::Body> {
    post("/api/auth/login", &format!("{{\"email\":\"{email}\",\"password\":\"12345678\"}}"))
}

fn registration(name: &str, email: &str) -> http::Request<crate::message::Body> {
    let text =
        format!("{{\"username\":\"{name}\",\"email\":\"{email}\",\"password\":\"12345678\",\"accepted_policy\":true}}");
    post("/api/auth/register", &text)
}

#[tokio::test]
async fn rev_01_transcript_of_an_account_from_registration_to_sign_out() {
    on(Stage::at(NOW)).perform(include_str!("transcripts/account.txt")).await;
}

#[tokio::test]
async fn transcript_of_registration() {
    on(Stage::at(NOW)).perform(include_str!("transcripts/register.txt")).await;
}

#[tokio::test]
async fn enu_01_transcript_of_sign_in() {
    with_rider(Stage::at(NOW)).await.perform(include_str!("transcripts/login.txt")).await;
}

#[tokio::test]
async fn brt_05_transcript_of_tokens() {
    with_rider(Stage::at(NOW)).await.perform(include_str!("transcripts/tokens.txt")).await;
}

#[tokio::test]
async fn transcript_of_requests_that_cannot_be_read() {
    with_rider(Stage::at(NOW)).await.perform(include_str!("transcripts/requests.txt")).await;
}

#[tokio::test]
async fn web_11_unknown_members_of_a_registration_change_nothing() {
    let play = on(Stage::at(NOW));
    let body = r#"{"username":"Eve","email":"eve@example.org","password":"12345678","accepted_policy":true,
        "admin":true,"id":1,"is_active":true,"state":"active","grants":"* account:admin","role":"owner"}"#;
    assert_eq!(play.answer(post("/api/auth/register", body)).await.status(), 200);
    let eve = play.stage.store.account_by_login(&Login::parse("eve").unwrap()).await.unwrap().unwrap();
    assert_eq!((eve.state, eve.grants), (AccountState::Unconfirmed, Grants::EVERYDAY));
}

#[tokio::test]
async fn a_reserved_name_is_taken() {
    let play = on(Stage::at(NOW));
    for name in ["Admin", "root", "operator"] {
        let answer = play.answer(registration(name, "eve@example.org")).await;
        assert_eq!(answer.status(), 400, "{name}");
        assert_eq!(&answer.body()[..], br#"{"status": "error", "message": "sorry, that username is already taken"}"#);
    }
    assert!(play.stage.store.list_accounts(trackgate_schemes::AccountId(0), 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_closed_registration_is_told_before_the_body_is_read() {
    let stage = Stage::at(NOW);
    let settings = Settings { registration: Registration::Closed, ..Settings::default() };
    let tracker = FitTrackee::new(stage.services(), Arc::new(Tokens), settings);
    let answer = stage.put_on(&tracker).answer(request_of("POST /api/auth/register HTTP/1.1\n\nno JSON")).await;
    assert_eq!(answer.status(), 403);
    assert_eq!(&answer.body()[..], br#"{"status": "error", "message": "error, registration is disabled"}"#);
}

/// With no room in the pool, whoever would hash is turned away: so all of these do hash.
#[tokio::test]
async fn enu_01_and_enu_03_known_and_unknown_cost_the_same_work() {
    let pool = HashPool::new(1, 1);
    let play = with_rider(Stage::with_pool(NOW, pool.clone())).await;
    let busy = Occupied::thread_of(&pool);
    let waiting = pool.run(None, || ());
    for request in [
        registration("Fresh", "rider@example.org"),
        registration("Fresh", "fresh@example.org"),
        login("rider@example.org"),
        login("nobody@example.org"),
        login("rider"),
        post("/api/auth/login", r#"{"email":"rider@example.org"}"#),
        post("/api/auth/login", r#"{"password":"12345678"}"#),
    ] {
        let answer = play.answer(request).await;
        assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &HeaderValue::from(1)));
    }
    busy.let_go().await;
    waiting.await.unwrap();
}

#[tokio::test]
async fn jwt_21_a_token_dies_with_its_account_and_is_not_its_successors() {
    let play = with_rider(Stage::at(NOW)).await;
    let stage = &play.stage;
    let rider = stage.store.account_by_login(&Login::parse("rider").unwrap()).await.unwrap().unwrap();
    let token = signed(rider.id, stage.clock.now());
    let ask = format!("GET /api/auth/profile HTTP/1.1\nauthorization: Bearer {}\n\n", token.expose_text().unwrap());
    assert_eq!(play.answer(request_of(&ask)).await.status(), 200);
    stage.accounts.delete(rider.id, &Origin::operator()).await.unwrap();
    assert_eq!(play.answer(request_of(&ask)).await.status(), 401);
    let again = stage.account("rider").await;
    assert_ne!(again.id, rider.id);
    assert_eq!(play.answer(request_of(&ask)).await.status(), 401);
}

#[tokio::test]
async fn rev_14_signing_out_twice_at_once_is_one_effect_and_one_answer() {
    let play = with_rider(Stage::at(NOW)).await;
    let sign_out = || request_of("POST /api/auth/logout HTTP/1.1\nauthorization: Bearer jwt.1.1795311789\n\n");
    let (first, second) = (play.pass(sign_out()).await.unwrap(), play.pass(sign_out()).await.unwrap());
    let (first, second) = (run(first).await, run(second).await);
    assert_eq!(first.status(), 200);
    assert_eq!((first.status(), first.headers(), first.body()), (second.status(), second.headers(), second.body()));
    assert_eq!(play.answer(sign_out()).await.status(), 401);
}

#[tokio::test]
async fn a_sign_out_that_is_not_stored_is_not_acknowledged() {
    let play = with_rider(Stage::at(NOW)).await;
    let ask = "/api/auth/logout HTTP/1.1\nauthorization: Bearer jwt.1.1795311789\n\n";
    let passed = play.pass(request_of(&format!("POST {ask}"))).await.unwrap();
    play.stage.store.close().await.unwrap();
    let answer = run(passed).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &HeaderValue::from(5)));
}

#[tokio::test]
async fn a_profile_that_cannot_be_read_is_our_fault_and_not_a_new_one() {
    let play = with_rider(Stage::at(NOW)).await;
    let rider = play.stage.store.account_by_login(&Login::parse("rider").unwrap()).await.unwrap().unwrap();
    assert!(play.stage.store.replace_document(ID, rider.id, None, "no JSON").await.unwrap());
    let ask = "GET /api/auth/profile HTTP/1.1\nauthorization: Bearer tg-profile\n\n";
    assert_eq!(play.answer(request_of(ask)).await.status(), 500);
    let partly = r#"{"bio":"né \ud83d\ude80","birth_date":"1990-02-28","use_dark_mode":null,"unheard_of":1}"#;
    assert!(play.stage.store.replace_document(ID, rider.id, Some("no JSON"), partly).await.unwrap());
    let answer = play.answer(request_of(ask)).await;
    let text = std::str::from_utf8(answer.body()).unwrap();
    for member in [
        r#""bio":"n\u00e9 \ud83d\ude80","#,
        r#""birth_date":"Wed, 28 Feb 1990 00:00:00 GMT","#,
        r#""use_dark_mode":null,"#,
        r#""timezone":"Europe/Paris","#,
    ] {
        assert!(text.contains(member), "{member} is not in {text}");
    }
}

#[tokio::test]
async fn bodies_over_the_limit_are_413_as_a_page() {
    let stage = Stage::at(NOW);
    let settings = Settings { max_body_bytes: 100, ..Settings::default() };
    let tracker = FitTrackee::new(stage.services(), Arc::new(Tokens), settings);
    let play = stage.put_on(&tracker);
    for (spare, status) in [(0, 401), (1, 413)] {
        let body = format!("{}{}", r#"{"email":"a"}"#, " ".repeat(100 + spare - 13));
        let answer = play.answer(post("/api/auth/login", &body)).await;
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(answer.body().starts_with(b"<!doctype html>"), status == 413);
    }
}

/// What a refusal looks like when this stands in the `Authorization` line.
fn refused(reason: Reason, authorization: &str) -> Response<Bytes> {
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
    let why = Rejection::new(reason, "jwt");
    let refusal = Refusal::new(&why).with_request(&Method::GET, Some("/api/auth/profile"), &headers);
    FitTrackeeDialect::new("300 per 5 minute".into()).render(&refusal)
}

#[test]
fn every_reason_keeps_its_status_and_repeats_nothing_of_the_request() {
    for reason in Reason::ALL {
        for authorization in ["", "Bearer", "Bearer s3cr3t", "Basic s3cr3t", "s3cr3t\tx"] {
            let answer = refused(*reason, authorization);
            assert_eq!(answer.status(), reason.status(), "{reason}");
            assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
            assert!(!String::from_utf8_lossy(answer.body()).contains("s3cr3t"), "{reason}");
        }
    }
}

#[test]
fn jwt_20_only_expired_and_disabled_stand_out_among_bad_tokens() {
    let body = |reason| refused(reason, "Bearer x").into_body();
    let same = body(Reason::Signature);
    assert!(same.starts_with(br#"{"status": "error", "message": "invalid token, please log in again", "error": "#));
    for reason in [Reason::Malformed, Reason::Purpose, Reason::Revoked, Reason::Unknown, Reason::AddressMismatch] {
        assert_eq!(body(reason), same, "{reason}");
    }
    let expired = br#"{"status": "error", "message": "signature expired, please log in again", "error": "#;
    assert!(body(Reason::Expired).starts_with(expired));
    assert_eq!(&body(Reason::Disabled)[..], br#"{"status": "error", "message": "provide a valid auth token"}"#);
}

#[test]
fn enu_02_wrong_passwords_of_any_kind_look_alike() {
    let body = |reason| refused(reason, "Basic cmlkZXI6eA==").into_body();
    for reason in [Reason::Unknown, Reason::Disabled, Reason::Locked] {
        assert_eq!(body(reason), body(Reason::WrongSecret), "{reason}");
    }
}

#[test]
fn the_rate_limit_is_told_in_the_style_of_success() {
    let answer = refused(Reason::RateLimited, "");
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    let body = b"{\"message\":\"rate limit exceeded (300 per 5 minute)\",\"status\":\"error\"}\n";
    assert_eq!(&answer.body()[..], body);
}

const WANTED: &[&str] = &["a"];

/// The member `a` as a word.
fn a(bytes: &[u8]) -> String {
    match wire::document(bytes, WANTED) {
        None => "no JSON".into(),
        Some(Document::Empty) => "empty".into(),
        Some(Document::Other) => "other".into(),
        Some(Document::Object(mut members)) => match members.take("a") {
            Scalar::Null => "null".into(),
            Scalar::Bool(value) => value.to_string(),
            Scalar::Text(text) => format!("={text}"),
            Scalar::Whole(_) | Scalar::Number(_) | Scalar::List(_) | Scalar::Other => "value".into(),
        },
    }
}

#[test]
fn documents_are_false_true_or_objects_as_the_original_sees_them() {
    for text in ["{}", "[]", "\"\"", "0", "0.0", "-0", "false", "null", " {} "] {
        assert_eq!(a(text.as_bytes()), "empty", "{text}");
    }
    for text in ["[1]", "[[]]", "\"x\"", "5", "-1", "1e300", "true"] {
        assert_eq!(a(text.as_bytes()), "other", "{text}");
    }
    for text in
        ["", " ", "{", "{a:1}", "{'a':1}", "{\"a\":1,}", "{} {}", "NaN", "Infinity", "01", "1e999", "\"\u{1}\"", "nul"]
    {
        assert_eq!(a(text.as_bytes()), "no JSON", "{text}");
    }
    for (text, read) in [
        ("{\"b\":1}", "null"),
        ("{\"a\":null}", "null"),
        ("{\"a\":[[1]]}", "value"),
        ("{\"a\":{\"a\":\"x\"}}", "value"),
    ] {
        assert_eq!(a(text.as_bytes()), read, "{text}");
    }
}

#[test]
fn utf_16_and_byte_order_marks_are_read() {
    let text = "{\"a\": \"ä🚲\"}";
    let wide = |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    let (little, big) = (wide(u16::to_le_bytes), wide(u16::to_be_bytes));
    let marked = |mark: &[u8], text: &[u8]| [mark, text].concat();
    for bytes in [
        text.as_bytes().to_vec(),
        marked(b"\xEF\xBB\xBF", text.as_bytes()),
        little.clone(),
        big.clone(),
        marked(b"\xFF\xFE", &little),
        marked(b"\xFE\xFF", &big),
    ] {
        assert_eq!(a(&bytes), "=ä🚲");
    }
    for bytes in [&b"{\"a\":\"\xff\"}"[..], b"\xFF\xFE{", b"{\0\"", b"\xFF\xFE\x00\xD8", b"\0", b"\0\0\0{"] {
        assert_eq!(a(bytes), "no JSON", "{bytes:?}");
    }
}

#[test]
fn dos_06_hostile_json_is_read_in_bounded_stack_or_refused() {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    let lists = deep("[", "]");
    assert_eq!(a(lists.as_bytes()), "other");
    assert_eq!(a(format!("{{\"a\":{lists}}}").as_bytes()), "value");
    assert_eq!(a(format!("{{\"b\":{}1{}}}", "{\"x\":".repeat(100_000), "}".repeat(100_000)).as_bytes()), "null");
    assert_eq!(a(format!("{{\"b\":{}}}", "9".repeat(1_000_000)).as_bytes()), "null");
    assert_eq!(a(format!("{{\"a\":{}}}", "9".repeat(1_000_000)).as_bytes()), "no JSON");
    assert_eq!(a(format!("{{{}\"a\":\"x\"}}", "\"b\":1,".repeat(100_000)).as_bytes()), "=x");
    assert_eq!(a(br#"{"a":"\ud800"}"#), "no JSON");
    assert_eq!(a(br#"{"a":"x","\u0061":"y"}"#), "=y");
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        drop(wire::document(&bytes, WANTED));
    }

    #[test]
    fn what_is_written_is_read_again(text in any::<String>()) {
        let written = wire::success(StatusCode::OK, [("a", wire::Json::Text(text.clone()))]).into_body();
        prop_assert!(written.is_ascii());
        prop_assert_eq!(a(&written), format!("={text}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Nothing that stands in the members makes a fault of the server, and nothing unfit makes an account.
    #[test]
    fn any_members_are_answered_by_400(
        name in "[ -~é\n]{0,32}",
        email in "[a-z@. \n-]{0,20}",
        password in "[ -~é]{0,7}|\\PC{73,80}",
        policy in prop::sample::select(vec!["true", "1", "null", "\"true\""]),
    ) {
        let text = |text: &str| serde_json::to_string(text).unwrap();
        let (name, email, password) = (text(&name), text(&email), text(&password));
        let body = format!(
            "{{\"username\":{name},\"email\":{email},\"password\":{password},\"accepted_policy\":{policy}}}"
        );
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answer = runtime.block_on(async { on(Stage::at(NOW)).answer(post("/api/auth/register", &body)).await });
        prop_assert_eq!(answer.status(), 400);
    }
}

#[test]
fn dates_lose_their_fraction_in_answers_and_keep_it_in_archives() {
    for (at, answered, archived) in [
        (1_793_516_400_999_999, "Sun, 01 Nov 2026 07:00:00 GMT", "2026-11-01 07:00:00.999999"),
        (1_793_516_400_000_000, "Sun, 01 Nov 2026 07:00:00 GMT", "2026-11-01 07:00:00"),
        (i64::MAX, "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01 00:00:00"),
    ] {
        let date = wire::Json::Date(at);
        assert_eq!(date.archived(), format!("\"{archived}\""));
        let answer = wire::success(StatusCode::OK, [("at", date)]);
        assert_eq!(answer.body(), format!("{{\"at\":\"{answered}\"}}\n").as_bytes());
    }
}
