//! Points in a folder hold all rules, also after they were opened again.

use std::fs;
use std::sync::Arc;
use std::time::SystemTime;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng};
use trackgate_schemes::{ManualClock, SystemClock};

use super::super::conformance::{CHECKS, Model, floats, key};
use super::*;
use crate::ports::FieldValue;

fn settings() -> Settings {
    Settings { merge_after: Duration::ZERO, ..Settings::new(None, Arc::new(SystemClock)) }
}

fn open(folder: &Path) -> FolderPoints {
    FolderPoints::open(folder, settings()).unwrap()
}

impl FolderPoints {
    /// Makes files of all that is in memory now.
    async fn seal(&self) {
        self.jobs.send(Job::Turn { now: true }).unwrap();
        // Answered after that.
        self.write(AccountId(0), Batch::default()).await.unwrap();
        self.keeper.lock().unwrap().seal().unwrap();
    }
}

#[tokio::test]
async fn a_folder_holds_all_rules() {
    for check in CHECKS {
        println!("{}", check.name);
        let folder = tempfile::tempdir().unwrap();
        check.run(Arc::new(open(folder.path()))).await;
    }
}

#[tokio::test]
async fn a_random_history_survives_files_merging_and_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = StdRng::seed_from_u64(4);
    let mut model = Model::default();
    let mut points = open(folder.path());
    for step in 0..600 {
        model.step(&mut random, &points).await;
        match random.random_range(0..40) {
            0 => points.seal().await,
            1 => {
                points.close().await.unwrap();
                points = open(folder.path());
            }
            2 => {
                drop(points);
                points = open(folder.path());
            }
            3 => drop(points.keeper.lock().unwrap().compact().unwrap()),
            4 => {
                let crashed = tempfile::tempdir().unwrap();
                let keeper = points.keeper.lock().unwrap();
                copy(folder.path(), crashed.path());
                drop(keeper);
                model.compare(&open(crashed.path()));
            }
            _ => {}
        }
        if step % 20 == 0 {
            model.compare(&points);
        }
    }
    points.close().await.unwrap();
    model.compare(&open(folder.path()));
}

/// Copies the files that are missing.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if !to.exists() {
            fs::copy(from, to).unwrap();
        }
    }
}

/// A store in the middle of its life, with a copy of its folder.
async fn lived(folder: &Path, before: &Path, model: &mut Model) -> FolderPoints {
    let mut random = StdRng::seed_from_u64(5);
    let points = open(folder);
    for _ in 0..30 {
        model.step(&mut random, &points).await;
    }
    points.seal().await;
    for _ in 0..30 {
        model.step(&mut random, &points).await;
    }
    copy(folder, before);
    points
}

#[tokio::test]
async fn a_crash_before_the_list_is_written_leaves_the_log() {
    let (folder, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut model = Model::default();
    let points = lived(folder.path(), crashed.path(), &mut model).await;
    points.seal().await;
    // The new files are there, and an old list; one of them is not whole.
    copy(folder.path(), crashed.path());
    fs::write(crashed.path().join("0000000000000099.blocks"), "half").unwrap();
    fs::write(crashed.path().join("manifest.new"), "half").unwrap();
    let crashed_points = open(crashed.path());
    model.compare(&crashed_points);
    assert!(!crashed.path().join("0000000000000099.blocks").exists());
    crashed_points.seal().await;
    model.compare(&crashed_points);
}

#[tokio::test]
async fn a_crash_before_the_logs_are_removed_leaves_no_harm() {
    let (folder, before, crashed) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut model = Model::default();
    let points = lived(folder.path(), before.path(), &mut model).await;
    points.seal().await;
    // The new list with its files, and the logs of before.
    copy(folder.path(), crashed.path());
    copy(before.path(), crashed.path());
    model.compare(&open(crashed.path()));
}

#[tokio::test]
async fn a_file_that_is_over_and_was_removed_may_be_missing_but_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(SystemTime::UNIX_EPOCH + Duration::from_hours(100)));
    let settings = Settings::new(Some(Duration::from_hours(8)), Arc::<ManualClock>::clone(&clock));
    let hour = 3_600_000_000_000;
    let points = FolderPoints::open(folder.path(), settings.clone()).unwrap();
    points.write(AccountId(1), floats("m", "x", &[(99 * hour, 1.0)])).await.unwrap();
    points.seal().await;
    drop(points);
    let mut files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    fs::remove_file(files.find(|path| path.extension().is_some_and(|name| name == "blocks")).unwrap()).unwrap();
    assert_eq!(FolderPoints::open(folder.path(), settings.clone()).unwrap_err().kind(), io::ErrorKind::NotFound);
    clock.advance(Duration::from_hours(9));
    let points = FolderPoints::open(folder.path(), settings).unwrap();
    assert!(points.view(AccountId(1)).measurements().is_empty());
}

