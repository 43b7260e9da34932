//! The log keeps what it took, whatever happens to its files.

use proptest::prelude::*;
use trackgate_schemes::AccountId;

use super::super::frame::FrameWriter;
use super::super::record;
use super::*;
use crate::ports::{Batch, FieldValue, Row, SeriesKey};

fn batch(at: i64) -> Batch {
    let tags = [("a".into(), "b".into())];
    Batch {
        series: vec![SeriesKey { measurement: "m".into(), tags: tags.into() }],
        fields: vec!["b".into(), "f".into(), "i".into(), "s".into()],
        rows: vec![Row { series: 0, at, cells: 2 }, Row { series: 0, at: i64::MIN, cells: 2 }],
        cells: vec![
            (0, FieldValue::Boolean(true)),
            (1, FieldValue::Float(1.5)),
            (2, FieldValue::Integer(i64::MIN)),
            (3, FieldValue::String("text".into())),
        ],
    }
}

fn frame(writer: &mut FrameWriter, seq: u64) -> Vec<u8> {
    writer.begin(seq);
    record::put_write(writer.records(), AccountId(3), &batch(seq.cast_signed()));
    record::put_write(writer.records(), AccountId(-4), &batch(i64::MAX));
    writer.finish().unwrap().to_vec()
}

fn seqs(paths: &[PathBuf]) -> Vec<u64> {
    let mut seqs = Vec::new();
    for path in paths {
        replay(path, |seq, record| {
            let (account, at) = if seq % 2 == 1 { (3, seq.cast_signed()) } else { (-4, i64::MAX) };
            assert_eq!(record, Record::Write(AccountId(account), batch(at)));
            seqs.push(seq);
        })
        .unwrap();
    }
    seqs
}

fn log(folder: &Path) -> Log {
    Log::new(folder, Vec::new(), 0, 1)
}

#[test]
fn what_was_appended_is_replayed_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, mut writer) = (log(folder.path()), FrameWriter::default());
    for seq in [1, 3] {
        log.append(&frame(&mut writer, seq)).unwrap();
    }
    let first = log.turn();
    assert_eq!(log.bytes(), 0);
    log.append(&frame(&mut writer, 5)).unwrap();
    assert_eq!(seqs(&first), [1, 2, 3, 4]);
    let second = log.turn();
    assert_eq!(seqs(&second), [5, 6]);
    assert!(log.turn().is_empty());
}

#[test]
fn after_a_failed_sync_the_file_is_cut_and_another_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, mut writer) = (log(folder.path()), FrameWriter::default());
    log.append(&frame(&mut writer, 1)).unwrap();
    log.sync = |_| Err(io::Error::other("the disk is broken"));
    assert!(log.append(&frame(&mut writer, 3)).unwrap_err().to_string().contains("the disk is broken"));
    assert!(log.append(&frame(&mut writer, 5)).is_err());
    log.sync = File::sync_data;
    log.append(&frame(&mut writer, 7)).unwrap();
    let files = log.turn();
    assert_eq!(files.len(), 2);
    assert_eq!(seqs(&files), [1, 2, 7, 8]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "files without a record are gone");
}

#[test]
fn nothing_is_written_while_a_file_cannot_be_cut() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, mut writer) = (log(folder.path()), FrameWriter::default());
    log.append(&frame(&mut writer, 1)).unwrap();
    let path = folder.path().join("0000000000000001.log");
    let hidden = folder.path().join("hidden");
    fs::rename(&path, &hidden).unwrap();
    log.sync = |_| Err(io::Error::other("the disk is broken"));
    assert!(log.append(&frame(&mut writer, 3)).is_err());
    log.sync = File::sync_data;
    assert!(log.append(&frame(&mut writer, 5)).is_err());
    fs::rename(&hidden, &path).unwrap();
    log.append(&frame(&mut writer, 7)).unwrap();
    assert_eq!(seqs(&log.turn()), [1, 2, 7, 8]);
}

#[test]
fn a_tail_of_zeros_and_a_file_that_was_only_made_are_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1.log");
    for made in [vec![], vec![0; 5], vec![0; 4096], header::bytes(Kind::Log)[..7].to_vec()] {
        fs::write(&path, &made).unwrap();
        assert_eq!(replay(&path, |_, _| panic!()).unwrap(), Replayed { good: 0, len: made.len() as u64 });
    }
    let mut bytes = header::bytes(Kind::Log).to_vec();
    bytes.extend(frame(&mut FrameWriter::default(), 1));
    let good = bytes.len() as u64;
    bytes.resize(bytes.len() + 5000, 0);
    fs::write(&path, &bytes).unwrap();
    assert_eq!(replay(&path, |_, _| ()).unwrap(), Replayed { good, len: good + 5000 });
}

#[test]
fn a_file_of_a_newer_format_or_of_another_kind_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1.log");
    let mut bytes = header::bytes(Kind::Log);
    bytes[8] = 2;
    fs::write(&path, bytes).unwrap();
    let error = replay(&path, |_, _| ()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    assert!(error.to_string().contains("is of format 2; this version reads up to 1"), "{error}");
    fs::write(&path, header::bytes(Kind::Blocks)).unwrap();
    assert_eq!(replay(&path, |_, _| ()).unwrap_err().kind(), io::ErrorKind::InvalidData);
}

/// Three frames as a file, and where each ends.
fn file() -> (Vec<u8>, Vec<usize>) {
    let mut bytes = header::bytes(Kind::Log).to_vec();
    let mut ends = vec![bytes.len()];
    for seq in [1, 3, 5] {
        bytes.extend(frame(&mut FrameWriter::default(), seq));
        ends.push(bytes.len());
    }
    (bytes, ends)
}

proptest! {
    #[test]
    fn a_cut_log_has_the_frames_before_the_cut(at in any::<prop::sample::Index>(), zeros in 0..100usize) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.log");
        let (mut bytes, ends) = file();
        let at = at.index(bytes.len()).max(HEADER_BYTES);
        bytes.truncate(at);
        bytes.resize(at + zeros, 0);
        fs::write(&path, bytes).unwrap();
        let whole = ends.iter().filter(|end| **end <= at).count() - 1;
        prop_assert_eq!(seqs(&[path]).len(), 2 * whole);
    }

    #[test]
    fn a_wrong_bit_ends_the_log_before_its_frame(at in any::<prop::sample::Index>(), bit in 0..8) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.log");
        let (mut bytes, ends) = file();
        let at = HEADER_BYTES + at.index(bytes.len() - HEADER_BYTES);
        bytes[at] ^= 1u8 << bit;
        fs::write(&path, bytes).unwrap();
        let whole = ends.iter().filter(|end| **end <= at).count() - 1;
        prop_assert_eq!(seqs(&[path]).len(), 2 * whole);
    }

    #[test]
    fn anything_under_a_right_checksum_is_records_or_an_error(body in prop::collection::vec(any::<u8>(), 0..200), kind in 0..5u8) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.log");
        let mut writer = FrameWriter::default();
        writer.begin(1);
        writer.records().push(kind);
        writer.records().extend(body);
        let mut bytes = header::bytes(Kind::Log).to_vec();
        bytes.extend(writer.finish().unwrap());
        fs::write(&path, bytes).unwrap();
        let _ended = replay(&path, |_, _| ());
    }
}
