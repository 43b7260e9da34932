//! Promised work in memory.

use std::time::SystemTime;

use trackgate_schemes::store::Answer;

use super::{MemoryStore, State};
use crate::ports::{Job, JobState, Jobs, NewJob};
use crate::stores::kept;

impl Jobs for MemoryStore {
    fn add_job(&self, new: NewJob) -> Answer<'_, i64> {
        self.answer(move |state| {
            kept::micros(new.due_at)?;
            kept::micros(new.created_at)?;
            kept::text(&new.kind)?;
            kept::text(&new.payload)?;
            if let Some(account) = new.account {
                state.account(account).ok_or_else(kept::no_account)?;
            }
            state.numbers.jobs += 1;
            let id = state.numbers.jobs;
            state.jobs.insert(id, Job { id, work: new, attempts: 0, state: JobState::Waiting, error: None });
            Ok(id)
        })
    }

    fn claim_job<'a>(&'a self, kind: &'a str, now: SystemTime, until: SystemTime) -> Answer<'a, Option<Job>> {
        self.answer(move |state| {
            kept::text(kind)?;
            kept::micros(now)?;
            kept::micros(until)?;
            let free = state
                .jobs
                .values_mut()
                .filter(|job| *job.work.kind == *kind)
                .filter_map(|job| Some((due(job)?, job)))
                .filter(|(due, _)| *due <= now)
                .min_by_key(|(due, job)| (*due, job.id));
            Ok(free.map(|(_, job)| {
                job.attempts += 1;
                job.state = JobState::Running { until };
                job.clone()
            }))
        })
    }

    fn extend_job<'a>(&'a self, job: &'a Job, until: SystemTime) -> Answer<'a, bool> {
        self.answer(move |state| {
            kept::micros(until)?;
            Ok(state.change_claimed(job, |known| known.state = JobState::Running { until }))
        })
    }

    fn finish_job<'a>(&'a self, job: &'a Job) -> Answer<'a, bool> {
        self.answer(move |state| {
            let held = state.claimed(job).is_some();
            if held {
                state.jobs.remove(&job.id);
            }
            Ok(held)
        })
    }

    fn postpone_job<'a>(&'a self, job: &'a Job, due_at: SystemTime, error: &'a str) -> Answer<'a, bool> {
        self.answer(move |state| {
            kept::micros(due_at)?;
            kept::text(error)?;
            Ok(state.change_claimed(job, |known| {
                known.state = JobState::Waiting;
                known.work.due_at = due_at;
                known.error = Some(error.into());
            }))
        })
    }

    fn bury_job<'a>(&'a self, job: &'a Job, error: &'a str) -> Answer<'a, bool> {
        self.answer(move |state| {
            kept::text(error)?;
            Ok(state.change_claimed(job, |known| {
                known.state = JobState::Dead;
                known.error = Some(error.into());
            }))
        })
    }

    fn list_jobs<'a>(&'a self, kind: Option<&'a str>) -> Answer<'a, Vec<Job>> {
        self.answer(move |state| {
            kind.map(kept::text).transpose()?;
            let wanted = |job: &&Job| kind.is_none_or(|kind| *job.work.kind == *kind);
            Ok(state.jobs.values().filter(wanted).cloned().collect())
        })
    }

    fn revive_job(&self, id: i64, now: SystemTime) -> Answer<'_, bool> {
        self.answer(move |state| {
            kept::micros(now)?;
            let Some(job) = state.jobs.get_mut(&id).filter(|job| job.state == JobState::Dead) else {
                return Ok(false);
            };
            job.state = JobState::Waiting;
            job.attempts = 0;
            job.work.due_at = now;
            Ok(true)
        })
    }

    fn delete_job(&self, id: i64) -> Answer<'_, bool> {
        self.answer(move |state| Ok(state.jobs.remove(&id).is_some()))
    }
}

impl State {
    /// The stored form of a job whose claim nobody has taken over.
    ///
    /// Reviving begins counting anew, so the attempts alone would not tell an old claim from a new one.
    fn claimed(&mut self, job: &Job) -> Option<&mut Job> {
        self.jobs.get_mut(&job.id).filter(|known| {
            matches!(known.state, JobState::Running { .. })
                && known.attempts == job.attempts
                && known.work.due_at == job.work.due_at
        })
    }

    fn change_claimed(&mut self, job: &Job, change: impl FnOnce(&mut Job)) -> bool {
        self.claimed(job).map(change).is_some()
    }
}

/// Since when a job may be claimed; `None` for one that is given up.
fn due(job: &Job) -> Option<SystemTime> {
    match job.state {
        JobState::Dead => None,
        JobState::Running { until } => Some(until),
        JobState::Waiting => Some(job.work.due_at),
    }
}
