//! Credentials for upstreams as typed: what a route sends, how to sign in there, where links are sealed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::units::Time;

/// What becomes of the client's credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Credentials {
    /// They stay here; HTTP Basic of the upstream goes instead.
    Basic,
    /// They stay here; a bearer token of the upstream goes instead.
    Bearer,
    /// They stay here.
    #[default]
    Drop,
    /// They stay here; a token of the upstream goes instead, in a header of its own.
    Header,
    /// They stay here; a token signed by the upstream's own key goes instead.
    Jwt,
    /// They go on as they came.
    Pass,
    /// They stay here; the token of a session that the gateway opened at the upstream goes instead.
    Session,
}

/// The form of the claims of a minted token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Claims {
    /// FitTrackee's: `exp`, `iat`, and the user's number in `sub`, as text.
    FitTrackee,
    /// `exp`, `iat`, `sub`, `name`, and `iss` and `aud` where they are set.
    #[default]
    Generic,
}

/// Whose number a minted token names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Subject {
    /// The account's own number here: for an upstream that counts accounts as they are counted here.
    Account,
}

/// Links of accounts here to accounts of servers behind the gateway.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Links {
    /// The key that seals them, as `file:PATH`, `env:NAME` or `credential:NAME`; a missing file is made. Default
    /// `links.key` in the data folder.
    pub key: Option<String>,
    /// Keys that sealed links before; `trackgate link reseal` makes them superfluous.
    pub previous_keys: Vec<String>,
}

/// How to sign in at an upstream.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Login {
    /// What it is like: sets a default for every other key, but for `json`.
    pub kind: LoginKind,
    /// The path that takes the sign-in. Default `/login` or `/api/auth/login`.
    pub path: Option<String>,
    /// The name of the service that signs, for `lptracker`. Default `trackgate`.
    pub service: Option<String>,
    /// The body as JSON, with `{user}` and `{password}` where those go; both are filled in as JSON strings.
    pub body: Option<String>,
    /// Where the token stands in the answer: a JSON pointer such as `/result/token`.
    pub token: Option<String>,
    /// The header that carries the token afterwards. Default `authorization`, for `lptracker` `token`.
    pub header: Option<String>,
    /// What stands before the token in it. Default `Bearer ` in `authorization`, else nothing.
    pub prefix: Option<String>,
    /// How an answer says that the session is over. Default: status 401, for `lptracker` code 401 in the body too.
    pub expired: Option<Sign>,
    /// How the answer to a sign-in says that name or password are wrong. Default: as above, for `json` status 400,
    /// 401, 403 or 422.
    pub refused: Option<Sign>,
    /// After which time a session is opened anew in any case. Default: never.
    pub lifetime: Option<Time>,
}

/// What an upstream's sign-in is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LoginKind {
    /// FitTrackee's, up to 1.3.5.
    FitTrackee,
    /// Any that takes and gives JSON: `path`, `body` and `token` say how.
    Json,
    /// LPTracker's.
    LpTracker,
}

/// How an answer says something: by one of these statuses, or by its body.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Sign {
    /// These statuses.
    pub status: Vec<u16>,
    /// A value at this place of a JSON body, such as `/errors/0/code`.
    pub pointer: Option<String>,
    /// That value; any when it is left out.
    pub value: Option<serde_json::Value>,
    /// This text in the body.
    pub text: Option<String>,
}
