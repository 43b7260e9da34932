//! What trackers do in the background: jobs that they promised, and tidying up.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, sleep, sleep_until, timeout};
use trackgate_schemes::Clock;
use trackgate_schemes::store::StoreError;

use crate::ports::{Job, Jobs};

/// Does the jobs of one kind.
pub trait Worker: fmt::Debug + Send + Sync + 'static {
    /// The kind of its jobs.
    fn kind(&self) -> &'static str;

    /// Notified when this process adds a job of the kind.
    fn bell(&self) -> &Notify;

    /// Does a job. It is dropped at any await when another process has claimed the job, or the gateway stops;
    /// then it is done again from the start.
    fn work<'a>(&'a self, job: &'a Job) -> Working<'a, Outcome>;

    /// Removes what is of no more use: at the start and every hour.
    fn tidy(&self) -> Working<'_, Result<(), StoreError>>;
}

/// Work under way.
pub type Working<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth")]
pub enum Outcome {
    /// It is done, or there is no more need of it.
    Done,
    /// It is to be done again.
    Later {
        /// After how long.
        after: Duration,
        /// Why it failed.
        why: String,
    },
    /// It can never be done, for this reason.
    Never(String),
}

/// Workers at work. Dropped without [`stop`](Self::stop), they stop at once.
#[derive(Debug)]
pub struct Shift {
    stop: watch::Sender<()>,
    tasks: JoinSet<()>,
}

impl Shift {
    /// Lets these work on their jobs. Needs a tokio runtime around it.
    pub fn start(workers: &[Arc<dyn Worker>], jobs: &Arc<dyn Jobs>, clock: &Arc<dyn Clock>) -> Self {
        let (stop, _) = watch::channel(());
        let mut tasks = JoinSet::new();
        for worker in workers {
            let bench = Bench { worker: Arc::clone(worker), jobs: Arc::clone(jobs), clock: Arc::clone(clock) };
            tasks.spawn(bench.run(stop.subscribe()));
        }
        Self { stop, tasks }
    }

    /// Stops: the jobs under way may end within this time. One that is cut off is done again later.
    pub async fn stop(mut self, grace: Duration) {
        self.stop.send_replace(());
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(grace, ended).await.is_err() {
            self.tasks.abort_all();
        }
    }
}

/// One worker with what it needs.
struct Bench {
    worker: Arc<dyn Worker>,
    jobs: Arc<dyn Jobs>,
    clock: Arc<dyn Clock>,
}

impl Bench {
    async fn run(self, mut stopping: watch::Receiver<()>) {
        let mut tidy_at = Instant::now();
        loop {
            if stopping.has_changed().unwrap_or(true) {
                return;
            }
            if Instant::now() >= tidy_at {
                if let Err(error) = self.worker.tidy().await {
                    tracing::warn!(%error, kind = self.worker.kind(), "tidying up");
                }
                tidy_at = Instant::now() + TIDY_EVERY;
            }
            match self.next().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::error!(%error, kind = self.worker.kind(), "the jobs cannot be read"),
            }
            tokio::select! {
                () = self.worker.bell().notified() => {}
                () = sleep(LOOK_AGAIN) => {}
                () = sleep_until(tidy_at) => {}
                _ = stopping.changed() => return,
            }
        }
    }

    /// Does the job that is due the longest; whether there was one.
    async fn next(&self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let Some(job) = self.jobs.claim_job(self.worker.kind(), now, now + CLAIM).await? else { return Ok(false) };
        let outcome = if job.attempts > MAX_ATTEMPTS {
            // It took the process with it again and again.
            Outcome::Never("begun too often".to_owned())
        } else {
            match self.hold(&job).await {
                Some(outcome) => outcome,
                None => return Ok(true),
            }
        };
        match outcome {
            Outcome::Done => drop(self.jobs.finish_job(&job).await?),
            Outcome::Later { after, why } => {
                tracing::warn!(job = job.id, attempts = job.attempts, "a job waits for another try: {why}");
                self.jobs.postpone_job(&job, self.clock.now() + after, &why).await?;
            }
            Outcome::Never(why) => {
                tracing::error!(job = job.id, attempts = job.attempts, "a job was given up: {why}");
                self.jobs.bury_job(&job, &why).await?;
            }
        }
        Ok(true)
    }

    /// Works, and goes on claiming the job; `None` when it was lost to somebody else.
    async fn hold(&self, job: &Job) -> Option<Outcome> {
        let mut work = self.worker.work(job);
        let mut beat = interval_at(Instant::now() + CLAIM / 3, CLAIM / 3);
        loop {
            tokio::select! {
                outcome = &mut work => return Some(outcome),
                _ = beat.tick() => match self.jobs.extend_job(job, self.clock.now() + CLAIM).await {
                    Ok(true) => {}
                    Ok(false) => return None,
                    Err(error) => tracing::warn!(%error, job = job.id, "a claim could not be extended"),
                },
            }
        }
    }
}

