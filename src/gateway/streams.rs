//! Answers that are still being sent, so that they can end with the credential that asked for them.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use tokio::sync::oneshot;
use trackgate_schemes::{AccountId, Clock, CredentialId, Forget, Identity};

use crate::message::{Body, BodyError};

/// The answers that stream to somebody whom a credential identified.
///
/// What makes memories forget a credential or an account ends its streams. A store that could not be
/// followed (`forget_all`) ends none: the next request is judged anew, and no revocation is known. Events of
/// this process come back from the log: an answer that began within half a second of a change of its
/// account may end with it.
///
/// A credential that has an end of its own takes its streams with it at that time: a signed token, an API token
/// with an expiry, a session with an absolute life. One that only slides has no such time: a stream is one use of
/// it, at the beginning, and stays until its session is ended. Tunnels are streams, too.
#[derive(Default)]
pub struct Streams {
    next: AtomicU64,
    open: Mutex<HashMap<u64, Open>>,
    /// No credential among those that are open ends before this time, in milliseconds since 1970.
    next_expiry: AtomicU64,
    tunnels: AtomicUsize,
    ended_by_credential: AtomicU64,
}

struct Open {
    account: Option<AccountId>,
    credential: CredentialId,
    expires_at: Option<SystemTime>,
    /// Dropped to end the stream with a credential that was revoked.
    end: oneshot::Sender<Ended>,
}

/// How a credential ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// By itself, at its time.
    Expired,
    /// It, or all of its account, was revoked or changed.
    Revoked,
}

