//! Sliding sessions: a bare token in a header or cookie of its own, dead when it was not used for a while.
//!
//! The token is 32 letters and digits; only its SHA-256 is stored. It lives from one accepted use to
//! the next: reading it is no use, being let through is ([`Scheme::accept`]). Uses are kept in memory
//! and written in steps of a 48th of the life-time, so a crash ends a session up to one step early,
//! never late. Rules about addresses are in [`IpMode`].
//!
//! Refused without asking the store: a token whose header line or cookie stands twice, is empty, longer than 128
//! bytes, or holds anything but letters and digits.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use trackgate_schemes::sliding::{IpMode, OnConflict, Place, Settings, Sliding};
//! use trackgate_schemes::store::{Life, Sessions};
//!
//! fn lptracker(sessions: Arc<dyn Sessions>) -> Sliding {
//!     let settings = Settings {
//!         id: "lp",
//!         place: Place::Header(http::HeaderName::from_static("token")),
//!         life: Life { idle: Duration::from_hours(24), absolute: None },
//!         ip: IpMode::OneUser { on_conflict: OnConflict::Refuse },
//!         per_account: 64,
//!         capacity: 100_000,
//!     };
//!     Sliding::new(settings, sessions)
//! }
//! ```

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::store::{Account, AddressRule, Life, OpenSession, Opened, Session, Sessions};
use crate::{
    Carrier, Credential, CredentialKind, Digest, DigestKey, Forget, Head, Identity, KeyedDigest, Reason, Rejection,
    Scheme, Secret, Step, Subject, Unaccepted, Verdict,
};

mod address;
mod memory;
mod owners;
mod place;
mod pulse;
mod record;
#[cfg(test)]
mod tests;
mod token;

pub use address::{IpMode, OnConflict};
pub use place::Place;

use memory::Memory;
use place::Carried;
use pulse::Pulse;

/// How one sliding scheme works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its id: tokens of one scheme are not good for another.
    pub id: &'static str,
    /// Where the bare token stands.
    pub place: Place,
    /// How long a session lives, in whole milliseconds.
    pub life: Life,
    /// What addresses mean.
    pub ip: IpMode,
    /// How many live sessions one account may have; the oldest leave. At least 1.
    pub per_account: u32,
    /// How many sessions are remembered at most.
    pub capacity: usize,
}

/// The scheme of sliding sessions. Cloning shares its memory.
#[derive(Clone, Debug)]
pub struct Sliding(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    sessions: Arc<dyn Sessions>,
    memory: Arc<Memory>,
    key: DigestKey,
}

/// A session that was just opened: the only moment at which its token is known.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenedSession {
    /// The token, for the client.
    pub token: Secret,
    /// The session's public id.
    pub id: Arc<str>,
    /// Who signed in, as the token will show it.
    pub identity: Identity,
    /// Ids of the sessions that ended for it.
    pub ended: Vec<Arc<str>>,
}

impl Sliding {
    /// The scheme of these settings, over the sessions of this store.
    pub fn new(settings: Settings, sessions: Arc<dyn Sessions>) -> Self {
        let memory = Arc::new(Memory::new(settings.id, settings.life, Arc::clone(&sessions), settings.capacity));
        Self(Arc::new(Inner { settings, sessions, memory, key: DigestKey::random() }))
    }

    /// Its memory, to be told of changes.
    pub fn memory(&self) -> Arc<dyn Forget> {
        Arc::clone(&self.0.memory) as Arc<dyn Forget>
    }

    /// Opens a session for an account whose password was checked. The token is always a new one.
    ///
    /// `service` is the name that signs what is done with it: 1 to 128 printable characters. It may
    /// hold markup; whoever shows it must escape it.
    ///
    /// # Errors
    ///
    /// [`Reason::BadRequest`] for an unfit service name, [`Reason::Disabled`] for an account that may
    /// not sign in, [`Reason::AddressDenied`] when there is an address rule and the address is not
    /// known, [`Reason::AddressTaken`] when another user holds it, [`Reason::Unavailable`].
    pub async fn open(
        &self,
        account: &Account,
        service: &str,
        client: Option<IpAddr>,
        now: SystemTime,
    ) -> Result<OpenedSession, Rejection> {
        let Inner { settings, sessions, memory, .. } = &*self.0;
        let client = client.map(|address| address.to_canonical());
        if !token::is_service(service) {
            return Err(self.0.rejection(Reason::BadRequest));
        }
        if !account.is_active() {
            return Err(self.0.rejection(Reason::Disabled));
        }
        if settings.ip != IpMode::Off && client.is_none() {
            return Err(self.0.rejection(Reason::AddressDenied));
        }
        let token = token::new_token();
        let session = Session {
            id: token::new_id().into(),
            digest: Digest::sha256(token.expose()),
            scheme: settings.id.into(),
            account: account.id,
            service: service.into(),
            client,
            opened_at: now,
            last_used_at: now,
        };
        let moment = memory.moment();
        let around = memory.around(account.id, client, now);
        let rule = settings.ip.rule();
        let request = OpenSession {
            session: session.clone(),
            generation: account.generation,
            life: settings.life,
            unwritten: around.unwritten,
            rule,
            per_account: settings.ip.per_account(settings.per_account),
        };
        let ended = match sessions.open_session(request).await {
            Ok(Opened::Opened { ended }) => ended,
            Ok(Opened::AddressTaken) => return Err(self.0.rejection(Reason::AddressTaken)),
            Err(_down) => return Err(self.0.unavailable()),
        };
        for id in &ended {
            memory.forget_credential(id);
        }
        if let Some(client) = client.filter(|_| rule != AddressRule::Any) {
            memory.take_over(client, account.id, &around.others);
        }
        let identity = self.0.identity(&session, account);
        let digest = self.0.digest(token.expose());
        let id = Arc::clone(&session.id);
        // If something changed meanwhile it is not remembered; its first use asks the store.
        let _remembered = memory.learn(moment, &digest, &session, account, now, |_home| true);
        Ok(OpenedSession { token, id, identity, ended })
    }

