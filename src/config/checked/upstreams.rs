//! Upstreams as they run.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::uri::{Authority, PathAndQuery};

use super::super::address::{Address, Place};
use super::super::error::Fault;
use super::super::units::Time;
use super::super::upstreams as written;
use super::secrets::SecretRef;
use super::{Host, Http, UpstreamLogin, login, nonzero};

/// A server to forward to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Upstream {
    /// Its name.
    pub name: String,
    /// Its addresses, at least one.
    pub addresses: Vec<Address>,
    /// The HTTP that it is spoken to in.
    pub http: Http,
    /// TLS to it.
    pub tls: UpstreamTls,
    /// Time for a connection.
    pub connect_timeout: Duration,
    /// Time for the head of the answer.
    pub response_timeout: Duration,
    /// Time between pieces of a body.
    pub idle_timeout: Duration,
    /// The `Host` that it is sent.
    pub host: Host,
    /// How long a connection is kept without use.
    pub pool_idle: Duration,
    /// How many are, for each address and thread.
    pub pool_connections: usize,
    /// Health checks.
    pub health: Option<UpstreamHealth>,
    /// Failures in a row after which an address is left out, and for how long at first.
    pub eject: Option<(NonZeroU32, Duration)>,
    /// How often a request is sent again at most.
    pub retries: u32,
    /// How much is sent to it at once.
    pub limits: Option<UpstreamLimits>,
    /// How to sign in there.
    pub login: Option<UpstreamLogin>,
}

/// TLS to an upstream: files that are there when checked.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct UpstreamTls {
    /// Authorities that are trusted instead of the system's.
    pub authorities: Option<PathBuf>,
    /// The certificate to show, and its key.
    pub certificate: Option<(PathBuf, SecretRef)>,
    /// The name that the upstream's certificate must have.
    pub server_name: Option<String>,
}

/// How the addresses of an upstream are looked after.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpstreamHealth {
    /// What is asked for with `GET`, whole: an address's base path is not put before it.
    pub path: PathAndQuery,
    /// How often.
    pub every: Duration,
    /// How long the head of the answer may take, connection included.
    pub timeout: Duration,
    /// Good statuses, first and last of each range.
    pub expect: Vec<(u16, u16)>,
    /// Good answers in a row until an address that is down is up.
    pub rise: NonZeroU32,
    /// Others in a row until one that is up is down.
    pub fall: NonZeroU32,
}

/// How much is sent to an upstream at once. A request is under way until its answer's body has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpstreamLimits {
    /// Requests under way, of all threads together; at least 1.
    pub requests: usize,
    /// Further ones that may wait.
    pub queue: usize,
    /// How long they may.
    pub queue_timeout: Duration,
}

pub(super) fn check(name: &str, written: written::Upstream, base: &Path) -> Result<Upstream, Fault> {
    if !(1..=64).contains(&written.urls.len()) {
        return Err(Fault::new("an upstream has from 1 to 64 addresses").under("urls"));
    }
    for (index, address) in written.urls.iter().enumerate() {
        if written.urls.iter().take(index).any(|other| other == address) {
            return Err(Fault::new(format!("`{address}` stands there twice")).under(index).under("urls"));
        }
    }
    let is_tls = |address: &Address| matches!(address.place(), Place::Tls(_));
    let tls = match written.tls {
        None => UpstreamTls::default(),
        Some(_) if !written.urls.iter().any(is_tls) => {
            return Err(Fault::new("none of the addresses is `https://…`").under("tls"));
        }
        Some(tls) => self::tls(tls, base).map_err(|fault| fault.under("tls"))?,
    };
    let time = |key: &str, time, default| nonzero(key, time, default).map_err(|fault| fault.under("timeout"));
    let retries = written.retries.unwrap_or(1);
    if retries > 5 {
        return Err(Fault::new("a request is sent again 5 times at most").under("retries"));
    }
    Ok(Upstream {
        name: name.to_owned(),
        addresses: written.urls,
        http: written.http,
        tls,
        connect_timeout: time("connect", written.timeout.connect, Duration::from_secs(2))?,
        response_timeout: time("response", written.timeout.response, Duration::from_secs(15))?,
        idle_timeout: time("idle", written.timeout.idle, Duration::from_mins(1))?,
        host: host(written.host.as_deref()).map_err(|fault| fault.under("host"))?,
        pool_idle: nonzero("idle", written.pool.idle, Duration::from_millis(3500))
            .map_err(|fault| fault.under("pool"))?,
        pool_connections: written.pool.connections.unwrap_or(256),
        health: written.health.as_ref().map(health).transpose().map_err(|fault| fault.under("health"))?,
        eject: eject(&written.eject).map_err(|fault| fault.under("eject"))?,
        retries,
        limits: written.limits.as_ref().map(limits).transpose().map_err(|fault| fault.under("limits"))?,
        login: written.login.as_ref().map(login::check).transpose().map_err(|fault| fault.under("login"))?,
    })
}

