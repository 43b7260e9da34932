//! Accounts and signed-out tokens that come from another server.

use std::time::SystemTime;

use trackgate_schemes::AccountId;
use trackgate_schemes::store::Account;

use super::{AccountService, BLACKLIST_SLACK, ChangeError, FOR_EVER, Origin, written};
use crate::ports::{AuditAction, NewAccount};

impl AccountService {
    /// Makes an account that was `number` on another server: here too when that is free.
    ///
    /// Tokens that the other server signed are good for it only then; who imports looks at the number.
    ///
    /// # Errors
    ///
    /// [`ChangeError`] if name or address are taken, or the store is down.
    pub async fn import(&self, number: AccountId, new: NewAccount, origin: &Origin) -> Result<Account, ChangeError> {
        let account = written(self.store.import_account(number, new).await?)?;
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
