//! Builds archives, and removes old ones.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use tokio::sync::Notify;
use trackgate_schemes::AccountId;
use trackgate_schemes::store::{StoreError, StoreErrorKind};

use super::super::post::Desk;
use super::super::wire::Stop;
use super::super::{Shared, letters};
use super::{EXPORTS, Export, KIND, State, archive, contents};
use crate::ports::{Area, FileName, Item, Job};
use crate::trackers::work::{Outcome, Worker, Working};

/// Builds the archives that were asked for.
#[derive(Debug)]
pub(in crate::trackers::fittrackee) struct Exporter(pub(in crate::trackers::fittrackee) Arc<Shared>);

impl Worker for Exporter {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn bell(&self) -> &Notify {
        &self.0.export_bell
    }

    fn work<'a>(&'a self, job: &'a Job) -> Working<'a, Outcome> {
        Box::pin(async move {
            // So often it took the process with it, or was cut off: no request waits for ever.
            if job.attempts > MAX_ATTEMPTS {
                return self.end(job, "begun too often".to_owned()).await;
            }
            match self.build(job).await {
                Ok(outcome) => outcome,
                Err(fault) if job.attempts < MAX_ATTEMPTS => Outcome::Later { after: wait(job), why: said(fault) },
                Err(fault) => self.end(job, said(fault)).await,
            }
        })
    }

    fn tidy(&self) -> Working<'_, Result<(), StoreError>> {
        Box::pin(self.clean())
    }
}

impl Exporter {
    async fn build(&self, job: &Job) -> Result<Outcome, Stop> {
        let Some(account) = job.work.account else { return Ok(Outcome::Done) };
        let Some((item, export)) = self.asked(job, account).await? else {
            // The request may be on its way into the store: it comes after the job.
            let age = self.now().duration_since(job.work.created_at).unwrap_or_default();
            return Ok(if age < LATEST_REQUEST {
                Outcome::Later { after: Duration::from_secs(1), why: "no request yet".to_owned() }
            } else {
                Outcome::Done
            });
        };
        if export.state != State::InProgress {
            return Ok(Outcome::Done);
        }
        let Some((user, entries)) = contents::gather(&self.0, account).await? else { return Ok(Outcome::Done) };
        let size = self.write(&export.name, entries).await?;
        let done = Export { state: State::Successful, file_size: Some(size), ..export };
        let stored = self.0.accounts.store().replace_item(EXPORTS, &item, done.item(account)?).await?;
        if !stored {
            super::remove(&self.0, &done.name).await?;
            return Ok(Outcome::Done);
        }
        // The original tells no device either: whoever asked is long gone.
        if let (Some(desk), Some(email)) = (Desk::of(&self.0, &HeaderMap::new()), user.account.email.as_deref()) {
            desk.post(&user.account, &user.profile, email, letters::export_ready).await?;
        }
        Ok(Outcome::Done)
    }

    /// The request that the job is for, if it still is what the account wants.
    async fn asked(&self, job: &Job, account: AccountId) -> Result<Option<(Item, Export)>, Stop> {
        let found = Export::of(&self.0.accounts, account).await?;
        Ok(found.filter(|(_, export)| export.name == *job.work.payload))
    }

    async fn write(&self, name: &str, entries: Vec<archive::Entry>) -> Result<u64, StoreError> {
        let unnamed = |_fault| StoreError::new(StoreErrorKind::Corrupt, "the archive's name is no name");
        let name: FileName = name.parse().map_err(unnamed)?;
        let files = Arc::clone(&self.0.files);
        let runtime = tokio::runtime::Handle::current();
        let written = tokio::task::spawn_blocking(move || {
            let file = files.create(Area::Archives, &name)?;
            archive::write(file, entries, |area, name| runtime.block_on(files.open(area, name)))
        });
        written.await.map_err(|died| StoreError::new(StoreErrorKind::Unavailable, died))?
    }

    /// It is never built, and its request says so.
    async fn end(&self, job: &Job, why: String) -> Outcome {
        match self.give_up(job).await {
            Ok(()) => Outcome::Never(why),
            Err(fault) => Outcome::Later { after: wait(job), why: said(fault) },
        }
    }

    async fn give_up(&self, job: &Job) -> Result<(), Stop> {
        let Some(account) = job.work.account else { return Ok(()) };
        if let Some((item, export)) = self.asked(job, account).await? {
            let errored = Export { state: State::Errored, ..export };
            self.0.accounts.store().replace_item(EXPORTS, &item, errored.item(account)?).await?;
        }
        Ok(())
    }

    /// Removes archives that are older than they are kept, with their requests, and those that no request
    /// names: of deleted accounts, or of attempts that died.
    async fn clean(&self) -> Result<(), StoreError> {
        let listed = self.0.files.list(Area::Archives).await?;
        if listed.is_empty() {
            return Ok(());
        }
        // Asked for after the files: a request names its archive before the file is there.
        let wanted = self.wanted(self.now()).await?;
        for file in listed {
            if !wanted.iter().any(|name| **name == *file.name.as_str()) {
                self.0.files.remove(Area::Archives, &file.name).await?;
            }
        }
        Ok(())
    }

    /// The names of archives that are still kept; requests that are too old are deleted.
    async fn wanted(&self, now: SystemTime) -> Result<Vec<String>, StoreError> {
        let store = self.0.accounts.store();
        let (mut wanted, mut after) = (Vec::new(), AccountId(0));
        loop {
            let accounts = store.list_accounts(after, PAGE).await?;
            let Some(last) = accounts.last() else { return Ok(wanted) };
            after = last.id;
            for account in accounts {
                // What cannot be read now may name an archive: rather nothing is removed.
                let failed = |fault| StoreError::new(StoreErrorKind::Unavailable, said(fault));
                let Some((item, export)) = Export::of(&self.0.accounts, account.id).await.map_err(failed)? else {
                    continue;
                };
                let made = u64::try_from(export.created_at).unwrap_or(0);
                let made = SystemTime::UNIX_EPOCH + Duration::from_micros(made);
                let is_old = now.duration_since(made).unwrap_or_default() > self.0.settings.export_keep;
                if is_old && export.state != State::InProgress {
                    store.delete_item(EXPORTS, account.id, &item.id).await?;
                } else {
                    wanted.push(export.name);
                }
            }
        }
    }

    fn now(&self) -> SystemTime {
        self.0.accounts.clock().now()
    }
}

/// What the operator reads of a fault.
fn said(fault: Stop) -> String {
    match fault {
        Stop::Answer(answer) => answer.status().to_string(),
        Stop::Message(status, message) => format!("{status}: {message}"),
        Stop::Page(status) => status.to_string(),
        Stop::Rejected(why) => why.reason.code().to_owned(),
    }
}

fn wait(job: &Job) -> Duration {
    Duration::from_secs(10) * 2_u32.saturating_pow(job.attempts.min(8))
}

const LATEST_REQUEST: Duration = Duration::from_mins(1);
const MAX_ATTEMPTS: u32 = 5;
const PAGE: u32 = 500;
