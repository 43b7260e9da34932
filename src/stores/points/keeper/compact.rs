//! Merges the small files of one window of time into one.

use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use trackgate_schemes::AccountId;

use super::super::deleted::Deleted;
use super::super::file::{BlockFile, FileWriter};
use super::super::layer::{Layer, Source};
use super::super::settings::nanos;
use super::super::values::Run;
use super::super::view::View;
use super::{Keeper, remove, sync_folder};
use crate::ports::ScanOrder;

impl Keeper {
    /// Merges files, if some should be; whether there may be more.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or the new one or the list cannot be written: then all is as it was.
    pub(in super::super) fn compact(&mut self) -> io::Result<bool> {
        let files = Arc::clone(&self.shared.state().files);
        let now = nanos(self.settings.clock.now());
        let deleted = self.shared.state().deleted.clone();
        let Some(some) = choose(&files, &deleted, now.saturating_sub(GRACE), self.settings.merge_after) else {
            return Ok(false);
        };
        let merged = self.merge(&some, &deleted)?.map(Arc::new);
        sync_folder(&self.folder)?;
        let gone = |file: &Arc<BlockFile>| some.iter().any(|one| one.listed.number == file.listed.number);
        let mut left: Vec<_> = files.iter().filter(|file| !gone(file)).cloned().chain(merged.clone()).collect();
        left.sort_by_key(|file| (file.listed.max_seq, file.listed.number));
        self.shared.state().files = Arc::new(left);
        if let Err(error) = self.write_manifest(None) {
            self.shared.state().files = files;
            self.remove_unlisted(merged.as_slice());
            return Err(error);
        }
        remove(&some);
        Ok(true)
    }

    /// One file that has what these have, account by account; `None` if nothing is left of them.
    fn merge(&mut self, files: &[Arc<BlockFile>], deleted: &[Arc<Deleted>]) -> io::Result<Option<BlockFile>> {
        let number = self.next_number();
        let mut writer = FileWriter::new(&self.folder, number)?;
        let accounts: BTreeSet<AccountId> = files.iter().flat_map(|file| file.accounts()).map(|(id, _)| id).collect();
        for account in accounts {
            let layers = files.iter().map(|file| {
                let source = Source::File { file: Arc::clone(file), account, cache: None };
                let since = deleted.iter().filter(|one| one.account == account && one.seq > file.listed.clean_seq);
                Layer::new(source, since.cloned().collect())
            });
            View::new(layers.collect()).copy(account, &mut writer)?;
        }
        if writer.is_empty() {
            return Ok(None);
        }
        let max_seq = files.iter().map(|file| file.listed.max_seq).max().unwrap_or_default();
        let clean_seq = deleted.last().map_or(0, |last| last.seq).max(max_seq);
        let range = files.first().map_or((i64::MIN, i64::MAX), |file| file.listed.range);
        writer.finish(max_seq, clean_seq, range).map(Some)
    }
}

impl View {
    /// Adds all that there is to a file.
    fn copy(&self, account: AccountId, writer: &mut FileWriter) -> io::Result<()> {
        for (key, name, kind) in self.all_fields() {
            let mut whole = Run::new(kind);
            self.scan_field(key, name, kind, &(i64::MIN..=i64::MAX), ScanOrder::Ascending, &mut |slice| {
                whole.append_slice(&slice);
                ControlFlow::Continue(())
            })
            .map_err(io::Error::other)?;
            writer.add(account, key, name, &whole)?;
        }
        Ok(())
    }
}

/// Files of one range of time, in the order of writing, that should be one. What was written between them must not
/// lie between them in time.
pub(super) fn choose(
    files: &[Arc<BlockFile>],
    deleted: &[Arc<Deleted>],
    now: i64,
    quiet: Duration,
) -> Option<Vec<Arc<BlockFile>>> {
    let ranges: BTreeSet<_> = files.iter().map(|file| file.listed.range).collect();
    for (first, last) in ranges {
        let over = last < now;
        let overlapping = files.iter().filter(|file| file.listed.range.0 <= last && file.listed.range.1 >= first);
        let overlapping: Vec<_> = overlapping.collect();
        for some in overlapping.chunk_by(|a, b| a.listed.range == b.listed.range) {
            if some.first().is_some_and(|file| file.listed.range == (first, last))
                && let Some(some) = choose_of(some, deleted, over, quiet)
            {
                return Some(some.iter().copied().cloned().collect());
            }
        }
    }
    None
}

/// Files out of those of one range that follow each other: all when the range is over and nothing was added for a
/// while, else those at the end of which there are many, and none much longer than all after it, so that what was
/// merged once is not merged again with each file that is added.
fn choose_of<'a>(
    some: &'a [&'a Arc<BlockFile>],
    deleted: &[Arc<Deleted>],
    over: bool,
    quiet: Duration,
) -> Option<&'a [&'a Arc<BlockFile>]> {
    let touched = |file: &Arc<BlockFile>| deleted.iter().filter(|one| file.is_touched(one)).count();
    let touched = some.iter().map(|file| touched(file)).max().unwrap_or_default();
    let is_quiet = over && some.iter().all(|file| file.made_at.elapsed() >= quiet);
    if touched >= MANY_DELETIONS || is_quiet && (some.len() > 1 || touched > 0) {
        return Some(some);
    }
    let mut bytes = 0;
    let mut from = some.len();
    for (place, file) in some.iter().enumerate().rev() {
        if from < some.len() && file.len > 2 * bytes {
            break;
        }
        bytes += file.len;
        from = place;
    }
    some.get(from..).filter(|some| some.len() >= MANY)
}

/// How long after its end a range is past.
const GRACE: i64 = 600_000_000_000;

/// How many files that go on are too many.
const MANY: usize = 8;

/// How many deletions are too many while files are added.
const MANY_DELETIONS: usize = 64;
