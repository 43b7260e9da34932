//! Makes a file of blocks.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use trackgate_schemes::AccountId;

use super::super::codec::{self, BLOCK_VALUES};
use super::super::header::{self, HEADER_BYTES, Kind, of_file};
use super::super::values::Run;
use super::{Block, BlockFile, FieldBlocks, Listed, SeriesBlocks, index};
use crate::ports::SeriesKey;

/// A file that is being made; it is removed again unless it is finished.
#[derive(Debug)]
pub(in crate::stores::points) struct FileWriter {
    number: u64,
    path: PathBuf,
    out: BufWriter<File>,
    offset: u64,
    accounts: Vec<(AccountId, Vec<SeriesBlocks>)>,
    bytes: Vec<u8>,
    finished: bool,
}

impl FileWriter {
    /// Begins the file of this number.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub(in crate::stores::points) fn new(folder: &Path, number: u64) -> io::Result<Self> {
        let path = folder.join(BlockFile::name(number));
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(true).mode(0o600).open(&path);
        let file = file.map_err(of_file(&path))?;
        let mut writer = Self {
            number,
            path,
            out: BufWriter::with_capacity(1 << 18, file),
            offset: HEADER_BYTES as u64,
            accounts: Vec::new(),
            bytes: Vec::new(),
            finished: false,
        };
        writer.out.write_all(&header::bytes(Kind::Blocks))?;
        Ok(writer)
    }

    /// Adds values of a field, later than those that it has. Accounts come one after the other, so do the series
    /// of an account, sorted, and the fields of a series.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub(in crate::stores::points) fn add(
        &mut self,
        account: AccountId,
        key: &SeriesKey,
        field: &Arc<str>,
        run: &Run,
    ) -> io::Result<()> {
        for from in (0..run.len()).step_by(BLOCK_VALUES) {
            let part = run.part(from..(from + BLOCK_VALUES).min(run.len()));
            let Some(span) = part.span() else { continue };
            self.bytes.clear();
            codec::encode(&part, &mut self.bytes);
            self.out.write_all(&self.bytes)?;
            let wrong = |_| header::damaged(&self.path, "would have a block too long");
            let (len, count) = (self.bytes.len().try_into().map_err(wrong)?, part.len().try_into().map_err(wrong)?);
            let block = Block { offset: self.offset, len, count, span };
            self.offset += u64::from(len);
            self.blocks(account, key, field, run).push(block);
        }
        Ok(())
    }

    fn blocks(&mut self, account: AccountId, key: &SeriesKey, field: &Arc<str>, run: &Run) -> &mut Vec<Block> {
        let all = match self.accounts.last() {
            Some((last, _)) if *last == account => &mut self.accounts,
            _ => {
                self.accounts.push((account, Vec::new()));
                &mut self.accounts
            }
        };
        let (_, all) = all.last_mut().expect("one was pushed above");
        if all.last().is_none_or(|last| last.key != *key) {
            all.push(SeriesBlocks { key: key.clone(), fields: Vec::new() });
        }
        let fields = &mut all.last_mut().expect("one was pushed above").fields;
        if fields.last().is_none_or(|last| last.name != *field) {
            fields.push(FieldBlocks { name: Arc::clone(field), kind: run.kind(), blocks: Vec::new() });
        }
        &mut fields.last_mut().expect("one was pushed above").blocks
    }

    /// Whether it has no values.
    pub(in crate::stores::points) fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// Makes it durable, with its index, but for its name in the folder.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub(in crate::stores::points) fn finish(
        mut self,
        max_seq: u64,
        clean_seq: u64,
        range: (i64, i64),
    ) -> io::Result<BlockFile> {
        let index = index::write(&self.accounts);
        self.out.write_all(&index)?;
        self.out.flush()?;
        let file = self.out.get_ref().try_clone()?;
        file.sync_all().map_err(of_file(&self.path))?;
        self.finished = true;
        Ok(BlockFile {
            listed: Listed { number: self.number, max_seq, clean_seq, range },
            len: self.offset + index.len() as u64,
            made_at: Instant::now(),
            path: self.path.clone(),
            file,
            accounts: std::mem::take(&mut self.accounts).into_iter().collect(),
        })
    }
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        if !self.finished {
            fs::remove_file(&self.path).ok();
        }
    }
}
