//! Signed tokens that are out: noted when they are issued, listed, and ended one by one.

use std::time::SystemTime;

use trackgate_schemes::AccountId;
use trackgate_schemes::store::{Account, StoreError};

use super::{AccountService, ChangeError, Origin};
use crate::ports::SignedToken;

/// A signed token that was just issued.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "built by the doors that issue tokens")]
pub struct NewSigned<'a> {
    /// What it is signed out by: its key in the blacklist.
    pub key: &'a str,
    /// The id of the scheme that issued it.
    pub scheme: &'a str,
    /// When it ends by itself, leeway included.
    pub ends_at: SystemTime,
}

impl AccountService {
    /// Notes that a signed token of this account is out, so that its owner can see and end it.
    ///
    /// # Errors
    ///
    /// [`ChangeError`] if the store is down: the token should not be given out then.
    pub async fn note_signed(&self, account: &Account, new: NewSigned<'_>, origin: &Origin) -> Result<(), ChangeError> {
        let token = SignedToken {
            key: new.key.into(),
            account: account.id,
            generation: account.generation,
            scheme: new.scheme.into(),
            service: origin.service.clone(),
            client: origin.client,
            issued_at: self.clock.now(),
            ends_at: new.ends_at,
            last_used_at: None,
            last_client: None,
        };
        Ok(self.store.add_signed(token).await?)
    }

    /// The signed tokens of an account that are good now, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store is down.
    pub async fn signed_tokens(&self, account: AccountId) -> Result<Vec<SignedToken>, StoreError> {
        self.store.signed_tokens(account, self.clock.now()).await
    }

    /// Signs a token of this account out, by its key, wherever it is.
    ///
    /// # Errors
    ///
    /// [`ChangeError::NotFound`] if the account has no such token, or the store is down.
    pub async fn end_signed(&self, account: AccountId, key: &str, origin: &Origin) -> Result<(), ChangeError> {
        let tokens = self.signed_tokens(account).await?;
        let token = tokens.into_iter().find(|token| *token.key == *key).ok_or(ChangeError::NotFound)?;
        self.sign_out(key, Some(account), token.ends_at, origin).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::{named, service};
    use super::*;

    #[tokio::test]
    async fn web_12_nobody_ends_the_signed_token_of_another() {
        let service = service();
        let origin = Origin::operator();
        let rider = service.register(named("rider"), &origin).await.unwrap();
        let other = service.register(named("other"), &origin).await.unwrap();
        let new = NewSigned { key: "key", scheme: "fit", ends_at: service.clock().now() + Duration::from_hours(1) };
        service.note_signed(&rider, new, &origin).await.unwrap();
        assert_eq!(service.end_signed(other.id, "key", &origin).await.unwrap_err(), ChangeError::NotFound);
        assert!(service.store().blacklisted("key").await.unwrap().is_none());
        service.end_signed(rider.id, "key", &origin).await.unwrap();
        assert!(service.store().blacklisted("key").await.unwrap().is_some());
        assert_eq!(service.end_signed(rider.id, "key", &origin).await.unwrap_err(), ChangeError::NotFound);
        assert!(service.signed_tokens(rider.id).await.unwrap().is_empty());
    }
}
