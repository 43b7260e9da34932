//! The end points (contract section 2).

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, header};
use trackgate_schemes::store::{Account, AccountState};
use trackgate_schemes::{
    AccountId, AccountName, Class, EmailAddress, Grants, Identity, Login, Reason, Rejection, Secret,
};

use super::{Directory, ID, LiveTracking, Registration, State};
use super::{watch, wire};
use crate::accounts::{self, ChangeError, Origin};
use crate::ports::{AuditAction, AuditEntry, Ends};
use crate::trackers::input::Fields;
use crate::trackers::json::PhpText;
use crate::trackers::{Call, Endpoint, unavailable};

type Answer = Result<Response<Bytes>, Rejection>;

pub(super) fn endpoints(tracker: &LiveTracking) -> Vec<Endpoint> {
    let users = Endpoint::new(Method::GET, "/users", tracker.on(users));
    let users = match tracker.state.settings.directory {
        Directory::Closed => users,
        Directory::Open => users.public("the user list is open, by the tracker's contract"),
    };
    let options = |path| {
        Endpoint::new(Method::OPTIONS, path, tracker.on(options)).public("a browser asks it without credentials")
    };
    // Within a path the order is that of the original's `Allow` lines.
    let mut endpoints = vec![
        Endpoint::new(Method::GET, "/", tracker.on(front_page)).public("a page about the service"),
        options("/"),
        Endpoint::new(Method::POST, "/register", tracker.on(register))
            .public("who registers has no account yet")
            .max_body(MAX_BODY_BYTES),
        options("/register"),
        users,
        options("/users"),
        Endpoint::new(Method::GET, "/user", tracker.on(user)),
        Endpoint::new(Method::DELETE, "/user", tracker.on(delete_user)).max_body(MAX_BODY_BYTES),
        options("/user"),
        options("/user/{username}"),
        Endpoint::new(Method::GET, "/user/{username}", tracker.on(user_by_name)),
        Endpoint::new(Method::POST, "/user/change-password", tracker.on(change_password)).max_body(MAX_BODY_BYTES),
        options("/user/change-password"),
        Endpoint::new(Method::GET, "/user/change-password", tracker.on(user_change_password)),
        Endpoint::new(Method::GET, "/auth", tracker.on(auth)),
        options("/auth"),
        Endpoint::new(Method::GET, "/time", tracker.on(time)).public("the clock is no secret"),
        options("/time"),
    ];
    if let Some(watch) = &tracker.watch {
        endpoints.extend(watch.endpoints());
        endpoints.extend(watch::PATHS.map(options));
    }
    endpoints
}

async fn register(state: Arc<State>, call: Call) -> Answer {
    if state.settings.registration == Registration::Closed {
        return Err(Rejection::new(Reason::Policy, ID));
    }
    let origin = Origin::nobody(ID, call.client);
    let fields = fields(call).await?;
    let mut codes = Vec::new();
    let name = fields.text("username").ok().and_then(wire::user_name);
    match &name {
        None => codes.push(INVALIDATE_USERNAME),
        Some(name) if accounts::is_reserved(name) || state.find(name).await?.is_some() => codes.push(USERNAME_DOUBLE),
        Some(_) => {}
    }
    let password = fields.secret("password").ok().filter(|password| wire::is_new_password(password.expose()));
    if password.is_none() {
        codes.push(INVALIDATE_PASSWORD);
    }
    let (Some(name), Some(password), true) = (name, password, codes.is_empty()) else {
        return Ok(wire::errors(&codes));
    };
    let wanted = accounts::Registration {
        name,
        email: state.free_address(&fields).await?,
        password: Some(password.clone()),
        state: AccountState::Active,
        grants: Grants::EVERYDAY,
    };
    let mut made = state.accounts.register(wanted.clone(), &origin).await;
    if matches!(made, Err(ChangeError::EmailTaken)) {
        // Somebody took the address at the same time.
        made = state.accounts.register(accounts::Registration { email: None, ..wanted }, &origin).await;
    }
    match made {
        Ok(account) => Ok(wire::ok(format!(
            r#"{{"status":"OK","id":"{}","username":{}}}"#,
            account.id,
            PhpText(&shown(&account.name))
        ))),
        Err(ChangeError::NameTaken) => Ok(wire::errors(&[USERNAME_DOUBLE])),
        Err(why) => Err(stopped(&why)),
    }
}

async fn users(state: Arc<State>, call: Call) -> Answer {
    let listed = match (state.settings.directory, call.identity().account()) {
        (Directory::Open, _) => state.first_accounts().await?,
        (Directory::Closed, Some(id)) => {
            state.accounts.store().account(id).await.map_err(unavailable(ID))?.into_iter().collect()
        }
        (Directory::Closed, None) => Vec::new(),
    };
    let users: Vec<_> = listed.iter().map(|account| user_object(account.id, &account.name)).collect();
    Ok(wire::ok(format!("{{\"users\":[{}]}}", users.join(","))))
}

