//! The list of signed tokens that are out, in memory.

use std::time::SystemTime;

use trackgate_schemes::AccountId;
use trackgate_schemes::store::Answer;

use super::MemoryStore;
use crate::ports::{MOST_SIGNED, SignedToken, SignedTokens};
use crate::stores::kept;

impl SignedTokens for MemoryStore {
    fn add_signed(&self, token: SignedToken) -> Answer<'_, ()> {
        self.answer(move |state| {
            for time in [Some(token.issued_at), Some(token.ends_at), token.last_used_at].into_iter().flatten() {
                kept::micros(time)?;
            }
            for text in [&token.key, &token.scheme, &token.service] {
                kept::text(text)?;
            }
            state.account(token.account).ok_or_else(kept::no_account)?;
            if state.signed.iter().any(|known| known.key == token.key) {
                return Ok(());
            }
            let (account, now) = (token.account, token.issued_at);
            state.signed.retain(|known| known.account != account || known.ends_at > now);
            let client = kept::address(token.client);
            let last_client = kept::address(token.last_client);
            state.signed.push(SignedToken { client, last_client, ..token });
            state.signed.sort_by(|one, other| (other.issued_at, &one.key).cmp(&(one.issued_at, &other.key)));
            let mut left = MOST_SIGNED;
            state.signed.retain(|known| {
                let is_theirs = known.account == account;
                let stays = !is_theirs || left > 0;
                left -= usize::from(is_theirs && stays);
                stays
            });
            Ok(())
        })
    }

    fn signed_tokens(&self, account: AccountId, now: SystemTime) -> Answer<'_, Vec<SignedToken>> {
        self.answer(move |state| {
            kept::micros(now)?;
            let Some(owner) = state.account(account) else { return Ok(Vec::new()) };
            let good = |token: &&SignedToken| {
                token.account == account && token.generation == owner.generation && token.ends_at > now
            };
            Ok(state.signed.iter().filter(good).cloned().collect())
        })
    }
}
