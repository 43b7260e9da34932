//! How each file begins: what it is, and in which format.

use std::io;
use std::path::Path;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Blocks,
    Log,
    Manifest,
}

impl Kind {
    fn magic(self) -> [u8; 8] {
        *match self {
            Self::Blocks => b"tgpt-blk",
            Self::Log => b"tgpt-log",
            Self::Manifest => b"tgpt-man",
        }
    }
}

/// The bytes that a file of this kind begins with.
pub(super) fn bytes(kind: Kind) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let parts = kind.magic().into_iter().chain(FORMAT.to_le_bytes());
    for (to, from) in header.iter_mut().zip(parts) {
        *to = from;
    }
    header
}

/// Looks at what a file begins with.
///
/// # Errors
///
/// [`io::ErrorKind::InvalidData`] if it is no such file, [`io::ErrorKind::Unsupported`] if it is of a newer format.
pub(super) fn check(found: &[u8], kind: Kind, path: &Path) -> io::Result<()> {
    let magic = kind.magic();
    let format = found.strip_prefix(&magic).and_then(|rest| rest.first_chunk()).map(|bytes| u32::from_le_bytes(*bytes));
    match format {
        None => Err(damaged(path, "does not begin as it should")),
        Some(FORMAT) => Ok(()),
        Some(newer) if newer > FORMAT => {
            let text = format!("{} is of format {newer}; this version reads up to {FORMAT}", path.display());
            Err(io::Error::new(io::ErrorKind::Unsupported, text))
        }
        Some(_) => Err(damaged(path, "is of no known format")),
    }
}

/// The error that a file is not what it should be.
pub(super) fn damaged(path: &Path, what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{} {what}", path.display()))
}

/// An error with the file that it is about.
pub(super) fn of_file(path: &Path) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

pub(super) const HEADER_BYTES: usize = 16;

/// The format that is written.
const FORMAT: u32 = 1;
