//! Which files are made, merged and removed, and what a crash between two steps leaves.

use std::time::SystemTime;

use trackgate_schemes::AccountId;
use trackgate_schemes::ManualClock;

use super::compact::choose;
use super::seal::windows;
use super::*;
use crate::stores::points::conformance::floats;
use crate::stores::points::head::Head;
use crate::stores::points::state::Heads;

const HOUR: i64 = 3_600_000_000_000;

fn settings(retention_hours: Option<u64>, now: i64) -> Settings {
    let at = SystemTime::UNIX_EPOCH + Duration::from_nanos(now.unsigned_abs());
    let settings = Settings::new(retention_hours.map(Duration::from_hours), Arc::new(ManualClock::new(at)));
    Settings { merge_after: Duration::ZERO, ..settings }
}

fn heads(times: &[i64]) -> Heads {
    let mut head = Head::default();
    let values: Vec<_> = times.iter().map(|at| (*at, 1.0)).collect();
    head.apply(floats("m", "x", &values));
    [(AccountId(1), Arc::new(head))].into()
}

#[test]
fn each_hour_has_a_file_and_the_far_past_and_future_have_one_each() {
    let settings = settings(Some(8), 100 * HOUR + 5);
    let times = [i64::MIN, -1, 0, 93 * HOUR, 94 * HOUR - 1, 94 * HOUR, 101 * HOUR, 300 * HOUR, i64::MAX];
    let expected = [
        i64::MIN..=92 * HOUR - 1,
        93 * HOUR..=94 * HOUR - 1,
        94 * HOUR..=95 * HOUR - 1,
        101 * HOUR..=102 * HOUR - 1,
        102 * HOUR..=i64::MAX,
    ];
    assert_eq!(windows(&heads(&times), &settings), expected);
    assert_eq!(windows(&heads(&[99 * HOUR + 1]), &settings), [99 * HOUR..=100 * HOUR - 1]);
    assert!(windows(&Heads::new(), &settings).is_empty());
}

#[test]
fn windows_cover_all_times_once_whatever_is_kept() {
    let scattered: Vec<i64> = (-500..500).map(|n| n * (i64::MAX / 500)).collect();
    let near: Vec<i64> = (0..500).map(|n| 490_000 * HOUR + n * 7 * HOUR).collect();
    for times in [scattered, near] {
        for kept in [Some(8), Some(24 * 100), Some(24 * 365 * 10), Some(24 * 365 * 1000), None] {
            let settings = settings(kept, 490_000 * HOUR);
            let ranges = windows(&heads(&times), &settings);
            assert!(ranges.len() < 700, "{}", ranges.len());
            assert!(ranges.is_sorted_by(|a, b| a.end() < b.start()));
            assert!(times.iter().all(|at| ranges.iter().any(|range| range.contains(at))));
        }
    }
}

/// Opens a keeper of an empty folder, with these heads frozen one after the other.
fn keeper(folder: &std::path::Path, settings: Settings, all: Vec<Heads>) -> Keeper {
    let state = State {
        frozen: (1..)
            .zip(all)
            .map(|(max_seq, heads)| Arc::new(super::super::state::Frozen { heads, max_seq, logs: Vec::new() }))
            .collect(),
        ..State::default()
    };
    let shared = Arc::new(Shared::new(state, 1 << 20));
    let manifest = Manifest { next_number: 1, ..Manifest::default() };
    manifest.write(folder).unwrap();
    Keeper { folder: folder.to_owned(), settings, shared, manifest }
}

fn files(keeper: &Keeper) -> Vec<(i64, i64)> {
    keeper.shared.state().files.iter().map(|file| file.listed.range).collect()
}

