//! The gateway's own pages: where people sign in, make tokens, end sessions, and where administrators look after
//! accounts.
//!
//! Pages are made here whole, work without a script, and load nothing from elsewhere. Their session is a cookie; each
//! changing request carries a token of its form as well (see `guard`), and must not come from a foreign page.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode};
use trackgate_schemes::sliding::Sliding;
use trackgate_schemes::store::Life;

use crate::accounts::{AccountService, CheckLink, Links, Visibility};
use crate::config::checked;
use crate::endpoint::{Call, Endpoint, Handler};
use crate::layer::Dialect;
use crate::message::Body;

mod account;
mod admin;
mod answer;
mod assets;
mod cookies;
mod dialect;
mod form;
mod frame;
mod guard;
mod icons;
mod sign_in;
mod visit;
mod words;

use answer::Stop;
use visit::Visit;

/// How the account pages work.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a record that whoever mounts them builds")]
pub struct Settings {
    /// As configured.
    pub account: checked::AccountPages,
    /// The schemes of sliding sessions, by name, with the life-times of their sessions.
    pub sessions: Vec<(String, Life)>,
    /// Who may watch an account that never said.
    pub visibility: Visibility,
    /// The trackers that are mounted.
    pub trackers: Vec<String>,
    /// Servers behind the gateway whose accounts people link themselves; `None` for none.
    pub linked: Option<Linked>,
}

/// Servers behind the gateway whose accounts people link themselves.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a record that whoever mounts the pages builds")]
pub struct Linked {
    /// All links.
    pub links: Arc<Links>,
    /// The sets, in the order in which they are shown.
    pub sets: Vec<LinkedServer>,
}

/// A set of links, as people see it: a server.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a record that whoever mounts the pages builds")]
pub struct LinkedServer {
    /// The name of the set.
    pub name: String,
    /// Whether a name is asked for.
    pub has_user: bool,
    /// Whether the secret is kept; else it is only checked, for the account's number.
    pub keeps_secret: bool,
    /// Tells whether name and secret are right; `None` if nobody can.
    pub check: Option<Arc<dyn CheckLink>>,
}

/// The account pages.
#[derive(Clone, Debug)]
pub struct AccountPages(Arc<Shared>);

/// What all pages stand on.
#[derive(Debug)]
struct Shared {
    accounts: AccountService,
    sessions: Sliding,
    settings: Settings,
    guard: guard::Guard,
}

impl AccountPages {
    /// Pages on this account base, whose sessions this scheme opens.
    pub fn new(accounts: AccountService, sessions: Sliding, settings: Settings) -> Self {
        Self(Arc::new(Shared { accounts, sessions, settings, guard: guard::Guard::default() }))
    }

    /// What they answer.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let mut all = vec![
            self.open(Method::GET, "/account/sign-in", sign_in::form),
            self.open(Method::POST, "/account/sign-in", sign_in::sign_in),
            self.open(Method::GET, "/account/language", sign_in::language),
            self.own(Method::POST, "/account/sign-out", sign_in::sign_out),
        ];
        all.push(self.assets());
        all.extend(account::endpoints(self));
        all.extend(admin::endpoints(self));
        all
    }

    /// The wording of their refusals.
    pub fn dialect(&self) -> Arc<dyn Dialect> {
        Arc::new(dialect::PagesDialect::new(Arc::clone(&self.0)))
    }

    /// A page for whoever is signed in.
    fn own<F, A>(&self, method: Method, path: &'static str, page: F) -> Endpoint
    where
        F: Fn(Visit) -> A + Copy + Send + Sync + 'static,
        A: Future<Output = Result<Response<Bytes>, Stop>> + Send + 'static,
    {
        Endpoint::new(method, path, self.answering(page)).max_body(MAX_BODY_BYTES)
    }

    /// A page for everybody.
    fn open<F, A>(&self, method: Method, path: &'static str, page: F) -> Endpoint
    where
        F: Fn(Visit) -> A + Copy + Send + Sync + 'static,
        A: Future<Output = Result<Response<Bytes>, Stop>> + Send + 'static,
    {
        self.own(method, path, page).public("people sign in here")
    }

    /// What pages load.
    fn assets(&self) -> Endpoint {
        let shared = Arc::clone(&self.0);
        let answer = move |call: Call| {
            let answer = if let Some(asset) = assets::assets().find(call.parameter("name")) {
                asset.answer(call.request.method(), call.request.headers(), call.now)
            } else {
                let around = visit::Around::of(&shared, &call.request, call.identity());
                answer::error_page(&shared, &around, StatusCode::NOT_FOUND, "not_found").map(Body::from)
            };
            std::future::ready(answer)
        };
        Endpoint::new(Method::GET, "/account/assets/{name}", answer).public("the sign-in page loads them")
    }

    fn answering<F, A>(&self, page: F) -> impl Handler + use<F, A>
    where
        F: Fn(Visit) -> A + Copy + Send + Sync + 'static,
        A: Future<Output = Result<Response<Bytes>, Stop>> + Send + 'static,
    {
        let shared = Arc::clone(&self.0);
        move |call: Call| {
            let shared = Arc::clone(&shared);
            async move {
                let around = visit::Around::of(&shared, &call.request, call.identity());
                let answered = match Visit::new(Arc::clone(&shared), call, &around).await {
                    Ok(visit) => page(visit).await,
                    Err(stop) => Err(stop),
                };
                let mut response = match answered {
                    Ok(response) => response,
                    Err(stop) => stop.into_response(&shared, &around),
                };
                if around.is_head {
                    *response.body_mut() = Bytes::new();
                }
                response.map(Body::from)
            }
        }
    }
}

impl Shared {
    /// `Strict-Transport-Security` (RFC 6797), where TLS is.
    fn transport_security(&self) -> Option<HeaderValue> {
        let is_tls = self.settings.account.reached_by == checked::ReachedBy::Tls;
        is_tls.then_some(HeaderValue::from_static("max-age=31536000"))
    }
}

/// The scheme of their sessions, and who signs what was done before a session was there.
const ID: &str = "web";

/// Largest form in bytes.
const MAX_BODY_BYTES: u64 = 64 << 10;
