//! Entries side by side.

/// Entries by place, a number below 2³² minus 65 536.
///
/// It grows by a few entries at a time and moves none. Places of removed entries are used again; their memory is not
/// given back before the slab is dropped.
#[derive(Debug)]
pub struct Slab<E> {
    chunks: Vec<Box<[E]>>,
    free: Vec<u32>,
    /// Places that were ever in use.
    ever: u32,
}

impl<E: Default> Default for Slab<E> {
    fn default() -> Self {
        Self { chunks: Vec::new(), free: Vec::new(), ever: 0 }
    }
}

impl<E: Default> Slab<E> {
    /// Puts an entry in and says where it is.
    ///
    /// # Panics
    ///
    /// If there is no place left.
    pub fn insert(&mut self, entry: E) -> u32 {
        let place = self.free.pop().unwrap_or_else(|| {
            let place = self.ever;
            assert!(place < MOST, "an entry has a place of its own");
            if place as usize == self.chunks.len() * CHUNK {
                self.chunks.push((0..CHUNK).map(|_| E::default()).collect());
            }
            self.ever += 1;
            place
        });
        *self.at_mut(place) = entry;
        place
    }

    /// Takes an entry out; its place is free from here on.
    ///
    /// # Panics
    ///
    /// If no entry was ever there.
    pub fn remove(&mut self, place: u32) -> E {
        let entry = std::mem::take(self.at_mut(place));
        self.free.push(place);
        entry
    }

    /// The entry in this place; an empty one when it was removed.
    ///
    /// # Panics
    ///
    /// If no entry was ever there.
    pub fn at(&self, place: u32) -> &E {
        let place = place as usize;
        let entry = self.chunks.get(place / CHUNK).and_then(|chunk| chunk.get(place % CHUNK));
        entry.expect("places come from this slab")
    }

    /// The same, to be changed.
    ///
    /// # Panics
    ///
    /// If no entry was ever there.
    pub fn at_mut(&mut self, place: u32) -> &mut E {
        self.get_mut(place).expect("places come from this slab")
    }

    /// The same, if an entry was ever there.
    pub fn get_mut(&mut self, place: u32) -> Option<&mut E> {
        let place = place as usize;
        self.chunks.get_mut(place / CHUNK)?.get_mut(place % CHUNK)
    }

    /// All entries, and empty ones in free places.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut E> {
        self.chunks.iter_mut().flatten()
    }

    /// How many places there are, taken or free; they are numbered from 0.
    pub fn places(&self) -> u32 {
        self.ever
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.ever as usize - self.free.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Few enough that a half empty one does not matter beside a thousand entries.
const CHUNK: usize = 32;
/// Higher numbers stand for no place, or for the ends of lists.
const MOST: u32 = u32::MAX - 0x1_0000;
