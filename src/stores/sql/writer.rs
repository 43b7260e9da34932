//! The one writer: whatever waits is written in one transaction and acknowledged after its commit.
//!
//! Each job has a savepoint of its own, so that one that fails takes back only itself. A commit that
//! fails was not a commit for anybody: the connection is given up, and an embedded database is closed
//! and read through before it is trusted again, since a second sync that succeeds proves nothing.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sqlx::{AnyConnection, Connection};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, timeout};
use trackgate_schemes::store::{StoreError, StoreErrorKind};

use super::counts::{Counts, Ended};
use super::engine::Engine;
use super::fault::Fault;
use super::notes::Notes;
use super::readers::Readers;
use super::{CALL_LIMIT, cleaning, noted};

/// What asks a connection, boxed.
pub(super) type Asked<'c, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'c>>;

/// One write that waits for its commit.
pub(super) trait Job: Send {
    /// Writes; whether that failed, so that it must be taken back.
    fn run<'c>(&'c mut self, connection: &'c mut AnyConnection) -> Pin<Box<dyn Future<Output = bool> + Send + 'c>>;

    /// Answers: with its own outcome after the commit, or with what kept the commit away.
    fn answer(self: Box<Self>, lost: Option<&Fault>);

    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;
}

/// A [`Job`] made of a closure.
pub(super) struct Pending<T, W> {
    work: Option<W>,
    done: Option<Result<T, Fault>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W> Pending<T, W>
where
    W: for<'c> FnOnce(&'c mut AnyConnection) -> Asked<'c, T> + Send,
{
    pub(super) fn new(work: W) -> (Box<Self>, oneshot::Receiver<Result<T, StoreError>>) {
        let (reply, answer) = oneshot::channel();
        (Box::new(Self { work: Some(work), done: None, reply }), answer)
    }
}

impl<T, W> Job for Pending<T, W>
where
    T: Send,
    W: for<'c> FnOnce(&'c mut AnyConnection) -> Asked<'c, T> + Send,
{
    fn run<'c>(&'c mut self, connection: &'c mut AnyConnection) -> Pin<Box<dyn Future<Output = bool> + Send + 'c>> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return false };
            let done = work(connection).await;
            let failed = done.is_err();
            self.done = Some(done);
            failed
        })
    }

    fn answer(self: Box<Self>, lost: Option<&Fault>) {
        let answer = match (lost, self.done) {
            (Some(fault), _) => Err(fault.to_store_error()),
            (None, Some(done)) => done.map_err(StoreError::from),
            (None, None) => Err(StoreError::new(StoreErrorKind::Unavailable, "it was given up")),
        };
        // Whoever asked may have stopped waiting: then nobody needs the answer.
        drop(self.reply.send(answer));
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }
}

/// Owns the writing connection.
pub(super) struct Writer {
    pub(super) engine: Engine,
    pub(super) jobs: mpsc::Receiver<Box<dyn Job>>,
    pub(super) notes: Arc<Notes>,
    pub(super) readers: Arc<Readers>,
    pub(super) counts: Arc<Counts>,
    pub(super) connection: Option<AnyConnection>,
    pub(super) newest: watch::Receiver<SystemTime>,
}

/// How a batch ended.
enum End {
    /// The connection is as good as before.
    Kept(AnyConnection),
    /// It is not.
    Lost,
    /// Nothing was begun: the connection was dead before.
    NotBegun(Vec<Box<dyn Job>>, Fault),
}

