//! The configuration as it runs: every value there, every name resolved, every unsafe setting refused.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use ipnet::IpNet;
use trackgate_schemes::HashPool;

use super::error::Fault;
use super::units::{Size, Time};
use super::{Overrides, written};

mod admin;
mod fittrackee;
mod forward_auth;
mod livetracking;
mod login;
mod mail;
mod pages;
mod rewrite;
mod routes;
mod schemes;
mod secrets;
mod translation;
mod upgrades;
mod upstreams;

pub use admin::Admin;
use fittrackee::Links;
pub use fittrackee::{FitTrackee, PrivacyPolicy};
pub use forward_auth::ForwardAuth;
pub use livetracking::{Compat, LiveTracking, Visibility, Watch};
pub use login::{Login as UpstreamLogin, Sign};
pub use mail::{Login, Mail, MailTls};
pub use pages::{AccountPages, Pages, ReachedBy};
pub(crate) use pages::{PLAIN_COOKIE, SECURE_COOKIE};
pub use rewrite::Rewrite;
pub(crate) use routes::same_shape;
pub use routes::{Access, Match, RateRule, Route, Rule, Target};
pub use schemes::{Scheme, SchemeKind};
pub use secrets::{SecretError, SecretRef};
pub use translation::{Credentials, Jwt, Source, Translation};
pub use upstreams::{Upstream, UpstreamHealth, UpstreamLimits, UpstreamTls};
pub use written::{Algorithm, Claims, ClientHeader, Http, IdentityForm, IpMode, LogFormat, OnConflict, RateBy};

/// The configuration as it runs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where stores and generated keys live.
    pub data_dir: PathBuf,
    /// Where and how to listen.
    pub listen: Listen,
    /// The listener for those who run the gateway; `None` when it is off.
    pub admin: Option<Admin>,
    /// What a request may be, and how long it may take.
    pub limits: Limits,
    /// The URL of the store.
    pub store: StoreUrl,
    /// The form of log lines; `None` to choose by where they go.
    pub log_format: Option<LogFormat>,
    /// Whether to write access lines.
    pub access_log: bool,
    /// Hashing and memory of passwords.
    pub passwords: Passwords,
    /// The guard against guessing.
    pub guessing: Guessing,
    /// The server that takes letters; `None` when mail is off.
    pub mail: Option<Mail>,
    /// The schemes, by name, in the order of their names.
    pub schemes: Vec<Scheme>,
    /// Settings of the in-process trackers.
    pub trackers: Trackers,
    /// Settings of the gateway's own pages.
    pub pages: Pages,
    /// The servers to forward to, in the order of their names.
    pub upstreams: Vec<Upstream>,
    /// Where other proxies ask; `None` when they cannot.
    pub forward_auth: Option<ForwardAuth>,
    /// Where the keys are that seal links.
    pub links: LinkKeyRefs,
    /// What is answered.
    pub routes: Vec<Route>,
    /// What an operator should think about, though it loads.
    pub warnings: Vec<String>,
}

/// Where and how to listen.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Listen {
    /// Address and port.
    pub address: SocketAddr,
    /// Certificate and key files.
    pub tls: Option<Tls>,
    /// Proxies whose forwarding header is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they name the client.
    pub client_header: ClientHeader,
    /// Peers that speak the PROXY protocol.
    pub proxy_protocol: Vec<IpNet>,
    /// Threads that serve requests.
    pub threads: usize,
}

/// Certificate and key files, both there when checked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tls {
    /// The certificate chain.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What a request may be, and how long it may take.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Request head in bytes.
    pub head_bytes: usize,
    /// Header lines.
    pub head_lines: usize,
    /// Request target in bytes.
    pub target_bytes: usize,
    /// Request body in bytes, unless the route says otherwise.
    pub body_bytes: u64,
    /// Time for a whole request head.
    pub head_timeout: Duration,
    /// Time between pieces of a request body.
    pub body_timeout: Duration,
    /// Time that a client may take to read a piece of the answer.
    pub response_timeout: Duration,
    /// Time that a connection may stay open between requests.
    pub keep_alive: Duration,
    /// Time that a tunnel may stay open with nothing passing; `None` for ever.
    pub tunnel_idle: Option<Duration>,
    /// Open connections.
    pub connections: usize,
    /// Time that running requests get when the gateway stops.
    pub grace: Duration,
}

/// The URL of the store. It may hold a password and prints as `[redacted]` then.
#[derive(Clone)]
pub struct StoreUrl(SecretRef);

