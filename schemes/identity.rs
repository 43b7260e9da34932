//! The one normalised answer to "who is asking?".

use std::cmp::Ordering;
use std::fmt;
use std::num::ParseIntError;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::{Arc, LazyLock, OnceLock};
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
    pub id: CredentialId,
}

impl Credential {
    /// A credential of this kind and public id.
    pub fn new(kind: CredentialKind, id: impl Into<CredentialId>) -> Self {
        Self { kind, id: id.into() }
    }
}

/// The public id of a credential, a text.
///
/// Up to 22 bytes, as ids of sessions and API tokens are, it stands in the value itself: copying it takes no lock,
/// no count and no allocation. Longer ones are shared.
#[derive(Clone)]
pub struct CredentialId(Text);

#[derive(Clone)]
enum Text {
    Long(Arc<str>),
    /// How many of the bytes are the text, which is UTF-8.
    Short(u8, [u8; CredentialId::SHORT]),
}

impl CredentialId {
    /// The text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Long(text) => text,
            // It was made of a text, so there is one.
            Text::Short(length, bytes) => {
                bytes.get(..usize::from(*length)).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
            }
        }
    }

    fn short(text: &str) -> Option<Self> {
        let mut bytes = [0; Self::SHORT];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self(Text::Short(u8::try_from(text.len()).ok()?, bytes)))
    }

    const SHORT: usize = 22;
}

impl Default for CredentialId {
    fn default() -> Self {
        Self(Text::Short(0, [0; Self::SHORT]))
    }
}

impl Deref for CredentialId {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for CredentialId {
    fn from(text: &str) -> Self {
        Self::short(text).unwrap_or_else(|| Self(Text::Long(text.into())))
    }
}

impl From<String> for CredentialId {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<Arc<str>> for CredentialId {
    fn from(text: Arc<str>) -> Self {
        Self::short(&text).unwrap_or(Self(Text::Long(text)))
    }
}

impl From<&Arc<str>> for CredentialId {
    fn from(text: &Arc<str>) -> Self {
        Self::from(Arc::clone(text))
    }
}

impl PartialEq for CredentialId {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for CredentialId {}

impl PartialOrd for CredentialId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CredentialId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other)
    }
}

impl std::hash::Hash for CredentialId {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

/// Who is asking, as every scheme answers it. Cloning costs no allocation.
#[derive(Clone)]
pub struct Identity {
    owner: Arc<Owner>,
    /// Which of the owner's services; 0 for none.
    service: u8,
    /// Where the memory of its scheme keeps it: a hint, which is no part of who it is.
    shard: u8,
    place: u32,
    credential: Credential,
    expires_at: Option<SystemTime>,
}

/// What all sessions of an account have in common.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    subject: Subject,
    name: Arc<str>,
    scheme: &'static str,
    grants: Grants,
    services: OnceLock<Box<Service>>,
}

/// A name that signs, in a list that is only ever added to.
#[derive(Clone, Debug)]
struct Service {
    name: Box<str>,
    next: OnceLock<Box<Self>>,
}

impl Owner {
    pub(crate) fn new(subject: Subject, name: Arc<str>, scheme: &'static str, grants: Grants) -> Self {
        Self { subject, name, scheme, grants, services: OnceLock::new() }
    }

    /// The number of the service of this name, which is added if it is not there; `None` when there are
    /// too many.
    pub(crate) fn number_of(&self, service: &str) -> Option<u8> {
        let mut next = &self.services;
        for number in 1..=MOST_SERVICES {
            let own = next.get_or_init(|| Box::new(Service { name: service.into(), next: OnceLock::new() }));
            if *own.name == *service {
                return Some(number);
            }
            next = &own.next;
        }
        None
    }

    /// Whether they are the same but for their services.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        (&self.subject, &self.name, self.scheme, &self.grants)
            == (&other.subject, &other.name, other.scheme, &other.grants)
    }

    pub(crate) fn account(&self) -> Option<AccountId> {
        match self.subject {
            Subject::Account(id) => Some(id),
            _ => None,
        }
    }

    /// The service of this number.
    fn service(&self, number: u8) -> Option<&str> {
        let mut own = self.services.get();
        for _ in 1..number {
            own = own?.next.get();
        }
        own.filter(|_| number > 0).map(|service| &*service.name)
    }
}

impl Identity {
    /// An identity without grants, service and expiry.
    pub fn new(subject: Subject, name: impl Into<Arc<str>>, scheme: &'static str, credential: Credential) -> Self {
        let owner = Arc::new(Owner::new(subject, name.into(), scheme, Grants::NONE));
        Self { owner, service: 0, shard: 0, place: NOWHERE, credential, expires_at: None }
    }

    /// An identity of an owner that others share; `service` is one of its numbers.
    pub(crate) fn of(owner: Arc<Owner>, service: u8, credential: Credential, expires_at: Option<SystemTime>) -> Self {
        Self { owner, service, shard: 0, place: NOWHERE, credential, expires_at }
    }

