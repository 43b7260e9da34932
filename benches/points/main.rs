//! How fast points are written, put into files, opened and read: `cargo bench --bench points`.
//!
//! Arguments: a folder to work in (a temporary one by default), and how many million points the large store has.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement that may fail loudly and tells its figures"
)]

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use trackgate::ports::{Batch, FieldValue, Points, Row, ScanOrder, SeriesKey, Values};
use trackgate::stores::{FolderPoints, PointsSettings};
use trackgate_schemes::{AccountId, SystemClock};

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let temporary = tempfile::tempdir().unwrap();
    let folder = arguments.first().map_or(temporary.path(), Path::new);
    let millions: i64 = arguments.get(1).map_or(1, |text| text.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for (writers, points) in [(1, 1), (16, 1), (64, 1), (1, 100), (16, 100), (1, 5000), (4, 5000)] {
        runtime.block_on(write(&folder.join(format!("w{writers}-{points}")), writers, points));
    }
    runtime.block_on(fill(&folder.join("large"), millions));
}

fn open(folder: &Path) -> FolderPoints {
    FolderPoints::open(folder, PointsSettings::new(None, Arc::new(SystemClock))).unwrap()
}

/// Writers that each wait for one write before they begin the next.
async fn write(folder: &Path, writers: i64, points: i64) {
    let store = Arc::new(open(folder));
    let (began, until, cpu) = (Instant::now(), Duration::from_secs(3), cpu_seconds());
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..writers {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let mut done = 0;
            while began.elapsed() < until {
                store.write(AccountId(writer), ride(writer, done, points)).await.unwrap();
                done += points;
            }
            done
        });
    }
    let total: i64 = tasks.join_all().await.into_iter().sum();
    let seconds = began.elapsed().as_secs_f64();
    let cpu = (cpu_seconds() - cpu) * 1e6 / per(total, 1.0);
    println!(
        "{writers:3} writers of {points:4} points: {:9.0} points/s, {cpu:6.2} us of CPU a point",
        per(total, seconds)
    );
    store.close().await.unwrap();
}

/// Fills a store with one-second samples of 350 riders, opens it again and reads it.
async fn fill(folder: &Path, millions: i64) {
    let total = millions * 1_000_000;
    let seconds = total / RIDERS;
    let store = Arc::new(open(folder));
    let began = Instant::now();
    for from in (0..seconds).step_by(60) {
        let mut writes = tokio::task::JoinSet::new();
        for rider in 0..RIDERS {
            let (store, batch) = (Arc::clone(&store), ride(rider, from, 60.min(seconds - from)));
            writes.spawn(async move { store.write(AccountId(rider), batch).await.unwrap() });
        }
        writes.join_all().await;
    }
    println!("{total} points of {} fields written in {:.1?}", FIELDS.len(), began.elapsed());
    store.close().await.unwrap();
    drop(store);
    // First with a log, then, when all of it is in files, without.
    for round in 0..2 {
        let began = Instant::now();
        let store = open(folder);
        println!(
            "opened in {:.0?}, {} bytes a point in the folder",
            began.elapsed(),
            size(folder) / total.cast_unsigned()
        );
        if round == 0 {
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        scan(&store, "cold");
        scan(&store, "warm");
        store.close().await.unwrap();
    }
}

fn scan(store: &FolderPoints, what: &str) {
    let began = Instant::now();
    let (mut values, mut slices) = (0, 0);
    for rider in (0..RIDERS).step_by(70) {
        let view = store.view(AccountId(rider));
        let (id, _) = view.series("samples").remove(0);
        for (field, _) in view.fields("samples") {
            view.scan(id, &field, i64::MIN..=i64::MAX, ScanOrder::Ascending, &mut |slice| {
                if let Values::Float(some) = slice.values {
                    values += some.len();
                    slices += 1;
                }
                ControlFlow::Continue(())
            })
            .unwrap();
        }
    }
    let taken = began.elapsed();
    let each = per(i64::try_from(values).unwrap(), taken.as_secs_f64());
    println!("scan, {what}: {values} values in {slices} slices, {taken:.1?}, {:.0} million values/s", each / 1e6);
}

/// What a rider sends from this second on, one point for each second.
fn ride(rider: i64, from: i64, points: i64) -> Batch {
    let start = 1_790_000_000 + from;
    let mut batch = Batch {
        series: vec![SeriesKey { measurement: "samples".into(), tags: Arc::new([]) }],
        fields: FIELDS.iter().map(|name| Arc::from(*name)).collect(),
        ..Batch::default()
    };
    for second in start..start + points {
        batch.rows.push(Row { series: 0, at: second * 1_000_000_000, cells: 14 });
        for (field, scale) in (0u32..).zip(SCALES) {
            // Something that wanders, with the decimals that sensors send.
            let noise = mixed(second * 17 + rider * 104_729 + i64::from(field) * 31) % 21;
            let slow = second % 3600 * 3 + i64::from(field) * 1000 + noise;
            batch.cells.push((field, FieldValue::Float(per(slow, scale))));
        }
    }
    batch
}

/// A number that looks like chance.
fn mixed(number: i64) -> i64 {
    let mixed = number.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33).cast_signed()
}

/// The time that this process was running, in seconds.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let ticks = stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

fn size(folder: &Path) -> u64 {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn per(count: i64, of: f64) -> f64 {
    count as f64 / of
}

const RIDERS: i64 = 350;

const FIELDS: [&str; 14] = [
    "lat_deg",
    "lon_deg",
    "alt_m",
    "spd_mps",
    "hr_bpm",
    "cad_rpm",
    "pwr_w",
    "dist_m",
    "grade_pct",
    "temp_c",
    "batt_pct",
    "acc_m",
    "hdg_deg",
    "asc_m",
];

const SCALES: [f64; 14] = [1e6, 1e6, 10.0, 100.0, 1.0, 1.0, 1.0, 10.0, 10.0, 10.0, 1.0, 10.0, 10.0, 10.0];
