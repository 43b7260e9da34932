//! Letters to the owners of accounts, and work that looks like writing one.

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
    outbox: &'a Outbox,
    base_url: &'a str,
    user_agent: Option<&'a str>,
}

impl<'a> Desk<'a> {
    /// The desk for a request of these headers; `None` when mail is off.
    pub(super) fn of(shared: &'a Shared, headers: &'a HeaderMap) -> Option<Self> {
        let outbox = shared.outbox.as_ref()?;
        let user_agent = headers.get(header::USER_AGENT).and_then(|line| line.to_str().ok());
        Some(Self { outbox, base_url: &shared.settings.ui_url, user_agent })
    }

    /// Posts a letter to this address; it goes away with the account.
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
        self.outbox.post(Some(account.id), &letter).await
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
        Reader { language, to, username, base_url: self.base_url, user_agent: self.user_agent }
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
