//! Putting the gateway together: from a checked configuration to something that runs.

use std::fs::DirBuilder;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use trackgate_policies::{GuessLimits, Lockout};
use trackgate_schemes::store::StoreError;
use trackgate_schemes::{Clock, Forget, HashPool, SignIn, SystemClock};

use crate::accounts::{AccountService, FollowError, Memories, Origin};
use crate::admin::{AdminError, Desk};
use crate::catalogue::{self, Catalogue, CatalogueError, Figures, OpenError, Services};
use crate::config::Config;
use crate::config::checked::{self, ClientHeader, SecretError};
use crate::gateway::{
    Asking, ForwardAuth, ForwardedHeader, Handle, Limits, Listener, Observer, Pipeline, RouteTable, Running, Shutdown,
    StartError, Streams, TlsError, TlsReloader, TrustedProxies, TrustsEverybody, start,
};
use crate::mail::{Carrier, CarrierError, Outbox, Postman, Round};
use crate::ports::{Files, Jobs, Points};
use crate::proxy::Checkup;
use crate::telemetry::AccessLog;
use crate::trackers::work::Shift;

/// What stays the same while configurations are replaced: the store, the accounts, the guess guard.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The account base.
    pub accounts: AccountService,
    /// Checks passwords.
    pub sign_in: SignIn,
    /// Counts guesses.
    pub lockout: Arc<Lockout>,
    /// Answers that end with their credential.
    pub streams: Arc<Streams>,
    /// Takes letters; `None` when mail is off.
    pub outbox: Option<Outbox>,
    /// Pictures, archives, tracks.
    pub files: Arc<dyn Files>,
    /// Samples of riders; in memory and empty for commands, since the gateway that runs has them.
    pub points: Arc<dyn Points>,
}

impl Ground {
    /// What of it trackers may use.
    pub fn services(&self) -> Services {
        Services {
            accounts: self.accounts.clone(),
            files: Arc::clone(&self.files),
            outbox: self.outbox.clone(),
            points: Arc::clone(&self.points),
        }
    }
}