/// Hashing and memory of passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Passwords {
    /// How long a verified password is remembered.
    pub remember: Duration,
    /// Hashing threads.
    pub threads: usize,
    /// Sign-ins that may wait for a thread.
    pub queue: usize,
}

/// The guard against guessing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Guessing {
    /// Wrong passwords for one account before it is locked.
    pub per_account: NonZeroU32,
    /// Wrong passwords from one network before it is locked.
    pub per_network: NonZeroU32,
    /// Time in which they count, and for which a lock lasts.
    pub window: Duration,
}

/// Settings of the in-process trackers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Trackers {
    /// Live Tracking.
    pub livetracking: LiveTracking,
    /// Whether LPTracker errors carry their code as HTTP status.
    pub lptracker_real_status: bool,
    /// The IANA time zone of session tracker users who have not chosen one.
    pub sessions_time_zone: String,
    /// FitTrackee.
    pub fittrackee: FitTrackee,
}

/// The `Host` that an upstream is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Host {
    /// What the client sent.
    Client,
    /// This one.
    Named(String),
    /// The upstream's own name.
    Upstream,
}

/// Where the keys are that seal links.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkKeyRefs {
    /// The one that seals; a missing file is made.
    pub key: SecretRef,
    /// Those that sealed before.
    pub previous: Vec<SecretRef>,
}

impl StoreUrl {
    /// The URL itself, read now; relative SQLite files are below the data folder.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if the reference cannot be read.
    pub fn resolve(&self, data_dir: &Path) -> Result<String, SecretError> {
        let url = self.0.read_text()?;
        Ok(match url.strip_prefix("sqlite:") {
            Some(file) if !Path::new(file).is_absolute() => format!("sqlite:{}", data_dir.join(file).display()),
            _ => url,
        })
    }
}

impl std::fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

pub(super) fn check(written: written::Config, base: &Path, overrides: &Overrides) -> Result<Config, Fault> {
    let mut warnings = Vec::new();
    let data_dir = overrides.data_dir.clone().unwrap_or_else(|| PathBuf::from("trackgate-data"));
    let listen = listen(&written.listen, base, overrides, &mut warnings).map_err(|fault| fault.under("listen"))?;
    let admin = match &written.admin {
        Some(admin) => Some(admin::check(admin, &listen).map_err(|fault| fault.under("admin"))?),
        None => None,
    };
    let limits = limits(&written.limits).map_err(|fault| fault.under("limits"))?;
    let store = store(written.store, base).map_err(|fault| fault.under("store"))?;
    let passwords = passwords(&written.passwords).map_err(|fault| fault.under("passwords"))?;
    let guessing = guessing(&written.guessing).map_err(|fault| fault.under("guessing"))?;
    let mail = match &written.mail {
        Some(mail) => Some(mail::check(mail, base, &mut warnings).map_err(|fault| fault.under("mail"))?),
        None => None,
    };
    let schemes = schemes::check(written.schemes, base).map_err(|fault| fault.under("schemes"))?;
    let pages = pages::check(written.pages, &listen).map_err(|fault| fault.under("pages"))?;
    let mut upstreams = Vec::new();
    for (name, upstream) in written.upstreams {
        let checked =
            upstreams::check(&name, upstream, base).map_err(|fault| fault.under(name.as_str()).under("upstreams"))?;
        upstreams.push(checked);
    }
    let links = link_keys(&written.links, base, &data_dir).map_err(|fault| fault.under("links"))?;
    let routes = routes::check(written.routes, &schemes, &upstreams, &limits, base, &mut warnings)
        .map_err(|fault| fault.under("routes"))?;
    for upstream in &upstreams {
        if !routes.iter().any(|route| matches!(&route.target, Target::Upstream { name, .. } if *name == upstream.name))
        {
            warnings.push(format!("no route leads to the upstream `{}`", upstream.name));
        }
    }
    let forward_auth = match &written.forward_auth {
        Some(written) => {
            Some(forward_auth::check(written, base, &mut warnings).map_err(|fault| fault.under("forward_auth"))?)
        }
        None => None,
    };
    forward_auth::warn(forward_auth.as_ref(), &routes, &mut warnings);
    let is_mounted = |route: &Route| matches!(&route.target, Target::Tracker(name) if name == "fittrackee");
    let mailed = if mail.is_some() && routes.iter().any(is_mounted) { Links::Sent } else { Links::NotSent };
    let trackers = trackers(written.trackers, base, mailed).map_err(|fault| fault.under("trackers"))?;
    Ok(Config {
        data_dir,
        listen,
        admin,
        limits,
        store,
        log_format: written.log.format,
        access_log: written.log.access.unwrap_or(true),
        passwords,
        guessing,
        mail,
        schemes,
        trackers,
        pages,
        upstreams,
        forward_auth,
        links,
        routes,
        warnings,
    })
}