    /// Kept in this place of this shard of its scheme's memory.
    pub(crate) fn kept_at(mut self, shard: u8, place: u32) -> Self {
        (self.shard, self.place) = (shard, place);
        self
    }

    /// Where it was kept when it was made: shard and place. Something else may be there by now.
    pub(crate) fn kept(&self) -> Option<(u8, u32)> {
        (self.place != NOWHERE).then_some((self.shard, self.place))
    }

    /// Whether it is of this owner, with the owner's service of this number.
    pub(crate) fn is_of(&self, owner: &Arc<Owner>, service: u8) -> bool {
        if Arc::ptr_eq(&self.owner, owner) && self.service == service {
            return true;
        }
        self.owner.is_like(owner) && self.service() == owner.service(service)
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
        Arc::make_mut(&mut self.owner).grants = grants;
        self
    }

    /// With the name of the service that signs its actions.
    #[must_use]
    pub fn with_service(mut self, service: Option<Arc<str>>) -> Self {
        let owner = Arc::make_mut(&mut self.owner);
        owner.services = OnceLock::new();
        self.service = service.and_then(|service| owner.number_of(&service)).unwrap_or(0);
        self
    }

    /// Ending at this instant: at exactly `expires_at` it is over.
    #[must_use]
    pub fn with_expiry(mut self, expires_at: Option<SystemTime>) -> Self {
        self.expires_at = expires_at;
        self
    }

    /// Whom it stands for.
    pub fn subject(&self) -> &Subject {
        &self.owner.subject
    }

    /// The account, when it is one of the shared base.
    pub fn account(&self) -> Option<AccountId> {
        self.owner.account()
    }

    /// Whether nobody signed in.
    pub fn is_anonymous(&self) -> bool {
        self.owner.subject == Subject::Anonymous
    }

    /// The account's name; empty for nobody.
    pub fn name(&self) -> &str {
        &self.owner.name
    }

    /// The id of the scheme that said so.
    pub fn scheme(&self) -> &'static str {
        self.owner.scheme
    }

    /// What it may do.
    pub fn grants(&self) -> &Grants {
        &self.owner.grants
    }

    /// The service that signs its actions, as named at sign-in.
    pub fn service(&self) -> Option<&str> {
        self.owner.service(self.service)
    }

    /// The credential that proved it.
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// When the credential ends by itself.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.is_of(&other.owner, other.service)
            && (&self.credential, self.expires_at) == (&other.credential, other.expires_at)
    }
}

impl Eq for Identity {}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("subject", self.subject())
            .field("name", &self.name())
            .field("scheme", &self.scheme())
            .field("grants", self.grants())
            .field("service", &self.service())
            .field("credential", &self.credential)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// No place of a memory.
const NOWHERE: u32 = u32::MAX;
/// So many names of services stand beside one owner; with more, an owner is there several times.
const MOST_SERVICES: u8 = 8;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn rider(id: &str) -> Identity {
        Identity::new(Subject::Account(AccountId(7)), "rider", "lp", Credential::new(CredentialKind::Session, id))
    }

    #[test]
    fn ids_of_any_length_are_what_was_given() {
        for length in 0..60 {
            for letter in ["a", "\u{e4}", "\u{20ac}"] {
                let text = letter.repeat(length);
                for id in [CredentialId::from(text.as_str()), Arc::<str>::from(text.as_str()).into()] {
                    assert_eq!((id.as_str(), &id.to_string(), id.clone() == id), (text.as_str(), &text, true));
                }
            }
        }
        assert_ne!(CredentialId::from("a"), CredentialId::from("a\0"));
        assert_eq!(size_of::<CredentialId>(), 24);
    }

    #[test]
    fn identities_are_equal_when_they_say_the_same() {
        let with = |service: Option<&str>| rider("a").with_service(service.map(Arc::from));
        assert_eq!(with(Some("PHP SDK")), with(Some("PHP SDK")));
        assert_eq!(with(Some("PHP SDK")).service(), Some("PHP SDK"));
        assert_eq!(with(None).service(), None);
        let others = [
            with(Some("another")),
            with(None),
            with(Some("PHP SDK")).with_grants(Grants::EVERYDAY),
            with(Some("PHP SDK")).with_expiry(Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1))),
            rider("b").with_service(Some("PHP SDK".into())),
        ];
        for other in others {
            assert_ne!(with(Some("PHP SDK")), other);
        }
    }

    #[test]
    fn services_of_one_owner_have_numbers_and_a_limit() {
        let owner = Arc::new(Owner::new(Subject::Anonymous, "".into(), "lp", Grants::NONE));
        for number in 1..=MOST_SERVICES {
            assert_eq!(owner.number_of(&number.to_string()), Some(number));
        }
        assert_eq!((owner.number_of("9"), owner.number_of("3")), (None, Some(3)));
        let service = |number| {
            let credential = Credential::new(CredentialKind::Session, "");
            Identity::of(Arc::clone(&owner), number, credential, None).service().map(ToOwned::to_owned)
        };
        assert_eq!([service(0), service(3), service(9)], [None, Some("3".to_owned()), None]);
    }
}
