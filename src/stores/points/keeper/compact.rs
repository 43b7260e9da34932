//! Merges the small files of one window of time into one.

use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use trackgate_schemes::AccountId;

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
        let Some(some) = choose(&files, now.saturating_sub(GRACE)) else { return Ok(false) };
        let merged = self.merge(&some)?.map(Arc::new);
        sync_folder(&self.folder)?;
        let gone = |file: &Arc<BlockFile>| some.iter().any(|one| one.number == file.number);
        let mut left: Vec<_> = files.iter().filter(|file| !gone(file)).cloned().chain(merged.clone()).collect();
        left.sort_by_key(|file| (file.max_seq, file.number));
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
    fn merge(&mut self, files: &[Arc<BlockFile>]) -> io::Result<Option<BlockFile>> {
        let number = self.next_number();
        let mut writer = FileWriter::new(&self.folder, number)?;
        let deleted = self.shared.state().deleted.clone();
        let accounts: BTreeSet<AccountId> = files.iter().flat_map(|file| file.accounts()).map(|(id, _)| id).collect();
        for account in accounts {
            let layers = files.iter().map(|file| {
                let source = Source::File { file: Arc::clone(file), account, cache: None };
                let since = deleted.iter().filter(|one| one.account == account && one.seq > file.max_seq);
                Layer::new(source, since.cloned().collect())
            });
            View::new(layers.collect()).copy(account, &mut writer)?;
        }
        if writer.is_empty() {
            return Ok(None);
        }
        let max_seq = files.iter().map(|file| file.max_seq).max().unwrap_or_default();
        let range = files.first().map_or((i64::MIN, i64::MAX), |file| file.range);
        writer.finish(max_seq, range).map(Some)
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

/// Files of one range of time, in the order of writing, that should be one: all of a range that is past, or many
/// small ones. What was written between them must not lie between them in time.
fn choose(files: &[Arc<BlockFile>], now: i64) -> Option<Vec<Arc<BlockFile>>> {
    let ranges: BTreeSet<_> = files.iter().map(|file| file.range).collect();
    for range in ranges {
        let past = range.1 < now;
        let small = |file: &&Arc<BlockFile>| past || file.len < SMALL_BYTES;
        let mut some: Vec<Arc<BlockFile>> = Vec::new();
        for file in files.iter().filter(|file| file.range.0 <= range.1 && file.range.1 >= range.0) {
            if file.range == range && small(&file) {
                some.push(Arc::clone(file));
            } else if some.len() >= MANY {
                break;
            } else {
                some.clear();
            }
        }
        if some.len() >= if past { 2 } else { MANY } {
            return Some(some);
        }
    }
    None
}

/// How long after its end a range is past.
const GRACE: i64 = 600_000_000_000;

/// How many small files are too many.
const MANY: usize = 8;

/// Up to which length a file is small.
const SMALL_BYTES: u64 = 32 << 20;
