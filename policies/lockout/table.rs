//! A table that never holds more than its share.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::time::SystemTime;

use crate::room::make_room;

/// What can tell how little it would be missed.
pub(super) trait Ranked {
    /// Smaller ones leave a full table first.
    fn rank(&self, now: SystemTime) -> (bool, SystemTime);
}

/// At most `capacity` entries.
#[derive(Debug)]
pub(super) struct Table<K, V> {
    entries: HashMap<K, V>,
    capacity: usize,
}

impl<K: Eq + Hash, V: Ranked> Table<K, V> {
    /// Room for `capacity` entries, at least one.
    pub(super) fn new(capacity: usize) -> Self {
        Self { entries: HashMap::new(), capacity: capacity.max(1) }
    }

    pub(super) fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.entries.get_mut(key)
    }

    pub(super) fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.entries.remove(key)
    }

    /// The entry of this key, put there if need be.
    pub(super) fn get_or_insert<Q>(&mut self, key: &Q, make: impl FnOnce() -> V, now: SystemTime) -> &mut V
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned: Into<K>> + ?Sized,
    {
        if !self.entries.contains_key(key) && self.entries.len() >= self.capacity {
            make_room(&mut self.entries, |value| value.rank(now));
        }
        self.entries.entry(key.to_owned().into()).or_insert_with(make)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
