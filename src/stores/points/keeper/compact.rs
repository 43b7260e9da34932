//! Merges the small files of one window of time into one.

use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

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
        let Some(some) = choose(&files, &deleted, now.saturating_sub(GRACE)) else { return Ok(false) };
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
        some.iter().for_each(|file| remove(file));
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

/// Files of one range of time, in the order of writing, that should be one: those of a range that is past, or many
/// small ones; or one of which something was deleted. What was written between them must not lie between them in
/// time.
pub(super) fn choose(files: &[Arc<BlockFile>], deleted: &[Arc<Deleted>], now: i64) -> Option<Vec<Arc<BlockFile>>> {
    let ranges: BTreeSet<_> = files.iter().map(|file| file.listed.range).collect();
    for (first, last) in ranges {
        let past = last < now;
        let enough = |some: &[Arc<BlockFile>]| {
            let touched = |file: &Arc<BlockFile>| deleted.iter().filter(|one| file.is_touched(one)).count();
            some.len() >= if past { 2 } else { MANY }
                || some.iter().any(|file| touched(file) >= if past { 1 } else { MANY_DELETIONS })
        };
        let mut some: Vec<Arc<BlockFile>> = Vec::new();
        for file in files.iter().filter(|file| file.listed.range.0 <= last && file.listed.range.1 >= first) {
            if file.listed.range == (first, last) && (past || file.len < SMALL_BYTES) {
                some.push(Arc::clone(file));
            } else if enough(&some) {
                break;
            } else {
                some.clear();
            }
        }
        if enough(&some) {
            return Some(some);
        }
    }
    None
}

/// How long after its end a range is past.
const GRACE: i64 = 600_000_000_000;

/// How many small files are too many.
const MANY: usize = 8;

/// How many deletions are too many while a range goes on.
const MANY_DELETIONS: usize = 64;

/// Up to which length a file is small.
const SMALL_BYTES: u64 = 32 << 20;
