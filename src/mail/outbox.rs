//! Where letters are put.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Notify;
use trackgate_schemes::store::StoreError;
use trackgate_schemes::{AccountId, Clock};

use super::{KIND, Letter};
use crate::ports::{Jobs, NewJob};

/// Takes letters and keeps them until they are sent.
#[derive(Clone)]
pub struct Outbox {
    pub(super) jobs: Arc<dyn Jobs>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) wake: Arc<Notify>,
}

impl Outbox {
    /// Keeps letters among these jobs.
    pub fn new(jobs: Arc<dyn Jobs>, clock: Arc<dyn Clock>) -> Self {
        Self { jobs, clock, wake: Arc::default() }
    }

    /// Takes a letter: it is stored durably when this returns, and the postman of this process begins at once.
    ///
    /// A letter that belongs to an account is deleted with it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it could not be stored; then it is not sent.
    pub async fn post(&self, account: Option<AccountId>, letter: &Letter) -> Result<(), StoreError> {
        let now = self.clock.now();
        let payload = letter.payload().into();
        let new = NewJob { kind: KIND.into(), account, payload, due_at: now, created_at: now };
        self.jobs.add_job(new).await?;
        self.wake.notify_one();
        Ok(())
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}
