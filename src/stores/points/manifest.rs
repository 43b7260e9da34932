//! The list of what counts: files of blocks, and what was deleted of them. It is replaced as a whole.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use trackgate_schemes::AccountId;

use super::bytes::{Reader, put_count, put_signed, put_varint};
use super::deleted::{Deleted, What};
use super::file::Listed;
use super::header::{self, HEADER_BYTES, Kind, damaged, of_file};
use super::log::sync_folder;
use super::record::{self, Record, read_all};

/// The list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    /// The number of the next file of blocks.
    pub(super) next_number: u64,
    /// The last write that is in files: what the log has up to it does not count any more.
    pub(super) sealed: u64,
    pub(super) files: Vec<Listed>,
    pub(super) deleted: Vec<Deleted>,
}

impl Manifest {
    /// Reads the list of a folder; `None` if there is none.
    ///
    /// # Errors
    ///
    /// If it cannot be read, is damaged, or of a newer format.
    pub(super) fn read(folder: &Path) -> io::Result<Option<Self>> {
        let path = folder.join(NAME);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(of_file(&path)(error)),
        };
        header::check(&bytes, Kind::Manifest, &path)?;
        Self::parse(bytes.get(HEADER_BYTES..).unwrap_or_default()).map(Some).ok_or_else(|| damaged(&path, "is damaged"))
    }

    /// Puts this list in place of the one that is there, durably.
    ///
    /// # Errors
    ///
    /// If that fails: the one that was there counts, or this one.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let new = folder.join(NEW_NAME);
        let write = || {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(&header::bytes(Kind::Manifest))?;
            file.write_all(&self.bytes())?;
            file.sync_all()?;
            fs::rename(&new, folder.join(NAME))?;
            sync_folder(folder)
        };
        write().map_err(of_file(&new))
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, self.next_number);
        put_varint(&mut out, self.sealed);
        put_count(&mut out, self.files.len());
        for file in &self.files {
            put_varint(&mut out, file.number);
            put_varint(&mut out, file.max_seq);
            put_varint(&mut out, file.clean_seq);
            put_signed(&mut out, file.range.0);
            put_signed(&mut out, file.range.1);
        }
        put_count(&mut out, self.deleted.len());
        for deleted in &self.deleted {
            put_varint(&mut out, deleted.seq);
            record::put_delete(&mut out, deleted.account, &deleted.what);
        }
        let checksum = crc32fast::hash(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (bytes, checksum) = bytes.split_last_chunk()?;
        if crc32fast::hash(bytes) != u32::from_le_bytes(*checksum) {
            return None;
        }
        let mut reader = Reader::new(bytes);
        let (next_number, sealed) = (reader.varint()?, reader.varint()?);
        let files = read_all(&mut reader, |reader| {
            let (number, max_seq, clean_seq) = (reader.varint()?, reader.varint()?, reader.varint()?);
            Some(Listed { number, max_seq, clean_seq, range: (reader.signed()?, reader.signed()?) })
        })?;
        let deleted = read_all(&mut reader, |reader| {
            let seq = reader.varint()?;
            let (account, what): (AccountId, What) = match record::read(reader)? {
                Record::Delete(account, what) => (account, what),
                Record::Write(..) => return None,
            };
            Some(Deleted { seq, account, what })
        })?;
        reader.is_empty().then_some(Self { next_number, sealed, files, deleted })
    }
}

const NAME: &str = "manifest";

/// The name under which the next list is written.
const NEW_NAME: &str = "manifest.new";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ports::SeriesKey;

    fn sample() -> Manifest {
        let series = vec![SeriesKey { measurement: "m".into(), tags: [("a".into(), "b".into())].into() }];
        Manifest {
            next_number: 3,
            sealed: 99,
            files: vec![Listed { number: 2, max_seq: 98, clean_seq: 99, range: (i64::MIN, 7) }],
            deleted: vec![
                Deleted { seq: 4, account: AccountId(1), what: What::Points { series, range: 1..=5 } },
                Deleted { seq: 5, account: AccountId(2), what: What::Everything },
            ],
        }
    }

    #[test]
    fn the_last_list_that_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), None);
        Manifest::default().write(folder.path()).unwrap();
        sample().write(folder.path()).unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), Some(sample()));
        assert!(!folder.path().join(NEW_NAME).exists());
    }

    proptest! {
        #[test]
        fn a_list_with_a_wrong_bit_or_a_cut_is_none(at in any::<prop::sample::Index>(), bit in 0..8) {
            let bytes = sample().bytes();
            let at = at.index(bytes.len());
            prop_assert!(Manifest::parse(&bytes[..at]).is_none());
            let mut wrong = bytes;
            wrong[at] ^= 1u8 << bit;
            prop_assert!(Manifest::parse(&wrong).is_none());
        }
    }
}
