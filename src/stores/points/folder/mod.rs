//! Points in a folder: durable before they are acknowledged.

use std::fs::File;
use std::io;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use trackgate_schemes::AccountId;
use trackgate_schemes::store::{Answer, StoreError, StoreErrorKind};

use super::deleted::What;
use super::keeper::{self, Errand, Keeper};
use super::settings::Settings;
use super::state::Shared;
use super::writer::{Answerer, Job};
use crate::ports::{Batch, Points, PointsFigures, PointsView, PointsWritten, SeriesKey};

mod opening;
#[cfg(test)]
mod tests;

/// Keeps points in a folder of files, which only one process opens at a time.
///
/// One thread writes: it makes what waits durable together. Another makes files by time out of the log, merges
/// them, and removes them when they are older than the retention.
#[derive(Debug)]
pub struct FolderPoints {
    shared: Arc<Shared>,
    keeper: Arc<Mutex<Keeper>>,
    jobs: mpsc::UnboundedSender<Job>,
    /// Cells that may wait to be written.
    room: Arc<Semaphore>,
    threads: Arc<Threads>,
    retention: Option<Duration>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    writes: AtomicU64,
    writes_failed: AtomicU64,
    points: AtomicU64,
}

/// What runs until it is closed, and the lock that is held so long.
#[derive(Debug)]
struct Threads {
    errands: std::sync::mpsc::Sender<Errand>,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    writer: JoinHandle<()>,
    keeper: JoinHandle<()>,
    lock: File,
}

impl FolderPoints {
    /// Opens the points of a folder, which is made if it is missing. Blocks.
    ///
    /// # Errors
    ///
    /// If the folder cannot be used, another process has it open, or a file in it is damaged or of a newer format.
    pub fn open(folder: &Path, settings: Settings) -> io::Result<Self> {
        let retention = settings.retention;
        let opened = opening::open(folder, settings)?;
        let (jobs, waiting) = mpsc::unbounded_channel();
        let (errands, told) = std::sync::mpsc::channel();
        let (shared, keeper) = (Arc::clone(&opened.keeper.shared), Arc::new(Mutex::new(opened.keeper)));
        let writer = opened.writer.with(errands.clone());
        let writer = std::thread::Builder::new().name("points-writer".into()).spawn(move || writer.run(waiting))?;
        let keeping = std::thread::Builder::new().name("points-keeper".into()).spawn({
            let (keeper, jobs) = (Arc::clone(&keeper), jobs.downgrade());
            move || keeper::run(&keeper, &told, &jobs)
        })?;
        let running = Mutex::new(Some(Running { writer, keeper: keeping, lock: opened.lock }));
        let threads = Arc::new(Threads { errands, running });
        let (room, counts) = (Arc::new(Semaphore::new(ROOM as usize)), Counts::default());
        Ok(Self { shared, keeper, jobs, room, threads, retention, counts })
    }

    /// Removes the files whose points are all older than the retention, as happens every few minutes. Blocks.
    ///
    /// # Errors
    ///
    /// If the list of files cannot be written.
    pub fn expire(&self) -> io::Result<()> {
        let gone = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).expire()?;
        if gone > 0 {
            self.jobs.send(Job::Types).ok();
        }
        Ok(())
    }

    /// Gives the writer a job and waits for its answer.
    async fn ask<T>(&self, job: impl FnOnce(Answerer<T>) -> Job) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(job(answer)).map_err(|_| closed())?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }
}

impl Points for FolderPoints {
    fn write(&self, account: AccountId, batch: Batch) -> Answer<'_, PointsWritten> {
        Box::pin(async move {
            let cells = u32::try_from(batch.cells.len()).unwrap_or(ROOM).clamp(1, ROOM);
            let room = Arc::clone(&self.room).acquire_many_owned(cells).await.map_err(|_| closed())?;
            let points = batch.rows.len() as u64;
            let written = self.ask(|answer| Job::Write { account, batch, answer, room }).await;
            match &written {
                Ok(written) => {
                    self.counts.writes.fetch_add(1, Ordering::Relaxed);
                    self.counts.points.fetch_add(points.saturating_sub(written.dropped), Ordering::Relaxed);
                }
                Err(_) => drop(self.counts.writes_failed.fetch_add(1, Ordering::Relaxed)),
            }
            written
        })
    }

    fn view(&self, account: AccountId) -> Arc<dyn PointsView> {
        Arc::new(self.shared.view(account))
    }

    fn delete_points(&self, account: AccountId, series: Vec<SeriesKey>, range: RangeInclusive<i64>) -> Answer<'_, ()> {
        let what = What::Points { series, range };
        Box::pin(self.ask(move |answer| Job::Delete { account, what, answer }))
    }

    fn drop_points(&self, account: AccountId) -> Answer<'_, ()> {
        Box::pin(self.ask(move |answer| Job::Delete { account, what: What::Everything, answer }))
    }

    fn changes(&self, account: AccountId) -> watch::Receiver<u64> {
        self.shared.watchers.changes(account)
    }

    fn retention(&self) -> Option<Duration> {
        self.retention
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async {
            let (answer, answered) = oneshot::channel();
            if self.jobs.send(Job::Close(answer)).is_ok() {
                answered.await.ok();
            }
            let threads = Arc::clone(&self.threads);
            let ended = tokio::task::spawn_blocking(move || threads.join()).await;
            ended.map_err(|lost| StoreError::new(StoreErrorKind::Unavailable, lost))
        })
    }

    fn figures(&self) -> PointsFigures {
        let Counts { writes, writes_failed, points } = &self.counts;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let state = self.shared.state();
        PointsFigures {
            writes: read(writes),
            writes_failed: read(writes_failed),
            points: read(points),
            waiting_cells: (ROOM as usize).saturating_sub(self.room.available_permits()) as u64,
            files: state.files.len() as u64,
            accounts_in_memory: state.heads.len() as u64,
        }
    }
}

impl Drop for FolderPoints {
    fn drop(&mut self) {
        let (answer, _) = oneshot::channel();
        self.jobs.send(Job::Close(answer)).ok();
        self.threads.join();
    }
}

impl Threads {
    /// Waits until the threads have ended, the writer having been told, and lets go of the folder.
    fn join(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Running { writer, keeper, lock }) = running.take() else { return };
        self.errands.send(Errand::Stop).ok();
        for thread in [writer, keeper] {
            if thread.join().is_err() {
                tracing::error!("a thread that keeps points has ended in a panic");
            }
        }
        drop(lock);
    }
}

fn closed() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "the points are closed")
}

/// How many cells may wait to be written.
const ROOM: u32 = 2_000_000;
