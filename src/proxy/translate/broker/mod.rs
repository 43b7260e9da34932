//! The session broker: one open session for each account of an upstream, opened once for all who wait.
//!
//! What it keeps is shared by all cores. A wrong password is tried once and not again until it is changed, so that no
//! account is locked out upstream; a login that is down is asked less and less often.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use trackgate_schemes::{AccountId, DigestKey, Known, Reason, Secret};

use super::line::Line;
use super::login::{Login, Opened, Unopened};
use crate::accounts::LinkCheck;
use crate::proxy::Upstream;

mod pause;
mod tries;

use pause::Pause;
use tries::Tries;

/// Opens sessions at one upstream and keeps them.
#[derive(Debug)]
pub struct Broker {
    login: Login,
    seats: Known<Arc<Seat>>,
    digests: DigestKey,
    /// Held while a seat is made, so that there is one.
    making: Mutex<()>,
    /// While the upstream's login is down, nobody asks.
    pause: Mutex<Pause>,
    tries: Tries,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    sessions: AtomicU64,
    logins: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

/// What a broker did since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokerFigures {
    /// Sign-ins that were tried.
    pub logins: u64,
    /// Those that the upstream refused.
    pub refused: u64,
    /// Those that it did not answer, or oddly.
    pub failed: u64,
    /// Accounts of the upstream that are remembered.
    pub accounts: usize,
}

/// The place of one account of the upstream, with the secret that was given for it: another secret is another seat.
pub(super) struct Seat {
    user: Arc<str>,
    secret: Secret,
    inner: Mutex<Inner>,
    changed: watch::Sender<()>,
}

struct Inner {
    state: State,
    /// After odd answers.
    pause: Pause,
}

enum State {
    Empty,
    Opening,
    Open(Open),
    Refused { at: SystemTime, is_told: bool },
}

struct Open {
    token: Token,
    at: SystemTime,
    number: Option<i64>,
    /// Its token is said to be over although it was new: so it is something else that the upstream means.
    doubted: Pause,
}

/// A session's token, ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) line: Line,
    /// Which session it is.
    pub(super) session: u64,
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoToken {
    /// The secret is wrong; whether it is the first time that somebody is told.
    Refused { is_news: bool },
    /// The login is down, or answers oddly; with the time until it is asked again.
    Down(Reason, Duration),
}

/// What a request does next.
enum Next {
    Go(Token),
    Open,
    Stop(NoToken),
    Wait,
}

impl Broker {
    /// Opens sessions by this login.
    pub fn new(login: Login) -> Self {
        Self {
            login,
            seats: Known::new(CAPACITY),
            digests: DigestKey::random(),
            making: Mutex::default(),
            pause: Mutex::new(Pause::NONE),
            tries: Tries::default(),
            counts: Counts::default(),
        }
    }

    /// How it signs in.
    pub fn login(&self) -> &Login {
        &self.login
    }

    /// What it did.
    pub fn figures(&self) -> BrokerFigures {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        BrokerFigures {
            logins: count(&self.counts.logins),
            refused: count(&self.counts.refused),
            failed: count(&self.counts.failed),
            accounts: self.seats.len(),
        }
    }

    /// Tries a name and a password that somebody typed who has the account `by` here. What is right is kept open.
    ///
    /// An account here and an account there have few wrong tries, so that nobody guesses passwords through the gateway.
    pub async fn check(
        self: &Arc<Self>,
        upstream: &Upstream,
        by: AccountId,
        user: &str,
        secret: &Secret,
        now: SystemTime,
    ) -> LinkCheck {
        if !self.tries.may(by, user, now) {
            return LinkCheck::TooOften;
        }
        let seat = self.seat(user, secret, now);
        let checked = match self.token(&seat, upstream, None, now, now).await {
            Ok(_token) => LinkCheck::Right(seat.number()),
            Err(NoToken::Refused { .. }) => LinkCheck::Wrong,
            Err(NoToken::Down(..)) => LinkCheck::Down,
        };
        self.tries.note(by, user, checked, now);
        checked
    }

