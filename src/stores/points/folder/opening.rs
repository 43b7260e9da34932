//! Opens a folder of points: the files that are listed, and what the log has beyond them.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::super::deleted::Deleted;
use super::super::file::BlockFile;
use super::super::frame::FrameWriter;
use super::super::header::{HEADER_BYTES, damaged, of_file};
use super::super::keeper::{Errand, Keeper};
use super::super::log::{self, Log, Replayed};
use super::super::manifest::Manifest;
use super::super::record::Record;
use super::super::settings::Settings;
use super::super::state::{Shared, State};
use super::super::types::Types;
use super::super::writer::Writer;

/// A folder that was opened.
pub(super) struct Opened {
    pub(super) keeper: Keeper,
    pub(super) writer: NewWriter,
    pub(super) lock: File,
}

/// A writer that does not know yet whom to tell.
pub(super) struct NewWriter {
    shared: Arc<Shared>,
    settings: Settings,
    log: Log,
    types: Types,
    next_seq: u64,
    log_since: Option<Instant>,
}

impl NewWriter {
    pub(super) fn with(self, frozen: std::sync::mpsc::Sender<Errand>) -> Writer {
        let Self { shared, settings, log, types, next_seq, log_since } = self;
        Writer {
            shared,
            settings,
            log,
            types,
            next_seq,
            log_since,
            frame: FrameWriter::default(),
            failing: false,
            frozen,
        }
    }
}

/// Opens a folder.
///
/// # Errors
///
/// See [`FolderPoints::open`](super::FolderPoints::open).
pub(super) fn open(folder: &Path, settings: Settings) -> io::Result<Opened> {
    make(folder).map_err(of_file(folder))?;
    let lock = lock(folder)?;
    let names = Names::read(folder)?;
    let manifest = match Manifest::read(folder)? {
        Some(manifest) => manifest,
        None if names.logs.is_empty() && names.blocks.is_empty() => {
            let manifest = Manifest { next_number: 1, ..Manifest::default() };
            manifest.write(folder)?;
            manifest
        }
        None => return Err(damaged(folder, "has files of points, but no list of them")),
    };
    let mut state = State {
        files: Arc::new(files(folder, &manifest, &names, &settings)?),
        deleted: manifest.deleted.iter().cloned().map(Arc::new).collect(),
        ..State::default()
    };
    let mut last = manifest.sealed;
    let (logs, bytes) = replay(&names.logs, &manifest, &mut state, &mut last)?;
    let types = state.types();
    let shared = Arc::new(Shared::new(state, settings.cache_bytes));
    let next_log = names.logs.last().map_or(1, |(number, _)| number + 1);
    let log_since = (!logs.is_empty()).then(Instant::now);
    let writer = NewWriter {
        shared: Arc::clone(&shared),
        settings: settings.clone(),
        log: Log::new(folder, logs, bytes, next_log),
        types,
        next_seq: last + 1,
        log_since,
    };
    Ok(Opened { keeper: Keeper { folder: folder.to_owned(), settings, shared, manifest }, writer, lock })
}

/// Makes the folder if it is missing.
fn make(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    log::sync_folder(parent.unwrap_or(Path::new(".")))
}

/// Takes the folder for this process. One that was just killed, or that ends, may have it for a moment longer.
fn lock(folder: &Path) -> io::Result<File> {
    let path = folder.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(of_file(&path))?;
    let until = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(PATIENCE / 40),
            Err(TryLockError::WouldBlock) => {
                let text = format!("{} is open in another process", folder.display());
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, text));
            }
            Err(TryLockError::Error(error)) => return Err(of_file(&path)(error)),
        }
    }
}

/// How long another process may take to let go of the folder.
const PATIENCE: Duration = Duration::from_secs(2);

/// The numbered files of a folder, in order.
#[derive(Debug, Default)]
struct Names {
    logs: Vec<(u64, PathBuf)>,
    blocks: Vec<(u64, PathBuf)>,
}

impl Names {
    fn read(folder: &Path) -> io::Result<Self> {
        let mut names = Self::default();
        for entry in fs::read_dir(folder).map_err(of_file(folder))? {
            let path = entry?.path();
            let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
            let into = match path.extension().and_then(|extension| extension.to_str()) {
                Some("blocks") => &mut names.blocks,
                Some("log") => &mut names.logs,
                _ => continue,
            };
            into.extend(number.map(|number: u64| (number, path)));
        }
        names.logs.sort();
        names.blocks.sort();
        Ok(names)
    }
}

/// Opens the files that are listed, and removes those that are not: what made them did not come to its end.
fn files(folder: &Path, manifest: &Manifest, names: &Names, settings: &Settings) -> io::Result<Vec<Arc<BlockFile>>> {
    for (_, path) in names.blocks.iter().filter(|(number, _)| manifest.files.iter().all(|file| file.number != *number))
    {
        tracing::debug!(path = %path.display(), "a file of points that was not finished is removed");
        fs::remove_file(path).map_err(of_file(path))?;
    }
    let mut files = Vec::new();
    for listed in &manifest.files {
        match BlockFile::open(folder, *listed) {
            Ok(file) => files.push(Arc::new(file)),
            // Its time was over, and the list without it was not written any more.
            Err(error) if error.kind() == io::ErrorKind::NotFound && listed.range.1 < settings.cutoff() => {}
            Err(error) => return Err(error),
        }
    }
    files.sort_by_key(|file| (file.listed.max_seq, file.listed.number));
    Ok(files)
}

/// Reads what the logs have beyond the files; the logs that hold some of it, and their length.
fn replay(
    logs: &[(u64, PathBuf)],
    manifest: &Manifest,
    state: &mut State,
    last: &mut u64,
) -> io::Result<(Vec<PathBuf>, u64)> {
    let (mut kept, mut bytes) = (Vec::new(), 0);
    for (_, path) in logs {
        let mut counts = false;
        let Replayed { good, len } = log::replay(path, |seq, record| {
            *last = (*last).max(seq);
            if seq <= manifest.sealed {
                return;
            }
            counts = true;
            match record {
                Record::Delete(account, what) => state.delete(Arc::new(Deleted { seq, account, what })),
                Record::Write(account, batch) => {
                    Arc::make_mut(state.heads.entry(account).or_default()).apply(batch);
                }
            }
        })?;
        if !counts {
            fs::remove_file(path).map_err(of_file(path))?;
            continue;
        }
        if good < len {
            // Nothing is appended to it, but it need not be told of again.
            let file = OpenOptions::new().write(true).open(path).map_err(of_file(path))?;
            file.set_len(good).and_then(|()| file.sync_all()).map_err(of_file(path))?;
        }
        bytes += good - HEADER_BYTES as u64;
        kept.push(path.clone());
    }
    Ok((kept, bytes))
}
