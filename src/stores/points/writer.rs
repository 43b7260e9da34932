//! The one thread that writes: what waits is made durable together, then shown, then answered.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use trackgate_schemes::AccountId;
use trackgate_schemes::store::{StoreError, StoreErrorKind};

use super::deleted::{Deleted, What};
use super::frame::FrameWriter;
use super::keeper::Errand;
use super::log::Log;
use super::record;
use super::settings::Settings;
use super::state::{Frozen, Shared};
use super::types::{Fixed, Types};
use crate::ports::{Batch, PointsWritten};

/// What the thread is asked.
#[derive(Debug)]
pub(super) enum Job {
    Close(oneshot::Sender<()>),
    Delete {
        account: AccountId,
        what: What,
        answer: Answerer<()>,
    },
    /// Looks whether the log is to be turned into files; `now` whether or not it is long or old enough.
    Turn {
        now: bool,
    },
    /// Forgets the types of fields that have no points any more.
    Types,
    Write {
        account: AccountId,
        batch: Batch,
        answer: Answerer<PointsWritten>,
        room: OwnedSemaphorePermit,
    },
}

pub(super) type Answerer<T> = oneshot::Sender<Result<T, StoreError>>;

/// The thread's own things.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) settings: Settings,
    pub(super) log: Log,
    pub(super) types: Types,
    pub(super) next_seq: u64,
    /// When the log's first record was written, or read.
    pub(super) log_since: Option<Instant>,
    pub(super) frame: FrameWriter,
    /// Whether the last append failed.
    pub(super) failing: bool,
    /// Told whenever something was frozen.
    pub(super) frozen: std::sync::mpsc::Sender<Errand>,
}

/// A batch that waits for its group to be durable.
struct Pending {
    account: AccountId,
    batch: Batch,
    answer: Answerer<PointsWritten>,
    written: PointsWritten,
    _room: OwnedSemaphorePermit,
}

impl Writer {
    /// Works until it is told to close, or nobody is left to ask it.
    pub(super) fn run(mut self, mut jobs: mpsc::UnboundedReceiver<Job>) {
        let mut next = None;
        while let Some(job) = next.take().or_else(|| jobs.blocking_recv()) {
            match job {
                Job::Close(answer) => {
                    // Whoever still waits is refused, as its answerer goes.
                    jobs.close();
                    drop(jobs);
                    drop(self);
                    answer.send(()).ok();
                    return;
                }
                Job::Delete { account, what, answer } => drop(answer.send(self.delete(account, what))),
                Job::Turn { now } => self.turn(now),
                Job::Types => self.types = self.shared.state().types(),
                Job::Write { account, batch, answer, room } => {
                    next = self.group((account, batch, answer, room), &mut jobs);
                    self.turn(false);
                }
            }
        }
    }

    /// Writes a batch and what else waits; the next job if it is another one.
    fn group(
        &mut self,
        first: (AccountId, Batch, Answerer<PointsWritten>, OwnedSemaphorePermit),
        jobs: &mut mpsc::UnboundedReceiver<Job>,
    ) -> Option<Job> {
        self.frame.begin(self.next_seq);
        let mut pending = Vec::new();
        let mut fixed = Vec::new();
        let mut waiting = Some(first);
        let mut other = None;
        while let Some((account, batch, answer, room)) = waiting.take() {
            self.settle(account, batch, answer, room, &mut pending, &mut fixed);
            if self.frame.records().len() >= GROUP_BYTES {
                break;
            }
            match jobs.try_recv() {
                Ok(Job::Write { account, batch, answer, room }) => waiting = Some((account, batch, answer, room)),
                Ok(job) => other = Some(job),
                Err(_) => {}
            }
        }
        if !pending.is_empty() {
            self.finish(pending, &fixed);
        }
        other
    }