/// Why the gateway could not be put together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssembleError {
    /// The admin listener cannot listen.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// What the configuration names cannot be had.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The data folder cannot be made.
    #[error("the data folder {} cannot be made", folder.display())]
    DataDir {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The folder of files cannot be used.
    #[error("the files below {} cannot be used", folder.display())]
    Files {
        /// The data folder.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The event log cannot be read.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// Letters cannot be carried.
    #[error(transparent)]
    Mail(#[from] CarrierError),
    /// A setting was changed that a reload cannot change.
    #[error("`{0}` can only be changed by a restart; the old configuration goes on")]
    NeedsRestart(&'static str),
    /// The folder of samples cannot be used.
    #[error("the samples below {} cannot be used", folder.display())]
    Points {
        /// The data folder.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Everybody would be trusted.
    #[error("the trusted proxies")]
    Proxies(#[from] TrustsEverybody),
    /// Threads cannot be had.
    #[error("the runtime cannot start")]
    Runtime(#[source] io::Error),
    /// A reference of the configuration cannot be read.
    #[error("a secret cannot be read")]
    Secret(#[from] SecretError),
    /// It cannot listen.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The store cannot be opened.
    #[error("the store cannot be opened")]
    Open(#[from] OpenError),
    /// The store answers not.
    #[error("the store does not answer")]
    Store(#[from] StoreError),
    /// The certificate cannot be used.
    #[error("TLS")]
    Tls(#[from] TlsError),
}

/// A gateway that runs.
#[derive(Debug)]
pub struct Gateway {
    config: Config,
    ground: Ground,
    catalogue: Catalogue,
    pipelines: Arc<[Arc<Pipeline>]>,
    tls: Option<TlsReloader>,
    desk: Desk,
    figures: Arc<Figures>,
    handle: Handle,
    forward_auth: Option<ForwardAuth>,
    following: tokio::task::JoinHandle<()>,
    round: Option<Round>,
    shift: Shift,
    checkup: Checkup,
    housekeeping: tokio::task::JoinHandle<()>,
    watching: tokio::task::JoinHandle<()>,
}

impl Gateway {
    /// Starts everything that a configuration names. Needs a multi-threaded tokio runtime around it, on
    /// which the store, the event log and the postman work; requests are served by threads of their own.
    ///
    /// # Errors
    ///
    /// [`AssembleError`] with what cannot be had; nothing listens then.
    ///
    /// # Panics
    ///
    /// Never: there is a pipeline for each thread.
    pub async fn start(config: Config, clock: Arc<dyn Clock>, log: AccessLog) -> Result<Self, AssembleError> {
        let tls = config.listen.tls.as_ref().map(|tls| TlsReloader::load(&tls.cert, &tls.key)).transpose()?;
        let carrier = config.mail.as_ref().map(Carrier::new).transpose()?;
        let ground = Ground { points: points(&config, &clock)?, ..ground(&config, Arc::clone(&clock)).await? };
        // From here on no change is missed, so that what schemes remember can be trusted.
        let follower = ground.accounts.follow().await?;
        let mut desk = Desk::new(config.listen.threads + 1, clock.now(), Arc::clone(ground.accounts.store()) as _);
        desk.take(desk.prepare(config.admin.as_ref())?);
        let catalogue = Catalogue::make(&config, &ground.services(), &ground.sign_in, None).await?;
        ground.accounts.memories().replace(memories(&ground, &[&catalogue]));
        let proxies = proxies(&config)?;
        let each = |core| {
            let running = Running { table: catalogue.table.with_own_connections(), proxies: proxies.clone() };
            let observer = observer(&desk, core, &running.table);
            let pipeline = Pipeline::new(running, Arc::clone(&ground.streams), Arc::clone(&clock), log.clone());
            Arc::new(pipeline.with_observer(observer))
        };
        let pipelines: Arc<[Arc<Pipeline>]> = (0..config.listen.threads).map(each).collect();
        let mut listener = Listener::new(config.listen.address).with_proxy_protocol(&config.listen.proxy_protocol);
        if let Some(tls) = &tls {
            listener = listener.with_tls(tls.clone());
        }
        let cores = NonZeroUsize::new(config.listen.threads);
        let respond = Arc::clone(&pipelines);
        let own = move |core: usize| Arc::clone(respond.get(core).expect("there is one pipeline for each core"));
        let handle = start(vec![listener], limits(&config), cores, own)?;
        let figures = Arc::new(Figures::new(
            ground.sign_in.clone(),
            Arc::clone(&ground.streams),
            Arc::clone(ground.accounts.store()),
            Arc::clone(&ground.points),
            follower.progress(),
            handle.connections(),
            &catalogue,
        ));
        desk.meter().add(Arc::clone(&figures) as _);
        desk.meter().add(Arc::new(log.clone()));
        desk.listening();
        let forward_auth = forward_auth(&config, &catalogue, |running| {
            let observer = observer(&desk, config.listen.threads, &running.table);
            let pipeline = Pipeline::new(running, Arc::clone(&ground.streams), Arc::clone(&clock), log.clone());
            pipeline.with_observer(observer)
        })?;
        let following = tokio::spawn(follower.run());
        // Last, so that a gateway that could not start has sent nothing.
        let postman = ground.outbox.clone().zip(carrier).map(|(outbox, carrier)| Postman::new(outbox, carrier));
        let round = postman.map(Postman::start);
        let shift = shift(&ground, &catalogue);
        let watching = tokio::spawn(Arc::clone(&ground.streams).watch_expiry(Arc::clone(&clock)));
        let checkup = Checkup::start(&catalogue.upstreams);
        let housekeeping = tokio::spawn(catalogue::keep_house(ground.services(), clock));
        Ok(Self {
            config,
            ground,
            catalogue,
            pipelines,
            tls,
            desk,
            figures,
            handle,
            forward_auth,
            following,
            round,
            shift,
            checkup,
            housekeeping,
            watching,
        })
    }

    /// Where it listens, as a URL.
    pub fn url(&self) -> String {
        let address = self.handle.addresses().first().copied().unwrap_or(self.config.listen.address);
        format!("{}://{address}", if self.tls.is_some() { "https" } else { "http" })
    }

    /// Where its admin listener is, as a URL; `None` when that is off.
    pub fn admin_url(&self) -> Option<String> {
        self.desk.address().map(|address| format!("http://{address}"))
    }

    /// Where other proxies ask whether a request may pass: over HTTP first, then over gRPC, as far as they may.
    pub fn forward_auth_addresses(&self) -> &[SocketAddr] {
        self.forward_auth.as_ref().map_or(&[], ForwardAuth::addresses)
    }

    /// The account base that it serves.
    pub fn accounts(&self) -> &AccountService {
        &self.ground.accounts
    }

    /// Where its trackers put letters; `None` when mail is off.
    pub fn outbox(&self) -> Option<&Outbox> {
        self.ground.outbox.as_ref()
    }

    /// Runs by another configuration from the next request on, without dropping a connection: routes,
    /// schemes, keys, upstreams and certificates. Schemes whose settings stay the same keep what they know.
    ///
    /// # Errors
    ///
    /// [`AssembleError`]; everything goes on as before then.
    pub async fn reload(&mut self, config: Config) -> Result<(), AssembleError> {
        let reloaded = self.change_to(config).await;
        self.desk.meter().reloaded(reloaded.is_ok().then(|| self.ground.accounts.clock().now()));
        reloaded
    }

    /// Counts a configuration that was to be loaded anew and could not even be read.
    pub fn note_bad_reload(&self) {
        self.desk.meter().reloaded(None);
    }

    async fn change_to(&mut self, config: Config) -> Result<(), AssembleError> {
        if let Some(fixed) = fixed_at_start(&self.config, &config) {
            return Err(AssembleError::NeedsRestart(fixed));
        }
        let catalogue =
            Catalogue::make(&config, &self.ground.services(), &self.ground.sign_in, Some(&self.catalogue)).await?;
        let proxies = proxies(&config)?;
        let admin = self.desk.prepare(config.admin.as_ref())?;
        let asking = config.forward_auth.as_ref().map(|settings| asking(settings, &config, &catalogue)).transpose()?;
        // The last thing that can fail, and what it changes is right with either configuration.
        if let Some(tls) = &self.tls {
            tls.reload()?;
        }
        if let Some(forward_auth) = &self.forward_auth {
            forward_auth.reload_tls()?;
        }
        // Both the old and the new memories must forget while requests of the old configuration run.
        self.ground.accounts.memories().replace(memories(&self.ground, &[&self.catalogue, &catalogue]));
        self.desk.take(admin);
        self.figures.replace(&catalogue);
        for (core, pipeline) in self.pipelines.iter().enumerate() {
            let table = catalogue.table.with_own_connections();
            let observer = observer(&self.desk, core, &table);
            pipeline.replace(Running { table, proxies: proxies.clone() }, observer);
        }
        if let (Some(forward_auth), Some(asking)) = (&self.forward_auth, asking) {
            let running = questioned(&catalogue);
            let observer = observer(&self.desk, self.config.listen.threads, &running.table);
            forward_auth.replace(asking, running, observer);
        }
        let routes = format!("{} routes", config.routes.len());
        self.ground.accounts.note_reload(&Origin::operator(), &routes).await;
        let before = std::mem::replace(&mut self.shift, shift(&self.ground, &catalogue));
        tokio::spawn(before.stop(self.config.limits.grace));
        self.checkup = Checkup::start(&catalogue.upstreams);
        self.catalogue.stop();
        self.catalogue = catalogue;
        self.config = config;
        Ok(())
    }

    /// Stops accepting, lets running requests, a letter and jobs under way end within the grace time, writes out
    /// what was only noted.
    ///
    /// # Errors
    ///
    /// [`AssembleError::Store`] if the store could not be closed in order.
    pub async fn shutdown(self) -> Result<Shutdown, AssembleError> {
        let grace = self.config.limits.grace;
        self.desk.draining();
        self.catalogue.stop();
        drop(self.checkup);
        let stop_mail = async {
            if let Some(round) = self.round {
                round.stop(grace).await;
            }
        };
        let stop_questions = async {
            if let Some(forward_auth) = self.forward_auth {
                forward_auth.shutdown(grace).await;
            }
        };
        let stop_requests = self.handle.shutdown(grace);
        let (ended, (), (), ()) = tokio::join!(stop_requests, stop_questions, stop_mail, self.shift.stop(grace));
        self.following.abort();
        self.housekeeping.abort();
        self.watching.abort();
        let points = self.ground.points.close().await;
        self.ground.accounts.store().close().await?;
        points?;
        Ok(ended)
    }
}

/// Opens the store of a configuration and what stands on it. Needs a tokio runtime around it, on which the
/// store then works.
///
/// # Errors
///
/// [`AssembleError`] with what cannot be had.
pub async fn ground(config: &Config, clock: Arc<dyn Clock>) -> Result<Ground, AssembleError> {
    make_data_dir(&config.data_dir)?;
    let files = catalogue::open_files(&config.data_dir);
    let files = files.map_err(|source| AssembleError::Files { folder: config.data_dir.clone(), source })?;
    ground_on(&config.store.resolve(&config.data_dir)?, files, config, clock).await
}

/// Opens the samples of a configuration, which one gateway at a time has.
fn points(config: &Config, clock: &Arc<dyn Clock>) -> Result<Arc<dyn Points>, AssembleError> {
    let points = catalogue::open_points(&config.data_dir, config.trackers.livetracking.retention, Arc::clone(clock));
    points.map_err(|source| AssembleError::Points { folder: config.data_dir.clone(), source })
}

async fn ground_on(
    url: &str,
    files: Arc<dyn Files>,
    config: &Config,
    clock: Arc<dyn Clock>,
) -> Result<Ground, AssembleError> {
    let store = catalogue::open_store(url).await?;
    let limits = GuessLimits {
        per_account: config.guessing.per_account,
        per_network: config.guessing.per_network,
        window: config.guessing.window,
        lock: config.guessing.window,
        ..GuessLimits::default()
    };
    let lockout = Arc::new(Lockout::load(limits, Arc::clone(&store) as _, clock.now()).await?);
    let pool = HashPool::new(config.passwords.threads, config.passwords.queue);
    let sign_in = SignIn::new(Arc::clone(&store) as _, Arc::clone(&lockout) as _, pool);
    let outbox = config.mail.as_ref().map(|_on| Outbox::new(Arc::clone(&store) as _, Arc::clone(&clock)));
    let accounts = AccountService::new(store, sign_in.clone(), Arc::new(Memories::default()), clock);
    let points = catalogue::scratch_points();
    Ok(Ground { accounts, sign_in, lockout, streams: Arc::default(), outbox, files, points })
}

/// Runs a task of the command line on the accounts of a configuration, and closes the store behind it.
///
/// # Errors
///
/// Those of [`ground`] and of the task.
pub fn with_accounts<T, E, F>(config: &Config, task: F) -> Result<T, E>
where
    E: From<AssembleError>,
    F: AsyncFnOnce(AccountService) -> Result<T, E>,
{
    with_ground(config, async |ground| task(ground.accounts.clone()).await)
}

/// The same with everything that stays while configurations are replaced.
///
/// # Errors
///
/// Those of [`ground`] and of the task.
pub fn with_ground<T, E, F>(config: &Config, task: F) -> Result<T, E>
where
    E: From<AssembleError>,
    F: AsyncFnOnce(&Ground) -> Result<T, E>,
{
    on_a_runtime(ground(config, Arc::new(SystemClock)), task)
}

/// The same on an empty store in memory: for looking at a configuration without touching what it names.
///
/// # Errors
///
/// Those of [`ground`] and of the task.
pub fn with_scratch<T, E, F>(config: &Config, task: F) -> Result<T, E>
where
    E: From<AssembleError>,
    F: AsyncFnOnce(&Ground) -> Result<T, E>,
{
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    on_a_runtime(ground_on("memory:", catalogue::scratch_files(Arc::clone(&clock)), config, clock), task)
}

fn on_a_runtime<T, E, F>(ground: impl Future<Output = Result<Ground, AssembleError>>, task: F) -> Result<T, E>
where
    E: From<AssembleError>,
    F: AsyncFnOnce(&Ground) -> Result<T, E>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(AssembleError::Runtime)?;
    let done = runtime.block_on(async {
        let ground = ground.await?;
        let done = task(&ground).await;
        let closed = ground.accounts.store().close().await;
        match (done, closed) {
            (Ok(_), Err(error)) => Err(AssembleError::Store(error).into()),
            (done, _) => done,
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

/// What counts and keeps what a serving thread decides; `None` while the admin listener is off.
fn observer(desk: &Desk, core: usize, table: &RouteTable) -> Option<Observer> {
    desk.thread(core).map(|(counters, ring)| Observer::new(&counters, ring.as_ref(), table))
}

/// Starts the listener at which other proxies ask, if there is to be one.
fn forward_auth(
    config: &Config,
    catalogue: &Catalogue,
    pipeline: impl FnOnce(Running) -> Pipeline,
) -> Result<Option<ForwardAuth>, AssembleError> {
    let Some(settings) = &config.forward_auth else { return Ok(None) };
    let tls = settings.tls.as_ref().map(|tls| TlsReloader::load(&tls.cert, &tls.key)).transpose()?;
    let grpc = settings.grpc.map(|address| Listener::new(address).with_prior_knowledge());
    let listeners = std::iter::once(Listener::new(settings.address)).chain(grpc).collect();
    let threads = NonZeroUsize::new(config.listen.threads);
    let asking = asking(settings, config, catalogue)?;
    let started = ForwardAuth::start(listeners, tls, limits(config), threads, asking, pipeline(questioned(catalogue)))?;
    tracing::info!("answering forward-auth on {:?}", started.addresses());
    Ok(Some(started))
}

/// Who may ask there, and what they are told.
fn asking(settings: &checked::ForwardAuth, config: &Config, catalogue: &Catalogue) -> Result<Asking, TrustsEverybody> {
    let header = ForwardedHeader::XForwardedFor;
    Ok(Asking {
        peers: TrustedProxies::new(settings.peers.clone(), header)?,
        proxies: TrustedProxies::new(config.listen.trusted_proxies.clone(), header)?,
        key: settings.assertion.then(|| Arc::clone(&catalogue.assertion)),
        audience: settings.audience.clone(),
    })
}

/// What their questions are judged by.
fn questioned(catalogue: &Catalogue) -> Running {
    Running { table: catalogue.forward_auth.clone(), proxies: TrustedProxies::default() }
}

/// Lets the trackers' workers work.
fn shift(ground: &Ground, catalogue: &Catalogue) -> Shift {
    let jobs = Arc::clone(ground.accounts.store()) as Arc<dyn Jobs>;
    Shift::start(&catalogue.workers, &jobs, ground.accounts.clock())
}

/// All that must forget: what the schemes of these catalogues remember, and the answers that still stream.
fn memories(ground: &Ground, catalogues: &[&Catalogue]) -> Vec<Arc<dyn Forget>> {
    let streams = std::iter::once(Arc::clone(&ground.streams) as Arc<dyn Forget>);
    streams.chain(catalogues.iter().flat_map(|catalogue| catalogue.schemes.memories())).collect()
}

/// The first setting that differs and that only a restart can change.
fn fixed_at_start(old: &Config, new: &Config) -> Option<&'static str> {
    let forward_auth_stays = match (&old.forward_auth, &new.forward_auth) {
        (None, None) => true,
        (Some(old), Some(new)) => old.listens_as(new),
        _ => false,
    };
    let differs = [
        ("listen.address", old.listen.address != new.listen.address),
        ("listen.tls", old.listen.tls != new.listen.tls),
        ("listen.proxy_protocol", old.listen.proxy_protocol != new.listen.proxy_protocol),
        ("listen.threads", old.listen.threads != new.listen.threads),
        ("forward_auth", !forward_auth_stays),
        ("limits", old.limits != new.limits),
        ("store.url", format!("{:?}", old.store) != format!("{:?}", new.store)),
        ("passwords", old.passwords != new.passwords),
        ("guessing", old.guessing != new.guessing),
        ("mail", old.mail != new.mail),
    ];
    differs.into_iter().find(|(_, differs)| *differs).map(|(key, _)| key)
}

fn limits(config: &Config) -> Limits {
    let mut limits = Limits::default();
    limits.head_bytes = config.limits.head_bytes;
    limits.head_lines = config.limits.head_lines;
    limits.target_bytes = config.limits.target_bytes;
    limits.head_timeout = config.limits.head_timeout;
    limits.body_idle = config.limits.body_timeout;
    limits.response_idle = config.limits.response_timeout;
    limits.keep_alive_idle = config.limits.keep_alive;
    limits.tunnel_idle = config.limits.tunnel_idle;
    limits.connections = config.limits.connections;
    limits
}

fn proxies(config: &Config) -> Result<TrustedProxies, TrustsEverybody> {
    let header = match config.listen.client_header {
        ClientHeader::Forwarded => ForwardedHeader::Forwarded,
        ClientHeader::XForwardedFor => ForwardedHeader::XForwardedFor,
    };
    TrustedProxies::new(config.listen.trusted_proxies.clone(), header)
}

fn make_data_dir(folder: &Path) -> Result<(), AssembleError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| AssembleError::DataDir { folder: folder.to_owned(), source })
}
