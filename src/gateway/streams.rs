//! Answers that are still being sent, so that they can end with the credential that asked for them.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use tokio::sync::oneshot;
use trackgate_schemes::{AccountId, Forget, Identity};

use crate::message::{Body, BodyError};

/// The answers that stream to somebody whom a credential identified.
///
/// What makes memories forget a credential or an account ends its streams. A store that could not be
/// followed (`forget_all`) ends none: the next request is judged anew, and no revocation is known. Events of
/// this process come back from the log: an answer that began within half a second of a change of its
/// account may end with it.
#[derive(Default)]
pub struct Streams {
    next: AtomicU64,
    open: Mutex<HashMap<u64, Open>>,
}

struct Open {
    account: Option<AccountId>,
    credential: Arc<str>,
    /// Dropped to end the stream.
    _end: oneshot::Sender<()>,
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
        let open = Open { account: who.account(), credential: Arc::clone(&who.credential().id), _end: end };
        self.open().insert(number, open);
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

/// Knows when a credential ends.
#[derive(Debug)]
pub struct Watch {
    ended: oneshot::Receiver<()>,
    streams: Arc<Streams>,
    number: u64,
}

impl Watch {
    /// The same body, which breaks off when the credential ends. One that is whole in memory, or short by its
    /// declared length, is left as it is: it ends by itself, and was asked for while the credential was good.
    pub fn around(self, body: Body) -> Body {
        let is_short = body.size_hint().exact().is_some_and(|length| length <= SHORT_BYTES);
        if is_short || body.is_whole() { body } else { Body::stream(Stream { body, watch: self }) }
    }
}

const SHORT_BYTES: u64 = 64 << 10;

impl Drop for Watch {
    fn drop(&mut self) {
        self.streams.open().remove(&self.number);
    }
}

struct Stream {
    body: Body,
    watch: Watch,
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if Pin::new(&mut self.watch.ended).poll(context).is_ready() {
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