    /// Adds a batch to the group; answers it if there is nothing to be stored.
    fn settle(
        &mut self,
        account: AccountId,
        mut batch: Batch,
        answer: Answerer<PointsWritten>,
        room: OwnedSemaphorePermit,
        pending: &mut Vec<Pending>,
        fixed: &mut Vec<Fixed>,
    ) {
        match self.types.settle(account, &mut batch, fixed) {
            Err(error) => drop(answer.send(Err(error))),
            Ok(written) if batch.rows.is_empty() && fixed.is_empty() => drop(answer.send(Ok(written))),
            Ok(written) => {
                // What a point was refused for may not be durable yet, so it waits as well.
                if !batch.rows.is_empty() {
                    record::put_write(self.frame.records(), account, &batch);
                }
                pending.push(Pending { account, batch, answer, written, _room: room });
            }
        }
    }

    /// Makes a group durable, shows it and answers.
    fn finish(&mut self, pending: Vec<Pending>, fixed: &[Fixed]) {
        let records = pending.iter().filter(|pending| !pending.batch.rows.is_empty()).count();
        if let Err(error) = self.append(records as u64) {
            self.types.unfix(fixed);
            for pending in pending {
                pending.answer.send(Err(StoreError::new(StoreErrorKind::Unavailable, &error))).ok();
            }
            return;
        }
        let mut answers = Vec::with_capacity(pending.len());
        {
            let mut state = self.shared.state();
            for Pending { account, batch, answer, written, _room } in pending {
                if !batch.rows.is_empty() {
                    Arc::make_mut(state.heads.entry(account).or_default()).apply(batch);
                }
                answers.push((account, answer, written));
            }
        }
        self.shared.watchers.tell(answers.iter().map(|(account, ..)| *account));
        for (_, answer, written) in answers {
            answer.send(Ok(written)).ok();
        }
    }

    fn delete(&mut self, account: AccountId, what: What) -> Result<(), StoreError> {
        self.frame.begin(self.next_seq);
        record::put_delete(self.frame.records(), account, &what);
        let seq = self.next_seq;
        self.append(1).map_err(|error| StoreError::new(StoreErrorKind::Unavailable, error))?;
        if what == What::Everything {
            self.types.forget(account);
        }
        self.shared.state().delete(Arc::new(Deleted { seq, account, what }));
        self.shared.watchers.tell([account]);
        Ok(())
    }

    /// Appends the frame, which has so many records. Their numbers are not used again, should that fail.
    fn append(&mut self, records: u64) -> std::io::Result<()> {
        self.next_seq += records;
        if self.log.bytes() > LOGS_BEHIND * self.settings.log_bytes {
            return Err(std::io::Error::other("files of points cannot be made, and the log has become too long"));
        }
        let Some(frame) = self.frame.finish() else {
            return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, "too many points for one write"));
        };
        let appended = self.log.append(frame);
        match &appended {
            Err(error) if !self.failing => tracing::error!(%error, "points cannot be written"),
            Ok(()) if self.failing => tracing::info!("points are written again"),
            _ => {}
        }
        self.failing = appended.is_err();
        appended?;
        self.log_since.get_or_insert_with(Instant::now);
        Ok(())
    }

    /// Freezes what is in memory if the log is long or old, so that files are made of it.
    fn turn(&mut self, now: bool) {
        let Some(since) = self.log_since else { return };
        if !now && self.log.bytes() < self.settings.log_bytes && since.elapsed() < self.settings.log_age {
            return;
        }
        // Should writing be faster than that, it waits.
        if self.log.bytes() >= 2 * self.settings.log_bytes {
            self.shared.wait_for_sealing(FROZEN);
        }
        {
            let mut state = self.shared.state();
            if state.frozen.len() >= FROZEN {
                return;
            }
            let heads = std::mem::take(&mut state.heads);
            let frozen = Frozen { heads, max_seq: self.next_seq - 1, logs: self.log.turn() };
            state.frozen.push(Arc::new(frozen));
        }
        self.log_since = None;
        self.frozen.send(Errand::Look).ok();
    }
}

/// How long a group becomes before it is written.
const GROUP_BYTES: usize = 4 << 20;

/// How many heads may wait until they are in files; then the log grows.
const FROZEN: usize = 2;

/// How many times longer than it should be the log may become.
const LOGS_BEHIND: u64 = 4;
