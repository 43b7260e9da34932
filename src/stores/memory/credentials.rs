//! API tokens, the blacklist and signing keys in memory.

use std::net::IpAddr;
use std::time::SystemTime;

use trackgate_schemes::store::{Account, Answer, ApiToken, ApiTokens, Blacklist, StoreError, StoreErrorKind};
use trackgate_schemes::{AccountId, Secret};

use super::{MemoryStore, State};
use crate::ports::{EventKind, Keys, TokenWrites};
use crate::stores::kept;

impl ApiTokens for MemoryStore {
    fn api_token<'a>(&'a self, id: &'a str) -> Answer<'a, Option<(ApiToken, Account)>> {
        self.answer(move |state| {
            let token = state.tokens.iter().find(|token| *token.id == *id);
            Ok(token.and_then(|token| Some((token.clone(), state.account(token.account)?.clone()))))
        })
    }

    fn note_token_use(&self, id: &str, at: SystemTime, client: Option<IpAddr>) {
        self.note(|state| {
            if let Some(token) = state.tokens.iter_mut().find(|token| *token.id == *id)
                && token.last_used_at.is_none_or(|known| known <= at)
            {
                token.last_used_at = Some(at);
                token.last_client = kept::address(client);
            }
        });
    }
}

impl TokenWrites for MemoryStore {
    fn issue_token(&self, token: ApiToken) -> Answer<'_, ()> {
        self.answer(move |state| state.insert_token(token))
    }

    fn rotate_token<'a>(
        &'a self,
        id: &'a str,
        successor: ApiToken,
        old_ends_at: SystemTime,
    ) -> Answer<'a, Option<ApiToken>> {
        self.answer(move |state| {
            kept::micros(old_ends_at)?;
            let Some(place) = state.tokens.iter().position(|token| *token.id == *id) else { return Ok(None) };
            let at = successor.created_at;
            state.insert_token(successor)?;
            let Some(token) = state.tokens.get_mut(place) else { return Ok(None) };
            let old = token.clone();
            token.expires_at = Some(old.expires_at.map_or(old_ends_at, |end| end.min(old_ends_at)));
            state.tell(at, ended(&old));
            Ok(Some(old))
        })
    }

    fn revoke_token<'a>(&'a self, id: &'a str, now: SystemTime) -> Answer<'a, Option<ApiToken>> {
        self.answer(move |state| {
            kept::micros(now)?;
            let Some(place) = state.tokens.iter().position(|token| *token.id == *id) else { return Ok(None) };
            let old = state.tokens.remove(place);
            state.tell(now, ended(&old));
            Ok(Some(old))
        })
    }

    fn list_tokens(&self, account: Option<AccountId>) -> Answer<'_, Vec<ApiToken>> {
        self.answer(move |state| {
            let wanted = |token: &&ApiToken| account.is_none_or(|account| token.account == account);
            Ok(state.tokens.iter().filter(wanted).cloned().collect())
        })
    }
}

impl Blacklist for MemoryStore {
    fn blacklisted<'a>(&'a self, key: &'a str) -> Answer<'a, Option<SystemTime>> {
        self.answer(move |state| Ok(state.blacklist.at(key)))
    }

    fn blacklist<'a>(
        &'a self,
        key: &'a str,
        account: Option<AccountId>,
        until: SystemTime,
        now: SystemTime,
    ) -> Answer<'a, ()> {
        self.answer(move |state| {
            kept::text(key)?;
            let at = kept::micros(now)?;
            kept::micros(until)?;
            state.signed.retain(|token| *token.key != *key);
            if state.blacklist.extend(key, until) {
                return Ok(());
            }
            state.clean(now);
            state.blacklist.insert(key, at, until);
            state.tell(now, EventKind::Credential { id: key.into(), account });
            Ok(())
        })
    }

    fn note_signed_use(&self, key: &str, at: SystemTime, client: Option<IpAddr>) {
        self.note(|state| {
            if let Some(token) = state.signed.iter_mut().find(|token| *token.key == *key)
                && token.last_used_at.is_none_or(|known| known <= at)
            {
                token.last_used_at = Some(at);
                token.last_client = kept::address(client);
            }
        });
    }
}

impl Keys for MemoryStore {
    fn key_or_insert<'a>(&'a self, name: &'a str, fresh: &'a Secret) -> Answer<'a, Secret> {
        self.answer(move |state| {
            kept::text(name)?;
            Ok(state.keys.entry(name.into()).or_insert_with(|| fresh.clone()).clone())
        })
    }
}

impl State {
    fn insert_token(&mut self, token: ApiToken) -> Result<(), StoreError> {
        for time in [Some(token.created_at), token.expires_at, token.last_used_at].into_iter().flatten() {
            kept::micros(time)?;
        }
        kept::text(&token.id)?;
        kept::text(&token.label)?;
        self.account(token.account).ok_or_else(kept::no_account)?;
        if self.tokens.iter().any(|known| known.id == token.id) {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "a token of that id is there already"));
        }
        self.tokens.push(ApiToken { last_client: kept::address(token.last_client), ..token });
        Ok(())
    }
}

fn ended(token: &ApiToken) -> EventKind {
    EventKind::Credential { id: token.id.clone(), account: Some(token.account) }
}
