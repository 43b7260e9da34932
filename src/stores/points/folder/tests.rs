//! Points in a folder hold all rules, also after they were opened again.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng};
use trackgate_schemes::{ManualClock, SystemClock};

use super::super::conformance::{CHECKS, Model};
use super::*;

fn settings() -> Settings {
    Settings::new(None, Arc::new(SystemClock))
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
            _ => {}
        }
        if step % 20 == 0 {
            model.compare(&points);
        }
        if step % 200 == 0 {
            while points.keeper.lock().unwrap().compact().unwrap() {}
            model.compare(&points);
        }
    }
    points.close().await.unwrap();
    model.compare(&open(folder.path()));
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