async fn user(_state: Arc<State>, call: Call) -> Answer {
    let id = owner(call.identity())?;
    Ok(wire::ok(format!("{{\"user\":{}}}", user_object(id, call.identity().name()))))
}

async fn user_by_name(state: Arc<State>, call: Call) -> Answer {
    state.user_named(call.identity(), call.parameter("username")).await
}

/// The original has no `GET` here and takes the word for a user name.
async fn user_change_password(state: Arc<State>, call: Call) -> Answer {
    state.user_named(call.identity(), "change-password").await
}

async fn auth(_state: Arc<State>, call: Call) -> Answer {
    owner(call.identity())?;
    Ok(wire::ok(format!(r#"{{"username":{},"status":"OK"}}"#, PhpText(&shown(call.identity().name())))))
}

async fn change_password(state: Arc<State>, call: Call) -> Answer {
    let change = OwnerChange::of(&call, AuditAction::PasswordChange)?;
    let fields = fields(call).await?;
    let present = fields.secret("password").ok().filter(|password| wire::is_password(password.expose()));
    let new = fields.secret("new_password").ok().filter(|password| wire::is_new_password(password.expose()));
    let (Some(present), Some(new)) = (present, new) else {
        let codes = [(present, INVALIDATE_PASSWORD), (new, "INVALIDATE_NEW_PASSWORD")];
        let codes: Vec<_> = codes.into_iter().filter(|(value, _)| value.is_none()).map(|(_, code)| code).collect();
        return Ok(wire::errors(&codes));
    };
    change.confirm(&state, present).await?;
    let done = state.accounts.change_password(change.account, new.clone(), Ends::Credentials, &change.origin).await;
    done.map_err(|why| stopped(&why))?;
    Ok(wire::ok(STATUS_OK))
}

async fn delete_user(state: Arc<State>, call: Call) -> Answer {
    let change = OwnerChange::of(&call, AuditAction::AccountDelete)?;
    let fields = fields(call).await?;
    let present = fields.secret("password").ok().filter(|password| wire::is_password(password.expose()));
    let Some(present) = present else {
        return Ok(wire::errors(&[INVALIDATE_PASSWORD]));
    };
    change.confirm(&state, present).await?;
    state.accounts.delete(change.account, &change.origin).await.map_err(|why| stopped(&why))?;
    // The account is gone, and nobody else gets its number: what stays of it now leaves with its time.
    state.points.drop_points(change.account).await.map_err(unavailable(ID))?;
    Ok(wire::ok(STATUS_OK))
}

async fn time(_state: Arc<State>, call: Call) -> Answer {
    let since = call.now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Ok(wire::ok(format!(
        r#"{{"seconds":{},"milliseconds":{},"nanoseconds":{}}}"#,
        since.as_secs(),
        since.as_millis(),
        since.as_nanos()
    )))
}

async fn front_page(_state: Arc<State>, _call: Call) -> Answer {
    let mut response = Response::new(Bytes::from_static(FRONT_PAGE.as_bytes()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
    Ok(wire::allow_any_origin(response))
}

async fn options(_state: Arc<State>, _call: Call) -> Answer {
    Ok(wire::allow_any_origin(Response::new(Bytes::new())))
}

impl State {
    pub(super) async fn find(&self, name: &str) -> Result<Option<Account>, Rejection> {
        let Ok(name) = AccountName::parse(name) else { return Ok(None) };
        self.accounts.store().account_by_login(&Login::Name(name)).await.map_err(unavailable(ID))
    }

    /// The address at registration, if it is one and nobody has it.
    async fn free_address(&self, fields: &Fields) -> Result<Option<String>, Rejection> {
        let Ok(typed) = fields.text("email") else { return Ok(None) };
        let Ok(address) = EmailAddress::parse(typed) else { return Ok(None) };
        let known = self.accounts.store().account_by_login(&Login::Email(address)).await.map_err(unavailable(ID))?;
        Ok(known.is_none().then(|| typed.to_owned()))
    }

    /// The first accounts that are in use.
    async fn first_accounts(&self) -> Result<Vec<Account>, Rejection> {
        let mut listed: Vec<Account> = Vec::new();
        let mut after = AccountId(0);
        loop {
            let page = self.accounts.store().list_accounts(after, MAX_LISTED).await.map_err(unavailable(ID))?;
            let is_last = page.len() < MAX_LISTED as usize;
            after = page.last().map_or(after, |account| account.id);
            listed.extend(page.into_iter().filter(Account::is_active));
            if is_last || listed.len() >= MAX_LISTED as usize {
                listed.truncate(MAX_LISTED as usize);
                return Ok(listed);
            }
        }
    }

    async fn user_named(&self, who: &Identity, typed: &str) -> Answer {
        owner(who)?;
        let Some(name) = wire::user_name(typed) else { return Ok(wire::errors(&[INVALIDATE_USERNAME])) };
        let found = self.find(&name).await?.filter(|account| {
            let is_visible = self.settings.directory == Directory::Open || Some(account.id) == who.account();
            account.is_active() && is_visible
        });
        Ok(match found {
            Some(account) => wire::ok(format!("{{\"user\":{}}}", user_object(account.id, &account.name))),
            None => wire::errors(&["USERNAME_NOT_FOUND"]),
        })
    }
}

/// A change that only the owner may make, by the password once more.
struct OwnerChange {
    who: Identity,
    account: AccountId,
    origin: Origin,
    action: AuditAction,
}

impl OwnerChange {
    /// The change, if the credential at the door is one that may make it.
    fn of(call: &Call, action: AuditAction) -> Result<Self, Rejection> {
        let who = call.identity().clone();
        let admin = "account:admin".parse().expect("this is area:action");
        if !who.credential().kind.is_first_party() && !who.grants().allow(&admin) {
            return Err(Rejection::new(Reason::Grant, ID).wanting(Grants::of([admin])));
        }
        Ok(Self { account: owner(&who)?, origin: Origin::of(&who, ID, call.client), who, action })
    }

    /// Checks the password; a wrong one is `FORBIDDEN`, not a failed authentication.
    async fn confirm(&self, state: &State, password: &Secret) -> Result<(), Rejection> {
        let checked = state.accounts.check_password(ID, &self.who, password.clone(), &self.origin).await;
        let why = match checked {
            Ok(account) if account.id == self.account => return Ok(()),
            // The name was given away between the door and here.
            Ok(_other) => Rejection::new(Reason::Unknown, ID),
            Err(why) => why,
        };
        state
            .accounts
            .record(AuditEntry {
                at: state.accounts.clock().now(),
                action: self.action,
                account: Some(self.account),
                name: self.who.name().into(),
                actor: Arc::clone(&self.origin.actor),
                service: Arc::clone(&self.origin.service),
                client: self.origin.client,
                outcome: why.reason.code().into(),
                target: "".into(),
            })
            .await;
        if why.reason.class() != Class::BadCredential {
            return Err(why);
        }
        let mut denied = Rejection::new(Reason::Policy, ID);
        denied.retry_after = why.retry_after;
        Err(denied)
    }
}

/// The fields of the body; one that cannot be read has none, as in the original.
async fn fields(call: Call) -> Result<Fields, Rejection> {
    let (head, body) = call.request.into_parts();
    let body = body.read(MAX_BODY_BYTES).await.map_err(|error| Rejection::new(error.reason(), ID))?;
    Ok(Fields::read(&head.headers, &body).unwrap_or_default())
}

/// The account behind an identity; one of another issuer has none here.
fn owner(who: &Identity) -> Result<AccountId, Rejection> {
    who.account().ok_or(Rejection::new(Reason::Policy, ID))
}

fn user_object(id: AccountId, name: &str) -> String {
    format!(r#"{{"id":{id},"username":{}}}"#, PhpText(&shown(name)))
}

/// The name as this tracker shows it: in lower case, whichever door it came through.
fn shown(name: &str) -> String {
    AccountName::parse(name).map_or_else(|_| name.to_owned(), |canonical| canonical.as_str().to_owned())
}

fn stopped(why: &ChangeError) -> Rejection {
    match why {
        ChangeError::Stopped(why) => why.clone(),
        // Deleted while it was being changed: the credential is no longer good.
        ChangeError::NotFound => Rejection::new(Reason::Unknown, ID),
        _ => Rejection::new(Reason::Internal, ID),
    }
}

const INVALIDATE_PASSWORD: &str = "INVALIDATE_PASSWORD";
const INVALIDATE_USERNAME: &str = "INVALIDATE_USERNAME";
const USERNAME_DOUBLE: &str = "USERNAME_DOUBLE";
const STATUS_OK: &str = r#"{"status":"OK"}"#;

/// Enough for two passwords and an address, each as long as any may be.
const MAX_BODY_BYTES: u64 = 16 << 10;

/// The original lists no more, and has no pages.
const MAX_LISTED: u32 = 500;

const FRONT_PAGE: &str = "<!DOCTYPE html>
<html lang=\"en\">
<head><meta charset=\"utf-8\"><title>Live Tracking</title></head>
<body><h1>Live Tracking</h1><p>This is the address of a tracking service for devices and apps.</p></body>
</html>
";
