//! Who may watch what an account records: everybody or nobody, and links for those whom it is told.
//!
//! The switch is a document of the account, a link an item; a tracker that shows rides asks here. Of a link's
//! token only a digest is kept.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use trackgate_schemes::bearer::{NewToken, TokenText};
use trackgate_schemes::store::{Account, StoreError, StoreErrorKind};
use trackgate_schemes::{AccountId, Digest, Secret};

use super::{AccountService, ChangeError, Origin};
use crate::ports::{AuditAction, Item, ItemFilter};

/// Whether everybody may watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum Visibility {
    /// Only the owner, and who has a link.
    Private,
    /// Everybody.
    Public,
}

impl Visibility {
    /// Its word in the audit trail.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Public => "public",
        }
    }
}

/// A link with which somebody may watch an account for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShareLink {
    /// Its public id.
    pub id: Arc<str>,
    /// Whose rides it shows.
    pub account: AccountId,
    /// The name that the owner gave it.
    pub label: String,
    /// When it was made.
    pub created_at: SystemTime,
    /// When it ends: at exactly this instant it is dead.
    pub ends_at: SystemTime,
}

/// A link that was just made: the only moment at which its token is known.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IssuedShare {
    /// What is kept of it.
    pub link: ShareLink,
    /// Its token, to be shown once.
    pub token: Secret,
}

#[derive(Deserialize)]
struct Switch {
    visibility: Visibility,
}

#[derive(Deserialize)]
struct Kept {
    label: String,
    /// SHA-256 of the token, in hex.
    digest: String,
    /// Seconds since 1970.
    ends_at: u64,
}

impl AccountService {
    /// Whether everybody may watch this account; `None` if its owner never said.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store is down or holds something else.
    pub async fn visibility(&self, account: AccountId) -> Result<Option<Visibility>, StoreError> {
        let Some(text) = self.store.document(SHARING, account).await? else { return Ok(None) };
        Ok(Some(serde_json::from_str::<Switch>(&text).map_err(|_other| unreadable())?.visibility))
    }

    /// Says whether everybody may watch this account.
    ///
    /// # Errors
    ///
    /// [`ChangeError`] if the store is down.
    pub async fn set_visibility(
        &self,
        account: &Account,
        visibility: Visibility,
        origin: &Origin,
    ) -> Result<(), ChangeError> {
        let text = serde_json::json!({ "visibility": visibility.as_str() }).to_string();
        loop {
            let before = self.store.document(SHARING, account.id).await?;
            if before.as_ref() == Some(&text) {
                return Ok(());
            }
            if self.store.replace_document(SHARING, account.id, before.as_deref(), &text).await? {
                break;
            }
        }
        self.memories.forget_documents(account.id);
        self.note(AuditAction::Sharing, account, origin, visibility.as_str()).await
    }

    /// Makes a link with which somebody may watch this account until `ends_at`, counted in whole seconds.
    ///
    /// # Errors
    ///
    /// [`ChangeError`] if the store is down.
    ///
    /// # Panics
    ///
    /// When the system has no random numbers.
    pub async fn share(
        &self,
        account: &Account,
        label: &str,
        ends_at: SystemTime,
        origin: &Origin,
    ) -> Result<IssuedShare, ChangeError> {
        let NewToken { id, text, .. } = NewToken::random();
        let text = text.expose_text().and_then(|text| text.strip_prefix(TokenText::PREFIX));
        let token = Secret::from(text.expect("a token has its prefix"));
        let link = ShareLink {
            id: Arc::clone(&id),
            account: account.id,
            label: label.to_owned(),
            created_at: self.clock.now(),
            ends_at: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds(ends_at)),
        };
        let kept = serde_json::json!({ "label": label, "digest": digest(&token), "ends_at": seconds(ends_at) });
        let item = Item {
            id: Arc::clone(&id),
            account: account.id,
            place: i64::try_from(micros(link.created_at)).unwrap_or(i64::MAX),
            body: kept.to_string(),
        };
        self.store.add_item(SHARES, item).await?;
        self.note(AuditAction::Sharing, account, origin, &id).await?;
        Ok(IssuedShare { link, token })
    }

    /// The links of an account, oldest first, those that ended too.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store is down or holds something else.
    pub async fn shares(&self, account: AccountId) -> Result<Vec<ShareLink>, StoreError> {
        let items = self.store.items(SHARES, account, ItemFilter::default()).await?;
        items.iter().map(|item| Ok(read(item)?.0)).collect()
    }

    /// Ends a link of this account; whoever watches by it no longer does.
    ///
    /// # Errors
    ///
    /// [`ChangeError::NotFound`] if the account has no such link, or the store is down.
    pub async fn end_share(&self, account: &Account, id: &str, origin: &Origin) -> Result<(), ChangeError> {
        let was_there = self.store.delete_item(SHARES, account.id, id).await?;
        // Also when another process ended it: its word may not have come here yet.
        self.memories.forget_credential(id);
        self.memories.forget_documents(account.id);
        if !was_there {
            return Err(ChangeError::NotFound);
        }
        self.note(AuditAction::Sharing, account, origin, id).await
    }

    /// The live link of this token at `now`, with the account that it shows if that is in use.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store is down or holds something else.
    pub async fn share_of(&self, token: &str, now: SystemTime) -> Result<Option<(ShareLink, Account)>, StoreError> {
        let text = format!("{}{token}", TokenText::PREFIX);
        let Some(parsed) = TokenText::parse(&text) else { return Ok(None) };
        let Some(item) = self.store.item(SHARES, parsed.id()).await? else { return Ok(None) };
        let (link, kept) = read(&item)?;
        if kept != Digest::sha256(token.as_bytes()) || now >= link.ends_at {
            return Ok(None);
        }
        let account = self.store.account(link.account).await?;
        Ok(account.filter(Account::is_active).map(|account| (link, account)))
    }
}

