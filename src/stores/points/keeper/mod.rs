//! The one thread that looks after the files: makes them, merges them, and removes them when their time is over.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::file::BlockFile;
use super::log::sync_folder;
use super::manifest::Manifest;
use super::settings::Settings;
use super::state::{Shared, State};
use super::writer::Job;

mod compact;
mod seal;
#[cfg(test)]
mod tests;

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Errand {
    /// To look what there is to do.
    Look,
    /// To end.
    Stop,
}

/// Owns the list of files.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) folder: PathBuf,
    pub(super) settings: Settings,
    pub(super) shared: Arc<Shared>,
    pub(super) manifest: Manifest,
}

/// Works until it is told to stop, or nobody is left to tell it.
pub(super) fn run(keeper: &Mutex<Keeper>, errands: &Receiver<Errand>, writer: &mpsc::WeakUnboundedSender<Job>) {
    let mut expired = Instant::now();
    let mut merging_failed: Option<Instant> = None;
    let (mut wait, mut after_failure) = (PAUSE, AFTER_FAILURE);
    loop {
        match errands.recv_timeout(wait) {
            Ok(Errand::Look) | Err(RecvTimeoutError::Timeout) => {}
            Ok(Errand::Stop) | Err(RecvTimeoutError::Disconnected) => return,
        }
        let mut keeper = keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let mut look = || {
            // First, as on a full disk it makes room.
            if expired.elapsed() >= EXPIRE_EVERY {
                expired = Instant::now();
                if keeper.expire()? > 0 {
                    tell(writer, Job::Types);
                }
            }
            let sealed = keeper.seal();
            keeper.shared.tell_sealed(sealed.is_ok());
            sealed
        };
        wait = PAUSE;
        if let Err(error) = look() {
            tracing::error!(%error, "files of points cannot be made; it is tried again");
            wait = after_failure;
            after_failure = (2 * after_failure).min(PAUSE);
            drop(keeper);
            continue;
        }
        after_failure = AFTER_FAILURE;
        if merging_failed.is_none_or(|at| at.elapsed() >= MERGE_AGAIN) {
            merging_failed = None;
            match keeper.compact() {
                // What was frozen meanwhile goes first.
                Ok(true) => wait = Duration::ZERO,
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(%error, "files of points cannot be merged; it is tried again in a while");
                    merging_failed = Some(Instant::now());
                }
            }
        }
        drop(keeper);
        tell(writer, Job::Turn { now: false });
    }
}

fn tell(writer: &mpsc::WeakUnboundedSender<Job>, job: Job) {
    if let Some(writer) = writer.upgrade() {
        writer.send(job).ok();
    }
}

impl Keeper {
    /// Removes the files whose time is over; how many they were.
    ///
    /// # Errors
    ///
    /// If the list cannot be written; what is removed is removed all the same.
    pub(super) fn expire(&mut self) -> io::Result<usize> {
        let cutoff = self.settings.cutoff();
        let (gone, left): (Vec<_>, Vec<_>) =
            self.shared.state().files.iter().cloned().partition(|file| file.listed.range.1 < cutoff);
        if gone.is_empty() {
            return Ok(0);
        }
        // They go before they leave the list: on a disk that is full, that makes the room for the list. Views that
        // are there have them open.
        self.shared.state().files = Arc::new(left);
        remove(&gone);
        self.write_manifest(None)?;
        Ok(gone.len())
    }

    /// Writes the list of the files that there are.
    fn write_manifest(&mut self, sealed: Option<u64>) -> io::Result<()> {
        let (files, deleted) = {
            let mut state = self.shared.state();
            forget_deletions(&mut state);
            (Arc::clone(&state.files), state.deleted.iter().map(|one| (**one).clone()).collect())
        };
        let manifest = Manifest {
            next_number: self.manifest.next_number,
            sealed: sealed.unwrap_or(self.manifest.sealed),
            files: files.iter().map(|file| file.listed).collect(),
            deleted,
        };
        manifest.write(&self.folder)?;
        self.manifest = manifest;
        Ok(())
    }

    /// Removes files that were made in vain. Writing the list may have failed after it took its place: what it
    /// names stays.
    fn remove_unlisted(&self, made: &[Arc<BlockFile>]) {
        if let Ok(Some(list)) = Manifest::read(&self.folder) {
            let named = |file: &Arc<BlockFile>| list.files.iter().any(|one| one.number == file.listed.number);
            let unnamed: Vec<_> = made.iter().filter(|file| !named(file)).cloned().collect();
            remove(&unnamed);
        }
    }

    fn next_number(&mut self) -> u64 {
        let number = self.manifest.next_number;
        self.manifest.next_number += 1;
        number
    }
}

/// Lets go of deletions of what is not there any more.
fn forget_deletions(state: &mut State) {
    let mut deleted = std::mem::take(&mut state.deleted);
    deleted.retain(|one| state.concerns(one));
    state.deleted = deleted;
}

fn remove(files: &[Arc<BlockFile>]) {
    for file in files {
        if let Err(error) = fs::remove_file(file.path()) {
            tracing::warn!(path = %file.path().display(), %error, "a file of points that is over cannot be removed");
        }
    }
}

/// How often it looks without being told.
const PAUSE: Duration = Duration::from_secs(30);

/// How soon it looks again after something failed.
const AFTER_FAILURE: Duration = Duration::from_secs(2);

/// How soon files are merged again after that failed: one that is damaged stays so.
const MERGE_AGAIN: Duration = Duration::from_mins(10);

const EXPIRE_EVERY: Duration = Duration::from_mins(5);
