//! Links: which account of a server behind the gateway belongs to an account here, and the secret that opens it.
//!
//! A link is an item of the account, sealed whole under a key that is not in the store ([`LinkKeys`]), for this account
//! and this set of links alone: what is copied to another account does not open there. What was opened is remembered
//! until the account or one of its links changes.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use trackgate_schemes::store::{Account, StoreError, StoreErrorKind};
use trackgate_schemes::{AccountId, DigestKey, Forget, Known, Secret};

use super::{AccountService, ChangeError, Origin};
use crate::ports::{AuditAction, Item, ItemFilter};

mod check;
mod keys;
#[cfg(test)]
mod tests;

pub use check::{CheckLink, Checking, LinkCheck};
pub use keys::{LinkKeyError, LinkKeys};
use keys::{Sealed, Unopened, Whose};

/// Makes, opens and removes links.
#[derive(Debug)]
pub struct Links {
    accounts: AccountService,
    keys: LinkKeys,
    known: Arc<Known<Option<Arc<Link>>>>,
    digests: DigestKey,
}

/// A link, opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// Whose it is.
    pub account: AccountId,
    /// The set of links: a name in the configuration, such as the upstream's.
    pub set: Arc<str>,
    /// The account's name at the upstream; may be empty where the secret says everything.
    pub user: Arc<str>,
    /// Its password or token there; `None` where the gateway signs for it.
    pub secret: Option<Secret>,
    /// Its number there.
    pub number: Option<i64>,
    /// When it was made or changed.
    pub changed_at: SystemTime,
    /// Whether the upstream has refused the secret: it is not tried again.
    pub is_refused: bool,
    sealed: Arc<str>,
}

/// A link as somebody makes it.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// The account's name at the upstream.
    pub user: String,
    /// Its password or token there.
    pub secret: Option<Secret>,
    /// Its number there.
    pub number: Option<i64>,
}

/// A link in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedLink {
    /// The set.
    pub set: String,
    /// The id of the key that sealed it.
    pub key: String,
    /// When it was made or changed.
    pub changed_at: SystemTime,
    /// What is in it; `None` if it does not open.
    pub link: Option<Link>,
}

/// Why there is no link, or none was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// It was not stored, or there is none.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The key that sealed it is not here.
    #[error("the link was sealed by the key {key}, which is neither `links.key` nor one of `links.previous_keys`")]
    NoKey {
        /// The id of that key.
        key: String,
    },
    /// It does not open: it was sealed for another account, or somebody changed it.
    #[error("the link is not genuine: it was sealed for another account or set, or was changed in the store")]
    NotGenuine,
    /// The name, the secret or the set cannot be used.
    #[error("{0}")]
    Unfit(&'static str),
}

impl From<StoreError> for LinkError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

/// As the store has it.
#[derive(Deserialize, Serialize)]
struct Kept {
    key: String,
    sealed: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    refused: bool,
}

/// What is sealed.
#[derive(Serialize)]
struct Inside<'a> {
    user: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<i64>,
}

impl Kept {
    fn to_text(&self) -> String {
        serde_json::to_string(self).expect("texts make JSON")
    }
}

impl Inside<'_> {
    fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and a number make JSON")
    }
}

/// The same, read: texts may hold what JSON escapes.
#[derive(Deserialize)]
struct Opened {
    user: String,
    #[serde(default)]
    secret: Option<String>,
    #[serde(default)]
    number: Option<i64>,
}

impl Links {
    /// Links of these accounts, sealed by these keys.
    pub fn new(accounts: AccountService, keys: LinkKeys) -> Self {
        let known = Arc::new(Known::new(CAPACITY));
        accounts.memories.add_of_documents(&(Arc::clone(&known) as Arc<dyn Forget>));
        Self { accounts, keys, known, digests: DigestKey::random() }
    }

    /// The keys.
    pub fn keys(&self) -> &LinkKeys {
        &self.keys
    }

    /// The account base.
    pub fn accounts(&self) -> &AccountService {
        &self.accounts
    }

