use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method, StatusCode, header};
use proptest::prelude::*;
use trackgate_schemes::Reason;
use trackgate_schemes::sliding::{self, IpMode, OnConflict, Sliding};
use trackgate_schemes::store::Life;

use super::*;
use crate::ports::AuditFilter;
use crate::trackers::testing::{Play, Stage, status_and_body};

const IDLE: Duration = Duration::from_hours(24);

async fn play_with(settings: Settings) -> Play {
    let stage = Stage::at("2026-11-22T01:39:00.5Z");
    let sliding = Sliding::new(
        sliding::Settings {
            id: "lp",
            place: sliding::Place::Header(HeaderName::from_static("token")),
            life: Life { idle: IDLE, absolute: None },
            ip: IpMode::OneUser { on_conflict: OnConflict::Refuse },
            per_account: 100,
            capacity: 100,
        },
        Arc::clone(&stage.store) as _,
    );
    stage.accounts.memories().add(sliding.memory());
    let tracker = LpTracker::new(stage.accounts.clone(), Arc::new(sliding.clone()), settings);
    // The tokens of the stage stand for credentials that are no sessions.
    let schemes = vec![Arc::new(sliding) as _, stage.bearer()];
    let play = stage.put_on_behind(schemes, &tracker);
    user(&play, "somebody", "u@example.com").await;
    play
}

async fn play() -> Play {
    play_with(Settings::default()).await
}

async fn user(play: &Play, name: &str, email: &str) -> Account {
    play.stage.account_with(name, Some(email), "goodgood").await
}

