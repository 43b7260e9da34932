//! The one normalised answer to "who is asking?".

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use crate::Grants;

/// The number of an account; never used again after the account is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub i64);

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for AccountId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

/// Whom an identity stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// An account of the shared base.
    Account(AccountId),
    /// Nobody: a public route.
    Anonymous,
    /// Somebody whom another issuer knows, by the name that it uses.
    External(Arc<str>),
}

impl fmt::Display for Subject {
    /// The account's number or the external name; empty for nobody.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => id.fmt(f),
            Self::Anonymous => Ok(()),
            Self::External(name) => f.write_str(name),
        }
    }
}

/// What kind of credential proved an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CredentialKind {
    /// A bearer API token, also as the password of HTTP Basic.
    ApiToken,
    /// A signed token.
    Jwt,
    /// None was asked for.
    None,
    /// Something that a stranger's scheme knows.
    Other,
    /// The account's password.
    Password,
    /// A sliding session token.
    Session,
}

impl CredentialKind {
    /// Whether the account's owner signed in directly, rather than handing out a limited token.
    pub fn is_first_party(self) -> bool {
        matches!(self, Self::Jwt | Self::Password | Self::Session)
    }
}

/// Which credential proved an identity: what a revocation names. Not a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Credential {
    /// What it is.
    pub kind: CredentialKind,
    /// Its public id: a token's id, a session's id, a JWT's blacklist key in hex, an account's number
    /// for a password.
    pub id: Arc<str>,
}

impl Credential {
    /// A credential of this kind and public id.
    pub fn new(kind: CredentialKind, id: impl Into<Arc<str>>) -> Self {
        Self { kind, id: id.into() }
    }
}

/// Who is asking, as every scheme answers it. Cloning costs no allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity(Arc<Facts>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Facts {
    subject: Subject,
    name: Arc<str>,
    scheme: &'static str,
    grants: Grants,
    service: Option<Arc<str>>,
    credential: Credential,
    expires_at: Option<SystemTime>,
}

impl Identity {
    /// An identity without grants, service and expiry.
    pub fn new(subject: Subject, name: impl Into<Arc<str>>, scheme: &'static str, credential: Credential) -> Self {
        Self(Arc::new(Facts {
            subject,
            name: name.into(),
            scheme,
            grants: Grants::NONE,
            service: None,
            credential,
            expires_at: None,
        }))
    }

    /// Nobody in particular: what policies and handlers of a public route see.
    pub fn anonymous() -> Self {
        static NOBODY: LazyLock<Identity> =
            LazyLock::new(|| Identity::new(Subject::Anonymous, "", "none", Credential::new(CredentialKind::None, "")));
        NOBODY.clone()
    }

    /// With these grants.
    #[must_use]
    pub fn with_grants(mut self, grants: Grants) -> Self {
        Arc::make_mut(&mut self.0).grants = grants;
        self
    }

    /// With the name of the service that signs its actions.
    #[must_use]
    pub fn with_service(mut self, service: Option<Arc<str>>) -> Self {
        Arc::make_mut(&mut self.0).service = service;
        self
    }

    /// Ending at this instant: at exactly `expires_at` it is over.
    #[must_use]
    pub fn with_expiry(mut self, expires_at: Option<SystemTime>) -> Self {
        Arc::make_mut(&mut self.0).expires_at = expires_at;
        self
    }

    /// Whom it stands for.
    pub fn subject(&self) -> &Subject {
        &self.0.subject
    }

    /// The account, when it is one of the shared base.
    pub fn account(&self) -> Option<AccountId> {
        match self.0.subject {
            Subject::Account(id) => Some(id),
            _ => None,
        }
    }

    /// Whether nobody signed in.
    pub fn is_anonymous(&self) -> bool {
        self.0.subject == Subject::Anonymous
    }

    /// The account's name; empty for nobody.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The id of the scheme that said so.
    pub fn scheme(&self) -> &'static str {
        self.0.scheme
    }

    /// What it may do.
    pub fn grants(&self) -> &Grants {
        &self.0.grants
    }

    /// The service that signs its actions, as named at sign-in.
    pub fn service(&self) -> Option<&str> {
        self.0.service.as_deref()
    }

    /// The credential that proved it.
    pub fn credential(&self) -> &Credential {
        &self.0.credential
    }

    /// When the credential ends by itself.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.0.expires_at
    }
}
