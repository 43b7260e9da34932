//! Letters to the owners of accounts, and work that looks like writing one.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, header};
use trackgate_schemes::AccountId;
use trackgate_schemes::store::{Account, StoreError};

use super::letters::{self, Reader};
use super::profile::Profile;
use super::wire::Stop;
use super::{ID, Shared, links};
use crate::mail::{Letter, Outbox};
use crate::ports::NewJob;

/// Writes letters about one account, asked for by one request.
#[derive(Debug)]
pub(super) struct Desk<'a> {
    shared: &'a Shared,
    outbox: &'a Outbox,
    user_agent: Option<&'a str>,
}

impl<'a> Desk<'a> {
    /// The desk for a request of these headers; `None` when mail is off.
    pub(super) fn of(shared: &'a Shared, headers: &'a HeaderMap) -> Option<Self> {
        let outbox = shared.outbox.as_ref()?;
        let user_agent = headers.get(header::USER_AGENT).and_then(|line| line.to_str().ok());
        Some(Self { shared, outbox, user_agent })
    }

    /// Posts a letter to this address; it goes away with the account. An account that had its share of letters
    /// gets none: so nobody can have an address flooded.
    ///
    /// # Errors
    ///
    /// The store is down: it is not sent then.
    pub(super) async fn post(
        &self,
        account: &Account,
        profile: &Profile,
        to: &str,
        write: impl FnOnce(&Reader<'_>) -> Letter,
    ) -> Result<(), StoreError> {
        let letter = write(&self.reader(&account.name, profile, to));
        if self.shared.letter_limit.takes(account.id, self.shared.accounts.clock().now()) {
            return self.outbox.post(Some(account.id), &letter).await;
        }
        tracing::warn!(account = %account.id, "too many letters in an hour: one is not sent");
        pretend_to_write(self.shared, 1, &(letter.text + &letter.html)).await
    }

    /// The same to the account's present address, after something was done that cannot be undone: that the
    /// letter could not be stored is told to the operator alone.
    pub(super) async fn notify(&self, account: &Account, profile: &Profile, write: impl FnOnce(&Reader<'_>) -> Letter) {
        let Some(to) = &account.email else { return };
        if let Err(error) = self.post(account, profile, to, write).await {
            tracing::error!(%error, account = %account.id, "a letter was not stored");
        }
    }

    fn reader<'b>(&'b self, username: &'b str, profile: &'b Profile, to: &'b str) -> Reader<'b> {
        let language = profile.language.as_deref().unwrap_or_default();
        Reader { language, to, username, base_url: &self.shared.settings.ui_url, user_agent: self.user_agent }
    }

    /// Does what [`links::make`] and [`post`](Self::post) do for an account, for nobody: reads a profile,
    /// writes a letter, and has the store write twice. So the time that a request takes does not tell
    /// whether somebody has the address.
    ///
    /// # Errors
    ///
    /// The store is down, as it is for an account.
    pub(super) async fn pretend(&self, shared: &Shared, to: &str) -> Result<(), Stop> {
        let profile = Profile::load(&shared.accounts, NOBODY).await?;
        let letter = letters::reset_password(&self.reader(NO_NAME, &profile, to), &links::random(), links::RESET_LIFE);
        Ok(pretend_to_write(shared, 1, &(letter.text + &letter.html)).await?)
    }
}

/// How many letters each account had lately, in this process.
#[derive(Debug, Default)]
pub(super) struct LetterLimit {
    /// When an account's hour began, and its letters in it.
    had: Mutex<HashMap<AccountId, (SystemTime, u32)>>,
}

impl LetterLimit {
    /// Whether the account may have one more letter now; counts it.
    pub(super) fn takes(&self, account: AccountId, now: SystemTime) -> bool {
        let mut had = self.had.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |began: SystemTime| now.duration_since(began).is_ok_and(|since| since >= HOUR);
        if had.len() >= MOST_ACCOUNTS {
            had.retain(|_, (began, _)| !is_over(*began));
        }
        let (began, letters) = had.entry(account).or_insert((now, 0));
        if is_over(*began) {
            (*began, *letters) = (now, 0);
        }
        *letters = letters.saturating_add(1);
        *letters <= MOST_LETTERS
    }
}

const HOUR: Duration = Duration::from_hours(1);

/// Of one account in an hour.
const MOST_LETTERS: u32 = 20;

/// So many accounts are remembered before those whose hour is over are forgotten.
const MOST_ACCOUNTS: usize = 10_000;

/// Has the store write twice as often as `pairs`, durably, and leaves nothing behind.
///
/// # Errors
///
/// The store is down.
pub(super) async fn pretend_to_write(shared: &Shared, pairs: u32, text: &str) -> Result<(), StoreError> {
    let (store, now) = (shared.accounts.store(), shared.accounts.clock().now());
    for _ in 0..pairs {
        // Nobody works at jobs of this kind; one that a crash leaves behind does no harm.
        let new = NewJob {
            kind: format!("{ID}-pretence").into(),
            account: None,
            payload: text.into(),
            due_at: now,
            created_at: now,
        };
        let id = store.add_job(new).await?;
        store.delete_job(id).await?;
    }
    Ok(())
}

/// No account has this number.
const NOBODY: AccountId = AccountId(0);

/// As long as names are.
const NO_NAME: &str = "nobody_there";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rlk_12_an_account_gets_twenty_letters_an_hour_whoever_asks() {
        let (limit, now) = (LetterLimit::default(), SystemTime::UNIX_EPOCH + HOUR);
        let many = |account, at| (0..50).filter(|_| limit.takes(AccountId(account), at)).count();
        assert_eq!(many(1, now), 20);
        assert_eq!(many(2, now), 20, "another one has its own share");
        assert_eq!(many(1, now + HOUR - Duration::from_secs(1)), 0);
        assert_eq!(many(1, now + HOUR), 20);
    }

    #[test]
    fn dos_a_limit_forgets_whose_hour_is_over() {
        let (limit, now) = (LetterLimit::default(), SystemTime::UNIX_EPOCH + HOUR);
        for account in 0..10_000 {
            assert!(limit.takes(AccountId(account), now));
        }
        assert!(limit.takes(AccountId(-1), now + HOUR));
        assert_eq!(limit.had.lock().unwrap().len(), 1);
    }
}