/// Certificate and key, if both files are there.
fn tls(written: Option<&written::Tls>, base: &Path) -> Result<Option<Tls>, Fault> {
    let Some(written) = written else { return Ok(None) };
    let tls = Tls { cert: base.join(&written.cert), key: base.join(&written.key) };
    for (key, file) in [("cert", &tls.cert), ("key", &tls.key)] {
        if !file.is_file() {
            return Err(Fault::new(format!("there is no file {}", file.display())).under(key).under("tls"));
        }
    }
    Ok(Some(tls))
}

/// Whether credentials travel to this address in clear, beyond this machine.
///
/// # Errors
///
/// They would, and nobody said that they may.
fn is_in_clear(address: SocketAddr, tls: Option<&Tls>, may_be: bool) -> Result<bool, Fault> {
    let is = tls.is_none() && !address.ip().is_loopback();
    if is && !may_be {
        return Err(Fault::new(format!(
            "{address} is not a loopback address and there is no `tls`: credentials would travel in clear; add `tls`, or \
             `allow_plain = true` if that is what you want"
        )));
    }
    Ok(is)
}

fn listen(
    written: &written::Listen,
    base: &Path,
    overrides: &Overrides,
    warnings: &mut Vec<String>,
) -> Result<Listen, Fault> {
    let default = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
    let address = overrides.listen.or(written.address).unwrap_or(default);
    let tls = tls(written.tls.as_ref(), base)?;
    if is_in_clear(address, tls.as_ref(), written.allow_plain).map_err(|fault| fault.under("address"))? {
        warnings.push(format!("listening on {address} without TLS: credentials travel in clear"));
    }
    for (key, nets) in [("trusted_proxies", &written.trusted_proxies), ("proxy_protocol", &written.proxy_protocol)] {
        if let Some(index) = nets.iter().position(|net| net.prefix_len() == 0) {
            let message =
                "a network that holds every address would let anybody choose their own address; list your proxies";
            return Err(Fault::new(message).under(index).under(key));
        }
    }
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = written.threads.unwrap_or(cores);
    if !(1..=1024).contains(&threads) {
        return Err(Fault::new("from 1 to 1024 threads can serve requests").under("threads"));
    }
    Ok(Listen {
        address,
        tls,
        trusted_proxies: written.trusted_proxies.clone(),
        client_header: written.client_header.unwrap_or_default(),
        proxy_protocol: written.proxy_protocol.clone(),
        threads,
    })
}

fn limits(written: &written::Limits) -> Result<Limits, Fault> {
    let bytes = |key: &str, size: Option<Size>, default: u64, least: u64, most: u64| {
        let bytes = size.map_or(default, |size| size.0);
        if !(least..=most).contains(&bytes) {
            return Err(Fault::new(format!("from {} to {} fit here", Size(least), Size(most))).under(key));
        }
        Ok(bytes)
    };
    let time = |key: &str, time: Option<Time>, default: Duration| nonzero(key, time, default);
    let head_lines = usize::from(written.head_lines.unwrap_or(100));
    if !(8..=1000).contains(&head_lines) {
        return Err(Fault::new("from 8 to 1000 lines fit here").under("head_lines"));
    }
    let connections = written.connections.unwrap_or(10_000);
    if connections == 0 {
        return Err(Fault::new("0 connections would serve nobody").under("connections"));
    }
    let head_bytes = bytes("head", written.head, 32 << 10, 8 << 10, 1 << 20)?;
    Ok(Limits {
        head_bytes: usize::try_from(head_bytes).unwrap_or(usize::MAX),
        head_lines,
        target_bytes: usize::try_from(bytes("target", written.target, 8 << 10, 256, head_bytes)?).unwrap_or(usize::MAX),
        body_bytes: bytes("body", written.body, 1 << 20, 0, 1 << 40)?,
        head_timeout: time("head_timeout", written.head_timeout, Duration::from_secs(10))?,
        body_timeout: time("body_timeout", written.body_timeout, Duration::from_secs(30))?,
        response_timeout: time("response_timeout", written.response_timeout, Duration::from_mins(1))?,
        keep_alive: time("keep_alive", written.keep_alive, Duration::from_mins(1))?,
        tunnel_idle: Some(written.tunnel_idle.map_or(Duration::from_hours(1), |time| time.0))
            .filter(|time| !time.is_zero()),
        connections,
        grace: written.grace.map_or(Duration::from_secs(10), |time| time.0),
    })
}