#[test]
fn a_file_leaves_when_its_last_instant_is_older_than_the_retention() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(SystemTime::UNIX_EPOCH + Duration::from_hours(100)));
    let settings = Settings::new(Some(Duration::from_hours(8)), Arc::<ManualClock>::clone(&clock));
    let mut keeper = keeper(folder.path(), settings, vec![heads(&[95 * HOUR, 98 * HOUR])]);
    keeper.seal().unwrap();
    assert_eq!(files(&keeper).len(), 2);
    clock.advance(Duration::from_hours(4).checked_sub(Duration::from_millis(1)).unwrap());
    assert_eq!(keeper.expire().unwrap(), 0, "the hour of 95 ends at 96, which is kept until 104");
    let view = keeper.shared.view(AccountId(1));
    clock.advance(Duration::from_millis(1));
    assert_eq!(keeper.expire().unwrap(), 1);
    assert_eq!(files(&keeper), [(98 * HOUR, 99 * HOUR - 1)]);
    assert_eq!(Manifest::read(folder.path()).unwrap().unwrap().files.len(), 1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().filter(|file| is_blocks(file.as_ref().unwrap())).count(), 1);
    let mut seen = 0;
    let kind = crate::ports::FieldType::Float;
    let key = crate::stores::points::conformance::key("m");
    view.scan_field(&key, "x", kind, &(i64::MIN..=i64::MAX), crate::ports::ScanOrder::Ascending, &mut |slice| {
        seen += slice.times.len();
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(seen, 2, "a view keeps the files that it has open");
}

fn is_blocks(entry: &fs::DirEntry) -> bool {
    entry.path().extension().is_some_and(|extension| extension == "blocks")
}

#[test]
fn what_is_over_already_is_not_made_into_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut keeper = keeper(folder.path(), settings(Some(8), 100 * HOUR), vec![heads(&[50 * HOUR, 99 * HOUR])]);
    keeper.seal().unwrap();
    assert_eq!(files(&keeper), [(99 * HOUR, 100 * HOUR - 1)]);
}

#[test]
fn files_of_an_hour_that_is_past_become_one() {
    let folder = tempfile::tempdir().unwrap();
    let all = (0..5).map(|n| heads(&[97 * HOUR + n, 100 * HOUR + n])).collect();
    let mut keeper = keeper(folder.path(), settings(Some(8), 100 * HOUR), all);
    keeper.seal().unwrap();
    assert_eq!(files(&keeper).len(), 10);
    assert!(keeper.compact().unwrap());
    assert!(!keeper.compact().unwrap(), "those of the hour that goes on are few");
    assert_eq!(files(&keeper).len(), 6);
    assert_eq!(fs::read_dir(folder.path()).unwrap().filter(|file| is_blocks(file.as_ref().unwrap())).count(), 6);
    let first = keeper.shared.state().files.iter().find(|file| file.listed.range.0 == 97 * HOUR).cloned().unwrap();
    assert_eq!(first.listed.max_seq, 5);
    assert_eq!(first.series(AccountId(1))[0].fields[0].blocks.len(), 1);
}

#[test]
fn many_files_of_an_hour_that_goes_on_become_one() {
    let folder = tempfile::tempdir().unwrap();
    let all = (0..8).map(|n| heads(&[100 * HOUR + n])).collect();
    let mut keeper = keeper(folder.path(), settings(Some(8), 100 * HOUR), all);
    keeper.seal().unwrap();
    assert!(keeper.compact().unwrap());
    assert_eq!(files(&keeper).len(), 1);
}

#[test]
fn what_was_merged_is_not_merged_again_with_each_new_file() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { merge_after: Duration::from_hours(1), ..settings(Some(8), 100 * HOUR) };
    let many: Vec<_> = (0..3000).map(|n| 100 * HOUR + n * n * n).collect();
    let all = (0..7).map(|n| heads(&[100 * HOUR + n])).collect::<Vec<_>>();
    let mut keeper = keeper(folder.path(), settings, [vec![heads(&many)], all].concat());
    keeper.seal().unwrap();
    assert!(!keeper.compact().unwrap(), "the first is longer than all others");
    assert_eq!(choose(&keeper.shared.state().files, &[], 200 * HOUR, Duration::ZERO).unwrap().len(), 8);
    assert!(choose(&keeper.shared.state().files, &[], 200 * HOUR, Duration::from_hours(1)).is_none());
}

#[test]
fn what_was_written_between_them_keeps_files_apart() {
    let folder = tempfile::tempdir().unwrap();
    let all = vec![heads(&[5 * HOUR]), heads(&[5 * HOUR]), heads(&[5 * HOUR])];
    let mut keeper = keeper(folder.path(), settings(Some(8), 6 * HOUR), all);
    keeper.seal().unwrap();
    let mut files = keeper.shared.state().files.to_vec();
    assert_eq!(choose(&files, &[], 100 * HOUR, Duration::ZERO).unwrap().len(), 3);
    keeper.shared.state().files = Arc::default();
    Arc::get_mut(&mut files[1]).unwrap().listed.range.1 += HOUR;
    assert!(choose(&files, &[], 100 * HOUR, Duration::ZERO).is_none());
}
