//! Live Tracking HTTP API: the account end points (contract sections 2 to 4).
//!
//! The original is a PHP program for accounts beside an InfluxDB for samples. This is the first of the
//! two: registration, the user list, who am I, change of password, deletion, clock and `/ping`.
//! Everything is JSON as PHP writes it; requests are forms, JSON or multipart.
//!
//! What differs from the original on purpose:
//!
//! - Missing credentials are 401 and wrong ones 403, as the manual says.
//! - `email` at registration, which the manual names and the original ignores, is kept when it is an
//!   address that nobody has, so that the same account can sign in where that is done by e-mail; else it
//!   is ignored in silence, so that nobody learns whose address is known.
//! - `X-HTTP-Method-Override` and `_METHOD` have no effect.
//! - Quotes and `;` may stand in a password.
//! - `OPTIONS` is answered on every path that exists, not on those that do not.
//! - A limited API token as the password of HTTP Basic changes no password and deletes no account.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use trackgate_schemes::Rejection;

use crate::accounts::AccountService;
use crate::layer::{Dialect, Refusal};
use crate::trackers::{Call, Endpoint, Handler, Manual, Tracker, whole};

mod dialect;
mod operations;
mod routes;
mod watch;
mod wire;

#[cfg(test)]
mod tests;

pub use dialect::AccountDialect;
pub use watch::{Settings as WatchSettings, Watch};

/// The tracker.
#[derive(Clone, Debug)]
pub struct LiveTracking {
    state: Arc<State>,
    watch: Option<Arc<Watch>>,
}

/// How open the tracker is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Who sees the names of others.
    pub directory: Directory,
    /// Who may register.
    pub registration: Registration,
}

/// Who sees the names of others at `/users` and `/user/{username}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Directory {
    /// Nobody: `/users` asks for credentials and shows the caller alone, and other names are not found.
    Closed,
    /// Everybody, as in the original.
    #[default]
    Open,
}

/// Who may register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Registration {
    /// Nobody: 403.
    Closed,
    /// Everybody, as in the original.
    #[default]
    Open,
}

#[derive(Debug)]
struct State {
    accounts: AccountService,
    settings: Settings,
}

impl LiveTracking {
    /// The tracker over these accounts.
    pub fn new(accounts: AccountService, settings: Settings) -> Self {
        Self { state: Arc::new(State { accounts, settings }), watch: None }
    }

    /// With the live pages of its riders.
    #[must_use]
    pub fn with_watch(mut self, watch: Watch) -> Self {
        self.watch = Some(Arc::new(watch));
        self
    }

    /// A handler whose rejections are worded here.
    fn on<A>(&self, answer: fn(Arc<State>, Call) -> A) -> impl Handler + use<A>
    where
        A: Future<Output = Result<Response<Bytes>, Rejection>> + Send + 'static,
    {
        let state = Arc::clone(&self.state);
        move |call| {
            let answer = answer(Arc::clone(&state), call);
            async move { whole(answer.await.unwrap_or_else(|why| AccountDialect.render(&Refusal::new(&why)))) }
        }
    }
}

impl Tracker for LiveTracking {
    fn id(&self) -> &'static str {
        ID
    }

    fn dialect(&self) -> Arc<dyn Dialect> {
        Arc::new(AccountDialect)
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        routes::endpoints(self)
    }

    fn manual(&self) -> Manual {
        operations::manual(self.state.settings)
    }

    fn stop(&self) {
        if let Some(watch) = &self.watch {
            watch.stop();
        }
    }
}

/// The version that `/ping` names: the last of the line whose protocol this is.
pub const INFLUXDB_VERSION: &str = "1.6.7";

const ID: &str = "livetracking";
