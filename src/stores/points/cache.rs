//! Blocks that were read lately, up to so many bytes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::values::{Column, Run};

/// Which block: the number of the file, and where it begins there.
pub(super) type BlockId = (u64, u64);

/// Blocks as runs. Of those that were not asked for while half of the room was filled, none stays.
#[derive(Debug)]
pub(super) struct Cache {
    halves: Mutex<Halves>,
    half_bytes: usize,
}

#[derive(Debug, Default)]
struct Halves {
    recent: HashMap<BlockId, Arc<Run>>,
    recent_bytes: usize,
    before: HashMap<BlockId, Arc<Run>>,
}

impl Cache {
    /// Keeps up to so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self { halves: Mutex::default(), half_bytes: bytes / 2 }
    }

    pub(super) fn get(&self, id: BlockId) -> Option<Arc<Run>> {
        let mut halves = self.halves();
        if let Some(run) = halves.recent.get(&id) {
            return Some(Arc::clone(run));
        }
        let run = halves.before.remove(&id)?;
        self.keep(&mut halves, id, Arc::clone(&run));
        Some(run)
    }

    pub(super) fn put(&self, id: BlockId, run: Arc<Run>) {
        self.keep(&mut self.halves(), id, run);
    }

    fn keep(&self, halves: &mut Halves, id: BlockId, run: Arc<Run>) {
        let bytes = size(&run);
        if halves.recent_bytes + bytes > self.half_bytes {
            halves.before = std::mem::take(&mut halves.recent);
            halves.recent_bytes = 0;
        }
        if bytes <= self.half_bytes && halves.recent.insert(id, run).is_none() {
            halves.recent_bytes += bytes;
        }
    }

    fn halves(&self) -> MutexGuard<'_, Halves> {
        self.halves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// About how much memory a run takes.
fn size(run: &Run) -> usize {
    let each = match run.values() {
        Column::Boolean(_) => 1,
        Column::Float(_) | Column::Integer(_) => 8,
        Column::String(texts) => return texts.iter().map(|text| 40 + text.len()).sum(),
    };
    128 + run.len() * (8 + each)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_leaves() {
        let run = Arc::new(Run::of(vec![1], Column::Float(vec![1.0])).unwrap());
        let cache = Cache::new(20 * size(&run));
        for number in 0..1000 {
            cache.put((number, 0), Arc::clone(&run));
            assert!(cache.get((0, 0)).is_some());
        }
        let halves = cache.halves();
        assert!(halves.recent.len() + halves.before.len() <= 20);
        assert!(halves.recent_bytes <= 10 * size(&run));
    }
}
