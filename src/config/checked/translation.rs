//! What a route sends instead of the client's credentials, as it runs.

use std::path::Path;
use std::time::Duration;

use http::HeaderName;

use super::super::error::Fault;
use super::super::written::{self, Algorithm, Claims, Subject};
use super::{SecretRef, Upstream};

/// What becomes of the client's credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// They stay here.
    Drop,
    /// They go on as they came.
    Pass,
    /// They stay here, and this goes instead.
    Translate(Translation),
}

/// What goes instead of the client's credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Translation {
    /// HTTP Basic (RFC 7617).
    Basic(Source),
    /// A token in a header.
    Token {
        /// The header.
        header: HeaderName,
        /// What stands before the token.
        prefix: String,
        /// The token.
        source: Source,
    },
    /// A token that is signed here by the upstream's own key.
    Jwt(Jwt),
    /// The token of a session that is opened at the upstream.
    Session(Source),
}

/// Whose credential it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The linked account's, from this set of links.
    Links(String),
    /// The gateway's own, whoever asks.
    Service {
        /// The account's name; empty where the secret says everything.
        account: String,
        /// Its password or token.
        secret: SecretRef,
    },
}

/// A token that is signed here by the upstream's own key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Jwt {
    /// The algorithm of the key.
    pub algorithm: Algorithm,
    /// The key.
    pub key: SecretRef,
    /// The form of the claims.
    pub claims: Claims,
    /// The set of links in which the account's number is found; `None` for its own number.
    pub links: Option<String>,
    /// Life-time of the tokens.
    pub lifetime: Duration,
    /// The issuer that they name.
    pub issuer: Option<String>,
    /// The audience that they name.
    pub audience: Option<String>,
    /// The header that carries them.
    pub header: HeaderName,
    /// What stands before them there.
    pub prefix: String,
}

impl Credentials {
    /// The set of links that it needs.
    pub fn links(&self) -> Option<&str> {
        match self {
            Self::Drop | Self::Pass => None,
            Self::Translate(Translation::Jwt(jwt)) => jwt.links.as_deref(),
            Self::Translate(
                Translation::Basic(source) | Translation::Session(source) | Translation::Token { source, .. },
            ) => match source {
                Source::Links(set) => Some(set),
                Source::Service { .. } => None,
            },
        }
    }

    /// Whether it depends on whose account asks.
    pub fn is_personal(&self) -> bool {
        self.links().is_some() || matches!(self, Self::Translate(Translation::Jwt(_)))
    }

    /// Whether requests go on in the name of the gateway, whoever asks.
    pub fn is_service(&self) -> bool {
        matches!(self, Self::Translate(_)) && !self.is_personal()
    }
}

pub(super) fn check(written: &written::Send, upstream: &Upstream, base: &Path) -> Result<Credentials, Fault> {
    let kind = Kind::of(written.credentials);
    if let Some(key) = kind.first_unknown(written) {
        let takes = kind.takes.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        let takes = if takes.is_empty() { "nothing else".to_owned() } else { takes };
        return Err(Fault::new(format!("`credentials = \"{}\"` takes {takes}", kind.word)).under(key));
    }
    Ok(Credentials::Translate(match written.credentials {
        written::Credentials::Drop => return Ok(Credentials::Drop),
        written::Credentials::Pass => return Ok(Credentials::Pass),
        written::Credentials::Basic => Translation::Basic(source(written, &kind, base)?),
        written::Credentials::Bearer => Translation::Token {
            header: http::header::AUTHORIZATION,
            prefix: "Bearer ".to_owned(),
            source: source(written, &kind, base)?,
        },
        written::Credentials::Header => {
            let header = written.header.as_deref();
            let header = header.ok_or_else(|| Fault::new("`credentials = \"header\"` needs `header`, its name"))?;
            let header = token_header(header)?;
            let prefix = prefix(written.prefix.as_deref(), &header)?;
            Translation::Token { header, prefix, source: source(written, &kind, base)? }
        }
        written::Credentials::Jwt => Translation::Jwt(jwt(written, base)?),
        written::Credentials::Session => {
            if upstream.login.is_none() {
                let message = format!(
                    "`credentials = \"session\"` needs to know how to sign in: give the upstream `{}` a `login`, such \
                     as {{ kind = \"lptracker\" }}",
                    upstream.name
                );
                return Err(Fault::new(message).under("credentials"));
            }
            Translation::Session(source(written, &kind, base)?)
        }
    }))
}

/// What a kind of credentials takes.
struct Kind {
    word: &'static str,
    takes: &'static [&'static str],
}

impl Kind {
    fn of(credentials: written::Credentials) -> Self {
        let (word, takes): (_, &[_]) = match credentials {
            written::Credentials::Basic => ("basic", &["account", "secret", "links"]),
            written::Credentials::Bearer => ("bearer", &["secret", "links"]),
            written::Credentials::Drop => ("drop", &[]),
            written::Credentials::Header => ("header", &["header", "prefix", "secret", "links"]),
            written::Credentials::Jwt => (
                "jwt",
                &[
                    "key",
                    "algorithm",
                    "claims",
                    "links",
                    "subject",
                    "lifetime",
                    "issuer",
                    "audience",
                    "header",
                    "prefix",
                ],
            ),
            written::Credentials::Pass => ("pass", &[]),
            written::Credentials::Session => ("session", &["account", "secret", "links"]),
        };
        Self { word, takes }
    }