impl Streams {
    /// Watches the credential of `who` from now on; to be asked for before the answer is, so that nothing is
    /// missed. `None` for nobody.
    pub fn watch(self: &Arc<Self>, who: &Identity) -> Option<Watch> {
        if who.is_anonymous() {
            return None;
        }
        let (end, ended) = oneshot::channel();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let expires_at = who.expires_at();
        let open = Open { account: who.account(), credential: who.credential().id.clone(), expires_at, end };
        let mut all = self.open();
        all.insert(number, open);
        if let Some(at) = expires_at {
            self.next_expiry.fetch_min(millis(at), Ordering::Relaxed);
        }
        drop(all);
        Some(Watch { ended, streams: Arc::clone(self), number })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.open().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tunnels that are open now.
    pub fn tunnels(&self) -> usize {
        self.tunnels.load(Ordering::Relaxed)
    }

    /// Streams and tunnels that were ended with their credential, since the start.
    pub fn ended_by_credential(&self) -> u64 {
        self.ended_by_credential.load(Ordering::Relaxed)
    }

    /// Ends those whose credential has come to its end.
    pub fn end_expired(&self, now: SystemTime) {
        if millis(now) < self.next_expiry.load(Ordering::Relaxed) {
            return;
        }
        let mut all = self.open();
        for (_number, open) in all.extract_if(|_, open| open.expires_at.is_some_and(|at| now >= at)) {
            // It may have ended just now.
            open.end.send(Ended::Expired).ok();
        }
        let next = all.values().filter_map(|open| open.expires_at).map(millis).min();
        self.next_expiry.store(next.unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Does so every half second, until it is dropped.
    pub async fn watch_expiry(self: Arc<Self>, clock: Arc<dyn Clock>) {
        loop {
            tokio::time::sleep(TICK).await;
            self.end_expired(clock.now());
        }
    }

    /// Counts a tunnel for as long as what this gives lives.
    pub(super) fn tunnel_opens(self: &Arc<Self>) -> OpenTunnel {
        self.tunnels.fetch_add(1, Ordering::Relaxed);
        OpenTunnel(Arc::clone(self))
    }

    pub(super) fn credential_ended_one(&self) {
        self.ended_by_credential.fetch_add(1, Ordering::Relaxed);
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Forget for Streams {
    fn forget_account(&self, account: AccountId) {
        self.open().retain(|_, open| open.account != Some(account));
    }

    fn forget_credential(&self, id: &str) {
        self.open().retain(|_, open| *open.credential != *id);
    }

    fn forget_all(&self) {}
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams").field("open", &self.len()).finish_non_exhaustive()
    }
}

/// See [`Streams::tunnel_opens`].
#[derive(Debug)]
pub(super) struct OpenTunnel(Arc<Streams>);

impl Drop for OpenTunnel {
    fn drop(&mut self) {
        self.0.tunnels.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Knows when a credential ends.
#[derive(Debug)]
pub struct Watch {
    ended: oneshot::Receiver<Ended>,
    streams: Arc<Streams>,
    number: u64,
}

impl Watch {
    /// The same body, which breaks off when the credential ends. One that is whole in memory, or short by its
    /// declared length, is left as it is: it ends by itself, and was asked for while the credential was good.
    pub fn around(self, body: Body) -> Body {
        let is_short = body.size_hint().exact().is_some_and(|length| length <= SHORT_BYTES);
        if is_short || body.is_whole() { body } else { Body::stream(Stream { body, watch: self, is_over: false }) }
    }

    /// Ready when the credential ends. To be asked no more then.
    pub(super) fn poll_ended(&mut self, context: &mut Context<'_>) -> Poll<Ended> {
        Pin::new(&mut self.ended).poll(context).map(|told| told.unwrap_or(Ended::Revoked))
    }
}

fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

const SHORT_BYTES: u64 = 64 << 10;
/// How late a stream may end after its credential.
const TICK: Duration = Duration::from_millis(500);

impl Drop for Watch {
    fn drop(&mut self) {
        self.streams.open().remove(&self.number);
    }
}

struct Stream {
    body: Body,
    watch: Watch,
    is_over: bool,
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if !self.is_over && self.watch.poll_ended(context).is_ready() {
            self.is_over = true;
            self.watch.streams.credential_ended_one();
        }
        if self.is_over {
            // Never the end of a body: the client must see that it is not whole.
            return Poll::Ready(Some(Err(BodyError::Broken("its credential ended".into()))));
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use trackgate_schemes::{Credential, CredentialKind, Subject};

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn who(id: &str, expires_at: Option<SystemTime>) -> Identity {
        let credential = Credential::new(CredentialKind::ApiToken, id);
        Identity::new(Subject::Account(AccountId(7)), "anna", "api", credential).with_expiry(expires_at)
    }

    fn ended(watch: &mut Watch) -> Option<Ended> {
        match watch.poll_ended(&mut Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(ended) => Some(ended),
            Poll::Pending => None,
        }
    }

    #[test]
    fn exp_05_a_stream_ends_at_exactly_the_time_of_its_credential() {
        let streams = Arc::<Streams>::default();
        streams.end_expired(at(50));
        let mut late = streams.watch(&who("late", Some(at(300)))).unwrap();
        let mut soon = streams.watch(&who("soon", Some(at(100)))).unwrap();
        let mut never = streams.watch(&who("never", None)).unwrap();
        streams.end_expired(at(99));
        assert_eq!((ended(&mut soon), streams.len()), (None, 3));
        streams.end_expired(at(100));
        assert_eq!((ended(&mut soon), ended(&mut late), streams.len()), (Some(Ended::Expired), None, 2));
        streams.end_expired(at(301));
        assert_eq!((ended(&mut late), ended(&mut never)), (Some(Ended::Expired), None));
        streams.forget_credential("never");
        assert_eq!((ended(&mut never), streams.len()), (Some(Ended::Revoked), 0));
        assert!(streams.watch(&Identity::anonymous()).is_none());
    }

    #[test]
    fn open_tunnels_are_counted() {
        let streams = Arc::<Streams>::default();
        let open = [streams.tunnel_opens(), streams.tunnel_opens()];
        assert_eq!(streams.tunnels(), 2);
        drop(open);
        assert_eq!((streams.tunnels(), streams.ended_by_credential()), (0, 0));
    }
}
