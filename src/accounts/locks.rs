//! Accounts that wrong guesses locked.

use std::time::SystemTime;

use trackgate_schemes::SignIn;
use trackgate_schemes::store::Account;

use super::{AccountService, ChangeError, Origin};
use crate::ports::AuditAction;

impl AccountService {
    /// Until when wrong guesses keep this account locked on this node; `None` if it is not.
    pub fn locked_until(&self, account: &Account) -> Option<SystemTime> {
        self.sign_in.guard().locked_until(&SignIn::counted(account), self.clock.now())
    }

    /// Forgets the wrong guesses at this account, on this node. Says whether it was locked.
    ///
    /// # Errors
    ///
    /// [`ChangeError`] if the audit trail cannot be written; nothing is unlocked then.
    pub async fn unlock(&self, account: &Account, origin: &Origin) -> Result<bool, ChangeError> {
        self.note(AuditAction::AccountChange, account, origin, "unlock").await?;
        Ok(self.sign_in.guard().unlock(&SignIn::counted(account), self.clock.now()))
    }
}
