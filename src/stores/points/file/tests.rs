//! Files of blocks are read as they were written, or not at all.

use proptest::prelude::*;

use super::super::values::Column;
use super::*;

const LISTED: Listed = Listed { number: 3, max_seq: 77, clean_seq: 78, range: (0, 20_000) };

const ACCOUNT: AccountId = AccountId(5);

fn key(measurement: &str) -> SeriesKey {
    SeriesKey { measurement: measurement.into(), tags: [("a".into(), "b".into())].into() }
}

fn run(from: i64, count: i64) -> Run {
    Run::of((from..from + count).collect(), Column::Integer((from..from + count).collect())).unwrap()
}

/// A file with two accounts, two series and two fields.
fn write(folder: &Path) -> BlockFile {
    let mut writer = FileWriter::new(folder, 3).unwrap();
    writer.add(AccountId(-1), &key("m"), &"x".into(), &run(7, 3)).unwrap();
    writer.add(ACCOUNT, &key("m"), &"x".into(), &run(0, 10_000)).unwrap();
    writer.add(ACCOUNT, &key("m"), &"y".into(), &run(0, 1)).unwrap();
    writer.add(ACCOUNT, &key("n"), &"x".into(), &run(i64::MAX - 2, 2)).unwrap();
    writer.finish(77, 78, LISTED.range).unwrap()
}

fn check(file: &BlockFile) {
    assert_eq!(file.accounts().count(), 2);
    assert_eq!(file.series(ACCOUNT).len(), 2);
    assert!(file.field(ACCOUNT, &key("m"), "z").is_none());
    assert!(file.field(AccountId(9), &key("m"), "x").is_none());
    let blocks = &file.field(ACCOUNT, &key("m"), "x").unwrap().blocks;
    assert_eq!(blocks.len(), 3, "a block has up to 4096 values");
    let mut whole = Run::new(FieldType::Integer);
    for block in blocks {
        whole.append(&file.read(block, FieldType::Integer).unwrap());
    }
    assert_eq!(whole, run(0, 10_000));
}

#[test]
fn a_file_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let written = write(folder.path());
    check(&written);
    let opened = BlockFile::open(folder.path(), LISTED).unwrap();
    check(&opened);
    assert_eq!(opened.len, written.len);
}

#[test]
fn a_file_that_is_not_finished_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = FileWriter::new(folder.path(), 1).unwrap();
    writer.add(ACCOUNT, &key("m"), &"x".into(), &run(0, 10)).unwrap();
    drop(writer);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_newer_format_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path()).path().to_owned();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8] = 9;
    std::fs::write(&path, bytes).unwrap();
    let error = BlockFile::open(folder.path(), LISTED).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported, "{error}");
}

proptest! {
    #[test]
    fn a_wrong_bit_or_a_cut_is_an_error_and_never_other_values(at in any::<prop::sample::Index>(), bit in 0..9) {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path()).path().to_owned();
        let mut bytes = std::fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        if bit == 8 {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1u8 << bit;
        }
        std::fs::write(&path, bytes).unwrap();
        let Ok(file) = BlockFile::open(folder.path(), LISTED) else { return Ok(()) };
        let mut failed = 0;
        for block in &file.field(ACCOUNT, &key("m"), "x").unwrap().blocks {
            match file.read(block, FieldType::Integer) {
                Ok(run) => prop_assert!(run.values() == &Column::Integer(run.times().to_vec())),
                Err(error) => {
                    prop_assert_eq!(error.kind(), StoreErrorKind::Corrupt);
                    failed += 1;
                }
            }
        }
        prop_assert!(failed <= 1);
    }

    #[test]
    fn anything_under_a_right_checksum_is_an_index_or_none(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _read = index::parse(&bytes, 1000);
    }
}
