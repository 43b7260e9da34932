use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode, header};
use proptest::prelude::*;
use trackgate_schemes::store::{AccountState, AddressRule, Life, OpenSession as Request, Opened, Session};
use trackgate_schemes::{Carrier, CredentialKind, Digest, Grants, Head, ManualClock, Reason, Scheme, Step, Verdict};

use super::*;
use crate::accounts::{Origin, Registration};
use crate::ports::{AuditFilter, Store};
use crate::trackers::testing::{Always, World, accounts, identity, start, status_and_body, test_store};

/// A plain sliding scheme: sessions in the store, nothing remembered, uses not noted.
#[derive(Clone, Debug)]
struct TestSessions(Arc<dyn Store>);

const LIFE: Life = Life { idle: Duration::from_hours(24), absolute: None };

impl OpenSession for TestSessions {
    fn open<'a>(
        &'a self,
        account: &'a Account,
        service: &'a str,
        client: Option<IpAddr>,
        now: SystemTime,
    ) -> Opening<'a> {
        Box::pin(async move {
            let token = format!("{:032x}", rand::random::<u128>());
            let id: Arc<str> = format!("{:016x}", rand::random::<u64>()).into();
            let session = Session {
                id: Arc::clone(&id),
                digest: Digest::sha256(token.as_bytes()),
                scheme: "lp".into(),
                account: account.id,
                service: service.into(),
                client,
                opened_at: now,
                last_used_at: now,
            };
            let rule = AddressRule::OneUserRefuse;
            let request = Request {
                session,
                generation: account.generation,
                life: LIFE,
                unwritten: Vec::new(),
                rule,
                per_account: 100,
            };
            match self.0.open_session(request).await {
                Ok(Opened::Opened { .. }) => Ok(OpenedSession { token: token.into(), id }),
                Ok(Opened::AddressTaken) => Err(Rejection::new(Reason::AddressTaken, "lp")),
                Err(_down) => Err(Rejection::new(Reason::Unavailable, "lp")),
            }
        })
    }
}

impl Scheme for TestSessions {
    fn id(&self) -> &'static str {
        "lp"
    }

    fn carrier(&self) -> Carrier {
        Carrier::Header("token".parse().unwrap())
    }

    fn authenticate(&self, head: &Head<'_>) -> Step {
        let Some(token) = head.headers.get("token") else { return Step::ABSENT };
        let (digest, store, now) = (Digest::sha256(token.as_bytes()), Arc::clone(&self.0), head.now);
        Step::ask(async move {
            match store.session("lp", &digest).await {
                Ok(Some((session, account))) if session.is_live(LIFE, now) => Verdict::Known(
                    identity(&account, CredentialKind::Session, &session.id).with_service(Some(session.service)),
                ),
                Ok(_) => Verdict::Refused(Rejection::new(Reason::Unknown, "lp")),
                Err(_down) => Verdict::Refused(Rejection::new(Reason::Unavailable, "lp")),
            }
        })
    }
}

struct Setting {
    world: World,
    store: Arc<dyn Store>,
    accounts: AccountService,
    clock: Arc<ManualClock>,
}

async fn setting_with(settings: Settings) -> Setting {
    let (store, clock) = (test_store(), Arc::new(ManualClock::new(start())));
    let (accounts, _basic) = accounts(&store, &clock);
    let sessions = TestSessions(Arc::clone(&store));
    let tracker = LpTracker::new(accounts.clone(), Arc::new(sessions.clone()), settings);
    let world = World::new(&tracker, vec![Arc::new(sessions)], Arc::clone(&clock));
    let setting = Setting { world, store, accounts, clock };
    setting.user("somebody", "u@example.com").await;
    setting
}

async fn setting() -> Setting {
    setting_with(Settings::default()).await
}

impl Setting {
    async fn user(&self, name: &str, email: &str) -> Account {
        let new = Registration {
            name: name.to_owned(),
            email: Some(email.to_owned()),
            password: Some("goodgood".into()),
            state: AccountState::Active,
            grants: Grants::EVERYDAY,
        };
        self.accounts.register(new, &Origin::operator()).await.unwrap()
    }

