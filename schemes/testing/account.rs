//! An account out of nowhere.

use std::time::SystemTime;

use crate::store::{Account, AccountState};
use crate::{AccountId, Grants};

/// The active account of this number, named `rider` and the number, with everyday grants and without a password.
pub fn account(id: i64) -> Account {
    Account {
        id: AccountId(id),
        name: format!("rider{id}").into(),
        email: None,
        state: AccountState::Active,
        grants: Grants::EVERYDAY,
        password: None,
        generation: 0,
        not_before: SystemTime::UNIX_EPOCH,
        created_at: SystemTime::UNIX_EPOCH,
    }
}
