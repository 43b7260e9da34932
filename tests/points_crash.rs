//! Crashes of a process that writes points to a folder, and a disk that fills up under it.
//!
//! The test program runs itself again as the one that writes; what it prints are the answers of the store.
#![expect(clippy::unwrap_used, reason = "helper functions of tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use trackgate::ports::{Batch, FieldValue, Points, Row, ScanOrder, SeriesKey, Values};
use trackgate::stores::{FolderPoints, PointsSettings};
use trackgate_schemes::store::StoreErrorKind;
use trackgate_schemes::{AccountId, SystemClock};

#[path = "shared/skipped.rs"]
mod skipped;

use skipped::skipped;

const ROUNDS: u64 = 50;
const WORKERS: i64 = 6;
const HOUR: i64 = 3_600_000_000_000;

#[test]
fn every_acknowledged_point_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let start = now();
    let mut answers = Answers::default();
    let mut slowest = Duration::ZERO;
    for round in 0..ROUNDS {
        let mut writer = run_writer(folder.path(), start, round);
        // The first are killed while they open, the rest in the middle of their writes.
        let delay = if round < 5 { rand::random_range(1..40) } else { rand::random_range(40..250) };
        std::thread::sleep(Duration::from_millis(delay));
        writer.kill().unwrap();
        answers.read(&mut writer);
        writer.wait().unwrap();
        let began = Instant::now();
        let points = open(folder.path());
        slowest = slowest.max(began.elapsed());
        answers.check(&points, start);
    }
    assert!(answers.written.len() > 1000, "only {} answers came", answers.written.len());
    assert!(slowest < Duration::from_secs(2), "opening took {slowest:?}");
    println!("{} points were acknowledged; opening took {slowest:.0?} at most", answers.written.len());
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_heals() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mounted) = Mounted::new(folder.path()) else { return skipped("mount") };
    let ballast = folder.path().join("ballast");
    std::fs::write(&ballast, vec![1; 1_000_000]).unwrap();
    let inside = folder.path().join("points");
    let mut settings = settings();
    settings.log_bytes = 1 << 20;
    let points = FolderPoints::open(&inside, settings.clone()).unwrap();
    let (mut kept, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for step in 0..4000 {
        match points.write(AccountId(1), noise(step)).await {
            Ok(_) => drop(kept.insert(step)),
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
                refused.insert(step);
            }
        }
        if refused.len() == 20 {
            break;
        }
    }
    assert_eq!(refused.len(), 20, "what does not fit is refused");
    check_noise(&points, &kept);
    std::fs::remove_file(&ballast).unwrap();
    let began = Instant::now();
    while points.write(AccountId(1), noise(5000)).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(5), "recovers without a restart");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    kept.insert(5000);
    check_noise(&points, &kept);
    points.close().await.unwrap();
    drop(points);
    let points = FolderPoints::open(&inside, settings).unwrap();
    check_noise(&points, &kept);
    drop(points);
    drop(mounted);
}

/// Not a test of its own: the process that the first runs.
#[test]
fn writer_process() {
    let Ok(folder) = std::env::var("TRACKGATE_POINTS_FOLDER") else { return };
    let number = |name: &str| std::env::var(name).unwrap().parse::<i64>().unwrap();
    let (start, round) = (number("TRACKGATE_POINTS_START"), number("TRACKGATE_POINTS_ROUND"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let points = Arc::new(open(Path::new(&folder)));
        let mut workers = tokio::task::JoinSet::new();
        for worker in 0..WORKERS {
            workers.spawn(write_for_ever(Arc::clone(&points), worker, start, round * 1_000_000));
        }
        workers.join_all().await;
    });
}

async fn write_for_ever(points: Arc<FolderPoints>, worker: i64, start: i64, first: i64) {
    for step in first.. {
        points.write(AccountId(worker), point(start, step)).await.unwrap();
        say(&format!("wrote {worker} {step}"));
        if step % 7 == 6 {
            let gone = step - 5;
            say(&format!("deleting {worker} {gone}"));
            let at = instant(start, gone);
            points.delete_points(AccountId(worker), vec![key()], at..=at).await.unwrap();
            say(&format!("deleted {worker} {gone}"));
        }
    }
}

/// The instant of a step: seven hours get points at once.
fn instant(start: i64, step: i64) -> i64 {
    start - step % 7 * HOUR + step * 1000
}

fn point(start: i64, step: i64) -> Batch {
    Batch {
        series: vec![key()],
        fields: vec!["step".into(), "text".into()],
        rows: vec![Row { series: 0, at: instant(start, step), cells: 2 }],
        cells: vec![(0, FieldValue::Integer(step)), (1, FieldValue::String(format!("step {step}").into()))],
    }
}

fn key() -> SeriesKey {
    SeriesKey { measurement: "samples".into(), tags: Arc::new([]) }
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos().try_into().unwrap()
}

