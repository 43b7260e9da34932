//! Files in a folder on a disk.
//!
//! A file is written under a name of its own, flushed to the disk, and renamed; then the folder is flushed too.
//! What a crash leaves half written is swept when the folder is opened: nobody holds its lock any more, while
//! another process that is writing (a command beside the server) keeps its own.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use trackgate_schemes::store::{Answer, StoreError, StoreErrorKind};

use super::blocking;
use crate::ports::{Area, FileName, Files, Listed, NewFile, OpenFile};

/// Keeps files below one folder, which it makes for its own user alone.
#[derive(Clone, Debug)]
pub struct FolderFiles {
    folder: Arc<Path>,
}

impl FolderFiles {
    /// Opens the folder, making it where needed, and sweeps what a crash left half written. Blocks.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the folder cannot be made or read.
    pub fn open(folder: &Path) -> io::Result<Self> {
        for area in Area::ALL {
            let folder = folder.join(area.as_str());
            DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
            sweep(&folder)?;
        }
        Ok(Self { folder: folder.into() })
    }

    fn area(&self, area: Area) -> PathBuf {
        self.folder.join(area.as_str())
    }

    fn path(&self, area: Area, name: &FileName) -> PathBuf {
        self.area(area).join(name.as_str())
    }
}

impl Files for FolderFiles {
    fn put<'a>(&'a self, area: Area, name: &'a FileName, bytes: Bytes) -> Answer<'a, ()> {
        let (files, name) = (self.clone(), name.clone());
        Box::pin(blocking(move || {
            let mut file = files.create(area, &name)?;
            file.write_all(&bytes).map_err(failed)?;
            file.commit()
        }))
    }

    fn create(&self, area: Area, name: &FileName) -> Result<Box<dyn NewFile>, StoreError> {
        let temporary = Temporary::create(&self.area(area)).map_err(failed)?;
        Ok(Box::new(Writing { temporary, becomes: self.path(area, name) }))
    }

    fn open<'a>(&'a self, area: Area, name: &'a FileName) -> Answer<'a, Option<OpenFile>> {
        let path = self.path(area, name);
        Box::pin(blocking(move || match open(&path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
        }))
    }

    fn remove<'a>(&'a self, area: Area, name: &'a FileName) -> Answer<'a, ()> {
        let (folder, path) = (self.area(area), self.path(area, name));
        Box::pin(blocking(move || match fs::remove_file(&path) {
            Ok(()) => flush_folder(&folder).map_err(failed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed(error)),
        }))
    }

    fn list(&self, area: Area) -> Answer<'_, Vec<Listed>> {
        let folder = self.area(area);
        Box::pin(blocking(move || list(&folder).map_err(failed)))
    }
}

fn open(path: &Path) -> io::Result<OpenFile> {
    let file = File::open(path)?;
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Err(io::Error::other("it is no plain file"));
    }
    Ok(OpenFile { len: facts.len(), modified: facts.modified()?, contents: Box::new(file) })
}

fn list(folder: &Path) -> io::Result<Vec<Listed>> {
    let mut listed = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        match entry.metadata() {
            Ok(facts) if facts.is_file() => listed.push(Listed::new(name, facts.len(), facts.modified()?)),
            Ok(_other) => {}
            // It was removed while we looked.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(listed)
}

struct Writing {
    temporary: Temporary,
    becomes: PathBuf,
}

impl Write for Writing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.file.flush()
    }
}

impl NewFile for Writing {
    fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        let Self { temporary, becomes } = &mut *self;
        temporary.file.sync_all().map_err(failed)?;
        fs::rename(&temporary.path, becomes).map_err(failed)?;
        temporary.is_there = false;
        flush_folder(&temporary.folder).map_err(failed)
    }
}

/// A file under a name that is none of ours, locked while it is written.
struct Temporary {
    file: File,
    folder: PathBuf,
    path: PathBuf,
    /// Whether it still bears this name.
    is_there: bool,
}

impl Temporary {
    fn create(folder: &Path) -> io::Result<Self> {
        loop {
            let path = folder.join(format!("{TEMPORARY}{}", uuid::Uuid::new_v4().simple()));
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            let new = Self { file, folder: folder.to_owned(), path, is_there: true };
            new.file.lock()?;
            // Between the two steps above, whoever sweeps could take it for a left one.
            if new.file.metadata()?.nlink() > 0 {
                return Ok(new);
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.is_there {
            // What cannot be removed now is swept at the next start.
            drop(fs::remove_file(&self.path));
        }
    }
}

/// Removes what nobody writes any more.
fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().to_str().is_some_and(|name| name.starts_with(TEMPORARY)) {
            continue;
        }
        let swept = File::open(entry.path()).and_then(|file| match file.try_lock() {
            Ok(()) => fs::remove_file(entry.path()),
            Err(TryLockError::WouldBlock) => Ok(()),
            Err(TryLockError::Error(error)) => Err(error),
        });
        match swept {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Makes names durable.
fn flush_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// By value, to stand in `map_err`.
#[expect(clippy::needless_pass_by_value, reason = "stands in `map_err`")]
fn failed(error: io::Error) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, format_args!("a file: {error}"))
}

/// How names of unfinished files begin; none of ours does.
const TEMPORARY: &str = ".new-";
