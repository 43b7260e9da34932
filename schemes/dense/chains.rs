//! Finding entries by a hash.

use std::hash::{BuildHasher, Hash, RandomState};
use std::iter;

use super::Slab;

/// An entry that is found by its hash; `CHAIN` tells several such hashes of one entry apart.
pub trait Chained<const CHAIN: usize> {
    /// What it is found by. Use `key` unless nobody outside can choose what is hashed.
    fn hash(&self, key: &RandomState) -> u64;
    /// The place of the next entry of its list.
    fn next(&self) -> u32;
    /// The same, to be set.
    fn next_mut(&mut self) -> &mut u32;
}

/// Lists of entries whose hashes are alike, kept short by linear hashing: the table grows by splitting one list for
/// each entry that is put in, never all at once.
#[derive(Debug)]
pub struct Chains<const CHAIN: usize> {
    heads: Vec<u32>,
    entries: usize,
    load: usize,
    key: RandomState,
}

impl<const CHAIN: usize> Chains<CHAIN> {
    /// An empty table whose lists have about `load` entries: 1 for quick look-up, 2 where memory is dearer.
    pub fn new(load: usize) -> Self {
        Self { heads: Vec::new(), entries: 0, load: load.max(1), key: RandomState::new() }
    }

    /// The hash of a value under this table's key, as entries compute it too.
    pub fn hash_of<T: Hash + ?Sized>(&self, value: &T) -> u64 {
        self.key.hash_one(value)
    }

    /// Puts an entry of the slab in.
    pub fn insert<E: Chained<CHAIN> + Default>(&mut self, slab: &mut Slab<E>, place: u32) {
        self.entries += 1;
        if self.entries > self.heads.len() * self.load {
            self.grow(slab);
        }
        let hash = slab.at(place).hash(&self.key);
        self.push(slab, hash, place);
    }

    /// Takes an entry out, which stays in the slab.
    pub fn remove<E: Chained<CHAIN> + Default>(&mut self, slab: &mut Slab<E>, place: u32) {
        let hash = slab.at(place).hash(&self.key);
        let mut before = None;
        let Some(mut at) = self.heads.get(bucket(hash, self.heads.len())).copied() else { return };
        while at != place {
            if at == NONE {
                return;
            }
            (before, at) = (Some(at), slab.at(at).next());
        }
        let next = slab.at(place).next();
        match before {
            Some(before) => *slab.at_mut(before).next_mut() = next,
            None => *self.head(hash) = next,
        }
        self.entries -= 1;
    }

    /// The first entry of this hash that is the one.
    pub fn find<E: Chained<CHAIN> + Default>(&self, slab: &Slab<E>, hash: u64, is: impl Fn(&E) -> bool) -> Option<u32> {
        self.places(slab, hash).find(|place| is(slab.at(*place)))
    }

    /// The entries that may have this hash, and some that have another.
    pub fn places<'a, E: Chained<CHAIN> + Default>(
        &self,
        slab: &'a Slab<E>,
        hash: u64,
    ) -> impl Iterator<Item = u32> + use<'a, CHAIN, E> {
        let first = self.heads.get(bucket(hash, self.heads.len())).copied().filter(|place| *place != NONE);
        iter::successors(first, |place| Some(slab.at(*place).next()).filter(|next| *next != NONE))
    }

    fn push<E: Chained<CHAIN> + Default>(&mut self, slab: &mut Slab<E>, hash: u64, place: u32) {
        let head = self.head(hash);
        *slab.at_mut(place).next_mut() = *head;
        *head = place;
    }

    fn head(&mut self, hash: u64) -> &mut u32 {
        let bucket = bucket(hash, self.heads.len());
        self.heads.get_mut(bucket).expect("a table with entries has lists")
    }

    /// One list more, which takes its entries from one that is there.
    fn grow<E: Chained<CHAIN> + Default>(&mut self, slab: &mut Slab<E>) {
        let new = self.heads.len();
        if new == self.heads.capacity() {
            self.heads.reserve_exact(new / 8 + 8);
        }
        self.heads.push(NONE);
        let Some(level) = new.checked_ilog2() else { return };
        let Some(from) = self.heads.get_mut(new - (1 << level)) else { return };
        let mut place = std::mem::replace(from, NONE);
        while place != NONE {
            let entry = slab.at(place);
            let (next, hash) = (entry.next(), entry.hash(&self.key));
            self.push(slab, hash, place);
            place = next;
        }
    }
}

/// Which of `heads` lists has this hash: those up to the last power of two, and of the next one's those that are there.
fn bucket(hash: u64, heads: usize) -> usize {
    let size = heads.next_power_of_two();
    let bucket = usize::try_from(hash & (size as u64 - 1)).expect("it is less than a size");
    if bucket < heads { bucket } else { bucket & (size / 2).saturating_sub(1) }
}

/// No place.
const NONE: u32 = u32::MAX;
