//! The one list of what exists: stores, schemes, policies and trackers, made from the configuration.
//!
//! Whoever adds one of them adds its folder and a line here.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use trackgate_schemes::store::{Account, StoreError};
use trackgate_schemes::{AccountId, Clock, SignIn};

use crate::accounts::{ChangeError, Origin};
use crate::config::Config;
use crate::config::checked::SecretError;
use crate::gateway::{RouteError, RouteTable};
use crate::ports::{Files, FitTrackeeSource, Points, Store};
use crate::proxy::{AssertionKey, KeyError, SettingsError, Upstream};
use crate::stores::{FolderPoints, PointsSettings};
use crate::trackers::Tracker;
use crate::trackers::work::Worker;

mod gauges;
mod openapi;
mod pages;
mod policies;
mod routes;
mod schemes;
mod trackers;
mod translate;
mod upstreams;

pub use crate::stores::{ForeignError, OpenError};
pub use crate::trackers::Services;
pub use gauges::Figures;
pub use openapi::Document;
use routes::Made;
pub use schemes::Schemes;
pub use translate::{LinkedSet, Translators, open_links};

/// Opens the store of this URL: `sqlite:FILE`, `postgres://…` or `memory:`.
///
/// # Errors
///
/// [`OpenError`] with what keeps it from opening.
pub async fn open_store(url: &str) -> Result<Arc<dyn Store>, OpenError> {
    crate::stores::open(url).await
}

/// Opens the database of a FitTrackee server, from which users come.
///
/// # Errors
///
/// [`ForeignError`] with what keeps it from being read.
pub async fn open_fittrackee(url: &str) -> Result<impl FitTrackeeSource, ForeignError> {
    crate::stores::FitTrackeeDatabase::open(url).await
}

/// Opens the folder of files below this data folder, making it where needed. Blocks.
///
/// # Errors
///
/// [`io::Error`] if it cannot be made or read.
pub fn open_files(data_dir: &Path) -> io::Result<Arc<dyn Files>> {
    Ok(Arc::new(crate::stores::FolderFiles::open(&data_dir.join("files"))?))
}

/// Opens the folder of samples below this data folder, making it where needed; they are kept for `retention`, `None`
/// for ever. Blocks.
///
/// # Errors
///
/// [`io::Error`] if it cannot be made or read, or another process has it.
pub fn open_points(data_dir: &Path, retention: Option<Duration>, clock: Arc<dyn Clock>) -> io::Result<Arc<dyn Points>> {
    let settings = PointsSettings::new(retention, clock);
    Ok(Arc::new(FolderPoints::open(&data_dir.join("points"), settings)?))
}

/// Samples that end with the process.
pub fn scratch_points() -> Arc<dyn Points> {
    Arc::new(crate::stores::MemoryPoints::default())
}

/// Files that end with the process, dated by this clock.
pub fn scratch_files(clock: Arc<dyn Clock>) -> Arc<dyn Files> {
    Arc::new(crate::stores::MemoryFiles::new(clock))
}

/// What must be done now and then while a gateway runs. Never ends.
pub async fn keep_house(services: Services, clock: Arc<dyn Clock>) {
    trackers::keep_house(services, clock).await;
}

/// Deletes an account with everything that is its own, the files that trackers keep for it too.
///
/// # Errors
///
/// [`ChangeError`] as of [`AccountService::delete`](crate::accounts::AccountService::delete).
pub async fn delete_account(services: &Services, id: AccountId, origin: &Origin) -> Result<Account, ChangeError> {
    trackers::delete_account(services, id, origin).await
}

/// Everything that a configuration names, ready to run.
#[derive(Debug)]
pub struct Catalogue {
    /// The schemes, kept for the next configuration: those that stay the same keep their memory.
    pub schemes: Schemes,
    /// What is answered.
    pub table: RouteTable,
    /// By what the questions of other proxies are judged.
    pub forward_auth: RouteTable,
    /// The OpenAPI document of the trackers' end points that are mounted, as JSON.
    pub document: Document,
    /// The key that signs assertions.
    pub assertion: Arc<AssertionKey>,
    /// What is sent to upstreams instead of the client's credentials, kept for the next configuration: sessions that
    /// are open there stay open.
    pub translators: Translators,
    /// Who does the trackers' work in the background.
    pub workers: Vec<Arc<dyn Worker>>,
    /// The upstreams to which a route leads, as one for all cores.
    pub upstreams: Vec<Upstream>,
    trackers: Vec<Arc<dyn Tracker>>,
}

/// What a configuration names cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// The key for assertions.
    #[error("the key that signs assertions cannot be read")]
    Assertion(#[from] KeyError),
    /// A route to a tracker that names what the tracker does not have.
    #[error("the route `{route}`: {detail}")]
    Endpoint {
        /// Its name.
        route: Arc<str>,
        /// What is not there, and what is like it.
        detail: String,
    },
    /// The keys that seal links.
    #[error("the keys that seal links (`links.key`, `links.previous_keys`)")]
    LinkKeys(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Two routes.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// A scheme.
    #[error("the scheme `{name}`")]
    Scheme {
        /// Its name.
        name: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A reference to a secret.
    #[error("a secret cannot be read")]
    Secret(#[from] SecretError),
    /// What a route sends to its upstream.
    #[error("`send` of the route `{route}`")]
    Send {
        /// Its name.
        route: Arc<str>,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store answers not.
    #[error("the store does not answer")]
    Store(#[from] StoreError),
    /// An upstream.
    #[error("the upstream `{name}`")]
    Upstream {
        /// Its name.
        name: String,
        /// What is wrong with it.
        #[source]
        source: SettingsError,
    },
    /// A file of an upstream.
    #[error("the upstream `{name}`: {} cannot be read", file.display())]
    UpstreamFile {
        /// Its name.
        name: String,
        /// The file.
        file: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A web application.
    #[error("`trackers.fittrackee.web_app`")]
    WebApp(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Catalogue {
    /// Makes everything that `config` names, on these services. Schemes that `before` has with the same
    /// settings are taken over.
    ///
    /// # Errors
    ///
    /// [`CatalogueError`] with the first thing that cannot be had; nothing was changed then.
    pub async fn make(
        config: &Config,
        services: &Services,
        sign_in: &SignIn,
        before: Option<&Self>,
    ) -> Result<Self, CatalogueError> {
        let accounts = &services.accounts;
        let schemes = Schemes::make(config, accounts, sign_in, before.map(|before| &before.schemes)).await?;
        let fresh = AssertionKey::generate();
        let assertion = AssertionKey::from_secret(&accounts.store().key_or_insert("assertion", &fresh).await?)?;
        let assertion = Arc::new(assertion);
        let translators = Translators::make(config, accounts, before.map(|before| &before.translators))?;
        let known = before.map_or(&[][..], |before| &before.upstreams);
        let Made { table, forward_auth, document, workers, trackers, upstreams } =
            routes::table(config, services, &schemes, &assertion, &translators, known)?;
        Ok(Self { schemes, table, forward_auth, document, assertion, translators, workers, upstreams, trackers })
    }

    /// Ends what trackers would let go on for ever: another catalogue takes over, or none.
    pub fn stop(&self) {
        for tracker in &self.trackers {
            tracker.stop();
        }
    }
}
