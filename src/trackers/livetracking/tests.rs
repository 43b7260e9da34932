use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode, header};
use proptest::prelude::*;
use trackgate_schemes::store::{Account, AccountState};
use trackgate_schemes::{CredentialKind, Grants, Reason, Rejection};

use super::*;
use crate::accounts::{Origin, Registration as NewAccount};
use crate::ports::{AccountChange, AuditFilter, Ends};
use crate::trackers::testing::{Play, Stage, identity, status_and_body};

const NOW: &str = "2026-11-22T01:39:00.5Z";

fn play_with(settings: Settings) -> Play {
    let stage = Stage::at(NOW);
    let tracker = LiveTracking::new(stage.services(), settings);
    let schemes = vec![stage.basic()];
    stage.put_on_behind(schemes, &tracker)
}

fn play() -> Play {
    play_with(Settings::default())
}

/// Behind tokens of the stage in place of passwords.
fn play_behind_tokens() -> Play {
    let stage = Stage::at(NOW);
    let tracker = LiveTracking::new(stage.services(), Settings::default());
    stage.put_on(&tracker)
}

async fn rider(play: &Play, name: &str, email: Option<&str>) -> Account {
    play.stage.account_with(name, email, "secret12").await
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

const BEARER: (&str, &str) = ("authorization", "Bearer tk1");

/// `testrider:secret12`
const RIDER: (&str, &str) = ("authorization", "Basic dGVzdHJpZGVyOnNlY3JldDEy");

#[tokio::test]
async fn the_manual_s_commands_work_as_printed() {
    play().perform(include_str!("transcripts/manual.txt")).await;
}

#[tokio::test]
async fn bas_03_registration_takes_what_can_sign_in_and_nothing_else() {
    play().perform(include_str!("transcripts/register.txt")).await;
}

#[tokio::test]
async fn bas_04_bas_14_enu_01_account_end_points_answer_as_recorded() {
    play().perform(include_str!("transcripts/account.txt")).await;
}

#[tokio::test]
async fn only_the_owner_s_password_changes_or_deletes() {
    play().perform(include_str!("transcripts/owner.txt")).await;
}

#[tokio::test]
async fn bas_03_a_refused_registration_leaves_no_account() {
    let play = play();
    for body in
        ["username=a:bcd&password=secret12", "username=rider&password=short", "username=rider&password=a%00bcdefgh"]
    {
        let response = play.ask(Method::POST, "/register", &[FORM], body).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{body}");
    }
    assert!(play.stage.store.list_accounts(trackgate_schemes::AccountId(0), 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn brt_14_a_limited_token_changes_no_password_and_deletes_nothing() {
    let play = play_behind_tokens();
    let rider = rider(&play, "testrider", None).await;
    let change = (Method::POST, "/user/change-password", "password=secret12&new_password=secret12");
    let delete = (Method::DELETE, "/user", "password=secret12");
    let requests = [change, delete];
    let forbidden = (StatusCode::FORBIDDEN, "{\"error\":\"FORBIDDEN\"}");
    let done = (StatusCode::OK, "{\"status\":\"OK\"}");
    for (grants, expected) in [("*", forbidden), ("points:write", forbidden), ("account:admin", done)] {
        let token = identity(&rider, CredentialKind::ApiToken, "tk1").with_grants(grants.parse().unwrap());
        play.stage.know("tk1", token);
        // A token that may not change the password may still ask whose it is.
        let probe = play.get("/auth", &[BEARER]).await;
        assert_eq!(probe.body(), "{\"username\":\"testrider\",\"status\":\"OK\"}");
        for (method, path, body) in requests.clone() {
            let response = play.ask(method, path, &[FORM, BEARER], body).await;
            assert_eq!(status_and_body(&response), expected, "{path} {grants}");
        }
    }
}

#[tokio::test]
async fn bas_15_a_token_in_the_password_s_place_answers_the_probe_and_no_more() {
    let play = play();
    let rider = rider(&play, "testrider", None).await;
    let grants = "points:write".parse().unwrap();
    let issued = play.stage.accounts.issue_token(&rider, "old app", grants, None, &Origin::operator()).await.unwrap();
    let token = issued.text.expose_text().unwrap();
    let basic = format!("Basic {}", STANDARD.encode(format!("testrider:{token}")));
    let basic = ("authorization", basic.as_str());
    assert_eq!(play.get("/auth", &[basic]).await.status(), StatusCode::OK);
    for password in ["secret12", token] {
        let body = format!("password={password}&new_password=secret13");
        let change = play.ask(Method::POST, "/user/change-password", &[basic, FORM], body).await;
        assert_eq!(status_and_body(&change), (StatusCode::FORBIDDEN, "{\"error\":\"FORBIDDEN\"}"));
    }
    // Nor is a token the owner's password, where the owner asks.
    let delete = play.ask(Method::DELETE, "/user", &[RIDER, FORM], format!("password={token}")).await;
    assert_eq!(delete.status(), StatusCode::FORBIDDEN);
    assert_eq!(play.get("/auth", &[RIDER]).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_free_address_is_kept_and_any_other_is_ignored_in_silence() {
    let play = play();
    rider(&play, "someone", Some("taken@example.com")).await;
    for (name, email, kept) in [
        ("rider1", "Free%40example.com", Some("Free@example.com")),
        ("rider2", "free%40EXAMPLE.com", None),
        ("rider3", "taken%40example.com", None),
        ("rider4", "no+address", None),
        ("rider5", "a%40b.c&email=d%40e.f", None),
    ] {
        let body = format!("username={name}&password=secret12&email={email}");
        let response = play.ask(Method::POST, "/register", &[FORM], body).await;
        let (status, text) = status_and_body(&response);
        assert_eq!(status, StatusCode::OK);
        assert!(text.ends_with(&format!("\"username\":\"{name}\"}}")), "{text}");
        let name = trackgate_schemes::Login::parse(name).unwrap();
        let account = play.stage.store.account_by_login(&name).await.unwrap().unwrap();
        assert_eq!(account.email.as_deref(), kept);
    }
}

#[tokio::test]
async fn log_03_changes_and_wrong_passwords_are_in_the_audit_trail() {
    let play = play();
    play.ask(Method::POST, "/register", &[FORM], "username=testrider&password=secret12").await;
    play.ask(Method::DELETE, "/user", &[RIDER, FORM], "password=wrong-one").await;
    play.ask(Method::POST, "/user/change-password", &[RIDER, FORM], "password=secret12&new_password=secret12").await;
    play.ask(Method::DELETE, "/user", &[RIDER, FORM], "password=secret12").await;
    let mut entries = play.stage.store.audit(AuditFilter { limit: 100, ..AuditFilter::default() }).await.unwrap();
    entries.reverse();
    let told: Vec<_> = entries
        .iter()
        .filter(|entry| entry.action.code() != "sign-in")
        .map(|entry| (entry.action.code(), &*entry.name, &*entry.service, &*entry.outcome, entry.client.is_some()))
        .collect();
    let expected = [
        ("account.create", "testrider", "livetracking", "done", true),
        ("account.delete", "testrider", "livetracking", "wrong_secret", true),
        ("password.change", "testrider", "livetracking", "done", true),
        ("account.delete", "testrider", "livetracking", "done", true),
    ];
    assert_eq!(told, expected);
    assert!(!format!("{entries:?}").contains("secret12"));
}

#[tokio::test]
async fn a_store_that_is_down_is_503_in_the_dialect() {
    let play = play();
    play.stage.store.close().await.unwrap();
    let register = play.ask(Method::POST, "/register", &[FORM], "username=testrider&password=secret12").await;
    for response in [register, play.get("/users", &[]).await, play.get("/auth", &[RIDER]).await] {
        assert_eq!(status_and_body(&response), (StatusCode::SERVICE_UNAVAILABLE, "{\"error\":\"DB\"}"));
        assert!(response.headers().contains_key(header::RETRY_AFTER));
    }
}

#[tokio::test]
async fn enu_06_settings_close_the_list_and_registration() {
    let closed = Settings { directory: Directory::Closed, registration: Registration::Closed, ..Settings::default() };
    let play = play_with(closed);
    rider(&play, "testrider", None).await;
    rider(&play, "hidden", None).await;
    assert_eq!(play.get("/users", &[]).await.status(), StatusCode::UNAUTHORIZED);
    let users = play.get("/users", &[RIDER]).await;
    assert_eq!(users.body(), "{\"users\":[{\"id\":1,\"username\":\"testrider\"}]}");
    let other = play.get("/user/hidden", &[RIDER]).await;
    let nobody = play.get("/user/nobody", &[RIDER]).await;
    assert_eq!((other.status(), other.body()), (nobody.status(), nobody.body()));
    let own = play.get("/user/testrider", &[RIDER]).await;
    assert_eq!(own.status(), StatusCode::OK);
    let register = play.ask(Method::POST, "/register", &[FORM], "username=rider&password=secret12").await;
    assert_eq!(status_and_body(&register), (StatusCode::FORBIDDEN, "{\"error\":\"FORBIDDEN\"}"));
}

#[tokio::test]
async fn the_list_ends_at_five_hundred_accounts_in_use() {
    let play = play();
    let first = rider(&play, "out_of_use", None).await;
    for n in 0..501 {
        let new = NewAccount {
            name: format!("rider{n}"),
            email: None,
            password: None,
            state: AccountState::Active,
            grants: Grants::EVERYDAY,
        };
        play.stage.accounts.register(new, &Origin::operator()).await.unwrap();
    }
    let change = AccountChange { state: Some(AccountState::Disabled), ..AccountChange::default() };
    play.stage.accounts.change(first.id, change, Ends::Nothing, &Origin::operator()).await.unwrap();
    let users = play.get("/users", &[]).await;
    let users: serde_json::Value = serde_json::from_slice(users.body()).unwrap();
    let users = users["users"].as_array().unwrap();
    assert_eq!(users.len(), 500);
    assert_eq!(users[0], serde_json::json!({"id": 2, "username": "rider0"}));
    assert_eq!(users[499]["username"], "rider499");
}

#[tokio::test]
async fn names_of_other_doors_are_shown_in_lower_case_and_in_ascii() {
    let play = play();
    rider(&play, "Jérôme𝄞", None).await;
    let users = play.get("/users", &[]).await;
    assert_eq!(users.body(), r#"{"users":[{"id":1,"username":"j\u00e9r\u00f4me\ud834\udd1e"}]}"#);
}

#[test]
fn enu_02_bad_credentials_of_every_kind_get_one_answer() {
    let bad =
        [Reason::WrongSecret, Reason::Unknown, Reason::Disabled, Reason::Locked, Reason::Expired, Reason::Revoked];
    for reason in bad {
        let why = Rejection::new(reason, "test");
        let response = AccountDialect.render(&Refusal::new(&why));
        let expected = (StatusCode::FORBIDDEN, "{\"error\":\"AUTHENTICATION_FAILED\"}");
        assert_eq!(status_and_body(&response), expected, "{reason}");
    }
}

#[test]
fn every_reason_has_a_wording_of_its_status() {
    for reason in Reason::ALL {
        let why = Rejection::new(*reason, "test");
        let response = AccountDialect.render(&Refusal::new(&why));
        let (status, body) = status_and_body(&response);
        let fits = match reason.status().as_u16() {
            401 => matches!(status.as_u16(), 401 | 403),
            other => status.as_u16() == other,
        };
        assert!(fits, "{reason} {status}");
        assert!(body.starts_with("{\"error\":\"") && body.ends_with("\"}"), "{body}");
        let has_cors = response.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        assert_eq!(has_cors, status != 404 && status != 500, "{reason}");
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413() {
    let play = play();
    let body = format!("username=testrider&password={}", "x".repeat(16 << 10));
    let response = play.ask(Method::POST, "/register", &[FORM], body).await;
    assert_eq!(status_and_body(&response), (StatusCode::PAYLOAD_TOO_LARGE, "{\"error\":\"BAD_REQUEST\"}"));
}

#[test]
fn any_body_of_a_change_is_answered_in_the_dialect() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let play = play_behind_tokens();
    let rider = runtime.block_on(rider(&play, "testrider", None));
    play.stage.know("tk1", identity(&rider, CredentialKind::Password, "1"));
    let types = [
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "multipart/form-data; boundary=\"",
        "x",
    ];
    proptest!(ProptestConfig::with_cases(256), |(
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            "[-{}\\[\\]\"&=%+a-c:, \r\n]{0,80}".prop_map(String::into_bytes),
            "(--b|\r\n|Content-Disposition: form-data|; name=|\"|password|--){0,16}".prop_map(String::into_bytes),
        ],
        kind in proptest::sample::select(types.to_vec()),
        delete in any::<bool>(),
    )| {
        let (method, path) = if delete { (Method::DELETE, "/user") } else { (Method::POST, "/user/change-password") };
        let response = runtime.block_on(play.ask(method, path, &[("content-type", kind), BEARER], body));
        let (status, text) = status_and_body(&response);
        // A generated text of eight bytes could be a well-formed password, and then it is a wrong one.
        prop_assert!(status == 400 || status == 403, "{} {}", status, text);
        prop_assert!(text.starts_with("{\"error"), "{}", text);
    });
}