    /// The link of an account in this set, from memory where it is known.
    ///
    /// # Errors
    ///
    /// [`LinkError`] if it does not open or the store is down.
    pub async fn find(&self, account: AccountId, set: &str, now: SystemTime) -> Result<Option<Arc<Link>>, LinkError> {
        let digest = self.digests.digest(&[&account.0.to_le_bytes(), set.as_bytes()]);
        if let Some(known) = self.known.find(&digest, now) {
            return Ok(known);
        }
        let ticket = self.known.ticket();
        let item = self.accounts.store.item(LINKS, &id(account, set)).await?;
        let link = match item.filter(|item| item.account == account) {
            Some(item) => Some(Arc::new(self.open(&item, set)?)),
            None => None,
        };
        self.known.remember(ticket, digest, Some(account), set, link.clone(), now, now + REMEMBER);
        Ok(link)
    }

    /// Makes or changes the link of an account in this set.
    ///
    /// # Errors
    ///
    /// [`LinkError`] if it does not fit or the store is down.
    pub async fn set(&self, account: &Account, set: &str, new: NewLink, origin: &Origin) -> Result<(), LinkError> {
        check(set, &new)?;
        let secret = new.secret.as_ref().and_then(Secret::expose_text);
        let inside = Inside { user: &new.user, secret, number: new.number };
        let Sealed { key, text } = self.keys.seal(Whose { account: account.id, set }, inside.to_bytes());
        let kept = Kept { key, sealed: text, refused: false };
        let body = kept.to_text();
        let item = Item { id: id(account.id, set), account: account.id, place: place(self.accounts.clock.now()), body };
        let store = &self.accounts.store;
        loop {
            let done = match store.item(LINKS, &item.id).await? {
                None => store.add_item(LINKS, item.clone()).await?,
                Some(before) => store.replace_item(LINKS, &before, item.clone()).await?,
            };
            if done {
                break;
            }
        }
        self.accounts.memories.forget_documents(account.id);
        Ok(self.accounts.note(AuditAction::Link, account, origin, set).await?)
    }

    /// Removes the link of an account in this set.
    ///
    /// # Errors
    ///
    /// [`ChangeError::NotFound`] if there is none, or the store is down.
    pub async fn remove(&self, account: &Account, set: &str, origin: &Origin) -> Result<(), ChangeError> {
        let was_there = self.accounts.store.delete_item(LINKS, account.id, &id(account.id, set)).await?;
        self.accounts.memories.forget_documents(account.id);
        if !was_there {
            return Err(ChangeError::NotFound);
        }
        self.accounts.note(AuditAction::Link, account, origin, set).await
    }

    /// The links of an account, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store is down or holds something else.
    pub async fn list(&self, account: AccountId) -> Result<Vec<ListedLink>, StoreError> {
        let items = self.accounts.store.items(LINKS, account, ItemFilter::default()).await?;
        let listed = items.iter().map(|item| {
            let set = item.id.split_once('/').map_or("", |(_account, set)| set);
            let link = self.open(item, set).ok();
            Ok(ListedLink { set: set.to_owned(), key: kept(item)?.key, changed_at: changed_at(item), link })
        });
        listed.collect()
    }

    /// Seals the links of an account anew where a previous key had sealed them; how many those were.
    ///
    /// # Errors
    ///
    /// [`LinkError`] of the first that does not open.
    pub async fn reseal(&self, account: AccountId) -> Result<usize, LinkError> {
        let mut count = 0;
        for before in self.accounts.store.items(LINKS, account, ItemFilter::default()).await? {
            let set = before.id.split_once('/').map_or("", |(_account, set)| set).to_owned();
            let mut kept = kept(&before)?;
            if kept.key == self.keys.current() {
                continue;
            }
            let whose = Whose { account, set: &set };
            let plain = self.unseal(whose, &kept)?;
            let sealed = self.keys.seal(whose, plain.expose().to_vec());
            (kept.key, kept.sealed) = (sealed.key, sealed.text);
            let body = kept.to_text();
            // Somebody who changed it meanwhile has sealed it by the present key.
            if self.accounts.store.replace_item(LINKS, &before, Item { body, ..before.clone() }).await? {
                count += 1;
            }
        }
        self.accounts.memories.forget_documents(account);
        Ok(count)
    }