async fn sign_in(play: &Play, login: &str, service: &str) -> Result<String, String> {
    let body = format!(r#"{{"login":"{login}","password":"goodgood","service":"{service}","version":"1.0"}}"#);
    let response = play.ask(Method::POST, "/login", &[], body).await;
    let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    match body["result"]["token"].as_str() {
        Some(token) => Ok(token.to_owned()),
        None => Err(String::from_utf8(response.body().to_vec()).unwrap()),
    }
}

async fn is_live(play: &Play, token: &str) -> bool {
    let response = play.get("/projects", &[("token", token)]).await;
    response.body().starts_with(b"{\"status\":\"success\"")
}
#[tokio::test]
async fn the_manual_s_commands_work_as_printed() {
    let kept = play().await.perform(include_str!("transcripts/manual.txt")).await;
    assert_eq!(kept["sdk"].len(), 32);
}

#[tokio::test]
async fn enu_01_sld_13_sld_19_refusals_are_as_recorded() {
    play().await.perform(include_str!("transcripts/refusals.txt")).await;
}

#[tokio::test]
async fn sld_05_a_second_user_of_an_address_is_refused_without_names() {
    let mut play = play().await;
    user(&play, "other", "o@example.com").await;
    let token = sign_in(&play, "somebody", "A").await.unwrap();
    let refused = sign_in(&play, "other", "B").await.unwrap_err();
    let expected =
        r#"{"status":"error","errors":[{"code":403,"message":"Another user is signed in from this address"}]}"#;
    assert_eq!(refused, expected);
    assert!(is_live(&play, &token).await);
    let told = play.stage.store.audit(AuditFilter { limit: 1, ..AuditFilter::default() }).await.unwrap();
    assert_eq!((&*told[0].name, &*told[0].outcome), ("other", "address_taken"));
    play.client = "127.0.0.2".parse().unwrap();
    assert!(sign_in(&play, "other", "B").await.is_ok());
    play.client = "127.0.0.1".parse().unwrap();
    play.ask(Method::POST, "/logout", &[("token", &token)], "[]").await;
    assert!(sign_in(&play, "other", "B").await.is_ok());
}

#[tokio::test]
async fn sld_07_one_user_has_any_number_of_services() {
    let play = play().await;
    let mut tokens = Vec::new();
    for service in ["A", "B", "A"] {
        tokens.push(sign_in(&play, "somebody", service).await.unwrap());
    }
    play.ask(Method::POST, "/logout", &[("token", &tokens[0])], "").await;
    let mut live = Vec::new();
    for token in &tokens {
        live.push(is_live(&play, token).await);
    }
    assert_eq!(live, [false, true, true]);
}

#[tokio::test]
async fn sld_14_every_sign_in_makes_a_new_token() {
    let play = play().await;
    let first = sign_in(&play, "somebody", "A").await.unwrap();
    let body = r#"{"login":"somebody","password":"goodgood","service":"A","version":"1.0","token":"0123456789abcdef0123456789abcdef"}"#;
    let response = play.ask(Method::POST, "/login", &[("token", &first)], body).await;
    let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    let second = body["result"]["token"].as_str().unwrap();
    assert!(second != first && second != "0123456789abcdef0123456789abcdef");
    assert!(is_live(&play, &first).await && is_live(&play, second).await);
}

#[tokio::test]
async fn a_token_at_its_end_is_told_like_an_unknown_one() {
    let play = play().await;
    let token = sign_in(&play, "somebody", "A").await.unwrap();
    play.stage.clock.advance(IDLE);
    let response = play.get("/staff", &[("token", &token)]).await;
    let expected = r#"{"status":"error","errors":[{"code":401,"message":"Invalid token"}]}"#;
    assert_eq!(status_and_body(&response), (StatusCode::OK, expected));
}

#[tokio::test]
async fn log_03_the_service_signs_audit_entries() {
    let play = play().await;
    let token = sign_in(&play, "somebody", "Night <shift>").await.unwrap();
    play.ask(Method::POST, "/logout", &[("token", &token)], "[]").await;
    let told = play.stage.store.audit(AuditFilter { limit: 2, ..AuditFilter::default() }).await.unwrap();
    let told: Vec<_> =
        told.iter().map(|entry| (entry.action.code(), &*entry.service, &*entry.actor, &*entry.outcome)).collect();
    let expected =
        [("session.end", "Night <shift>", "somebody", "done"), ("sign-in", "Night <shift>", "somebody", "done")];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn real_statuses_are_those_of_the_body() {
    let play = play_with(Settings { statuses: Statuses::Real }).await;
    let login = play.ask(Method::POST, "/login", &[], "{}").await;
    assert_eq!(login.status(), StatusCode::BAD_REQUEST);
    let projects = play.get("/projects", &[]).await;
    assert_eq!(projects.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(play.get("/nowhere", &[]).await.status(), StatusCode::NOT_FOUND);
    let wrong = r#"{"login":"somebody","password":"bad","service":"A","version":"1.0"}"#;
    assert_eq!(play.ask(Method::POST, "/login", &[], wrong).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_store_that_is_down_is_503_in_the_body() {
    let play = play().await;
    let token = sign_in(&play, "somebody", "A").await.unwrap();
    play.stage.store.close().await.unwrap();
    let expected = r#"{"status":"error","errors":[{"code":503,"message":"Service unavailable"}]}"#;
    assert_eq!(sign_in(&play, "somebody", "A").await.unwrap_err(), expected);
    let response = play.ask(Method::POST, "/logout", &[("token", &token)], "[]").await;
    assert_eq!(status_and_body(&response), (StatusCode::OK, expected));
}

#[tokio::test]
async fn brt_14_what_is_no_session_is_not_signed_out() {
    let play = play().await;
    let account = user(&play, "other", "o@example.com").await;
    play.stage.api_token("tk1", &account, "points:write");
    let bearer = ("authorization", "Bearer tk1");
    let logout = play.ask(Method::POST, "/logout", &[bearer], "").await;
    assert!(logout.body().starts_with(b"{\"status\":\"error\",\"errors\":[{\"code\":400,"));
    let projects = play.get("/projects", &[bearer]).await;
    assert!(projects.body().starts_with(b"{\"status\":\"error\",\"errors\":[{\"code\":403,"));
}

#[test]
fn enu_02_a_locked_account_is_told_like_a_wrong_password_with_the_time_to_wait() {
    let dialect = LpDialect::default();
    let wrong = dialect.refused_login(&Rejection::new(Reason::WrongSecret, ID));
    let locked = dialect.refused_login(&Rejection::new(Reason::Locked, ID).after(Duration::from_secs(30)));
    assert_eq!((wrong.status(), wrong.body()), (locked.status(), locked.body()));
    assert_eq!(locked.headers()[header::RETRY_AFTER], "30");
    assert!(!wrong.headers().contains_key(header::RETRY_AFTER));
}

#[test]
fn every_reason_is_http_200_with_an_error_object() {
    for reason in Reason::ALL {
        let why = Rejection::new(*reason, "test");
        let response = LpDialect::default().render(&Refusal::new(&why));
        assert_eq!(response.status(), StatusCode::OK);
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body["status"], "error");
        let code = body["errors"][0]["code"].as_u64().unwrap();
        let real = LpDialect::new(Statuses::Real).render(&Refusal::new(&why));
        assert_eq!(u64::from(real.status().as_u16()), code);
        assert_eq!(real.body(), response.body());
    }
}

#[test]
fn any_body_of_a_sign_in_is_answered_in_the_dialect() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let play = runtime.block_on(play());
    proptest!(ProptestConfig::with_cases(256), |(
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            "[{}\\[\\]\":,0-9a-fnul\\\\]{0,60}".prop_map(String::into_bytes),
            "\\{(\"(login|password|service|version)\":(\"(1.0|a)\"|1|\\[\\]|null),?){0,6}\\}*".prop_map(String::into_bytes),
        ],
    )| {
        let response = runtime.block_on(play.ask(Method::POST, "/login", &[], body));
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        let code = body["errors"][0]["code"].as_u64();
        prop_assert!(code == Some(400) || code == Some(401), "{}", body);
    });
}

#[tokio::test]
async fn dos_06_deep_and_long_json_is_a_bad_request() {
    let play = play().await;
    let deep = format!("{{\"login\":{}", "[".repeat(10_000));
    let number = format!("{{\"login\":{}}}", "9".repeat(15_000));
    let surrogate = r#"{"login":"\ud800","password":"goodgood","service":"A","version":"1.0"}"#.to_owned();
    let many = format!("{{{}\"z\":1}}", "\"a\":1,".repeat(1000));
    let long = format!("{{\"login\":\"{}\"}}", "a".repeat(16 << 10));
    for (body, code) in [(deep, 400), (number, 400), (surrogate, 400), (many, 400), (long, 413)] {
        let response = play.ask(Method::POST, "/login", &[], body).await;
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body["errors"][0]["code"], code);
    }
}
