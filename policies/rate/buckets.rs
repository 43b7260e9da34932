//! The bounded table behind keyed rates.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use governor::nanos::Nanos;
use governor::state::StateStore;

use crate::room::make_room;

/// For each key the instant at which its burst will be whole again; split into shards, each with a lock
/// of its own.
pub(super) struct Buckets<K> {
    shards: Box<[Mutex<HashMap<K, Nanos>>]>,
    shard_capacity: usize,
    hasher: RandomState,
}

impl<K> Buckets<K> {
    /// A table of about `capacity` keys, at least one in each shard.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            shard_capacity: capacity.div_ceil(SHARDS).max(1),
            hasher: RandomState::new(),
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }
}

impl<K: Clone + Eq + Hash> StateStore for Buckets<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let at = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or_default();
        let mut shard = lock(self.shards.get(at).expect("there are SHARDS shards"));
        if let Some(whole_at) = shard.get_mut(key) {
            let (answer, next) = measure(Some(*whole_at))?;
            *whole_at = next;
            return Ok(answer);
        }
        let (answer, next) = measure(None)?;
        if shard.len() >= self.shard_capacity {
            // The fuller its burst, the less a key loses by it.
            make_room(&mut shard, |whole_at| *whole_at);
        }
        shard.insert(key.clone(), next);
        Ok(answer)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const SHARDS: usize = 16;
