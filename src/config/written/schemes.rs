//! Ways to prove who is asking, as typed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::units::Time;

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
