//! LPTracker Direct API: sign-in and sign-out by token, and the two lists that a client starts with.
//!
//! A sign-in names a service, which signs every action done with the token; the token travels in the
//! `token` header and lives for 24 hours after its last use; from one address only one user can be signed
//! in, with any number of services. Those rules are the sliding scheme's; this is the API around it.
//!
//! Every answer is HTTP 200 with an envelope that says how it went, unless [`Statuses::Real`] is set.
//!
//! `GET /projects` and `GET /staff` show the account as its one project and its one employee. Their
//! fields are those that the vendor's client library reads: `id`, `name`, `page`, `domain` and `id`,
//! `name`, `job`, `type`, `last_login_at`, `created_at`, the last two in seconds since 1970. The other
//! end points of the original are there to be proxied (contract section 6).
//!
//! The manual's own sign-in example ends in one brace too many, and users paste it: what follows the
//! first JSON value of a sign-in is not looked at.

use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::Response;
use trackgate_schemes::store::Account;
use trackgate_schemes::{Rejection, Secret};

use crate::accounts::AccountService;
use crate::layer::{Dialect, Refusal};
use crate::message::because;
use crate::trackers::{Call, Endpoint, Handler, Manual, Tracker, whole};

mod dialect;
mod operations;
mod routes;

#[cfg(test)]
mod tests;

pub use dialect::LpDialect;

/// The tracker.
#[derive(Clone, Debug)]
pub struct LpTracker {
    state: Arc<State>,
}

/// How the tracker answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// The HTTP statuses of its errors.
    pub statuses: Statuses,
}

/// The HTTP statuses of errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Statuses {
    /// 200, as in the original: the code is in the body alone.
    #[default]
    AlwaysOk,
    /// The code of the body.
    Real,
}

/// Opens the sessions that sign-ins ask for: the sliding scheme, behind a trait so that this tracker need
/// not know it.
pub trait OpenSession: fmt::Debug + Send + Sync + 'static {
    /// Opens a session of this account for this service.
    ///
    /// # Errors
    ///
    /// [`Reason::AddressTaken`](trackgate_schemes::Reason::AddressTaken) when another user is signed in
    /// from that address, or what keeps the store from answering.
    fn open<'a>(
        &'a self,
        account: &'a Account,
        service: &'a str,
        client: Option<IpAddr>,
        now: SystemTime,
    ) -> Opening<'a>;
}

/// The answer of [`OpenSession::open`].
pub type Opening<'a> = Pin<Box<dyn Future<Output = Result<OpenedSession, Rejection>> + Send + 'a>>;

/// A session that was just opened.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever opens sessions builds it")]
pub struct OpenedSession {
    /// Its token, to be shown once.
    pub token: Secret,
    /// Its public id.
    pub id: Arc<str>,
}

#[derive(Debug)]
struct State {
    accounts: AccountService,
    sessions: Arc<dyn OpenSession>,
    dialect: LpDialect,
}

impl LpTracker {
    /// The tracker over these accounts, which opens its sessions there.
    pub fn new(accounts: AccountService, sessions: Arc<dyn OpenSession>, settings: Settings) -> Self {
        Self { state: Arc::new(State { accounts, sessions, dialect: LpDialect::new(settings.statuses) }) }
    }

    /// A handler whose rejections are worded here.
    fn on<A>(&self, answer: fn(Arc<State>, Call) -> A) -> impl Handler + use<A>
    where
        A: Future<Output = Result<Response<Bytes>, Rejection>> + Send + 'static,
    {
        let state = Arc::clone(&self.state);
        move |call| {
            let dialect = state.dialect;
            let answer = answer(Arc::clone(&state), call);
            async move { whole(answer.await.unwrap_or_else(|why| because(&why, dialect.render(&Refusal::new(&why))))) }
        }
    }
}

impl Tracker for LpTracker {
    fn id(&self) -> &'static str {
        ID
    }

    fn dialect(&self) -> Arc<dyn Dialect> {
        Arc::new(self.state.dialect)
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        routes::endpoints(self)
    }

    fn manual(&self) -> Manual {
        operations::manual(self.state.dialect.statuses())
    }
}

const ID: &str = "lptracker";
