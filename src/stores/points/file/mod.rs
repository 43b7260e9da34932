//! Files of blocks: the points of all accounts within one range of time, field by field. They never change.
//!
//! Blocks stand one after the other; an index at the end tells whose they are. Both have checksums.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use trackgate_schemes::AccountId;
use trackgate_schemes::store::{StoreError, StoreErrorKind};

use super::cache::Cache;
use super::codec;
use super::deleted::{Deleted, What};
use super::header::{self, HEADER_BYTES, Kind, damaged, of_file};
use super::values::Run;
use crate::ports::{FieldType, SeriesKey};

mod index;
#[cfg(test)]
mod tests;
mod writing;

pub(super) use writing::FileWriter;

/// What the list of files says of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// Its number, never used again.
    pub(super) number: u64,
    /// The last write that can be in it: files stand in this order.
    pub(super) max_seq: u64,
    /// The last deletion that it is without.
    pub(super) clean_seq: u64,
    /// The range of time that it is for: first and last instant.
    pub(super) range: (i64, i64),
}

/// A file of blocks, open.
#[derive(Debug)]
pub(super) struct BlockFile {
    pub(super) listed: Listed,
    /// Its length in bytes.
    pub(super) len: u64,
    /// When it was made, or opened.
    pub(super) made_at: Instant,
    path: PathBuf,
    file: File,
    accounts: HashMap<AccountId, Vec<SeriesBlocks>>,
}

/// The blocks of a series.
#[derive(Debug)]
pub(super) struct SeriesBlocks {
    pub(super) key: SeriesKey,
    pub(super) fields: Vec<FieldBlocks>,
}

/// The blocks of a field, in order of time, none overlapping another.
#[derive(Debug)]
pub(super) struct FieldBlocks {
    pub(super) name: Arc<str>,
    pub(super) kind: FieldType,
    pub(super) blocks: Vec<Block>,
}

/// Where a block is and what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    offset: u64,
    len: u32,
    count: u32,
    /// Its first instant and its last.
    pub(super) span: (i64, i64),
}

impl BlockFile {
    /// The name of a file of this number.
    pub(super) fn name(number: u64) -> String {
        format!("{number:016}.blocks")
    }

    /// Opens a file and reads its index.
    ///
    /// # Errors
    ///
    /// If it cannot be read or is damaged.
    pub(super) fn open(folder: &Path, listed: Listed) -> io::Result<Self> {
        let path = folder.join(Self::name(listed.number));
        let file = File::open(&path).map_err(of_file(&path))?;
        let len = file.metadata()?.len();
        let mut head = [0; HEADER_BYTES];
        file.read_exact_at(&mut head, 0).map_err(of_file(&path))?;
        header::check(&head, Kind::Blocks, &path)?;
        let accounts = index::read(&file, len)?.ok_or_else(|| damaged(&path, "has a damaged index"))?;
        Ok(Self { listed, len, made_at: Instant::now(), path, file, accounts })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The accounts that have points in it.
    pub(super) fn accounts(&self) -> impl Iterator<Item = (AccountId, &[SeriesBlocks])> {
        self.accounts.iter().map(|(account, series)| (*account, &**series))
    }

    /// The series of an account, sorted.
    pub(super) fn series(&self, account: AccountId) -> &[SeriesBlocks] {
        self.accounts.get(&account).map_or(&[], |series| series)
    }

    /// Whether a deletion may take something from it.
    pub(super) fn is_touched(&self, deleted: &Deleted) -> bool {
        let (first, last) = self.listed.range;
        deleted.seq > self.listed.clean_seq
            && match &deleted.what {
                What::Everything => self.has(deleted.account),
                What::Points { series, range } => {
                    let has = |key: &SeriesKey| self.series(deleted.account).iter().any(|one| one.key == *key);
                    *range.start() <= last && *range.end() >= first && series.iter().any(has)
                }
            }
    }

    pub(super) fn has(&self, account: AccountId) -> bool {
        self.accounts.contains_key(&account)
    }

    /// The blocks of a field.
    pub(super) fn field(&self, account: AccountId, key: &SeriesKey, field: &str) -> Option<&FieldBlocks> {
        let all = self.series(account);
        let series = all.get(all.binary_search_by(|series| series.key.cmp(key)).ok()?)?;
        series.fields.iter().find(|one| &*one.name == field)
    }

    /// Reads a block, or finds it among those that were read lately.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be read or is damaged.
    pub(super) fn load(&self, block: &Block, kind: FieldType, cache: &Cache) -> Result<Arc<Run>, StoreError> {
        let id = (self.listed.number, block.offset);
        if let Some(run) = cache.get(id) {
            return Ok(run);
        }
        let run = Arc::new(self.read(block, kind)?);
        cache.put(id, Arc::clone(&run));
        Ok(run)
    }

    /// Reads a block.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be read or is damaged.
    pub(super) fn read(&self, block: &Block, kind: FieldType) -> Result<Run, StoreError> {
        let mut bytes = vec![0; block.len as usize];
        self.file
            .read_exact_at(&mut bytes, block.offset)
            .map_err(|error| StoreError::new(StoreErrorKind::Unavailable, of_file(&self.path)(error)))?;
        codec::decode(&bytes)
            .filter(|run| run.kind() == kind && run.len() == block.count as usize && run.span() == Some(block.span))
            .ok_or_else(|| {
                let text = format!("{} has a damaged block at {}", self.path.display(), block.offset);
                StoreError::new(StoreErrorKind::Corrupt, text)
            })
    }
}
