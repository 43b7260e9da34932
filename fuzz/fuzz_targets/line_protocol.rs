//! Any body of lines, in any unit of time: it is read without panic, and to a whole batch.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../src/trackers/livetracking/line/mod.rs"]
#[expect(dead_code, reason = "only the reading is tried")]
mod line;
/// What the reader takes from the gateway's ports.
mod ports;

use line::{Precision, Rules};

fuzz_target!(|data: &[u8]| {
    let (unit, body) = data.split_first().unwrap_or((&0, &[]));
    let units = ["ns", "u", "ms", "s", "m", "h"];
    let precision = Precision::named(units[usize::from(*unit) % units.len()]);
    let oldest = (unit & 0x80 != 0).then_some(0);
    let parsed = line::parse(body, Rules { now: 1_795_311_540_000_000_000, precision, oldest });
    let batch = &parsed.batch;
    let cells: usize = batch.rows.iter().map(|row| row.cells as usize).sum();
    assert_eq!(cells, batch.cells.len());
    assert!(batch.rows.iter().all(|row| row.cells > 0 && (row.series as usize) < batch.series.len()));
    assert!(batch.rows.iter().all(|row| oldest.is_none_or(|oldest| row.at >= oldest)));
    assert!(batch.cells.iter().all(|(field, _)| (*field as usize) < batch.fields.len()));
    assert!(batch.fields.iter().all(|name| !name.is_empty() && **name != *"time"));
    for key in &batch.series {
        assert!(key.tags.windows(2).all(|two| two[0].0 < two[1].0));
        assert!(key.tags.iter().all(|(tag, value)| !value.is_empty() && **tag != *"time"));
    }
});
