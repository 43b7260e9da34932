//! Writing an archive (contract section 6.11): stored, not compressed.

use std::io::{self, Cursor, Read as _, Write as _};

use trackgate_schemes::store::{StoreError, StoreErrorKind};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::ports::{Area, FileName, NewFile, OpenFile};

/// A file of an archive.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its path in the archive.
    pub(super) name: String,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    /// A stored file, opened when it is its turn; one that is gone by then is left out.
    Stored(Area, FileName),
    Text(String),
}

/// Writes these entries and makes the archive visible. **Blocks.**
///
/// # Errors
///
/// [`StoreError`]; there is no archive then.
pub(super) fn write(
    file: Box<dyn NewFile>,
    entries: Vec<Entry>,
    open: impl Fn(Area, &FileName) -> Result<Option<OpenFile>, StoreError>,
) -> Result<u64, StoreError> {
    let failed = |error: io::Error| StoreError::new(StoreErrorKind::Unavailable, error);
    let mut archive = ZipWriter::new_stream(Counted { file, written: 0 });
    for entry in entries {
        let (len, mut contents): (u64, Box<dyn io::Read>) = match entry.content {
            Content::Text(text) => (text.len() as u64, Box::new(Cursor::new(text))),
            Content::Stored(area, name) => match open(area, &name)? {
                // No more than was said, though the file grow meanwhile: the header tells its size.
                Some(file) => (file.len, Box::new(file.contents.take(file.len))),
                None => continue,
            },
        };
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        archive.start_file(entry.name, options.large_file(len > LARGE)).map_err(io::Error::from).map_err(failed)?;
        io::copy(&mut contents, &mut archive).map_err(failed)?;
    }
    let mut counted = archive.finish().map_err(io::Error::from).map_err(failed)?.into_inner();
    counted.flush().map_err(failed)?;
    let written = counted.written;
    counted.file.commit()?;
    Ok(written)
}

/// Counts what goes through.
struct Counted {
    file: Box<dyn NewFile>,
    written: u64,
}

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.file.write(bytes)?;
        self.written += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Beyond this an entry needs the longer form of its header.
const LARGE: u64 = 0xFFFF_0000;