    /// The seat of an account of the upstream.
    pub(super) fn seat(&self, user: &str, secret: &Secret, now: SystemTime) -> Arc<Seat> {
        let digest = self.digests.digest(&[user.as_bytes(), secret.expose()]);
        if let Some(seat) = self.seats.find(&digest, now) {
            return seat;
        }
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seat) = self.seats.find(&digest, now) {
            return seat;
        }
        let seat = Arc::new(Seat {
            user: user.into(),
            secret: secret.clone(),
            inner: Mutex::new(Inner { state: State::Empty, pause: Pause::NONE }),
            changed: watch::Sender::new(()),
        });
        let (ticket, until) = (self.seats.ticket(), now + FOR_EVER);
        self.seats.remember(ticket, digest, None, "", Arc::clone(&seat), SystemTime::UNIX_EPOCH, until);
        seat
    }

    /// A token that is not of the session `over`; opens one if nobody does so already. A secret that was refused is
    /// tried again if it was given anew `since`.
    pub(super) async fn token(
        self: &Arc<Self>,
        seat: &Arc<Seat>,
        upstream: &Upstream,
        over: Option<u64>,
        since: SystemTime,
        now: SystemTime,
    ) -> Result<Token, NoToken> {
        loop {
            // Before the look, so that no change behind it is missed.
            let mut changed = seat.changed.subscribe();
            match self.next(seat, over, since, now) {
                Next::Go(token) => return Ok(token),
                Next::Stop(why) => return Err(why),
                Next::Open => self.open(seat, upstream, now),
                Next::Wait => {}
            }
            // The seat holds the sender: it is there.
            drop(changed.changed().await);
        }
    }

    /// Whether a session that is said to be over should be opened anew.
    pub(super) fn may_renew(seat: &Seat, session: u64, now: SystemTime) -> bool {
        match &seat.inner().state {
            State::Open(open) if open.token.session == session => open.doubted.left(now).is_none(),
            _ => true,
        }
    }

    /// The session is over; the next request opens another.
    pub(super) fn end(seat: &Seat, session: u64) {
        let mut inner = seat.inner();
        if matches!(&inner.state, State::Open(open) if open.token.session == session) {
            inner.state = State::Empty;
        }
    }

    /// The session was said to be over although it was new: for a while that is believed no more.
    pub(super) fn doubt(seat: &Seat, session: u64, now: SystemTime) {
        if let State::Open(open) = &mut seat.inner().state
            && open.token.session == session
        {
            open.doubted = open.doubted.longer(now, DOUBT, LONGEST_DOUBT, Reason::UpstreamRefused);
        }
    }

    fn next(&self, seat: &Seat, over: Option<u64>, since: SystemTime, now: SystemTime) -> Next {
        let mut inner = seat.inner();
        match &mut inner.state {
            State::Open(open) if Some(open.token.session) != over && !self.is_old(open, now) => {
                return Next::Go(open.token.clone());
            }
            State::Opening => return Next::Wait,
            State::Refused { at, is_told } if since <= *at => {
                let is_news = !std::mem::replace(is_told, true);
                return Next::Stop(NoToken::Refused { is_news });
            }
            State::Empty | State::Open(_) | State::Refused { .. } => {}
        }
        let paused = inner.pause.left(now).or_else(|| lock(&self.pause).left(now));
        if let Some((reason, left)) = paused {
            return Next::Stop(NoToken::Down(reason, left));
        }
        inner.state = State::Opening;
        Next::Open
    }

    fn is_old(&self, open: &Open, now: SystemTime) -> bool {
        let age = now.duration_since(open.at).unwrap_or_default();
        self.login.lifetime.is_some_and(|lifetime| age >= lifetime)
    }

    /// Signs in beside the requests that wait: whoever leaves does not keep it from its end.
    fn open(self: &Arc<Self>, seat: &Arc<Seat>, upstream: &Upstream, now: SystemTime) {
        let opening = Opening { seat: Arc::clone(seat) };
        let (broker, upstream) = (Arc::clone(self), upstream.clone());
        let started = Instant::now();
        tokio::spawn(async move {
            broker.counts.logins.fetch_add(1, Ordering::Relaxed);
            let seat = &opening.seat;
            let signed_in = broker.login.open(&upstream, &seat.user, &seat.secret, now);
            let opened = tokio::time::timeout(PATIENCE, signed_in).await;
            let opened = opened.unwrap_or(Err(Unopened::Down(Reason::UpstreamSlow)));
            broker.opened(seat, opened, now, started.elapsed());
        });
    }

    /// What came of a sign-in that began at `now` and took so long.
    fn opened(&self, seat: &Seat, opened: Result<Opened, Unopened>, now: SystemTime, took: Duration) {
        let ended = now + took;
        let mut inner = seat.inner();
        match opened {
            Ok(Opened { line, number }) => {
                let session = self.counts.sessions.fetch_add(1, Ordering::Relaxed);
                let token = Token { line, session };
                inner.state = State::Open(Open { token, at: now, number, doubted: Pause::NONE });
                inner.pause = Pause::NONE;
                *lock(&self.pause) = Pause::NONE;
            }
            Err(Unopened::Refused) => {
                self.counts.refused.fetch_add(1, Ordering::Relaxed);
                inner.state = State::Refused { at: now, is_told: false };
            }
            Err(Unopened::Down(reason)) => {
                self.counts.failed.fetch_add(1, Ordering::Relaxed);
                inner.state = State::Empty;
                let mut pause = lock(&self.pause);
                *pause = pause.longer(ended, DOWN, LONGEST_DOWN, reason);
            }
            Err(Unopened::Odd) => {
                self.counts.failed.fetch_add(1, Ordering::Relaxed);
                inner.state = State::Empty;
                inner.pause = inner.pause.longer(ended, ODD, LONGEST_ODD, Reason::UpstreamRefused);
            }
        }
    }
}

impl Seat {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    fn number(&self) -> Option<i64> {
        match &self.inner().state {
            State::Open(open) => open.number,
            _ => None,
        }
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A sign-in under way. However it ends, who waits goes on.
struct Opening {
    seat: Arc<Seat>,
}

impl Drop for Opening {
    fn drop(&mut self) {
        let mut inner = self.seat.inner();
        if matches!(inner.state, State::Opening) {
            inner.state = State::Empty;
        }
        drop(inner);
        self.seat.changed.send_replace(());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Accounts of an upstream that are remembered.
const CAPACITY: usize = 50_000;
const FOR_EVER: Duration = Duration::from_hours(24 * 365 * 10);

/// How long a sign-in may take in all.
const PATIENCE: Duration = Duration::from_secs(30);

const DOWN: Duration = Duration::from_secs(1);
const LONGEST_DOWN: Duration = Duration::from_mins(1);
const ODD: Duration = Duration::from_secs(5);
const LONGEST_ODD: Duration = Duration::from_mins(15);
const DOUBT: Duration = Duration::from_secs(30);
const LONGEST_DOUBT: Duration = Duration::from_mins(10);
