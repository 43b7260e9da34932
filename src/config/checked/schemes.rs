//! Schemes as they run, with those that are there without being written.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use http::HeaderName;
use trackgate_schemes::{Grants, Realm};

use super::super::error::Fault;
use super::super::units::Time;
use super::super::written::{self, Algorithm, Ip, IpMode, OnConflict};
use super::SecretRef;

/// A named scheme.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scheme {
    /// Its name in routes, logs and identities.
    pub name: String,
    /// What it is.
    pub kind: SchemeKind,
}

/// What a scheme is, with all its settings.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SchemeKind {
    /// HTTP Basic.
    Basic {
        /// The realm of the challenge.
        realm: String,
        /// Whether API tokens work as the password.
        tokens: bool,
    },
    /// API tokens.
    Bearer {
        /// The header that carries the token.
        header: HeaderName,
        /// The realm of the challenge.
        realm: String,
    },
    /// A signed token.
    Jwt {
        /// The algorithm of a key that does not name its own.
        algorithm: Algorithm,
        /// One key; `None` when `jwks` is set or the gateway makes and keeps its own.
        key: Option<SecretRef>,
        /// A key set.
        jwks: Option<SecretRef>,
        /// Life-time of issued tokens.
        lifetime: Duration,
        /// The issuer that tokens must name.
        issuer: Option<String>,
        /// The audience that tokens must name.
        audience: Option<String>,
        /// How far clocks may be apart.
        leeway: Duration,
        /// Claims that must be there.
        required_claims: Vec<String>,
        /// Grants of identities whom another issuer knows.
        external_grants: Option<Grants>,
        /// Whether tokens that another server signs speak for every account here.
        local_accounts: bool,
    },
    /// A sliding token.
    Sliding {
        /// The header that carries it.
        header: HeaderName,
        /// Life-time since the last use.
        idle: Duration,
        /// Life-time since sign-in.
        absolute: Option<Duration>,
        /// The rule about addresses.
        ip: IpMode,
        /// What a sign-in does that breaks it.
        on_conflict: OnConflict,
        /// Prefix lengths for IPv4 and IPv6 in mode `subnet`.
        prefixes: (u8, u8),
        /// Live tokens of one account.
        per_account: u32,
    },
}

pub(super) fn check(mut written: BTreeMap<String, written::Scheme>, base: &Path) -> Result<Vec<Scheme>, Fault> {
    for (name, scheme) in built_in() {
        written.entry(name.to_owned()).or_insert(scheme);
    }
    let mut schemes = Vec::new();
    for (name, scheme) in written {
        let kind = name_fits(&name).and_then(|()| kind(scheme, base)).map_err(|fault| fault.under(name.as_str()))?;
        schemes.push(Scheme { name, kind });
    }
    Ok(schemes)
}