fn tls(written: written::UpstreamTls, base: &Path) -> Result<UpstreamTls, Fault> {
    let there = |key: &str, file: PathBuf| {
        let file = base.join(file);
        if file.is_file() {
            return Ok(file);
        }
        Err(Fault::new(format!("there is no file {}", file.display())).under(key))
    };
    let certificate = match (written.cert, written.key) {
        (None, None) => None,
        (Some(cert), Some(key)) => {
            let is_reference = ["file:", "env:", "credential:"].iter().any(|start| key.starts_with(start));
            let reference = if is_reference { key } else { format!("file:{key}") };
            let key = SecretRef::parse(&reference, base).map_err(|message| Fault::new(message).under("key"))?;
            if let Some(file) = key.file() {
                there("key", file.to_owned())?;
            }
            Some((there("cert", cert)?, key))
        }
        (Some(_), None) => return Err(Fault::new("a certificate needs its `key`").under("cert")),
        (None, Some(_)) => return Err(Fault::new("a key needs its `cert`").under("key")),
    };
    let authorities = written.ca.map(|file| there("ca", file)).transpose()?;
    if let Some(name) = &written.server_name
        && !is_host(name)
    {
        return Err(Fault::new(format!("`{name}` is not a host name without a port")).under("server_name"));
    }
    Ok(UpstreamTls { authorities, certificate, server_name: written.server_name })
}

fn host(written: Option<&str>) -> Result<Host, Fault> {
    match written {
        None | Some("upstream") => Ok(Host::Upstream),
        Some("client") => Ok(Host::Client),
        Some(name) => match name.parse::<Authority>() {
            Ok(authority) if !name.contains('@') && is_host(authority.host()) => Ok(Host::Named(name.to_owned())),
            _ => Err(Fault::new(format!("`{name}` is neither `upstream`, `client` nor a host name"))),
        },
    }
}

fn is_host(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'[' | b']' | b':'))
}

fn health(written: &written::Health) -> Result<UpstreamHealth, Fault> {
    let path = Some(&written.path).filter(|path| path.starts_with('/')).and_then(|path| path.parse().ok());
    let path =
        path.ok_or_else(|| Fault::new(format!("`{}` is not a path such as /ping", written.path)).under("path"))?;
    let every = nonzero("every", written.every, Duration::from_secs(10))?;
    let timeout = nonzero("timeout", written.timeout, Duration::from_secs(2))?;
    let mut expect = Vec::new();
    for (index, statuses) in written.expect.iter().flatten().enumerate() {
        let range = match statuses {
            written::Statuses::One(status) => Some((*status, *status)),
            written::Statuses::Range(text) => {
                let (first, last) = text.split_once('-').unwrap_or((text, text));
                first.trim().parse().ok().zip(last.trim().parse().ok())
            }
        };
        let range = range.filter(|(first, last)| (100..=599).contains(first) && (*first..=599).contains(last));
        let wrong = || Fault::new("a status is from 100 to 599, a range such as \"200-399\"");
        expect.push(range.ok_or_else(|| wrong().under(index).under("expect"))?);
    }
    if written.expect.is_none() {
        expect.push((200, 399));
    }
    if expect.is_empty() {
        return Err(Fault::new("without a good status no address would ever be up").under("expect"));
    }
    let count = |key: &str, count: Option<u32>, default: u32| {
        NonZeroU32::new(count.unwrap_or(default)).ok_or_else(|| Fault::new("from 1 on").under(key))
    };
    Ok(UpstreamHealth {
        path,
        every,
        timeout,
        expect,
        rise: count("rise", written.rise, 2)?,
        fall: count("fall", written.fall, 3)?,
    })
}

fn eject(written: &written::Eject) -> Result<Option<(NonZeroU32, Duration)>, Fault> {
    let time = nonzero("for", written.r#for, Duration::from_secs(2))?;
    if time > Duration::from_hours(1) {
        return Err(Fault::new("an address is left out for 1h at first at most").under("for"));
    }
    Ok(NonZeroU32::new(written.failures.unwrap_or(5)).map(|failures| (failures, time)))
}

fn limits(written: &written::UpstreamLimits) -> Result<UpstreamLimits, Fault> {
    if written.requests == 0 {
        return Err(Fault::new("0 requests would let nobody through").under("requests"));
    }
    let queue_timeout = written.queue_timeout.map_or(Duration::from_secs(1), |Time(time)| time);
    Ok(UpstreamLimits { requests: written.requests, queue: written.queue.unwrap_or(written.requests), queue_timeout })
}
