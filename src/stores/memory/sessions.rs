//! Sliding sessions in memory.

use std::sync::Arc;
use std::time::SystemTime;

use trackgate_schemes::store::{
    Account, AddressRule, Answer, OpenSession, Opened, Session, Sessions, StoreError, StoreErrorKind,
};
use trackgate_schemes::{AccountId, Digest};

use super::{MemoryStore, State};
use crate::ports::{EventKind, SessionLists};
use crate::stores::kept;

impl Sessions for MemoryStore {
    fn open_session(&self, request: OpenSession) -> Answer<'_, Opened> {
        self.answer(move |state| state.open(request))
    }

    fn session<'a>(&'a self, scheme: &'a str, digest: &'a Digest) -> Answer<'a, Option<(Session, Account)>> {
        self.answer(move |state| {
            let session = state.sessions.iter().find(|session| *session.scheme == *scheme && session.digest == *digest);
            Ok(session.and_then(|session| Some((session.clone(), state.account(session.account)?.clone()))))
        })
    }

    fn close_session<'a>(&'a self, id: &'a str) -> Answer<'a, Option<AccountId>> {
        self.answer(move |state| Ok(state.end(id, SystemTime::now())))
    }

    fn note_session_use(&self, id: &str, at: SystemTime) {
        self.note(|state| state.touch(id, at));
    }
}

impl SessionLists for MemoryStore {
    fn list_sessions(&self, account: Option<AccountId>) -> Answer<'_, Vec<Session>> {
        self.answer(move |state| {
            let wanted = |session: &&Session| account.is_none_or(|account| session.account == account);
            Ok(state.sessions.iter().filter(wanted).cloned().collect())
        })
    }
}

impl State {
    fn open(&mut self, request: OpenSession) -> Result<Opened, StoreError> {
        let OpenSession { session, generation, life, unwritten, rule, per_account } = request;
        let session = Session { client: kept::address(session.client), ..session };
        let now = session.last_used_at;
        kept::micros(now)?;
        kept::micros(session.opened_at)?;
        for text in [&session.id, &session.scheme, &session.service] {
            kept::text(text)?;
        }
        let is_current = |account: &Account| account.is_active() && account.generation == generation;
        self.account(session.account).filter(|account| is_current(account)).ok_or_else(kept::account_changed)?;
        if self.sessions.iter().any(|known| known.id == session.id) {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "a session of that id is there already"));
        }
        for (id, at) in &unwritten {
            self.touch(id, *at);
        }
        let same_address = |known: &Session| session.client.is_some() && known.client == session.client;
        let is_other = |known: &&Session| {
            rule != AddressRule::Any
                && known.scheme == session.scheme
                && known.account != session.account
                && same_address(known)
                && known.is_live(life, now)
        };
        let mut ended: Vec<Arc<str>> = self.sessions.iter().filter(is_other).map(|known| known.id.clone()).collect();
        if rule == AddressRule::OneUserRefuse && !ended.is_empty() {
            return Ok(Opened::AddressTaken);
        }
        let is_dead = |known: &&Session| {
            let concerned = known.scheme == session.scheme && (known.account == session.account || same_address(known));
            concerned && !known.is_live(life, now)
        };
        let dead: Vec<Arc<str>> = self.sessions.iter().filter(is_dead).map(|known| known.id.clone()).collect();
        for id in dead {
            self.end(&id, now);
        }
        let own = |known: &&Session| known.scheme == session.scheme && known.account == session.account;
        let room = usize::try_from(per_account.saturating_sub(1)).unwrap_or(usize::MAX);
        let leave = self.sessions.iter().filter(own).count().saturating_sub(room);
        ended.extend(self.sessions.iter().filter(own).take(leave).map(|known| known.id.clone()));
        for id in &ended {
            self.end(id, now);
        }
        self.sessions.push(session);
        Ok(Opened::Opened { ended })
    }

    fn touch(&mut self, id: &str, at: SystemTime) {
        if let Some(session) = self.sessions.iter_mut().find(|session| *session.id == *id) {
            session.last_used_at = session.last_used_at.max(at);
        }
    }

    fn end(&mut self, id: &str, at: SystemTime) -> Option<AccountId> {
        let place = self.sessions.iter().position(|session| *session.id == *id)?;
        let gone = self.sessions.remove(place);
        self.tell(at, EventKind::Credential { id: gone.id, account: Some(gone.account) });
        Some(gone.account)
    }
}
