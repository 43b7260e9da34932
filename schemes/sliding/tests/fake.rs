//! A store in a map, with the rules that the port states.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::SystemTime;

use crate::store::{Account, AddressRule, Answer, OpenSession, Opened, Session, Sessions, StoreError, StoreErrorKind};
use crate::{AccountId, Digest};

type Hook = Box<dyn FnOnce(&Fake) + Send>;

#[derive(Default)]
pub(super) struct Fake {
    inner: Mutex<Inner>,
    hook: Mutex<Option<Hook>>,
    pub(super) down: AtomicBool,
    pub(super) reads: AtomicUsize,
    pub(super) uses: AtomicUsize,
}

#[derive(Default)]
struct Inner {
    accounts: HashMap<AccountId, Account>,
    sessions: Vec<Session>,
}

impl Fake {
    pub(super) fn add(&self, account: Account) {
        self.inner().accounts.insert(account.id, account);
    }

    pub(super) fn account(&self, id: i64) -> Account {
        self.inner().accounts[&AccountId(id)].clone()
    }

    pub(super) fn count(&self) -> usize {
        self.inner().sessions.len()
    }

    pub(super) fn remove(&self, id: &str) {
        self.inner().sessions.retain(|session| &*session.id != id);
    }

    pub(super) fn last_used(&self, id: &str) -> SystemTime {
        self.inner().sessions.iter().find(|session| &*session.id == id).unwrap().last_used_at
    }

    /// Runs `hook` once, after the next reading of a session and before its answer is heard.
    pub(super) fn after_next_read(&self, hook: impl FnOnce(&Self) + Send + 'static) {
        *self.hook.lock().unwrap() = Some(Box::new(hook));
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    fn up(&self) -> Result<(), StoreError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "switched off"));
        }
        Ok(())
    }
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fake")
    }
}

impl Sessions for Fake {
    fn open_session(&self, request: OpenSession) -> Answer<'_, Opened> {
        Box::pin(async move {
            self.up()?;
            let new = &request.session;
            let mut inner = self.inner();
            for session in &mut inner.sessions {
                for (_, used) in request.unwritten.iter().filter(|(id, _)| *id == session.id) {
                    session.last_used_at = session.last_used_at.max(*used);
                }
            }
            inner.sessions.retain(|session| {
                let near = session.account == new.account || session.client == new.client;
                !near || session.is_live(request.life, new.opened_at)
            });
            let in_the_way = |session: &Session| session.client == new.client && session.account != new.account;
            let mut ended: Vec<_> = match request.rule {
                AddressRule::OneUserDisplace => {
                    inner.sessions.iter().filter(|s| in_the_way(s)).map(|s| s.id.clone()).collect()
                }
                AddressRule::OneUserRefuse if inner.sessions.iter().any(in_the_way) => return Ok(Opened::AddressTaken),
                AddressRule::Any | AddressRule::OneUserRefuse => Vec::new(),
            };
            let mine: Vec<_> =
                inner.sessions.iter().filter(|s| s.account == new.account).map(|s| s.id.clone()).collect();
            let keep = usize::try_from(request.per_account).unwrap() - 1;
            ended.extend(mine.iter().take(mine.len().saturating_sub(keep)).cloned());
            inner.sessions.retain(|session| !ended.contains(&session.id));
            inner.sessions.push(request.session);
            Ok(Opened::Opened { ended })
        })
    }

    fn session<'a>(&'a self, scheme: &'a str, digest: &'a Digest) -> Answer<'a, Option<(Session, Account)>> {
        Box::pin(async move {
            self.up()?;
            self.reads.fetch_add(1, Ordering::SeqCst);
            let found = {
                let inner = self.inner();
                let session = inner.sessions.iter().find(|s| &*s.scheme == scheme && s.digest == *digest);
                session.and_then(|s| Some((s.clone(), inner.accounts.get(&s.account)?.clone())))
            };
            let hook = self.hook.lock().unwrap().take();
            if let Some(hook) = hook {
                hook(self);
            }
            Ok(found)
        })
    }

    fn close_session<'a>(&'a self, id: &'a str) -> Answer<'a, Option<AccountId>> {
        Box::pin(async move {
            self.up()?;
            let mut inner = self.inner();
            let place = inner.sessions.iter().position(|session| &*session.id == id);
            Ok(place.map(|place| inner.sessions.remove(place).account))
        })
    }

    fn note_session_use(&self, id: &str, at: SystemTime) {
        self.uses.fetch_add(1, Ordering::SeqCst);
        for session in self.inner().sessions.iter_mut().filter(|session| &*session.id == id) {
            session.last_used_at = session.last_used_at.max(at);
        }
    }
}
