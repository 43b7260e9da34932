//! The log: what was written since files were last made of it, durable as soon as it was appended.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::frame::{Frame, Next};
use super::header::{self, HEADER_BYTES, Kind, of_file};
use super::record::Record;

#[cfg(test)]
mod tests;

/// Appends frames. After a failure what was appended before is kept, and the next goes to another file.
#[derive(Debug)]
pub(super) struct Log {
    folder: PathBuf,
    /// The file that is appended to; the next append makes one if there is none.
    current: Option<Segment>,
    /// A file to which an append failed, until it was cut to what is good of it.
    failed: Option<Segment>,
    /// Files that are complete.
    complete: Vec<PathBuf>,
    next_number: u64,
    /// The length of all those.
    bytes: u64,
    sync: fn(&File) -> io::Result<()>,
}

/// One file of a log.
#[derive(Debug)]
struct Segment {
    path: PathBuf,
    file: File,
    /// How much of it is durable.
    good: u64,
}

impl Log {
    /// Goes on after these files, which are this long together.
    pub(super) fn new(folder: &Path, complete: Vec<PathBuf>, bytes: u64, next_number: u64) -> Self {
        let sync = File::sync_data;
        Self { folder: folder.to_owned(), current: None, failed: None, complete, next_number, bytes, sync }
    }

    /// How much was appended since [`turn`](Self::turn).
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Appends a frame; it is durable when this returns.
    ///
    /// # Errors
    ///
    /// If that failed: it does not count then.
    pub(super) fn append(&mut self, frame: &[u8]) -> io::Result<()> {
        self.mend()?;
        let mut segment = match self.current.take() {
            Some(segment) => segment,
            None => self.make()?,
        };
        let written = segment.file.write_all_at(frame, segment.good).and_then(|()| (self.sync)(&segment.file));
        if let Err(error) = written {
            let error = of_file(&segment.path)(error);
            self.failed = Some(segment);
            if let Err(error) = self.mend() {
                tracing::error!(%error, "the log of points cannot be cut; no points are written until it is");
            }
            return Err(error);
        }
        segment.good += frame.len() as u64;
        self.bytes += frame.len() as u64;
        self.current = Some(segment);
        Ok(())
    }

    /// Ends the log: gives its files, and goes on in others.
    pub(super) fn turn(&mut self) -> Vec<PathBuf> {
        self.bytes = 0;
        self.complete.extend(self.current.take().map(|segment| segment.path));
        std::mem::take(&mut self.complete)
    }

    /// Cuts a file to which an append failed to what is good of it. Whether a later sync succeeds says nothing
    /// about what an earlier one lost, so the file is read again, and not appended to any more.
    fn mend(&mut self) -> io::Result<()> {
        let Some(Segment { path, good, .. }) = &self.failed else { return Ok(()) };
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        if *good <= HEADER_BYTES as u64 {
            fs::remove_file(path)?;
            sync_folder(&self.folder)?;
            self.failed = None;
            return Ok(());
        }
        file.set_len(*good)?;
        file.sync_all()?;
        let replayed = replay(path, |_, _| ())?;
        if replayed.good != *good {
            return Err(header::damaged(path, "does not hold any more what was written"));
        }
        self.complete.extend(self.failed.take().map(|segment| segment.path));
        Ok(())
    }

    fn make(&mut self) -> io::Result<Segment> {
        let path = self.folder.join(format!("{:016}.log", self.next_number));
        self.next_number += 1;
        let made = make_file(&path).and_then(|file| {
            sync_folder(&self.folder)?;
            Ok(file)
        });
        match made {
            Ok(file) => Ok(Segment { path, file, good: HEADER_BYTES as u64 }),
            Err(error) => {
                // A file that was never acknowledged; should it stay, it holds nothing.
                fs::remove_file(&path).ok();
                Err(of_file(&path)(error))
            }
        }
    }
}

fn make_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all_at(&header::bytes(Kind::Log), 0)?;
    file.sync_all()?;
    Ok(file)
}

/// What was found in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Replayed {
    /// How much of it is good.
    pub(super) good: u64,
    /// How long it is.
    pub(super) len: u64,
}

/// Reads the records of a file in order, up to where they end.
///
/// # Errors
///
/// If it cannot be read, is no log, or is one of a newer format.
pub(super) fn replay(path: &Path, mut each: impl FnMut(u64, Record)) -> io::Result<Replayed> {
    let bytes = fs::read(path).map_err(of_file(path))?;
    let len = bytes.len() as u64;
    let Some((head, mut rest)) = bytes.split_at_checked(HEADER_BYTES).filter(|_| bytes.iter().any(|byte| *byte != 0))
    else {
        // It ended while it was made.
        return Ok(Replayed { good: 0, len });
    };
    header::check(head, Kind::Log, path)?;
    let mut good = HEADER_BYTES as u64;
    loop {
        match Frame::next(rest) {
            Next::End => break,
            Next::Torn => {
                let lost = rest.len();
                tracing::warn!(path = %path.display(), good, lost, "the log of points ends with a write that was cut off");
                break;
            }
            Next::Frame(frame) => {
                let frame_len = frame.len;
                for record in frame.records() {
                    let (seq, record) =
                        record.ok_or_else(|| header::damaged(path, "has a record that cannot be read"))?;
                    each(seq, record);
                }
                good += frame_len as u64;
                rest = rest.get(frame_len..).unwrap_or_default();
            }
        }
    }
    Ok(Replayed { good, len })
}

/// Makes what was made, renamed and removed in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
