//! Upstreams as typed.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::address::Address;
use super::translated::Login;
use super::units::Time;

/// A server to forward to, at one or several addresses that answer alike.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Upstream {
    /// Its addresses: `http://host:port/base`, `https://host/base` or `unix:/run/socket:/base`, with a base path or
    /// without. The one with the fewest requests under way is asked.
    pub urls: Vec<Address>,
    /// The HTTP that it is spoken to in. Default `auto`.
    #[serde(default)]
    pub http: Http,
    /// TLS to its `https` addresses.
    pub tls: Option<UpstreamTls>,
    /// How long to wait for it.
    #[serde(default)]
    pub timeout: Timeout,
    /// The `Host` that it is sent: `upstream` for its own, `client` for what the client sent, or a host name.
    /// Default `upstream`.
    #[serde(default)]
    pub host: Option<String>,
    /// How many connections are kept without use.
    #[serde(default)]
    pub pool: Pool,
    /// Asks each address now and then whether it is well. Default: they are not asked.
    pub health: Option<Health>,
    /// Leaves an address out after requests that got no answer.
    #[serde(default)]
    pub eject: Eject,
    /// How often a request is sent again that nobody saw, or that has no body and a method that may be repeated;
    /// at most 5, and no more than a fifth of all requests. Default 1.
    pub retries: Option<u32>,
    /// How much is sent to it at once. Default: any number.
    pub limits: Option<UpstreamLimits>,
    /// How to sign in there: needed for `credentials = "session"`.
    pub login: Option<Login>,
}

/// The HTTP that an upstream is spoken to in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[non_exhaustive]
pub enum Http {
    /// HTTP/2 if it agrees over TLS, else HTTP/1.1.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// HTTP/1.1.
    #[serde(rename = "1")]
    One,
    /// HTTP/2, in clear text without being asked: for gRPC.
    #[serde(rename = "2")]
    Two,
}

/// TLS to an upstream. Its certificate is always verified.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UpstreamTls {
    /// Certificates (PEM) to trust instead of the system's, for an authority of one's own.
    #[schemars(with = "Option<String>")]
    pub ca: Option<PathBuf>,
    /// The certificate (PEM) that the gateway shows, with those that it rests on.
    #[schemars(with = "Option<String>")]
    pub cert: Option<PathBuf>,
    /// Its private key (PEM): a file, or `file:PATH`, `env:NAME` or `credential:NAME`.
    pub key: Option<String>,
    /// The name that its certificate must have, instead of the URL's host.
    pub server_name: Option<String>,
}

/// How long to wait for an upstream.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Timeout {
    /// For a connection. Default 2s.
    pub connect: Option<Time>,
    /// For the head of the answer. Default 15s.
    pub response: Option<Time>,
    /// Between pieces of a body. Default 60s.
    pub idle: Option<Time>,
}

/// How many connections are kept without use.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Pool {
    /// For how long; shorter than the upstream keeps them. Default 3500ms.
    pub idle: Option<Time>,
    /// How many, for each address and thread. Default 256.
    pub connections: Option<usize>,
}

/// How the addresses of an upstream are looked after.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Health {
    /// What is asked for with `GET`, without the address's base path.
    pub path: String,
    /// How often. Default 10s.
    pub every: Option<Time>,
    /// How long an answer may take. Default 2s.
    pub timeout: Option<Time>,
    /// Statuses of a good answer. Default `["200-399"]`.
    pub expect: Option<Vec<Statuses>>,
    /// After how many good answers an address gets requests again. Default 2.
    pub rise: Option<u32>,
    /// After how many bad ones it gets none. Default 3.
    pub fall: Option<u32>,
}

/// One status, or a range of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a status such as 204, or a range such as \"200-399\"")]
#[non_exhaustive]
pub enum Statuses {
    /// This one.
    One(u16),
    /// `200-399`.
    Range(String),
}

/// When an address of an upstream is left out.
///
/// When all are, one that could be reached but gave no answer is asked all the same, since requests may be to blame.
/// If none could be reached, one request now and then tries again, and others get 502 with `Retry-After` at once. An
/// address whose health checks fail is never asked.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Eject {
    /// After how many requests in a row that got no answer; 0 for never. Default 5.
    pub failures: Option<u32>,
    /// For how long at first; it is doubled each time in a row, up to 16 times as long. Default 2s.
    pub r#for: Option<Time>,
}

/// How much is sent to an upstream at once.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UpstreamLimits {
    /// Requests under way, of all threads together.
    pub requests: usize,
    /// Further ones that wait for their turn; beyond them there is 503. Default: as many.
    pub queue: Option<usize>,
    /// How long they may wait. Default 1s.
    pub queue_timeout: Option<Time>,
}