    /// Ends a session: durable when this returns, and refused from here on.
    ///
    /// # Errors
    ///
    /// [`Reason::Unknown`] if there is none of this id, [`Reason::Unavailable`]: it is not ended then.
    pub async fn close(&self, id: &str) -> Result<(), Rejection> {
        match self.0.sessions.close_session(id).await {
            Ok(closed) => {
                self.0.memory.forget_credential(id);
                closed.map(|_account| ()).ok_or_else(|| self.0.rejection(Reason::Unknown))
            }
            Err(_down) => Err(self.0.unavailable()),
        }
    }
}

impl Scheme for Sliding {
    fn id(&self) -> &'static str {
        self.0.settings.id
    }

    fn carrier(&self) -> Carrier {
        self.0.settings.place.carrier()
    }

    fn authenticate(&self, head: &Head<'_>) -> Step {
        let token = match self.0.settings.place.token(head.headers) {
            Carried::Absent => return Step::ABSENT,
            Carried::Broken => return Step::refused(self.0.rejection(Reason::Malformed)),
            Carried::Token(token) => token,
        };
        let digest = self.0.digest(token);
        let is_home = |opened| self.0.settings.ip.is_home(opened, head.client);
        if let Some(known) = self.0.memory.find(&digest, head.now, is_home) {
            return Step::Done(self.0.verdict(known));
        }
        let inner = Arc::clone(&self.0);
        let stored = Digest::sha256(token);
        let (client, now) = (head.client, head.now);
        Step::ask(async move { inner.ask(digest, stored, client, now).await })
    }

    /// Counts the use. What the identity was made of must still hold: whoever ended the session or changed the
    /// account since has the last word, so the store is asked again.
    fn accept(&self, who: &Identity, head: &Head<'_>) -> Result<(), Unaccepted> {
        match self.0.memory.accept(who, head.now) {
            Some(Ok(due)) => {
                if let Some(used) = due {
                    self.0.sessions.note_session_use(&who.credential().id, used);
                }
                Ok(())
            }
            Some(Err(reason)) => Err(self.0.rejection(reason).into()),
            None => Err(Unaccepted::Changed),
        }
    }
}

impl Inner {
    async fn ask(&self, digest: KeyedDigest, stored: Digest, client: Option<IpAddr>, now: SystemTime) -> Verdict {
        for _ in 0..TRIES {
            let moment = self.memory.moment();
            let (session, account) = match self.sessions.session(self.settings.id, &stored).await {
                Ok(Some(found)) => found,
                Ok(None) => return Verdict::Refused(self.rejection(Reason::Unknown)),
                Err(_down) => return Verdict::Refused(self.unavailable()),
            };
            if !account.is_active() {
                return Verdict::Refused(self.rejection(Reason::Disabled));
            }
            if session.opened_at < account.not_before {
                return Verdict::Refused(self.rejection(Reason::Revoked));
            }
            let is_home = |opened| self.settings.ip.is_home(opened, client);
            if let Some(known) = self.memory.learn(moment, &digest, &session, &account, now, is_home) {
                return self.verdict(known);
            }
            // It changed while the store was asked: the answer may be stale.
        }
        Verdict::Refused(self.unavailable())
    }

    fn verdict(&self, known: Result<Identity, Reason>) -> Verdict {
        match known {
            Ok(identity) => Verdict::Known(identity),
            Err(reason) => Verdict::Refused(self.rejection(reason)),
        }
    }

    fn identity(&self, session: &Session, account: &Account) -> Identity {
        let credential = Credential::new(CredentialKind::Session, &session.id);
        let ends_at = Pulse::new(session.opened_at, session.last_used_at).expires_at(self.settings.life);
        Identity::new(Subject::Account(account.id), Arc::clone(&account.name), self.settings.id, credential)
            .with_grants(account.grants.clone())
            .with_service(Some(Arc::clone(&session.service)))
            .with_expiry(ends_at)
    }

    fn digest(&self, token: &[u8]) -> KeyedDigest {
        self.key.digest(&[token])
    }

    fn rejection(&self, reason: Reason) -> Rejection {
        Rejection::new(reason, self.settings.id)
    }

    fn unavailable(&self) -> Rejection {
        self.rejection(Reason::Unavailable).after(Duration::from_secs(5))
    }
}

/// How often a store is asked again because something changed while it was asked.
const TRIES: usize = 4;
