//! The configuration file as typed: TOML, every key known, units on every time and size.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;

use super::units::{Size, Time};

mod routes;
mod schemes;
mod trackers;

pub use routes::{Auth, IdentityForm, RateBy, Route, Rule, Send};
pub use schemes::{Algorithm, Ip, IpMode, OnConflict, Scheme};
pub use trackers::{Compat, FitTrackee, LiveTracking, LpTracker, Query, SessionTracker, Trackers, Visibility, Watch};

pub use super::translated::{Claims, Credentials, Links, Login, LoginKind, Sign, Subject};
pub use super::upstreams::{Eject, Health, Http, Pool, Statuses, Timeout, Upstream, UpstreamLimits, UpstreamTls};

/// The whole file. Everything has a default: an empty file runs all four trackers and the account pages on
/// 127.0.0.1:8080.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Config {
    /// Where and how to listen.
    pub listen: Listen,
    /// The listener for those who run the gateway. Without, there is none, and nothing is counted or kept.
    pub admin: Option<Admin>,
    /// What a request may be, and how long it may take.
    pub limits: Limits,
    /// Where accounts and credentials are kept.
    pub store: Store,
    /// The access log and the program's own messages.
    pub log: Log,
    /// Passwords: hashing and memory.
    pub passwords: Passwords,
    /// The guard against guessing.
    pub guessing: Guessing,
    /// The server that takes letters. Without, no mail is sent.
    pub mail: Option<Mail>,
    /// Ways to prove who is asking, by name. `basic`, `api`, `lp` and `fit` are there without being written; `web` is
    /// that of the account pages.
    pub schemes: BTreeMap<String, Scheme>,
    /// Settings of the in-process trackers.
    pub trackers: Trackers,
    /// The gateway's own pages.
    pub pages: Pages,
    /// Servers to forward to, by name.
    pub upstreams: BTreeMap<String, Upstream>,
    /// The listener at which other proxies ask whether a request may pass. Without, there is none.
    pub forward_auth: Option<ForwardAuth>,
    /// Links of accounts here to accounts of those servers.
    pub links: Links,
    /// What is answered, first match by the most exact path. Without any, all four trackers and the account pages are
    /// mounted.
    pub routes: Vec<Route>,
}

/// Where and how to listen.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Listen {
    /// Address and port; port 0 takes a free one. Default 127.0.0.1:8080.
    #[schemars(with = "Option<String>")]
    pub address: Option<SocketAddr>,
    /// Certificate and key; without, only loopback addresses are allowed.
    pub tls: Option<Tls>,
    /// Proxies whose forwarding header is believed.
    #[schemars(with = "Vec<String>")]
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which those proxies name the client. Default `x-forwarded-for`.
    pub client_header: Option<ClientHeader>,
    /// Peers that begin each connection with the PROXY protocol, version 1 or 2.
    #[schemars(with = "Vec<String>")]
    pub proxy_protocol: Vec<IpNet>,
    /// Listen without TLS on an address that is not loopback. Credentials travel in clear.
    pub allow_plain: bool,
    /// Threads that serve requests. Default: one for each core.
    pub threads: Option<usize>,
}

/// The listener for those who run the gateway: metrics, health, recent decisions. It speaks plain HTTP.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Admin {
    /// Address and port; port 0 takes a free one. Beyond loopback only with `peers`. Default 127.0.0.1:9090.
    #[schemars(with = "Option<String>")]
    pub address: Option<SocketAddr>,
    /// Networks that may ask besides this machine itself.
    #[schemars(with = "Vec<String>")]
    pub peers: Vec<IpNet>,
    /// How many of the latest decisions are kept in memory. Default 10000; 0 keeps none.
    pub decisions: Option<usize>,
}

/// A certificate chain and its key, as PEM files.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Tls {
    /// The certificate and those that it rests on.
    pub cert: PathBuf,
    /// The private key of the certificate.
    pub key: PathBuf,
}

/// The header in which trusted proxies name the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ClientHeader {
    /// RFC 7239.
    Forwarded,
    /// The common one.
    #[default]
    XForwardedFor,
}