fn settings() -> PointsSettings {
    PointsSettings::new(Some(Duration::from_hours(8)), Arc::new(SystemClock))
}

/// With a log so short that files are made and merged all the time.
fn open(folder: &Path) -> FolderPoints {
    let mut settings = settings();
    settings.log_bytes = 20_000;
    settings.merge_after = Duration::ZERO;
    FolderPoints::open(folder, settings).unwrap()
}

fn run_writer(folder: &Path, start: i64, round: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writer_process", "--nocapture", "--quiet"])
        .env("TRACKGATE_POINTS_FOLDER", folder)
        .env("TRACKGATE_POINTS_START", start.to_string())
        .env("TRACKGATE_POINTS_ROUND", round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// One line, written at once.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// What the store said, as workers and steps.
#[derive(Default)]
struct Answers {
    written: BTreeSet<(i64, i64)>,
    deleting: BTreeSet<(i64, i64)>,
    deleted: BTreeSet<(i64, i64)>,
}

impl Answers {
    /// All whole lines that the process printed; the rest of what it was printing when it died is no answer.
    fn read(&mut self, writer: &mut Child) {
        let mut reader = BufReader::new(writer.stdout.take().unwrap());
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap() > 0 {
            let words: Vec<_> = line.strip_suffix('\n').unwrap_or_default().split(' ').collect();
            let to = match words.first() {
                Some(&"wrote") => Some(&mut self.written),
                Some(&"deleting") => Some(&mut self.deleting),
                Some(&"deleted") => Some(&mut self.deleted),
                _ => None,
            };
            if let (Some(to), [_, worker, step]) = (to, &*words) {
                to.insert((worker.parse().unwrap(), step.parse().unwrap()));
            }
            line.clear();
        }
    }

    fn check(&self, points: &FolderPoints, start: i64) {
        let mut there = BTreeSet::new();
        for worker in 0..WORKERS {
            let (steps, texts) = (read(points, worker, "step"), read(points, worker, "text"));
            assert_eq!(steps.len(), texts.len(), "a point is there whole or not at all");
            for (at, value) in steps {
                let FieldValue::Integer(step) = value else { panic!("{value:?}") };
                assert_eq!(at, instant(start, step));
                assert_eq!(texts.get(&at), Some(&FieldValue::String(format!("step {step}").into())));
                there.insert((worker, step));
            }
        }
        for point in self.written.difference(&self.deleting) {
            assert!(there.contains(point), "point {point:?} is lost");
        }
        for point in &self.deleted {
            assert!(!there.contains(point), "point {point:?} is back");
        }
    }
}

fn read(points: &FolderPoints, account: i64, field: &str) -> BTreeMap<i64, FieldValue> {
    let view = points.view(AccountId(account));
    let mut found = BTreeMap::new();
    for (id, _) in view.series("samples") {
        view.scan(id, field, i64::MIN..=i64::MAX, ScanOrder::Ascending, &mut |slice| {
            let values: Vec<_> = match slice.values {
                Values::Integer(values) => values.iter().map(|value| FieldValue::Integer(*value)).collect(),
                Values::String(values) => values.iter().map(|value| FieldValue::String(Arc::clone(value))).collect(),
                other => panic!("{other:?}"),
            };
            found.extend(slice.times.iter().copied().zip(values));
            ControlFlow::Continue(())
        })
        .unwrap();
    }
    found
}

/// Some hundred points of one step that cannot be written much shorter.
fn noise(step: i64) -> Batch {
    let mut batch = Batch { series: vec![key()], fields: vec!["text".into()], ..Batch::default() };
    for number in 0..100 {
        batch.rows.push(Row { series: 0, at: noise_at(step, number), cells: 1 });
        let text = format!("{step} {number} {:032x}", rand::random::<u128>());
        batch.cells.push((0, FieldValue::String(text.into())));
    }
    batch
}

/// All within the hour before now: none is over while the test runs.
fn noise_at(step: i64, number: i64) -> i64 {
    static START: std::sync::OnceLock<i64> = std::sync::OnceLock::new();
    START.get_or_init(|| now() - HOUR) + step * 1000 + number
}

fn check_noise(points: &FolderPoints, kept: &BTreeSet<i64>) {
    let found = read(points, 1, "text");
    for step in kept {
        for number in 0..100 {
            let Some(FieldValue::String(text)) = found.get(&noise_at(*step, number)) else {
                panic!("point {step} {number} is lost")
            };
            assert!(text.starts_with(&format!("{step} {number} ")), "{text}");
        }
    }
}

/// A small disk in memory, as long as this lives.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    /// `None` where that is not allowed.
    fn new(folder: &'a Path) -> Option<Self> {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(folder).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success()).then_some(Self(folder))
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(self.0).status());
    }
}