    /// The first key that is written and means nothing here.
    fn first_unknown(&self, written: &written::Send) -> Option<&'static str> {
        let keys = [
            ("account", written.account.is_some()),
            ("secret", written.secret.is_some()),
            ("links", written.links.is_some()),
            ("header", written.header.is_some()),
            ("prefix", written.prefix.is_some()),
            ("algorithm", written.algorithm.is_some()),
            ("key", written.key.is_some()),
            ("claims", written.claims.is_some()),
            ("subject", written.subject.is_some()),
            ("lifetime", written.lifetime.is_some()),
            ("issuer", written.issuer.is_some()),
            ("audience", written.audience.is_some()),
        ];
        keys.into_iter().find(|(key, is_there)| *is_there && !self.takes.contains(key)).map(|(key, _)| key)
    }

    fn has_account(&self) -> bool {
        self.takes.contains(&"account")
    }
}

fn source(written: &written::Send, kind: &Kind, base: &Path) -> Result<Source, Fault> {
    match (&written.links, &written.secret, &written.account) {
        (Some(set), None, None) => Ok(Source::Links(link_set(set)?)),
        (Some(_), ..) => {
            Err(Fault::new("either `links`, where each account has its own, or the gateway's own credential, not both")
                .under("links"))
        }
        (None, Some(_), None) if kind.has_account() => {
            Err(Fault::new("`secret` needs `account`, whose password it is").under("secret"))
        }
        (None, Some(secret), account) => {
            let secret = SecretRef::parse(secret, base).map_err(|message| Fault::new(message).under("secret"))?;
            let account = account.clone().unwrap_or_default();
            if kind.word == "basic" && account.contains(':') {
                return Err(Fault::new("a name with a colon cannot be sent by HTTP Basic").under("account"));
            }
            Ok(Source::Service { account, secret })
        }
        (None, None, _) => {
            let own = if kind.has_account() { "`account` and `secret`" } else { "`secret`" };
            Err(Fault::new(format!(
                "`credentials = \"{}\"` needs {own}, the gateway's own, or `links`, the accounts' own",
                kind.word
            ))
            .under("credentials"))
        }
    }
}

fn jwt(written: &written::Send, base: &Path) -> Result<Jwt, Fault> {
    let key = written.key.as_deref();
    let key = key.ok_or_else(|| {
        let message = "`credentials = \"jwt\"` needs `key`, the one by which the upstream signs its own tokens";
        Fault::new(message).under("credentials")
    })?;
    let key = SecretRef::parse(key, base).map_err(|message| Fault::new(message).under("key"))?;
    let links = match (&written.links, written.subject) {
        (Some(set), None) => Some(link_set(set)?),
        (None, Some(Subject::Account)) => None,
        (Some(_), Some(_)) => {
            let message = "either `links`, or `subject = \"account\"` for an upstream with the same numbers, not both";
            return Err(Fault::new(message).under("subject"));
        }
        (None, None) => {
            let message = "`credentials = \"jwt\"` needs to know whose number tokens name: `links`, or `subject = \
                           \"account\"` for an upstream that counts accounts as they are counted here";
            return Err(Fault::new(message).under("credentials"));
        }
    };
    let claims = written.claims.unwrap_or_default();
    if claims == Claims::FitTrackee {
        let keys = [("issuer", written.issuer.is_some()), ("audience", written.audience.is_some())];
        if let Some((key, _)) = keys.into_iter().find(|(_, is_there)| *is_there) {
            return Err(Fault::new("FitTrackee's tokens name none, and it refuses those that do").under(key));
        }
    }
    let lifetime = written.lifetime.map_or(Duration::from_hours(1), |time| time.0);
    if !(Duration::from_secs(10)..=Duration::from_hours(24 * 365)).contains(&lifetime) {
        return Err(Fault::new("a token lives from 10s to 365d").under("lifetime"));
    }
    let header = token_header(written.header.as_deref().unwrap_or("authorization"))?;
    let prefix = prefix(written.prefix.as_deref(), &header)?;
    Ok(Jwt {
        algorithm: written.algorithm.unwrap_or(Algorithm::HS256),
        key,
        claims,
        links,
        lifetime,
        issuer: written.issuer.clone(),
        audience: written.audience.clone(),
        header,
        prefix,
    })
}

/// The name of a set of links.
fn link_set(text: &str) -> Result<String, Fault> {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if (1..=64).contains(&text.len()) && text.bytes().all(is_word) {
        return Ok(text.to_owned());
    }
    Err(Fault::new("a set of links is named by letters, digits, `.`, `_` and `-`").under("links"))
}

/// A header that can carry a token.
pub(super) fn token_header(text: &str) -> Result<HeaderName, Fault> {
    let fault = |message: String| Fault::new(message).under("header");
    let name: HeaderName = text.parse().map_err(|_other| fault(format!("`{text}` is not the name of a header")))?;
    let is_ours = ["x-forwarded-", "x-trackgate-"].iter().any(|start| name.as_str().starts_with(start));
    if is_ours || NO_TOKEN.contains(&name.as_str()) {
        return Err(fault(format!("`{text}` is set by the gateway for something else")));
    }
    Ok(name)
}

/// What stands before a token in this header.
pub(super) fn prefix(written: Option<&str>, header: &HeaderName) -> Result<String, Fault> {
    let default = if header == http::header::AUTHORIZATION { "Bearer " } else { "" };
    let prefix = written.unwrap_or(default);
    if prefix.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
        return Ok(prefix.to_owned());
    }
    Err(Fault::new("a header carries visible ASCII letters").under("prefix"))
}

/// Headers with a meaning of their own.
const NO_TOKEN: [&str; 15] = [
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-real-ip",
    "x-request-id",
];
