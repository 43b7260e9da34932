//! Promised work.

use std::sync::Arc;
use std::time::SystemTime;

use trackgate_schemes::AccountId;
use trackgate_schemes::store::Answer;

use super::SqlStore;
use super::fault::Fault;
use super::rows::{Columns, account_exists, next};
use crate::ports::{Job, JobState, Jobs, NewJob};
use crate::stores::kept;

/// The columns that [`read`] reads.
macro_rules! job_columns {
    () => {
        "id, kind, account, payload, due_at, created_at, attempts, dead, until, error"
    };
}

/// A job whose claim nobody has taken over: id, attempts, when it was due.
///
/// Reviving begins counting anew, so the attempts alone would not tell an old claim from a new one.
macro_rules! claimed {
    () => {
        " WHERE id = $1 AND attempts = $2 AND due_at = $3 AND until IS NOT NULL"
    };
}

impl Jobs for SqlStore {
    fn add_job(&self, new: NewJob) -> Answer<'_, i64> {
        self.saw(new.created_at);
        self.write(move |connection| {
            Box::pin(async move {
                if let Some(account) = new.account
                    && !account_exists(connection, account).await?
                {
                    return Err(kept::no_account().into());
                }
                let id = next(connection, "jobs").await?;
                sqlx::query(
                    "INSERT INTO jobs (id, kind, account, payload, due_at, created_at, attempts, dead) \
                     VALUES ($1, $2, $3, $4, $5, $6, 0, 0)",
                )
                .bind(id)
                .bind(kept::text(&new.kind)?)
                .bind(new.account.map(|account| account.0))
                .bind(kept::text(&new.payload)?)
                .bind(kept::micros(new.due_at)?)
                .bind(kept::micros(new.created_at)?)
                .execute(connection)
                .await?;
                Ok(id)
            })
        })
    }

    fn claim_job<'a>(&'a self, kind: &'a str, now: SystemTime, until: SystemTime) -> Answer<'a, Option<Job>> {
        let kind = kept::text(kind);
        self.saw(now);
        self.write(move |connection| {
            Box::pin(async move {
                // Transactions that write come one after the other, on several nodes too (`Engine::begin`):
                // what the inner statement finds nobody else can have claimed before the outer one does.
                let row = sqlx::query(concat!(
                    "UPDATE jobs SET attempts = attempts + 1, until = $1 WHERE id = \
                     (SELECT j.id FROM jobs j WHERE j.kind = $2 AND j.dead = 0 \
                     AND COALESCE(j.until, j.due_at) <= $3 ORDER BY COALESCE(j.until, j.due_at), j.id LIMIT 1) \
                     RETURNING ",
                    job_columns!()
                ))
                .bind(kept::micros(until)?)
                .bind(kind?)
                .bind(kept::micros(now)?)
                .fetch_optional(connection)
                .await?;
                row.map(|row| read(&mut Columns::of(&row))).transpose()
            })
        })
    }

    fn extend_job<'a>(&'a self, job: &'a Job, until: SystemTime) -> Answer<'a, bool> {
        let claim = Claim::of(job);
        self.write(move |connection| {
            Box::pin(async move {
                let done = sqlx::query(concat!("UPDATE jobs SET until = $4", claimed!()))
                    .bind(claim.id)
                    .bind(claim.attempts)
                    .bind(kept::micros(claim.due_at)?)
                    .bind(kept::micros(until)?)
                    .execute(connection)
                    .await?;
                Ok(done.rows_affected() > 0)
            })
        })
    }

    fn finish_job<'a>(&'a self, job: &'a Job) -> Answer<'a, bool> {
        let claim = Claim::of(job);
        self.write(move |connection| {
            Box::pin(async move {
                let done = sqlx::query(concat!("DELETE FROM jobs", claimed!()))
                    .bind(claim.id)
                    .bind(claim.attempts)
                    .bind(kept::micros(claim.due_at)?)
                    .execute(connection)
                    .await?;
                Ok(done.rows_affected() > 0)
            })
        })
    }

    fn postpone_job<'a>(&'a self, job: &'a Job, due_at: SystemTime, error: &'a str) -> Answer<'a, bool> {
        let claim = Claim::of(job);
        let error = kept::text(error);
        self.write(move |connection| {
            Box::pin(async move {
                let done = sqlx::query(concat!("UPDATE jobs SET until = NULL, due_at = $4, error = $5", claimed!()))
                    .bind(claim.id)
                    .bind(claim.attempts)
                    .bind(kept::micros(claim.due_at)?)
                    .bind(kept::micros(due_at)?)
                    .bind(error?)
                    .execute(connection)
                    .await?;
                Ok(done.rows_affected() > 0)
            })
        })
    }

    fn bury_job<'a>(&'a self, job: &'a Job, error: &'a str) -> Answer<'a, bool> {
        let claim = Claim::of(job);
        let error = kept::text(error);
        self.write(move |connection| {
            Box::pin(async move {
                let done = sqlx::query(concat!("UPDATE jobs SET until = NULL, dead = 1, error = $4", claimed!()))
                    .bind(claim.id)
                    .bind(claim.attempts)
                    .bind(kept::micros(claim.due_at)?)
                    .bind(error?)
                    .execute(connection)
                    .await?;
                Ok(done.rows_affected() > 0)
            })
        })
    }

    fn list_jobs<'a>(&'a self, kind: Option<&'a str>) -> Answer<'a, Vec<Job>> {
        let kind = kind.map(kept::text).transpose();
        self.read(move |connection| {
            Box::pin(async move {
                let query = match kind? {
                    None => sqlx::query(concat!("SELECT ", job_columns!(), " FROM jobs ORDER BY id")),
                    Some(kind) => {
                        sqlx::query(concat!("SELECT ", job_columns!(), " FROM jobs WHERE kind = $1 ORDER BY id"))
                            .bind(kind)
                    }
                };
                let rows = query.fetch_all(connection).await?;
                rows.iter().map(|row| read(&mut Columns::of(row))).collect()
            })
        })
    }

    fn revive_job(&self, id: i64, now: SystemTime) -> Answer<'_, bool> {
        self.saw(now);
        self.write(move |connection| {
            Box::pin(async move {
                let done =
                    sqlx::query("UPDATE jobs SET dead = 0, attempts = 0, due_at = $1 WHERE id = $2 AND dead = 1")
                        .bind(kept::micros(now)?)
                        .bind(id)
                        .execute(connection)
                        .await?;
                Ok(done.rows_affected() > 0)
            })
        })
    }

    fn delete_job(&self, id: i64) -> Answer<'_, bool> {
        self.write(move |connection| {
            Box::pin(async move {
                let done = sqlx::query("DELETE FROM jobs WHERE id = $1").bind(id).execute(connection).await?;
                Ok(done.rows_affected() > 0)
            })
        })
    }
}

/// What tells one claim of a job from the next.
struct Claim {
    id: i64,
    attempts: i64,
    due_at: SystemTime,
}

impl Claim {
    fn of(job: &Job) -> Self {
        Self { id: job.id, attempts: i64::from(job.attempts), due_at: job.work.due_at }
    }
}

fn read(row: &mut Columns<'_>) -> Result<Job, Fault> {
    Ok(Job {
        id: row.int()?,
        work: NewJob {
            kind: row.text()?.into(),
            account: row.maybe_int()?.map(AccountId),
            payload: row.text()?.into(),
            due_at: row.time()?,
            created_at: row.time()?,
        },
        attempts: u32::try_from(row.int()?).map_err(|_| Fault::Corrupt("the attempts of a job"))?,
        state: match (row.int()?, row.maybe_time()?) {
            (0, None) => JobState::Waiting,
            (0, Some(until)) => JobState::Running { until },
            (1, None) => JobState::Dead,
            _ => return Err(Fault::Corrupt("the state of a job")),
        },
        error: row.maybe_text()?.map(Arc::from),
    })
}