    async fn sign_in(&self, login: &str, service: &str) -> Result<String, String> {
        let body = format!(r#"{{"login":"{login}","password":"goodgood","service":"{service}","version":"1.0"}}"#);
        let response = self.world.ask(Method::POST, "/login", &[], body).await;
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        match body["result"]["token"].as_str() {
            Some(token) => Ok(token.to_owned()),
            None => Err(String::from_utf8(response.body().to_vec()).unwrap()),
        }
    }

    async fn is_live(&self, token: &str) -> bool {
        let response = self.world.get("/projects", &[("token", token)]).await;
        response.body().starts_with(b"{\"status\":\"success\"")
    }
}

#[tokio::test]
async fn the_manual_s_commands_work_as_printed() {
    let mut setting = setting().await;
    setting.world.run(include_str!("transcripts/manual.txt")).await;
    assert_eq!(setting.world.kept("sdk").len(), 32);
}

#[tokio::test]
async fn enu_01_sld_13_sld_19_refusals_are_as_recorded() {
    setting().await.world.run(include_str!("transcripts/refusals.txt")).await;
}

#[tokio::test]
async fn sld_05_a_second_user_of_an_address_is_refused_without_names() {
    let mut setting = setting().await;
    setting.user("other", "o@example.com").await;
    let token = setting.sign_in("somebody", "A").await.unwrap();
    let refused = setting.sign_in("other", "B").await.unwrap_err();
    let expected =
        r#"{"status":"error","errors":[{"code":403,"message":"Another user is signed in from this address"}]}"#;
    assert_eq!(refused, expected);
    assert!(setting.is_live(&token).await);
    let told = setting.store.audit(AuditFilter { account: None, limit: 1 }).await.unwrap();
    assert_eq!((&*told[0].name, &*told[0].outcome), ("other", "address_taken"));
    setting.world.client = "127.0.0.2".parse().unwrap();
    assert!(setting.sign_in("other", "B").await.is_ok());
    setting.world.client = "127.0.0.1".parse().unwrap();
    setting.world.ask(Method::POST, "/logout", &[("token", &token)], "[]").await;
    assert!(setting.sign_in("other", "B").await.is_ok());
}

#[tokio::test]
async fn sld_07_one_user_has_any_number_of_services() {
    let setting = setting().await;
    let mut tokens = Vec::new();
    for service in ["A", "B", "A"] {
        tokens.push(setting.sign_in("somebody", service).await.unwrap());
    }
    setting.world.ask(Method::POST, "/logout", &[("token", &tokens[0])], "").await;
    let mut live = Vec::new();
    for token in &tokens {
        live.push(setting.is_live(token).await);
    }
    assert_eq!(live, [false, true, true]);
}

#[tokio::test]
async fn sld_14_every_sign_in_makes_a_new_token() {
    let setting = setting().await;
    let first = setting.sign_in("somebody", "A").await.unwrap();
    let body = r#"{"login":"somebody","password":"goodgood","service":"A","version":"1.0","token":"0123456789abcdef0123456789abcdef"}"#;
    let response = setting.world.ask(Method::POST, "/login", &[("token", &first)], body).await;
    let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    let second = body["result"]["token"].as_str().unwrap();
    assert!(second != first && second != "0123456789abcdef0123456789abcdef");
    assert!(setting.is_live(&first).await && setting.is_live(second).await);
}

#[tokio::test]
async fn a_token_at_its_end_is_told_like_an_unknown_one() {
    let setting = setting().await;
    let token = setting.sign_in("somebody", "A").await.unwrap();
    setting.clock.advance(LIFE.idle);
    let response = setting.world.get("/staff", &[("token", &token)]).await;
    let expected = r#"{"status":"error","errors":[{"code":401,"message":"Invalid token"}]}"#;
    assert_eq!(status_and_body(&response), (StatusCode::OK, expected));
}

#[tokio::test]
async fn log_03_the_service_signs_audit_entries() {
    let setting = setting().await;
    let token = setting.sign_in("somebody", "Night <shift>").await.unwrap();
    setting.world.ask(Method::POST, "/logout", &[("token", &token)], "[]").await;
    let told = setting.store.audit(AuditFilter { account: None, limit: 2 }).await.unwrap();
    let told: Vec<_> =
        told.iter().map(|entry| (entry.action.code(), &*entry.service, &*entry.actor, &*entry.outcome)).collect();
    let expected =
        [("session.end", "Night <shift>", "somebody", "done"), ("sign-in", "Night <shift>", "somebody", "done")];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn real_statuses_are_those_of_the_body() {
    let setting = setting_with(Settings { statuses: Statuses::Real }).await;
    let login = setting.world.ask(Method::POST, "/login", &[], "{}").await;
    assert_eq!(login.status(), StatusCode::BAD_REQUEST);
    let projects = setting.world.get("/projects", &[]).await;
    assert_eq!(projects.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(setting.world.get("/nowhere", &[]).await.status(), StatusCode::NOT_FOUND);
    let wrong = r#"{"login":"somebody","password":"bad","service":"A","version":"1.0"}"#;
    assert_eq!(setting.world.ask(Method::POST, "/login", &[], wrong).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_store_that_is_down_is_503_in_the_body() {
    let setting = setting().await;
    let token = setting.sign_in("somebody", "A").await.unwrap();
    setting.store.close().await.unwrap();
    let expected = r#"{"status":"error","errors":[{"code":503,"message":"Service unavailable"}]}"#;
    assert_eq!(setting.sign_in("somebody", "A").await.unwrap_err(), expected);
    let response = setting.world.ask(Method::POST, "/logout", &[("token", &token)], "[]").await;
    assert_eq!(status_and_body(&response), (StatusCode::OK, expected));
}

#[tokio::test]
async fn brt_14_what_is_no_session_is_not_signed_out() {
    let setting = setting().await;
    let account = setting.user("other", "o@example.com").await;
    let token = identity(&account, CredentialKind::ApiToken, "tk1").with_grants("points:write".parse().unwrap());
    let sessions = Arc::new(TestSessions(Arc::clone(&setting.store)));
    let tracker = LpTracker::new(setting.accounts.clone(), sessions, Settings::default());
    let world = World::new(&tracker, vec![Arc::new(Always(token))], Arc::clone(&setting.clock));
    let logout = world.ask(Method::POST, "/logout", &[("test", "test")], "").await;
    assert!(logout.body().starts_with(b"{\"status\":\"error\",\"errors\":[{\"code\":400,"));
    let projects = world.get("/projects", &[("test", "test")]).await;
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
    let setting = runtime.block_on(setting());
    proptest!(ProptestConfig::with_cases(256), |(
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            "[{}\\[\\]\":,0-9a-fnul\\\\]{0,60}".prop_map(String::into_bytes),
            "\\{(\"(login|password|service|version)\":(\"(1.0|a)\"|1|\\[\\]|null),?){0,6}\\}*".prop_map(String::into_bytes),
        ],
    )| {
        let response = runtime.block_on(setting.world.ask(Method::POST, "/login", &[], body));
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        let code = body["errors"][0]["code"].as_u64();
        prop_assert!(code == Some(400) || code == Some(401), "{}", body);
    });
}

#[tokio::test]
async fn dos_06_deep_and_long_json_is_a_bad_request() {
    let setting = setting().await;
    let deep = format!("{{\"login\":{}", "[".repeat(10_000));
    let number = format!("{{\"login\":{}}}", "9".repeat(15_000));
    let surrogate = r#"{"login":"\ud800","password":"goodgood","service":"A","version":"1.0"}"#.to_owned();
    let many = format!("{{{}\"z\":1}}", "\"a\":1,".repeat(1000));
    let long = format!("{{\"login\":\"{}\"}}", "a".repeat(16 << 10));
    for (body, code) in [(deep, 400), (number, 400), (surrogate, 400), (many, 400), (long, 413)] {
        let response = setting.world.ask(Method::POST, "/login", &[], body).await;
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body["errors"][0]["code"], code);
    }
}