#[tokio::test]
async fn a_type_is_forgotten_with_the_last_points_of_its_field() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(SystemTime::UNIX_EPOCH + Duration::from_hours(100)));
    let settings = Settings::new(Some(Duration::from_hours(8)), Arc::<ManualClock>::clone(&clock));
    let hour = 3_600_000_000_000;
    let integer = || Batch { cells: vec![(0, FieldValue::Integer(1))], ..floats("m", "x", &[(100 * hour, 1.0)]) };
    let points = FolderPoints::open(folder.path(), settings).unwrap();
    points.write(AccountId(1), floats("m", "x", &[(99 * hour, 1.0)])).await.unwrap();
    assert_eq!(points.write(AccountId(1), integer()).await.unwrap().dropped, 1);
    points.seal().await;
    clock.advance(Duration::from_hours(9));
    assert_eq!(points.write(AccountId(1), integer()).await.unwrap().dropped, 1, "the points are still there");
    points.expire().unwrap();
    assert_eq!(points.write(AccountId(1), integer()).await.unwrap().dropped, 0);
}

#[tokio::test]
async fn deletions_are_forgotten_with_what_they_were_about() {
    let folder = tempfile::tempdir().unwrap();
    let points = open(folder.path());
    for at in 0..3 {
        points.write(AccountId(1), floats("m", "x", &[(at, 1.0)])).await.unwrap();
        points.write(AccountId(2), floats("m", "x", &[(at, 1.0)])).await.unwrap();
        points.seal().await;
    }
    points.delete_points(AccountId(1), vec![key("m")], 0..=1).await.unwrap();
    points.drop_points(AccountId(2)).await.unwrap();
    points.drop_points(AccountId(3)).await.unwrap();
    assert_eq!(points.shared.state().deleted.len(), 2);
    while points.keeper.lock().unwrap().compact().unwrap() {}
    points.keeper.lock().unwrap().seal().unwrap();
    assert_eq!(points.view(AccountId(1)).series("m").len(), 1);
    assert!(points.view(AccountId(2)).measurements().is_empty());
    let state = points.shared.state();
    assert_eq!(state.files.iter().map(|file| file.accounts().count()).sum::<usize>(), 1, "what is deleted is gone");
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_reads_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("points");
    let points = open(&folder);
    points.write(AccountId(1), floats("m", "x", &[(1, 1.0)])).await.unwrap();
    points.seal().await;
    points.write(AccountId(1), floats("m", "x", &[(1, 1.0)])).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let mut files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    assert!(files.all(|path| mode(&path) == 0o600));
}

#[tokio::test]
async fn a_folder_is_open_once() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    let error = FolderPoints::open(folder.path(), settings()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
    assert!(error.to_string().contains("open in another process"));
    first.close().await.unwrap();
    open(folder.path());
}

#[tokio::test]
async fn a_process_that_is_about_to_let_go_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let lock = fs::File::create(folder.path().join("lock")).unwrap();
    lock.lock().unwrap();
    let other = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        drop(lock);
    });
    open(folder.path()).close().await.unwrap();
    other.join().unwrap();
}
