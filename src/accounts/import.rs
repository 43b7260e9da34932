//! Accounts and signed-out tokens that come from another server.

use std::time::SystemTime;

use trackgate_schemes::AccountId;
use trackgate_schemes::store::Account;

use super::{AccountService, BLACKLIST_SLACK, ChangeError, FOR_EVER, Origin, written};
use crate::ports::{AuditAction, NewAccount};

/// Which number an account gets that comes from another server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum NumberHere {
    /// The next one that was never used.
    New,
    /// The one that it had there.
    Same,
}

impl AccountService {
    /// Makes an account that was `number` on another server, under this number here or under a new one.
    ///
    /// Tokens that the other server signed are good for it under the same number alone: under any other they
    /// name somebody else.
    ///
    /// # Errors
    ///
    /// [`ChangeError`] if name, address or number are taken, or the store is down.
    pub async fn import(
        &self,
        number: AccountId,
        here: NumberHere,
        new: NewAccount,
        origin: &Origin,
    ) -> Result<Account, ChangeError> {
        let made = match here {
            NumberHere::New => self.store.create_account(new).await?,
            NumberHere::Same => self.store.import_account(number, new).await?,
        };
        let account = written(made)?;
        self.note(AuditAction::AccountCreate, &account, origin, &format!("imported {number}")).await?;
        Ok(account)
    }

    /// Signs out a token that another server had signed out, by its blacklist key.
    ///
    /// # Errors
    ///
    /// The store is down: it is not signed out then.
    pub async fn import_sign_out(&self, key: &str, until: SystemTime) -> Result<(), ChangeError> {
        let until = (until + BLACKLIST_SLACK).min(SystemTime::UNIX_EPOCH + FOR_EVER);
        self.store.blacklist(key, None, until, self.clock.now()).await?;
        self.memories.forget_credential(key);
        Ok(())
    }
}