    /// Notes that the upstream refused the secret of this link: it is not tried again until it is changed. A failure is
    /// logged.
    pub async fn mark_refused(&self, link: &Link) {
        let marked = async {
            let Some(before) = self.accounts.store.item(LINKS, &id(link.account, &link.set)).await? else {
                return Ok(());
            };
            let mut kept = kept(&before)?;
            if *kept.sealed != *link.sealed || kept.refused {
                return Ok(());
            }
            kept.refused = true;
            let body = kept.to_text();
            self.accounts.store.replace_item(LINKS, &before, Item { body, ..before.clone() }).await?;
            Ok::<_, StoreError>(())
        };
        if let Err(error) = marked.await {
            tracing::error!(%error, set = &*link.set, "that an upstream refuses a link was not stored");
        }
        self.accounts.memories.forget_documents(link.account);
    }

    fn open(&self, item: &Item, set: &str) -> Result<Link, LinkError> {
        let kept = kept(item)?;
        let plain = self.unseal(Whose { account: item.account, set }, &kept)?;
        let opened: Opened = serde_json::from_slice(plain.expose()).map_err(|_other| LinkError::NotGenuine)?;
        Ok(Link {
            account: item.account,
            set: set.into(),
            user: opened.user.into(),
            secret: opened.secret.map(Secret::from),
            number: opened.number,
            changed_at: changed_at(item),
            is_refused: kept.refused,
            sealed: kept.sealed.into(),
        })
    }

    fn unseal(&self, whose: Whose<'_>, kept: &Kept) -> Result<Secret, LinkError> {
        let sealed = Sealed { key: kept.key.clone(), text: kept.sealed.clone() };
        self.keys.open(whose, &sealed).map_err(|why| match why {
            Unopened::NoKey => LinkError::NoKey { key: sealed.key },
            Unopened::NotGenuine => LinkError::NotGenuine,
        })
    }
}

fn check(set: &str, new: &NewLink) -> Result<(), LinkError> {
    if set.is_empty() || set.len() > MAX_SET || !set.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
        return Err(LinkError::Unfit("a set of links is named by letters, digits, `.`, `_` and `-`"));
    }
    if new.user.len() > MAX_USER || new.user.chars().any(char::is_control) {
        return Err(LinkError::Unfit("the user's name is too long or holds control characters"));
    }
    match &new.secret {
        None if new.number.is_none() => Err(LinkError::Unfit("a link has a secret or a number")),
        Some(secret) if !(1..=MAX_SECRET).contains(&secret.expose().len()) => {
            Err(LinkError::Unfit("the secret is empty or longer than 4 KiB"))
        }
        Some(secret) if secret.expose_text().is_none_or(|text| text.chars().any(char::is_control)) => {
            Err(LinkError::Unfit("the secret is not UTF-8 or holds control characters"))
        }
        _ => Ok(()),
    }
}

fn kept(item: &Item) -> Result<Kept, StoreError> {
    let unreadable = |_other| StoreError::new(StoreErrorKind::Corrupt, "a link cannot be read");
    serde_json::from_str(&item.body).map_err(unreadable)
}

/// The name of the item: one for each account and set.
fn id(account: AccountId, set: &str) -> Arc<str> {
    format!("{account}/{set}").into()
}

fn place(at: SystemTime) -> i64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn changed_at(item: &Item) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(item.place).unwrap_or_default())
}

const LINKS: &str = "links/accounts";

/// Links that are remembered, those that are not there among them.
const CAPACITY: usize = 100_000;

/// For how long, changes aside.
const REMEMBER: Duration = Duration::from_hours(1);
const MAX_SECRET: usize = 4096;
const MAX_SET: usize = 64;
const MAX_USER: usize = 256;