fn store(written: written::Store, base: &Path) -> Result<StoreUrl, Fault> {
    let text = written.url.unwrap_or_else(|| "sqlite:trackgate.db".to_owned());
    let fault = |message: String| Fault::new(message).under("url");
    if text.starts_with("file:") || text.starts_with("env:") {
        return SecretRef::parse(&text, base).map(StoreUrl).map_err(fault);
    }
    let is_postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
    if !is_postgres && !text.starts_with("sqlite:") {
        return Err(fault(format!("`{text}` is neither `sqlite:FILE` nor `postgres://…`")));
    }
    let holds_password = text.split_once("://").and_then(|(_, rest)| rest.split('/').next()?.rsplit_once('@'));
    if holds_password.is_some_and(|(user, _host)| user.contains(':')) || text.contains("password=") {
        let message = "the URL holds a password: put it into a file or variable and write `file:PATH` or `env:NAME`";
        return Err(fault(message.to_owned()));
    }
    Ok(StoreUrl(SecretRef::plain(text)))
}

fn passwords(written: &written::Passwords) -> Result<Passwords, Fault> {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = written.threads.unwrap_or_else(|| cores.saturating_sub(1).max(1));
    if !(1..=256).contains(&threads) {
        return Err(Fault::new("from 1 to 256 threads can hash").under("threads"));
    }
    let remember = written.remember.map_or(Duration::from_mins(5), |time| time.0);
    if remember > Duration::from_hours(1) {
        return Err(Fault::new("a password is remembered for 1h at most").under("remember"));
    }
    let queue = written.queue.unwrap_or(HashPool::QUEUE_PER_THREAD * threads);
    Ok(Passwords { remember, threads, queue })
}

fn guessing(written: &written::Guessing) -> Result<Guessing, Fault> {
    let count = |key: &str, count: Option<u32>, default: u32| {
        let none = || Fault::new("0 wrong guesses would lock everybody out").under(key);
        NonZeroU32::new(count.unwrap_or(default)).ok_or_else(none)
    };
    Ok(Guessing {
        per_account: count("per_account", written.per_account, 10)?,
        per_network: count("per_network", written.per_network, 50)?,
        window: nonzero("window", written.window, Duration::from_mins(15))?,
    })
}

fn trackers(written: written::Trackers, base: &Path, links: Links) -> Result<Trackers, Fault> {
    let zone = written.sessions.time_zone.unwrap_or_else(|| "UTC".to_owned());
    if jiff::tz::TimeZone::get(&zone).is_err() {
        let message = format!("`{zone}` is not an IANA time zone such as Europe/Berlin");
        return Err(Fault::new(message).under("time_zone").under("sessions"));
    }
    let livetracking = livetracking::check(&written.livetracking).map_err(|fault| fault.under("livetracking"))?;
    Ok(Trackers {
        livetracking,
        lptracker_real_status: written.lptracker.real_status,
        sessions_time_zone: zone,
        fittrackee: fittrackee::check(written.fittrackee, base, links).map_err(|fault| fault.under("fittrackee"))?,
    })
}

fn link_keys(written: &written::Links, base: &Path, data_dir: &Path) -> Result<LinkKeyRefs, Fault> {
    let key = match &written.key {
        Some(text) => SecretRef::parse(text, base).map_err(|message| Fault::new(message).under("key"))?,
        None => SecretRef::of_file(data_dir.join("links.key")),
    };
    let previous = written.previous_keys.iter().enumerate().map(|(index, text)| {
        SecretRef::parse(text, base).map_err(|message| Fault::new(message).under(index).under("previous_keys"))
    });
    Ok(LinkKeyRefs { key, previous: previous.collect::<Result<_, _>>()? })
}

fn nonzero(key: &str, time: Option<Time>, default: Duration) -> Result<Duration, Fault> {
    match time.map_or(default, |time| time.0) {
        Duration::ZERO => Err(Fault::new("0 is no time at all").under(key)),
        time => Ok(time),
    }
}
