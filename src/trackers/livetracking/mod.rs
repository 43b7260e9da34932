//! Live Tracking HTTP API: accounts, samples and queries (contract sections 2 to 8).
//!
//! The original is a PHP program for accounts beside an InfluxDB for samples. The first of the two is here:
//! registration, the user list, who am I, change of password, deletion, clock and `/ping`. Everything in it is JSON
//! as PHP writes it; requests are forms, JSON or multipart. The other is in `samples`, with the line protocol in
//! `line` and its query language in `influxql`.
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
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use tokio::sync::Semaphore;
use trackgate_schemes::{Forget, Rejection, Scheme};

use crate::accounts::{AccountService, Visibility};
use crate::layer::{Dialect, Refusal};
use crate::message::because;
use crate::ports::Points;
use crate::trackers::{Call, Endpoint, Handler, Manual, Services, Tracker, whole};
use samples::{Leftovers, Room};
use scheme::{InHeader, InQuery};

mod dialect;
mod influxql;
mod line;
mod operations;
mod query;
mod routes;
mod samples;
mod scheme;
mod watch;
mod wire;

#[cfg(test)]
mod tests;

pub use dialect::AccountDialect;
pub use samples::SampleDialect;
pub use scheme::PublicReader;
pub use watch::{SHARE_HEADER, Settings as WatchSettings, Watch};

/// The tracker.
#[derive(Clone, Debug)]
pub struct LiveTracking {
    state: Arc<State>,
    /// What the paths of samples ask, where a route leaves it to the contract; none for what the other paths ask.
    schemes: Vec<Arc<dyn Scheme>>,
    watch: Option<Arc<Watch>>,
}

/// How open the tracker is, and what it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// How wrong credentials are answered at the paths of samples.
    pub compat: Compat,
    /// Who sees the names of others.
    pub directory: Directory,
    /// Whether `public` reads samples.
    pub public_reader: PublicReader,
    /// What queries may take.
    pub query: QueryLimits,
    /// Who may register.
    pub registration: Registration,
    /// Who reads the samples of riders who never said.
    pub visibility: Visibility,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            compat: Compat::default(),
            directory: Directory::default(),
            public_reader: PublicReader::default(),
            query: QueryLimits::default(),
            registration: Registration::default(),
            visibility: Visibility::Public,
        }
    }
}

/// How wrong credentials are answered at `/write` and `/query`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compat {
    /// 401, as InfluxDB does.
    Influx,
    /// 403, as the manual says.
    #[default]
    Manual,
}

/// What queries may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueryLimits {
    /// How many run at once.
    pub at_once: usize,
    /// What one may hold, in bytes.
    pub memory: usize,
    /// How long one may run.
    pub time: Duration,
}

impl Default for QueryLimits {
    fn default() -> Self {
        Self { at_once: 8, memory: 64 << 20, time: Duration::from_secs(30) }
    }
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
    points: Arc<dyn Points>,
    settings: Settings,
    /// For large bodies.
    room: Room,
    /// For queries.
    turns: Arc<Semaphore>,
    /// Kept for as long as the tracker is.
    _leftovers: Arc<dyn Forget>,
}

impl LiveTracking {
    /// The tracker over these accounts and their points.
    pub fn new(services: Services, settings: Settings) -> Self {
        let Services { accounts, points, .. } = services;
        let turns = Arc::new(Semaphore::new(settings.query.at_once));
        let leftovers = Leftovers::new(Arc::clone(accounts.store()), Arc::clone(&points));
        let leftovers: Arc<dyn Forget> = Arc::new(leftovers);
        accounts.memories().add_of_documents(&leftovers);
        let state = State { accounts, points, settings, room: Room::new(), turns, _leftovers: leftovers };
        Self { state: Arc::new(state), schemes: Vec::new(), watch: None }
    }

    /// Asking at the paths of samples by HTTP Basic, or the same pair as `u` and `p`, or by one of `others`.
    #[must_use]
    pub fn asking(mut self, basic: &Arc<dyn Scheme>, others: Vec<Arc<dyn Scheme>>) -> Self {
        let reader = self.state.settings.public_reader;
        let in_header = Arc::new(InHeader::new(Arc::clone(basic), reader));
        let in_query = Arc::new(InQuery::new(Arc::clone(basic), reader));
        self.schemes = vec![in_header, in_query];
        self.schemes.extend(others);
        self
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
            async move {
                whole(answer.await.unwrap_or_else(|why| because(&why, AccountDialect.render(&Refusal::new(&why)))))
            }
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
        let mut endpoints = routes::endpoints(self);
        endpoints.extend(samples::endpoints(self));
        endpoints
    }

    fn manual(&self) -> Manual {
        samples::told_of(operations::manual(self.state.settings))
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

/// The one policy by which points are kept, as the original names it.
const RETENTION_POLICY: &str = "livetracking";
