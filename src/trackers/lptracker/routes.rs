//! The end points (contract sections 2, 3 and 6).

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde::Serialize;
use trackgate_schemes::store::Account;
use trackgate_schemes::{Class, CredentialKind, Identity, Reason, Rejection, Secret};

use super::{ID, LpTracker, State};
use crate::accounts::{ChangeError, Origin};
use crate::message;
use crate::ports::{AuditAction, AuditEntry};
use crate::trackers::input::{FieldFault, Fields};
use crate::trackers::{Call, Endpoint, unavailable};

type Answer = Result<Response<Bytes>, Rejection>;

pub(super) fn endpoints(tracker: &LpTracker) -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::POST, "/login", tracker.on(login))
            .public("who signs in has no token yet")
            .max_body(MAX_BODY_BYTES),
        Endpoint::new(Method::POST, "/logout", tracker.on(logout)),
        Endpoint::new(Method::GET, "/projects", tracker.on(projects)).granted("profile:read"),
        Endpoint::new(Method::GET, "/staff", tracker.on(staff)).granted("profile:read"),
    ]
}

async fn login(state: Arc<State>, call: Call) -> Answer {
    let (client, now) = (call.client, call.now);
    let SignIn { login, password, service } = match read_sign_in(call).await? {
        Ok(sign_in) => sign_in,
        Err(message) => return Ok(state.dialect.bad_request(message)),
    };
    let origin = Origin::nobody(&service, client);
    let account = match state.accounts.sign_in(ID, &login, password, &origin).await {
        Ok(account) => account,
        Err(why) if why.reason.class() == Class::BadCredential => return Ok(state.dialect.refused_login(&why)),
        Err(why) => return Err(why),
    };
    let opened = match state.sessions.open(&account, &service, client, now).await {
        Ok(opened) => opened,
        Err(why) => {
            state.note_not_opened(&account, &origin, &why).await;
            return Err(why);
        }
    };
    let token = opened.token.expose_text().ok_or(Rejection::new(Reason::Internal, ID))?;
    let mut response = success(&Token { token })?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn logout(state: Arc<State>, call: Call) -> Answer {
    let who = call.identity();
    let origin = Origin::of(who, ID, call.client);
    let ended = match who.credential().kind {
        CredentialKind::Session => state.accounts.end_session(&who.credential().id, &origin).await,
        CredentialKind::Jwt => state.accounts.end_jwt(who, &origin).await,
        _ => return Ok(state.dialect.bad_request("This credential cannot be signed out")),
    };
    match ended {
        Ok(()) => success(&true),
        // Signed out at the same time by another request.
        Err(ChangeError::NotFound) => Err(Rejection::new(Reason::Unknown, ID)),
        Err(ChangeError::Stopped(why)) => Err(why),
        Err(_other) => Err(Rejection::new(Reason::Internal, ID)),
    }
}

async fn projects(state: Arc<State>, call: Call) -> Answer {
    let account = state.account(call.identity()).await?;
    success(&[Project { id: account.id.0, name: &account.name, page: "", domain: "" }])
}

async fn staff(state: Arc<State>, call: Call) -> Answer {
    let account = state.account(call.identity()).await?;
    let sessions = state.accounts.store().list_sessions(Some(account.id)).await.map_err(unavailable(ID))?;
    let last_login_at = sessions.iter().map(|session| session.opened_at).max();
    success(&[Employee {
        id: account.id.0,
        name: &account.name,
        job: "",
        kind: "owner",
        last_login_at: last_login_at.map(seconds),
        created_at: seconds(account.created_at),
    }])
}

impl State {
    async fn account(&self, who: &Identity) -> Result<Account, Rejection> {
        // An identity of another issuer has no account here.
        let id = who.account().ok_or(Rejection::new(Reason::Policy, ID))?;
        let account = self.accounts.store().account(id).await.map_err(unavailable(ID))?;
        account.ok_or(Rejection::new(Reason::Unknown, ID))
    }

    /// The password was right, and yet there is no session.
    async fn note_not_opened(&self, account: &Account, origin: &Origin, why: &Rejection) {
        let entry = AuditEntry {
            at: self.accounts.clock().now(),
            action: AuditAction::SignIn,
            account: Some(account.id),
            name: Arc::clone(&account.name),
            actor: Arc::clone(&account.name),
            service: Arc::clone(&origin.service),
            client: origin.client,
            outcome: why.reason.code().into(),
            target: "".into(),
        };
        self.accounts.record(entry).await;
    }
}

struct SignIn {
    login: String,
    password: Secret,
    service: String,
}

/// The fields of a sign-in, or what is wrong with them.
async fn read_sign_in(call: Call) -> Result<Result<SignIn, &'static str>, Rejection> {
    let body =
        call.request.into_body().read(MAX_BODY_BYTES).await.map_err(|error| Rejection::new(error.reason(), ID))?;
    Ok(sign_in(&body))
}

fn sign_in(body: &[u8]) -> Result<SignIn, &'static str> {
    let fields = Fields::json_at_start(body).map_err(|_unreadable| "The body is not a JSON object")?;
    let login = fields.text("login").map_err(|_fault: FieldFault| "Invalid parameter: login")?;
    let password = fields.secret("password").map_err(|_fault| "Invalid parameter: password")?;
    let service = fields.text("service").ok().filter(|name| is_service(name)).ok_or("Invalid parameter: service")?;
    match fields.text("version") {
        Ok("1.0") => {}
        _ => return Err("Invalid parameter: version"),
    }
    Ok(SignIn { login: login.to_owned(), password: password.clone(), service: service.to_owned() })
}

/// The name signs audit entries and is shown to people: one line, not blank, not endless.
fn is_service(name: &str) -> bool {
    let breaks_lines = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    !name.trim().is_empty() && name.chars().count() <= MAX_SERVICE_CHARS && !name.contains(breaks_lines)
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    status: &'static str,
    result: &'a T,
}

#[derive(Serialize)]
struct Token<'a> {
    token: &'a str,
}

#[derive(Serialize)]
struct Project<'a> {
    id: i64,
    name: &'a str,
    page: &'a str,
    domain: &'a str,
}

#[derive(Serialize)]
struct Employee<'a> {
    id: i64,
    name: &'a str,
    job: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    last_login_at: Option<u64>,
    created_at: u64,
}

fn success<T: Serialize>(result: &T) -> Answer {
    let text = serde_json::to_vec(&Envelope { status: "success", result });
    text.map(|text| message::json(StatusCode::OK, text)).map_err(|_never| Rejection::new(Reason::Internal, ID))
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Enough for four fields, each as long as any may be.
const MAX_BODY_BYTES: u64 = 16 << 10;

const MAX_SERVICE_CHARS: usize = 100;