impl Writer {
    /// Writes until the queue is closed; then writes what was noted and closes everything.
    pub(super) async fn run(mut self, closed: watch::Sender<bool>) {
        let mut ticks = tokio::time::interval(FLUSH_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let notes = Arc::clone(&self.notes);
        let mut cleaned = Instant::now();
        loop {
            tokio::select! {
                job = self.jobs.recv() => match job {
                    Some(job) => {
                        let batch = self.gather(job);
                        self.batch(batch).await;
                    }
                    None => break,
                },
                _ = ticks.tick() => {
                    self.wake().await;
                    self.flush().await;
                    if cleaned.elapsed() >= CLEAN_EVERY {
                        cleaned = Instant::now();
                        self.clean().await;
                    }
                }
                () = notes.many() => self.flush().await,
            }
        }
        self.flush().await;
        if let Some(connection) = self.connection.take() {
            close(connection).await;
        }
        self.readers.close().await;
        closed.send_replace(true);
    }

    fn gather(&mut self, first: Box<dyn Job>) -> Vec<Box<dyn Job>> {
        let mut batch = vec![first];
        while batch.len() < BATCH {
            match self.jobs.try_recv() {
                Ok(job) => batch.push(job),
                Err(_) => break,
            }
        }
        batch.retain(|job| !job.is_abandoned());
        batch
    }

    async fn batch(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        for last_try in [false, true] {
            if jobs.is_empty() {
                return;
            }
            let connection = match self.connected().await {
                Ok(connection) => connection,
                Err(fault) => return refuse(jobs, &fault),
            };
            // A task of its own: a panic or a stuck server ends that task, and dropping its jobs answers them.
            let (began, writes) = (std::time::Instant::now(), jobs.len());
            let mut running = tokio::spawn(commit(self.engine.clone(), connection, jobs));
            let ended = timeout(CALL_LIMIT, &mut running).await;
            let well = matches!(ended, Ok(Ok(End::Kept(_))));
            self.counts.commit(began, if well { Ended::Well } else { Ended::Failed }, writes);
            match ended {
                Ok(Ok(End::Kept(connection))) => {
                    self.connection = Some(connection);
                    return;
                }
                Ok(Ok(End::NotBegun(unwritten, fault))) => {
                    self.readers.distrust();
                    if last_try {
                        return refuse(unwritten, &fault);
                    }
                    jobs = unwritten;
                }
                Ok(Ok(End::Lost) | Err(_)) => return self.reopen().await,
                Err(_too_slow) => {
                    running.abort();
                    return self.reopen().await;
                }
            }
        }
    }

    /// Lets readers wait no longer than it takes to check the database.
    async fn reopen(&mut self) {
        self.readers.distrust();
        self.wake().await;
    }

    async fn connected(&mut self) -> Result<AnyConnection, Fault> {
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        let connection = timeout(REOPEN_LIMIT, self.readers.reopen(&self.engine)).await;
        let connection = connection
            .map_err(|_| Fault::from(StoreError::new(StoreErrorKind::Unavailable, "it did not reopen in time")))?;
        if let Err(fault) = &connection {
            tracing::error!(error = %fault.to_store_error(), "the store cannot be reopened");
        }
        connection
    }

    /// Connects again after a failure and finds out early that a server hung up.
    async fn wake(&mut self) {
        let Ok(mut connection) = self.connected().await else { return };
        if self.engine.is_remote() && !matches!(timeout(PING_LIMIT, connection.ping()).await, Ok(Ok(()))) {
            return;
        }
        self.connection = Some(connection);
    }

    async fn flush(&mut self) {
        let noted = self.notes.take();
        if noted.is_empty() {
            return;
        }
        let writing = noted.clone();
        let (job, answer) = Pending::new(move |connection| Box::pin(noted::write(connection, writing)));
        self.batch(vec![job]).await;
        if !matches!(answer.await, Ok(Ok(()))) {
            self.notes.put_back(noted);
        }
    }

    async fn clean(&mut self) {
        // Neither a wrong clock of this machine nor one of whoever asks may end something early.
        let now = SystemTime::now().min(*self.newest.borrow());
        let (job, answer) = Pending::new(move |connection| Box::pin(cleaning::clean(connection, now)));
        self.batch(vec![job]).await;
        if let Ok(Err(error)) = answer.await {
            tracing::warn!(%error, "the store was not cleaned");
        }
    }
}

/// Writes all jobs in one transaction.
async fn commit(engine: Engine, mut connection: AnyConnection, mut jobs: Vec<Box<dyn Job>>) -> End {
    if let Err(error) = sqlx::raw_sql(engine.begin()).execute(&mut connection).await {
        let busy = engine.is_busy(&error);
        let fault = Fault::from(error);
        if !busy {
            return End::NotBegun(jobs, fault);
        }
        refuse(jobs, &fault);
        // PostgreSQL did begin, and waits to be told that this is over; SQLite has nothing to end.
        let over = !engine.is_remote() || sqlx::raw_sql("ROLLBACK").execute(&mut connection).await.is_ok();
        return if over { End::Kept(connection) } else { End::Lost };
    }
    match apply(&mut connection, &mut jobs).await {
        Ok(()) => {
            for job in jobs {
                job.answer(None);
            }
            End::Kept(connection)
        }
        Err(error) => {
            let fault = Fault::from(error);
            tracing::error!(error = %fault.to_store_error(), "a commit failed; the store is reopened and checked");
            refuse(jobs, &fault);
            close(connection).await;
            End::Lost
        }
    }
}

async fn apply(connection: &mut AnyConnection, jobs: &mut [Box<dyn Job>]) -> Result<(), sqlx::Error> {
    for job in jobs {
        sqlx::raw_sql("SAVEPOINT job").execute(&mut *connection).await?;
        let failed = job.run(connection).await;
        // After some failures SQLite has undone the whole transaction: then there is no savepoint, and all fail.
        let end = if failed { "ROLLBACK TO SAVEPOINT job; RELEASE SAVEPOINT job" } else { "RELEASE SAVEPOINT job" };
        sqlx::raw_sql(end).execute(&mut *connection).await?;
    }
    sqlx::raw_sql("COMMIT").execute(connection).await?;
    Ok(())
}

fn refuse(jobs: Vec<Box<dyn Job>>, fault: &Fault) {
    for job in jobs {
        job.answer(Some(fault));
    }
}

/// Closes a connection, whatever state it is in.
pub(super) async fn close(connection: AnyConnection) {
    if !matches!(timeout(PING_LIMIT, connection.close()).await, Ok(Ok(()))) {
        tracing::debug!("a connection of the store did not close cleanly");
    }
}

const BATCH: usize = 200;
const CLEAN_EVERY: Duration = Duration::from_mins(1);
const FLUSH_EVERY: Duration = Duration::from_millis(500);
const PING_LIMIT: Duration = Duration::from_secs(2);
/// Reading a large database through takes its time.
const REOPEN_LIMIT: Duration = Duration::from_mins(1);
