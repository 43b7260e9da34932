//! The configuration file as typed: TOML, every key known, units on every time and size.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;

pub use super::translated::{Claims, Credentials, Links, Login, LoginKind, Sign, Subject};
use super::units::{Size, Time};

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
    /// Sign-ins that may wait for a thread; further ones get 503. Default: 8 for each thread.
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

/// A way to prove who is asking.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Scheme {
    /// HTTP Basic (RFC 7617).
    Basic {
        /// The realm of the challenge. Default `trackgate`.
        realm: Option<String>,
        /// Whether an API token may stand in for the password. Default true.
        tokens: Option<bool>,
    },
    /// API tokens (RFC 6750).
    Bearer {
        /// The header; another than `authorization` carries the bare token.
        header: Option<String>,
        /// The realm of the challenge. Default `trackgate`.
        realm: Option<String>,
    },
    /// A signed token.
    Jwt {
        /// The algorithm of a key that does not name its own.
        algorithm: Option<Algorithm>,
        /// `file:PATH` or `env:NAME` of a secret or PEM key; a missing file is made for HS algorithms.
        key: Option<String>,
        /// `file:PATH` of a JWK set (RFC 7517), instead of `key`.
        jwks: Option<String>,
        /// Life-time of the tokens that the gateway issues. Default 30d.
        lifetime: Option<Time>,
        /// The issuer that tokens must name.
        issuer: Option<String>,
        /// The audience that tokens must name.
        audience: Option<String>,
        /// How far clocks may be apart. Default 0s.
        leeway: Option<Time>,
        /// Claims that must be there.
        #[serde(default)]
        required_claims: Vec<String>,
        /// Grants of identities whom another issuer knows; needed with keys that only verify. Without, `sub` is
        /// the number of an account here.
        external_grants: Option<Vec<String>>,
        /// Another server signs by these keys too and counts accounts as they are counted here: let its tokens
        /// speak for any of them. Without, only for accounts that were imported from it under their number.
        #[serde(default)]
        local_accounts: bool,
    },
    /// An opaque token in a header whose life starts anew with each use.
    Sliding {
        /// The header that carries it. Default `token`.
        header: Option<String>,
        /// Life-time since the last use. Default 24h.
        idle: Option<Time>,
        /// Life-time since sign-in, used or not.
        absolute: Option<Time>,
        /// What the client's address has to do with it.
        ip: Option<Ip>,
        /// Live tokens of one account; the oldest leave. Default 100.
        per_account: Option<u32>,
    },
}

/// Signature algorithms (RFC 7518, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names are the registered ones")]
#[non_exhaustive]
pub enum Algorithm {
    EdDSA,
    ES256,
    ES384,
    HS256,
    HS384,
    HS512,
    PS256,
    RS256,
}

/// What the client's address has to do with a sliding token.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Ip {
    /// The rule.
    pub mode: IpMode,
    /// What happens to a sign-in that breaks it. Default `refuse`.
    #[serde(default)]
    pub on_conflict: OnConflict,
    /// Prefix length for IPv4 in mode `subnet`. Default 24.
    pub v4_prefix: Option<u8>,
    /// Prefix length for IPv6 in mode `subnet`. Default 64.
    pub v6_prefix: Option<u8>,
}

/// Rules about the client's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum IpMode {
    /// A token is good only from the address that opened it.
    Exact,
    /// Addresses do not matter.
    Off,
    /// From one address only one user may be signed in.
    OneUser,
    /// A token is good only from the network that opened it.
    Subnet,
}

/// What happens to a sign-in that breaks a rule about addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum OnConflict {
    /// It goes through and the other's tokens end.
    Displace,
    /// It is refused.
    #[default]
    Refuse,
}

/// Settings of the in-process trackers.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Trackers {
    /// Live Tracking HTTP API.
    pub livetracking: LiveTracking,
    /// LPTracker Direct API.
    pub lptracker: LpTracker,
    /// Session tracker.
    pub sessions: SessionTracker,
    /// FitTrackee.
    pub fittrackee: FitTrackee,
}