/// What is there without being written: the schemes of the four trackers.
fn built_in() -> [(&'static str, written::Scheme); 4] {
    let one_user = Ip { mode: IpMode::OneUser, on_conflict: OnConflict::Refuse, v4_prefix: None, v6_prefix: None };
    [
        ("api", written::Scheme::Bearer { header: None, realm: None }),
        ("basic", written::Scheme::Basic { realm: None, tokens: None }),
        (
            "fit",
            written::Scheme::Jwt {
                algorithm: None,
                key: None,
                jwks: None,
                lifetime: None,
                issuer: None,
                audience: None,
                leeway: None,
                required_claims: Vec::new(),
                external_grants: None,
                local_accounts: false,
            },
        ),
        (
            "lp",
            written::Scheme::Sliding {
                header: None,
                idle: None,
                absolute: None,
                ip: Some(one_user),
                per_account: None,
            },
        ),
    ]
}

fn kind(written: written::Scheme, base: &Path) -> Result<SchemeKind, Fault> {
    Ok(match written {
        written::Scheme::Basic { realm, tokens } => {
            SchemeKind::Basic { realm: self::realm(realm)?, tokens: tokens.unwrap_or(true) }
        }
        written::Scheme::Bearer { header, realm } => {
            SchemeKind::Bearer { header: self::header(header, "authorization")?, realm: self::realm(realm)? }
        }
        written::Scheme::Jwt {
            algorithm,
            key,
            jwks,
            lifetime,
            issuer,
            audience,
            leeway,
            required_claims,
            external_grants,
            local_accounts,
        } => {
            if key.is_some() && jwks.is_some() {
                return Err(Fault::new("`key` and `jwks` cannot both be given").under("jwks"));
            }
            let secret = |name: &str, text: Option<String>| {
                text.map(|text| SecretRef::parse(&text, base)).transpose().map_err(|why| Fault::new(why).under(name))
            };
            let grants = external_grants.map(|grants| grants.join(" ").parse::<Grants>()).transpose();
            SchemeKind::Jwt {
                algorithm: algorithm.unwrap_or(Algorithm::HS256),
                key: secret("key", key)?,
                jwks: secret("jwks", jwks)?,
                lifetime: positive("lifetime", lifetime, Duration::from_hours(30 * 24))?,
                issuer,
                audience,
                leeway: leeway.map_or(Duration::ZERO, |time| time.0),
                required_claims,
                external_grants: grants.map_err(|error| Fault::new(error.to_string()).under("external_grants"))?,
                local_accounts,
            }
        }
        written::Scheme::Sliding { header, idle, absolute, ip, per_account } => {
            let ip = ip.unwrap_or(Ip {
                mode: IpMode::Off,
                on_conflict: OnConflict::Refuse,
                v4_prefix: None,
                v6_prefix: None,
            });
            let prefixes = (ip.v4_prefix.unwrap_or(24), ip.v6_prefix.unwrap_or(64));
            if !(1..=Ipv4Addr::BITS).contains(&u32::from(prefixes.0))
                || !(1..=Ipv6Addr::BITS).contains(&u32::from(prefixes.1))
            {
                return Err(Fault::new("a prefix is from 1 to 32 bits for IPv4 and from 1 to 128 for IPv6").under("ip"));
            }
            let per_account = per_account.unwrap_or(100);
            if per_account == 0 {
                return Err(Fault::new("0 tokens would let nobody sign in").under("per_account"));
            }
            SchemeKind::Sliding {
                header: self::header(header, "token")?,
                idle: positive("idle", idle, Duration::from_hours(24))?,
                absolute: absolute.map(|time| time.0),
                ip: ip.mode,
                on_conflict: ip.on_conflict,
                prefixes,
                per_account,
            }
        }
    })
}

fn name_fits(name: &str) -> Result<(), Fault> {
    let fits = (1..=32).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    if !fits || name == "none" {
        return Err(Fault::new("a scheme's name is 1 to 32 of a-z, 0-9, `-` and `_`, and not `none`"));
    }
    // Its tokens would be good for the pages, and those of the pages here.
    if name == "web" {
        return Err(Fault::new("the scheme `web` is that of the account pages; settings are in `pages.account`"));
    }
    Ok(())
}

pub(super) fn realm(realm: Option<String>) -> Result<String, Fault> {
    let realm = realm.unwrap_or_else(|| "trackgate".to_owned());
    match realm.parse::<Realm>() {
        Ok(_fits) => Ok(realm),
        Err(_unfit) => {
            let message = "a realm is printable ASCII without quotes and back-slashes, 64 characters at most";
            Err(Fault::new(message).under("realm"))
        }
    }
}

fn header(header: Option<String>, default: &'static str) -> Result<HeaderName, Fault> {
    let text = header.unwrap_or_else(|| default.to_owned());
    text.parse().map_err(|_| Fault::new(format!("`{text}` is not a header name")).under("header"))
}

fn positive(key: &str, time: Option<Time>, default: Duration) -> Result<Duration, Fault> {
    super::nonzero(key, time, default)
}
