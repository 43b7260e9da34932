//! Makes files of what is frozen, one for each window of time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::ops::RangeInclusive;
use std::sync::Arc;

use trackgate_schemes::AccountId;

use super::super::file::{BlockFile, FileWriter};
use super::super::head::Head;
use super::super::settings::{Settings, nanos};
use super::super::state::{Frozen, Heads};
use super::super::values::Run;
use super::{Keeper, remove, sync_folder};

impl Keeper {
    /// Makes files of all that is frozen, oldest first, and removes the logs that held the same.
    ///
    /// # Errors
    ///
    /// If a file or the list cannot be written: then it stays frozen.
    pub(in super::super) fn seal(&mut self) -> io::Result<()> {
        loop {
            let Some(frozen) = self.shared.state().frozen.first().cloned() else { return Ok(()) };
            self.seal_one(&frozen)?;
        }
    }

    fn seal_one(&mut self, frozen: &Frozen) -> io::Result<()> {
        let mut made = Vec::new();
        let cutoff = self.settings.cutoff();
        for range in windows(&frozen.heads, &self.settings).into_iter().filter(|range| *range.end() >= cutoff) {
            let number = self.next_number();
            match self.write(&frozen.heads, number, &range, frozen.max_seq) {
                Ok(file) => made.extend(file.map(Arc::new)),
                Err(error) => {
                    remove(&made);
                    return Err(error);
                }
            }
        }
        self.take_in(frozen, &made)
    }

    fn write(
        &self,
        heads: &Heads,
        number: u64,
        range: &RangeInclusive<i64>,
        max_seq: u64,
    ) -> io::Result<Option<BlockFile>> {
        let mut writer = FileWriter::new(&self.folder, number)?;
        let accounts: BTreeMap<&AccountId, &Arc<Head>> = heads.iter().collect();
        for (account, head) in accounts {
            let series: BTreeMap<_, _> = head.series().collect();
            for (key, series) in series {
                for (name, runs) in series.fields() {
                    let mut whole = Run::new(runs.kind());
                    for run in runs.iter() {
                        whole.append_within(run, range);
                    }
                    writer.add(*account, key, name, &whole)?;
                }
            }
        }
        if writer.is_empty() {
            return Ok(None);
        }
        writer.finish(max_seq, max_seq, (*range.start(), *range.end())).map(Some)
    }

    /// Lists files in place of what is frozen.
    fn take_in(&mut self, frozen: &Frozen, made: &[Arc<BlockFile>]) -> io::Result<()> {
        sync_folder(&self.folder)?;
        // From here they are in the state and in the list, or in neither: what is frozen stays in front of them
        // until the list is durable, and has the same points.
        let before = Arc::clone(&self.shared.state().files);
        self.shared.state().files = Arc::new(before.iter().chain(made).cloned().collect());
        if let Err(error) = self.write_manifest(Some(frozen.max_seq)) {
            self.shared.state().files = before;
            self.remove_unlisted(made);
            return Err(error);
        }
        let mut state = self.shared.state();
        state.frozen.retain(|one| one.max_seq != frozen.max_seq);
        drop(state);
        for log in &frozen.logs {
            if let Err(error) = fs::remove_file(log) {
                tracing::warn!(path = %log.display(), %error, "a log of points that is over cannot be removed");
            }
        }
        Ok(())
    }
}

/// The ranges of time for which files are made. Those around now are as long as they should be; far in the past
/// and in the future there may be any number of instants, and a few ranges must do.
pub(super) fn windows(heads: &Heads, settings: &Settings) -> Vec<RangeInclusive<i64>> {
    let window = settings.window();
    let now = nanos(settings.clock.now());
    let near = match settings.retention {
        Some(_) => floor(settings.cutoff(), window)..=floor(now, window).saturating_add(window),
        None => {
            floor(now, window).saturating_sub(NEAR.saturating_mul(window))..=floor(now, window).saturating_add(window)
        }
    };
    let (mut starts, mut before, mut after) = (BTreeSet::new(), false, false);
    for runs in heads.values().flat_map(|head| head.series()).flat_map(|(_, series)| series.fields()) {
        for run in runs.1.iter() {
            let mut from = i64::MIN;
            while let Some(at) = run.first_from(from) {
                let start = floor(at, window);
                let end = if start < *near.start() {
                    before = true;
                    near.start().saturating_sub(1)
                } else if start > *near.end() {
                    after = true;
                    i64::MAX
                } else {
                    starts.insert(start);
                    start.saturating_add(window - 1)
                };
                if end == i64::MAX {
                    break;
                }
                from = end.saturating_add(1);
            }
        }
    }
    let mut all: Vec<_> = starts.into_iter().map(|start| start..=start.saturating_add(window - 1)).collect();
    if before {
        all.insert(0, i64::MIN..=near.start().saturating_sub(1));
    }
    if after {
        all.push(near.end().saturating_add(window)..=i64::MAX);
    }
    all
}

/// The start of the window in which an instant lies.
fn floor(at: i64, window: i64) -> i64 {
    at.saturating_sub(at.rem_euclid(window))
}

/// How many windows before now are kept apart when points are kept for ever.
const NEAR: i64 = 60;