/// Live Tracking HTTP API.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct LiveTracking {
    /// Whether wrong credentials at `/write` and `/query` are 403, as the manual says, or 401, as InfluxDB does.
    pub compat: Compat,
    /// Whether the user `public` with the password `livetracking` reads what is not private. Default true.
    pub public_reader: Option<bool>,
    /// Who reads the samples of riders who never said. Default everybody.
    pub visibility: Visibility,
    /// How long samples are kept at least, by their own instants; older ones are refused. `0s` for ever. Default 8h.
    pub retention: Option<Time>,
    /// What queries may take.
    pub query: Query,
    /// What the live pages show.
    pub watch: Watch,
}

/// The live pages of riders.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Watch {
    /// How far back a ride is shown, up to 48h. Default: as long as samples are kept, up to 8h.
    pub window: Option<Time>,
    /// Tiles below the track, as in `https://tiles.example.org/{z}/{x}/{y}.png`: those who watch ask that host.
    /// Default none.
    pub tile_url: Option<String>,
}

/// How wrong credentials are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Compat {
    /// 401, as InfluxDB does.
    Influx,
    /// 403, as the manual says.
    #[default]
    Manual,
}

/// Who reads the samples of a rider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Visibility {
    /// The rider alone, and those with a link.
    Private,
    /// Everybody.
    #[default]
    Public,
}

/// What queries may take.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Query {
    /// How many run at once. Default 8.
    pub at_once: Option<usize>,
    /// What one may hold. Default 64MiB.
    pub memory: Option<Size>,
    /// How long one may run. Default 30s.
    pub time: Option<Time>,
}

/// LPTracker Direct API.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct LpTracker {
    /// Errors carry their code as HTTP status too, instead of 200.
    pub real_status: bool,
}

/// Session tracker.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct SessionTracker {
    /// The IANA time zone of users who have not chosen one. Default UTC.
    pub time_zone: Option<String>,
}

/// FitTrackee.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct FitTrackee {
    /// Whether new users may register. Default true.
    pub registration: Option<bool>,
    /// With so many accounts, of whatever state, registration closes. Default 0, for any number.
    pub max_users: Option<u32>,
    /// Where users find the web application, such as `https://fit.example.org`: links in letters lead there.
    /// Needed when mail is on.
    pub ui_url: Option<String>,
    /// A file with a privacy policy of your own, as Markdown.
    pub privacy_policy: Option<PathBuf>,
    /// Since when that policy holds: `2026-11-22` or a time with its zone. Who accepted an earlier one is asked
    /// again.
    pub privacy_policy_date: Option<String>,
    /// The address that users may write to.
    pub admin_contact: Option<String>,
    /// What the web application says about this server, as Markdown.
    pub about: Option<String>,
    /// How long archives of exports are kept, 1d to 365d. Default 7d.
    pub export_keep: Option<Time>,
    /// Largest upload of a picture. Default 1MiB.
    pub picture_limit: Option<Size>,
    /// Folder of the original's web application, to be served too. Default: it is not.
    #[schemars(with = "Option<String>")]
    pub web_app: Option<PathBuf>,
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
    /// The audience of signed assertions. Default: the name of the route that judged.
    pub audience: Option<String>,
}

/// What is answered for one kind of request.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent keys")]
#[non_exhaustive]
pub struct Route {
    /// Its name in logs and explanations.
    pub name: String,
    /// `POST /write`, `GET,HEAD /files/{*rest}` or `/any/method/{id}`; `{*rest}` may be empty. May be left out
    /// for a tracker or pages: then all of their end points are mounted.
    pub r#match: Option<String>,
    /// Hosts for which it answers. Default: any.
    pub hosts: Vec<String>,
    /// Schemes, any of them, in this order; or `"none"` together with `public`.
    pub auth: Option<Auth>,
    /// The realm of the challenges of its `basic` and `bearer` schemes, instead of their own.
    pub realm: Option<String>,
    /// Why this is open to everybody: needed with `auth = "none"`.
    pub public: Option<String>,
    /// A request without a credential goes on as anonymous; a bad credential is refused all the same.
    pub optional: bool,
    /// What the identity must fulfil.
    pub allow: Option<Rule>,
    /// The upstream that answers.
    pub upstream: Option<String>,
    /// The in-process tracker that answers.
    pub tracker: Option<String>,
    /// Nobody answers here: another proxy does, when it asked at the listener for that.
    pub forward_auth: bool,
    /// The gateway's own pages that answer: `account`.
    pub pages: Option<String>,
    /// What the upstream is told.
    pub send: Send,
    /// The wording of refusals: `plain` or a tracker's name. Default: the tracker's own, else `plain`.
    pub dialect: Option<String>,
    /// Largest request body.
    pub max_body: Option<Size>,
    /// Protocols to which requests may switch (`Upgrade`), such as `websocket`. Default: none.
    pub upgrades: Vec<String>,
    /// Takes encoded slashes, back-slashes, `;` and `//` in the path as they come. Letters that need no escape
    /// are decoded all the same, so that a rule for `/admin` holds for `/%61dmin`.
    pub raw_path: bool,
    /// The part of the path that the upstream does not get: `match = "/old/{*rest}"` with `strip_prefix = "/old"`.
    pub strip_prefix: Option<String>,
    /// The path that the upstream gets instead, with the parameters of `match`: `/new/{rest}`.
    pub rewrite: Option<String>,
    /// Tells in `Server-Timing` how long the gateway itself took, without the upstream.
    pub server_timing: bool,
}