fn read(item: &Item) -> Result<(ShareLink, Digest), StoreError> {
    let kept: Kept = serde_json::from_str(&item.body).map_err(|_other| unreadable())?;
    let created_at = Duration::from_micros(u64::try_from(item.place).unwrap_or_default());
    let link = ShareLink {
        id: Arc::clone(&item.id),
        account: item.account,
        label: kept.label,
        created_at: SystemTime::UNIX_EPOCH + created_at,
        ends_at: SystemTime::UNIX_EPOCH + Duration::from_secs(kept.ends_at),
    };
    let mut bytes = [0; 32];
    if kept.digest.len() != 64 {
        return Err(unreadable());
    }
    for (byte, digits) in bytes.iter_mut().zip(kept.digest.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(digits).map_err(|_other| unreadable())?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_other| unreadable())?;
    }
    Ok((link, Digest::from_bytes(bytes)))
}

fn digest(token: &Secret) -> String {
    let mut hex = String::new();
    for byte in Digest::sha256(token.expose()).as_bytes() {
        write!(hex, "{byte:02x}").expect("a String takes text");
    }
    hex
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn micros(at: SystemTime) -> u128 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_micros()
}

fn unreadable() -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, "what is shared cannot be read")
}

const SHARING: &str = "sharing";
const SHARES: &str = "sharing/links";

#[cfg(test)]
mod tests {
    use super::super::tests::{named, service};
    use super::*;

    #[tokio::test]
    async fn a_link_works_until_its_end_and_no_longer() {
        let service = service();
        let rider = service.register(named("rider"), &Origin::operator()).await.unwrap();
        let now = service.clock().now();
        let hour = Duration::from_hours(1);
        let IssuedShare { link, token } =
            service.share(&rider, "grandma", now + hour, &Origin::operator()).await.unwrap();
        let token = token.expose_text().unwrap();
        let (found, account) = service.share_of(token, now).await.unwrap().unwrap();
        assert_eq!((&found, account.id), (&link, rider.id));
        assert!(service.share_of(token, now + hour).await.unwrap().is_none(), "exactly at its end it is dead");
        let mistyped: String = token.chars().rev().collect();
        assert!(service.share_of(&mistyped, now).await.unwrap().is_none());
        assert_eq!(service.shares(rider.id).await.unwrap(), std::slice::from_ref(&link));
        service.end_share(&rider, &link.id, &Origin::operator()).await.unwrap();
        assert!(service.share_of(token, now).await.unwrap().is_none());
        let again = service.end_share(&rider, &link.id, &Origin::operator()).await;
        assert_eq!(again.unwrap_err(), ChangeError::NotFound);
    }

    #[tokio::test]
    async fn web_12_nobody_ends_the_link_of_another() {
        let service = service();
        let rider = service.register(named("rider"), &Origin::operator()).await.unwrap();
        let other = service.register(named("other"), &Origin::operator()).await.unwrap();
        let ends_at = service.clock().now() + Duration::from_hours(1);
        let shared = service.share(&rider, "", ends_at, &Origin::operator()).await.unwrap();
        let tried = service.end_share(&other, &shared.link.id, &Origin::operator()).await;
        assert_eq!(tried.unwrap_err(), ChangeError::NotFound);
        assert_eq!(service.shares(rider.id).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn brt_11_only_a_digest_of_a_link_is_kept() {
        let service = service();
        let rider = service.register(named("rider"), &Origin::operator()).await.unwrap();
        let ends_at = service.clock().now() + Duration::from_hours(1);
        let shared = service.share(&rider, "", ends_at, &Origin::operator()).await.unwrap();
        let items = service.store().items(SHARES, rider.id, ItemFilter::default()).await.unwrap();
        let secret = shared.token.expose_text().unwrap().get(12..55).unwrap();
        assert!(items.iter().all(|item| !item.body.contains(secret)));
    }

    #[tokio::test]
    async fn the_switch_is_nothing_until_it_is_set() {
        let service = service();
        let rider = service.register(named("rider"), &Origin::operator()).await.unwrap();
        assert_eq!(service.visibility(rider.id).await.unwrap(), None);
        for visibility in [Visibility::Private, Visibility::Private, Visibility::Public] {
            service.set_visibility(&rider, visibility, &Origin::operator()).await.unwrap();
            assert_eq!(service.visibility(rider.id).await.unwrap(), Some(visibility));
        }
    }
}
