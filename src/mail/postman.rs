//! Sends what lies in the outbox.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use trackgate_schemes::store::StoreError;

use super::{Carrier, KIND, Letter, Outbox, Undelivered};
use crate::ports::Job;

/// Sends letters one after the other, and those that fail again later.
///
/// It waits 30 s after the first failure and twice as long after each further one, 1 h at most and up to a
/// quarter less, so that many letters do not come back together. After [`Postman::MAX_ATTEMPTS`], about a
/// day, a letter is dead; one that the server refuses for good is dead at once.
#[derive(Debug)]
pub struct Postman {
    outbox: Outbox,
    carrier: Carrier,
}

impl Postman {
    /// How often a letter is begun before it is given up.
    pub const MAX_ATTEMPTS: u32 = 30;

    /// Sends the letters of this outbox.
    pub fn new(outbox: Outbox, carrier: Carrier) -> Self {
        Self { outbox, carrier }
    }

    /// Works until it is stopped. Needs a tokio runtime around it.
    pub fn start(self) -> Round {
        let (stop, stopping) = watch::channel(());
        Round { stop, task: tokio::spawn(self.run(stopping)) }
    }

    /// Sends the letter that is due the longest, if one is; whether one was.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; a letter that was sent but could not be deleted is sent again when its claim ends.
    pub async fn deliver_next(&self) -> Result<bool, StoreError> {
        let now = self.outbox.clock.now();
        let until = now + self.carrier.longest() + SPARE;
        let Some(job) = self.outbox.jobs.claim_job(KIND, now, until).await? else { return Ok(false) };
        let sent = match Letter::from_payload(&job.work.payload) {
            // It died again and again while this one was sent: that is no accident.
            _ if job.attempts > Self::MAX_ATTEMPTS => Err(Undelivered::Never("begun too often".to_owned())),
            None => Err(Undelivered::Never("what is stored is no letter".to_owned())),
            Some(letter) => self.carrier.carry(&letter, job.id, job.work.created_at).await,
        };
        match sent {
            Ok(_said) => {
                tracing::info!(job = job.id, attempts = job.attempts, "a letter was sent");
                self.finish(&job).await?;
            }
            Err(Undelivered::Later(why)) if job.attempts < Self::MAX_ATTEMPTS => {
                tracing::warn!(job = job.id, attempts = job.attempts, "a letter waits for another try: {why}");
                let due_at = self.outbox.clock.now() + wait(job.attempts);
                self.outbox.jobs.postpone_job(&job, due_at, &why).await?;
            }
            Err(Undelivered::Later(why) | Undelivered::Never(why)) => {
                tracing::error!(job = job.id, attempts = job.attempts, "a letter was given up: {why}");
                self.outbox.jobs.bury_job(&job, &why).await?;
            }
        }
        Ok(true)
    }

    /// A sent letter must go, or it is sent again: worth more than one try.
    async fn finish(&self, job: &Job) -> Result<(), StoreError> {
        let mut pause = Duration::from_millis(100);
        loop {
            match self.outbox.jobs.finish_job(job).await {
                Err(_error) if pause < Duration::from_secs(4) => sleep(pause).await,
                done => return done.map(drop),
            }
            pause *= 2;
        }
    }

    async fn run(self, mut stopping: watch::Receiver<()>) {
        loop {
            if stopping.has_changed().unwrap_or(true) {
                return;
            }
            match self.deliver_next().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::error!("the outbox cannot be read: {error}"),
            }
            tokio::select! {
                () = self.outbox.wake.notified() => {}
                () = sleep(LOOK_AGAIN) => {}
                _ = stopping.changed() => return,
            }
        }
    }
}

/// A postman at work.
#[derive(Debug)]
pub struct Round {
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Round {
    /// Stops: the letter under way may be sent within this time. One that is cut off is sent again later.
    pub async fn stop(mut self, grace: Duration) {
        self.stop.send_replace(());
        if timeout(grace, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

/// How long to wait after this many attempts.
fn wait(attempts: u32) -> Duration {
    let doubled = FIRST_WAIT * 2u32.saturating_pow(attempts.saturating_sub(1).min(16));
    let most = doubled.min(LONGEST_WAIT);
    most.mul_f64(1.0 - rand::random::<f64>() / 4.0)
}

pub(super) const FIRST_WAIT: Duration = Duration::from_secs(30);

pub(super) const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// How much longer a claim lasts than sending can take.
const SPARE: Duration = Duration::from_mins(1);

/// How long letters that others wrote, or that are due again, may lie unseen.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
