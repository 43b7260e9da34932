//! Mailed tokens in memory.

use std::time::SystemTime;

use trackgate_schemes::store::{Answer, StoreError, StoreErrorKind};
use trackgate_schemes::{AccountId, Digest};

use super::{MemoryStore, State};
use crate::ports::{MailedPurpose, MailedToken, MailedTokens};
use crate::stores::kept;

impl MailedTokens for MemoryStore {
    fn put_mailed_token(&self, token: MailedToken) -> Answer<'_, ()> {
        self.answer(move |state| {
            kept::micros(token.created_at)?;
            token.expires_at.map(kept::micros).transpose()?;
            token.about.as_deref().map(kept::text).transpose()?;
            state.account(token.account).ok_or_else(kept::no_account)?;
            state.clean(token.created_at);
            let is_own = |known: &MailedToken| (known.account, known.purpose) == (token.account, token.purpose);
            let is_same = |known: &MailedToken| known.purpose == token.purpose && known.digest == token.digest;
            if state.mailed.iter().any(|known| is_same(known) && !is_own(known)) {
                return Err(StoreError::new(StoreErrorKind::Unavailable, "a token of that digest is there already"));
            }
            state.mailed.retain(|known| !is_own(known));
            state.mailed.push(token);
            Ok(())
        })
    }

    fn mailed_token<'a>(
        &'a self,
        purpose: MailedPurpose,
        digest: &'a Digest,
        now: SystemTime,
    ) -> Answer<'a, Option<MailedToken>> {
        self.answer(move |state| {
            kept::micros(now)?;
            Ok(state.live(purpose, digest, now).and_then(|place| state.mailed.get(place).cloned()))
        })
    }

    fn take_mailed_token<'a>(
        &'a self,
        purpose: MailedPurpose,
        digest: &'a Digest,
        now: SystemTime,
    ) -> Answer<'a, Option<MailedToken>> {
        self.answer(move |state| {
            kept::micros(now)?;
            Ok(state.live(purpose, digest, now).map(|place| state.mailed.remove(place)))
        })
    }

    fn delete_mailed_token(&self, account: AccountId, purpose: MailedPurpose) -> Answer<'_, bool> {
        self.answer(move |state| {
            let before = state.mailed.len();
            state.mailed.retain(|known| (known.account, known.purpose) != (account, purpose));
            Ok(state.mailed.len() < before)
        })
    }
}

impl State {
    fn live(&self, purpose: MailedPurpose, digest: &Digest, now: SystemTime) -> Option<usize> {
        self.mailed.iter().position(|known| {
            known.purpose == purpose && known.digest == *digest && known.expires_at.is_none_or(|end| now < end)
        })
    }
}