/// How long a claim outlives a process that died.
const CLAIM: Duration = Duration::from_secs(30);

/// How long jobs that others added may lie unseen.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How often a job is begun before it is given up, whatever its worker says.
const MAX_ATTEMPTS: u32 = 20;

const TIDY_EVERY: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    use trackgate_schemes::{AccountId, ManualClock};

    use super::*;
    use crate::ports::{JobState, NewJob, Store};
    use crate::stores::MemoryStore;

    #[derive(Debug, Default)]
    struct Hand {
        bell: Notify,
        done: AtomicU32,
        tidied: AtomicU32,
        next: Mutex<Vec<Outcome>>,
    }

    impl Worker for Hand {
        fn kind(&self) -> &'static str {
            "dig"
        }

        fn bell(&self) -> &Notify {
            &self.bell
        }

        fn work<'a>(&'a self, _job: &'a Job) -> Working<'a, Outcome> {
            Box::pin(async {
                self.done.fetch_add(1, Ordering::SeqCst);
                self.next.lock().unwrap().pop().unwrap_or(Outcome::Done)
            })
        }

        fn tidy(&self) -> Working<'_, Result<(), StoreError>> {
            self.tidied.fetch_add(1, Ordering::SeqCst);
            Box::pin(std::future::ready(Ok(())))
        }
    }

    async fn job_of(store: &Arc<dyn Store>, clock: &ManualClock) -> i64 {
        let now = clock.now();
        let new =
            NewJob { kind: "dig".into(), account: None::<AccountId>, payload: "".into(), due_at: now, created_at: now };
        store.add_job(new).await.unwrap()
    }

    fn ground() -> (Arc<dyn Store>, Arc<ManualClock>, Arc<Hand>) {
        let clock = Arc::new(ManualClock::new(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1000)));
        (Arc::new(MemoryStore::default()), clock, Arc::default())
    }

    #[tokio::test]
    async fn a_job_is_done_once_and_gone() {
        let (store, clock, hand) = ground();
        job_of(&store, &clock).await;
        let workers = [Arc::clone(&hand) as Arc<dyn Worker>];
        let shift = Shift::start(&workers, &(Arc::clone(&store) as _), &(Arc::clone(&clock) as _));
        while !store.list_jobs(None).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        job_of(&store, &clock).await;
        hand.bell.notify_one();
        while !store.list_jobs(None).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        shift.stop(Duration::from_secs(5)).await;
        assert_eq!((hand.done.load(Ordering::SeqCst), hand.tidied.load(Ordering::SeqCst)), (2, 1));
    }

    #[tokio::test]
    async fn what_fails_waits_and_what_cannot_be_done_is_dead() {
        let (store, clock, hand) = ground();
        let id = job_of(&store, &clock).await;
        let bench = Bench {
            worker: Arc::clone(&hand) as _,
            jobs: Arc::clone(&store) as _,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
        };
        let later = Outcome::Later { after: Duration::from_mins(1), why: "rain".to_owned() };
        *hand.next.lock().unwrap() = vec![Outcome::Never("rock".to_owned()), later];
        assert!(bench.next().await.unwrap());
        assert!(!bench.next().await.unwrap(), "it waits");
        clock.advance(Duration::from_mins(1));
        assert!(bench.next().await.unwrap());
        let jobs = store.list_jobs(Some("dig")).await.unwrap();
        assert_eq!(jobs.len(), 1);
        assert_eq!((jobs[0].id, jobs[0].state, jobs[0].error.as_deref()), (id, JobState::Dead, Some("rock")));
        store.revive_job(id, clock.now()).await.unwrap();
        assert!(bench.next().await.unwrap());
        assert!(store.list_jobs(None).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn crs_a_job_whose_worker_died_is_done_again_when_its_claim_ends() {
        let (store, clock, hand) = ground();
        job_of(&store, &clock).await;
        let bench = Bench {
            worker: Arc::clone(&hand) as _,
            jobs: Arc::clone(&store) as _,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
        };
        let now = clock.now();
        store.claim_job("dig", now, now + CLAIM).await.unwrap().unwrap();
        assert!(!bench.next().await.unwrap());
        clock.advance(CLAIM);
        assert!(bench.next().await.unwrap());
        assert_eq!(hand.done.load(Ordering::SeqCst), 1);
    }
}
