//! What is answered, as typed.

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::units::{Size, Time};
use super::{Algorithm, Claims, Credentials, Subject};

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