/// What a request may be, and how long it may take.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Limits {
    /// Request head in bytes. Default 32KiB.
    pub head: Option<Size>,
    /// Header lines. Default 100.
    pub head_lines: Option<u16>,
    /// Request target in bytes. Default 8KiB.
    pub target: Option<Size>,
    /// Request body, unless the route says otherwise. Default 1MiB.
    pub body: Option<Size>,
    /// Time for a whole request head. Default 10s.
    pub head_timeout: Option<Time>,
    /// Time between pieces of a request body. Default 30s.
    pub body_timeout: Option<Time>,
    /// Time that a client may take to read a piece of the answer. Default 60s.
    pub response_timeout: Option<Time>,
    /// Time that a connection may stay open between requests. Default 60s.
    pub keep_alive: Option<Time>,
    /// Time that a WebSocket or another tunnel may stay open with nothing passing; `0s` for ever. Default 1h.
    pub tunnel_idle: Option<Time>,
    /// Open connections. Default 10000.
    pub connections: Option<usize>,
    /// Time that running requests get when the gateway stops. Default 10s.
    pub grace: Option<Time>,
}

/// Where accounts and credentials are kept.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Store {
    /// `sqlite:FILE` (from the data folder) or `postgres://…`, or a reference `env:NAME` or `file:PATH` to
    /// such a text. Default `sqlite:trackgate.db`.
    pub url: Option<String>,
}

/// The access log and the program's own messages.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Log {
    /// One line a request as `json` or `text`. Default `text` on a terminal, else `json`.
    pub format: Option<LogFormat>,
    /// Whether to write access lines. Default true.
    pub access: Option<bool>,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Words for people.
    Text,
}

/// Passwords: hashing and memory.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Passwords {
    /// How long a verified password is remembered. Default 5m, at most 1h.
    pub remember: Option<Time>,
    /// Hashing threads. Default: one fewer than cores, at least one.
    pub threads: Option<usize>,
    /// Sign-ins that may wait for a thread, shared among networks; further ones get 503. Default: 32 for each thread.
    pub queue: Option<usize>,
}

/// The guard against guessing.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Guessing {
    /// Wrong passwords for one account before it is locked. Default 10.
    pub per_account: Option<u32>,
    /// Wrong passwords from one network (an IPv4 address, an IPv6 /64) before it is locked. Default 50.
    pub per_network: Option<u32>,
    /// Time in which they count, and for which a lock lasts. Default 15m.
    pub window: Option<Time>,
}

/// The server that takes letters.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Mail {
    /// `smtp://USER@HOST:PORT` (STARTTLS, port 587), `smtps://…` (TLS from the first byte, port 465) or
    /// `smtp+plain://…` (never TLS, port 25). To a loopback address and without a user, `smtp://` needs no TLS.
    pub url: String,
    /// The password of the user, as `file:PATH`, `env:NAME` or `credential:NAME`.
    pub password: Option<String>,
    /// Whom letters are from: `Name <address>` or an address.
    pub from: String,
    /// Time for one letter, from connecting to the server's answer; 1s to 5m. Default 60s.
    pub timeout: Option<Time>,
    /// Certificates (PEM) to trust instead of the system's, for a relay with an authority of its own.
    pub ca: Option<PathBuf>,
    /// Send without TLS to a server that is not on this machine. Letters and passwords travel in clear.
    #[serde(default)]
    pub allow_plain: bool,
}

/// The gateway's own pages.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Pages {
    /// The account pages.
    pub account: AccountPages,
}

/// The account pages: where people sign in, make tokens, end sessions.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct AccountPages {
    /// Where people reach this server, such as `https://gate.example.org`; needed behind a proxy that sends another
    /// `Host`. Default: `https` under TLS or with trusted proxies, else `http`, and the host that a request names.
    pub url: Option<String>,
    /// What the pages call this server. Default `trackgate`.
    pub title: Option<String>,
    /// Life-time of a session since its last use. Default 7d.
    pub idle: Option<Time>,
    /// Life-time of a session since sign-in. Default 30d.
    pub absolute: Option<Time>,
}

/// The listener at which other proxies ask whether a request may pass.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ForwardAuth {
    /// Address and port for questions over HTTP; port 0 takes a free one. Default 127.0.0.1:9091.
    #[schemars(with = "Option<String>")]
    pub address: Option<SocketAddr>,
    /// Address and port for Envoy's questions over gRPC. Default: none.
    #[schemars(with = "Option<String>")]
    pub grpc: Option<SocketAddr>,
    /// Who may ask. They are believed in all that they say of a request. Default: loopback.
    #[schemars(with = "Option<Vec<String>>")]
    pub peers: Option<Vec<IpNet>>,
    /// Certificate and key; without, only loopback addresses are allowed.
    pub tls: Option<Tls>,
    /// Listen without TLS on an address that is not loopback. Credentials travel in clear.
    pub allow_plain: bool,
    /// Whether answers hold a signed assertion, which costs more than the rest of them. Default true; without, its
    /// header is empty.
    pub assertion: Option<bool>,
    /// The audience of signed assertions. Default: the name of the route that judged.
    pub audience: Option<String>,
}