/// Which schemes a route accepts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a list of scheme names, or \"none\"")]
#[non_exhaustive]
pub enum Auth {
    /// These, in order.
    Schemes(Vec<String>),
    /// `"none"`.
    Word(String),
}

/// What an identity must fulfil: every key that is written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Rule {
    /// All of these grants.
    pub grants: Vec<String>,
    /// An address in one of these networks.
    #[schemars(with = "Vec<String>")]
    pub networks: Vec<IpNet>,
    /// An address in none of these networks.
    #[schemars(with = "Vec<String>")]
    pub deny_networks: Vec<IpNet>,
    /// At most so many requests: `20/s`, `300/5m`, `20/s burst 40`.
    pub rate: Option<String>,
    /// Whose requests are counted together. Default `identity`.
    pub rate_by: Option<RateBy>,
    /// Only at these times: `mon-fri 08:00-18:00 Europe/Berlin`.
    pub hours: Option<String>,
    /// Only these methods.
    pub methods: Vec<String>,
    /// One of these rules.
    pub any: Vec<Rule>,
    /// All of these rules.
    pub all: Vec<Rule>,
    /// Not this rule.
    pub not: Option<Box<Rule>>,
}

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RateBy {
    /// Those from one client network.
    Client,
    /// Those of one identity.
    #[default]
    Identity,
    /// All of the route.
    Route,
}

/// What an upstream is told.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Send {
    /// What becomes of the client's credentials, those for other routes among them. Default `drop`.
    pub credentials: Credentials,
    /// Who is asking. Default `headers`.
    pub identity: IdentityForm,
    /// The gateway's own account at the upstream, for `basic` and `session`.
    pub account: Option<String>,
    /// Its password, or the token for `bearer` and `header`, as `file:PATH`, `env:NAME` or `credential:NAME`.
    pub secret: Option<String>,
    /// The set of links in which each account's own account at the upstream is found, instead of `secret`.
    pub links: Option<String>,
    /// The header that carries the token, for `header` and `jwt`. Default of `jwt` `authorization`.
    pub header: Option<String>,
    /// What stands before the token in that header. Default `Bearer ` in `authorization`, else nothing.
    pub prefix: Option<String>,
    /// The algorithm of the key, for `jwt`. Default HS256.
    pub algorithm: Option<Algorithm>,
    /// The upstream's own key, for `jwt`, as `file:PATH`, `env:NAME` or `credential:NAME`.
    pub key: Option<String>,
    /// The form of the claims, for `jwt`. Default `generic`.
    pub claims: Option<Claims>,
    /// Whose number tokens name, for `jwt` without `links`.
    pub subject: Option<Subject>,
    /// Life-time of the tokens, for `jwt`. Default 1h.
    pub lifetime: Option<Time>,
    /// The issuer that tokens name, for `jwt`.
    pub issuer: Option<String>,
    /// The audience that tokens name, for `jwt`.
    pub audience: Option<String>,
}

/// How an upstream is told who is asking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum IdentityForm {
    /// In the headers `X-Trackgate-…`.
    #[default]
    Headers,
    /// In the headers, and signed in `X-Trackgate-Assertion`.
    Signed,
}
