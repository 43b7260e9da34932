//! Accounts in memory.

use std::time::SystemTime;

use trackgate_schemes::store::{Account, AccountState, Accounts, Answer, StoreError};
use trackgate_schemes::{AccountId, EmailAddress, Login, Secret};

use super::{Kept, MemoryStore, State};
use crate::ports::{AccountChange, AccountWrites, Ends, EventKind, NewAccount, Written};
use crate::stores::kept;

impl Accounts for MemoryStore {
    fn account(&self, id: AccountId) -> Answer<'_, Option<Account>> {
        self.answer(move |state| Ok(state.account(id).cloned()))
    }

    fn account_by_login<'a>(&'a self, login: &'a Login) -> Answer<'a, Option<Account>> {
        self.answer(move |state| {
            let found = state.accounts.values().find(|kept| match login {
                Login::Email(email) => kept.email.as_deref() == Some(email.as_str()),
                Login::Name(name) => *kept.canonical == *name.as_str(),
            });
            Ok(found.map(|kept| kept.account.clone()))
        })
    }

    fn upgrade_password<'a>(&'a self, id: AccountId, from: &'a Secret, to: &'a Secret) -> Answer<'a, ()> {
        self.answer(move |state| {
            if let Some(kept) = state.accounts.get_mut(&id)
                && kept.account.password.as_ref() == Some(from)
            {
                kept.account.password = Some(to.clone());
            }
            Ok(())
        })
    }
}

impl AccountWrites for MemoryStore {
    fn create_account(&self, new: NewAccount) -> Answer<'_, Written> {
        self.answer(move |state| state.create(new, None))
    }

    fn import_account(&self, number: AccountId, new: NewAccount) -> Answer<'_, Written> {
        self.answer(move |state| state.create(new, Some(number)))
    }

    fn change_account(&self, id: AccountId, change: AccountChange, ends: Ends, now: SystemTime) -> Answer<'_, Written> {
        self.answer(move |state| {
            kept::micros(now)?;
            if let Some((given, folded)) = &change.email {
                kept::text(given)?;
                if state.accounts.contains_key(&id) && state.has_other_email(folded, id) {
                    return Ok(Written::EmailTaken);
                }
            }
            let Some(kept) = state.accounts.get_mut(&id) else { return Ok(Written::NotFound) };
            if let Some((given, folded)) = change.email {
                kept.account.email = Some(given);
                kept.email = Some(folded.as_str().into());
            }
            let account = &mut kept.account;
            if let Some(grants) = change.grants {
                account.grants = grants;
            }
            if let Some(password) = change.password {
                account.password = Some(password);
            }
            if let Some(to) = change.state {
                account.state = to;
            }
            if ends != Ends::Nothing {
                account.generation += 1;
                // A clock that went back must not bring an older credential back to life.
                account.not_before = account.not_before.max(now);
            }
            let account = account.clone();
            if ends != Ends::Nothing || account.state != AccountState::Active {
                state.sessions.retain(|session| session.account != id);
            }
            if ends == Ends::CredentialsAndTokens {
                state.tokens.retain(|token| token.account != id);
            }
            state.tell(now, EventKind::Account(id));
            Ok(Written::Done(account))
        })
    }

    fn delete_account(&self, id: AccountId, now: SystemTime) -> Answer<'_, Option<Account>> {
        self.answer(move |state| {
            kept::micros(now)?;
            let Some(gone) = state.accounts.remove(&id) else { return Ok(None) };
            state.sessions.retain(|session| session.account != id);
            state.tokens.retain(|token| token.account != id);
            state.signed.retain(|token| token.account != id);
            state.tracked.retain(|_, tracked| tracked.account != id);
            state.documents.retain(|(account, _), _| *account != id);
            state.items.retain(|_, item| item.account != id);
            state.jobs.retain(|_, job| job.work.account != Some(id));
            state.mailed.retain(|token| token.account != id);
            state.former.insert(id);
            state.tell(now, EventKind::Account(id));
            Ok(Some(gone.account))
        })
    }

    fn list_accounts(&self, after: AccountId, limit: u32) -> Answer<'_, Vec<Account>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.answer(move |state| {
            let behind = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
            Ok(state.accounts.range(behind).take(limit).map(|(_, kept)| kept.account.clone()).collect())
        })
    }
}

impl State {
    /// Makes an account; one that comes from another server says under which number.
    fn create(&mut self, new: NewAccount, import: Option<AccountId>) -> Result<Written, StoreError> {
        kept::micros(new.created_at)?;
        kept::text(&new.name)?;
        if self.accounts.values().any(|kept| *kept.canonical == *new.canonical.as_str()) {
            return Ok(Written::NameTaken);
        }
        if let Some((given, folded)) = &new.email {
            kept::text(given)?;
            if self.has_other_email(folded, AccountId(0)) {
                return Ok(Written::EmailTaken);
            }
        }
        let (id, not_before) = match import {
            Some(number) if self.is_free(number) => (number, SystemTime::UNIX_EPOCH),
            Some(_used) => return Ok(Written::NumberTaken),
            None => (AccountId(self.numbers.accounts + 1), new.created_at),
        };
        self.numbers.accounts = self.numbers.accounts.max(id.0);
        let account = Account {
            id,
            name: new.name,
            email: new.email.as_ref().map(|(given, _)| given.clone()),
            state: new.state,
            grants: new.grants,
            password: new.password,
            generation: 0,
            not_before,
            created_at: new.created_at,
        };
        let email = new.email.map(|(_, folded)| folded.as_str().into());
        let kept = Kept { account: account.clone(), canonical: new.canonical.as_str().into(), email };
        self.accounts.insert(id, kept);
        self.tell(new.created_at, EventKind::Account(id));
        Ok(Written::Done(account))
    }

    fn is_free(&self, number: AccountId) -> bool {
        kept::IMPORTED.contains(&number.0) && !self.accounts.contains_key(&number) && !self.former.contains(&number)
    }

    fn has_other_email(&self, folded: &EmailAddress, id: AccountId) -> bool {
        self.accounts.iter().any(|(other, kept)| *other != id && kept.email.as_deref() == Some(folded.as_str()))
    }
}
