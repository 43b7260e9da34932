//! Finding entries by the time at which they end.

use std::time::Duration;

use super::Slab;

/// An entry that ends some time.
pub trait Timed {
    /// Its neighbours among those that end at about the same time.
    fn links(&self) -> WheelLinks;
    /// The same, to be set.
    fn links_mut(&mut self) -> &mut WheelLinks;
}

/// An entry's neighbours in a [`Wheel`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WheelLinks {
    before: u32,
    after: u32,
}

/// A timing wheel: lists of entries that end in the same stretch of time, without order among them.
///
/// Whoever takes an entry that is due looks at it again: one that was used since goes back with its new end. So a use
/// costs nothing here, and expiry a few entries for each one that is put in, never a scan. Ends that lie beyond the
/// wheel are looked at when it has come round.
///
/// Times are milliseconds of any one clock. After it was stepped back nothing is due until it has caught up.
#[derive(Debug)]
pub struct Wheel {
    /// First and last of each list; made with the first entry.
    slots: Box<[WheelLinks]>,
    count: u32,
    tick: u64,
    /// The stretch up to which all was looked at.
    at: u64,
}

impl Wheel {
    /// An empty wheel of up to 65 535 stretches of this length, one millisecond at least.
    pub fn new(slots: u16, tick: Duration) -> Self {
        let tick = u64::try_from(tick.as_millis()).unwrap_or(u64::MAX).max(1);
        Self { slots: Box::default(), count: u32::from(slots.max(2)), tick, at: 0 }
    }

    /// Puts an entry in that ends at `end`.
    pub fn insert<E: Timed + Default>(&mut self, slab: &mut Slab<E>, place: u32, end: u64) {
        if self.slots.is_empty() {
            let bare = |slot| WheelLinks { before: END - slot, after: END - slot };
            self.slots = (0..self.count).map(bare).collect();
        }
        let own_end = END - self.slot(self.stretch(end));
        let last = self.links(slab, own_end).before;
        *slab.at_mut(place).links_mut() = WheelLinks { before: last, after: own_end };
        self.links_mut(slab, last).after = place;
        self.links_mut(slab, own_end).before = place;
    }

    /// Takes an entry out, which stays in the slab.
    pub fn remove<E: Timed + Default>(&mut self, slab: &mut Slab<E>, place: u32) {
        let WheelLinks { before, after } = slab.at(place).links();
        self.links_mut(slab, before).after = after;
        self.links_mut(slab, after).before = before;
    }

    /// An entry whose stretch is over at `now`. It stays in until it is taken out.
    pub fn due(&mut self, now: u64) -> Option<u32> {
        let now = now / self.tick;
        // Further back there is nothing that the round to come does not pass.
        self.at = self.at.max(now.saturating_sub(u64::from(self.count)));
        loop {
            if let Some(place) = self.first(self.at) {
                return Some(place);
            }
            if self.at >= now {
                return None;
            }
            self.at += 1;
        }
    }

    /// The entry that has been longest in the stretch that is over first; to make room for others.
    ///
    /// Those that were used since, by what `end` says of them, go back; but of a few only, lest it takes long.
    pub fn soonest<E: Timed + Default>(&mut self, slab: &mut Slab<E>, end: impl Fn(&E) -> u64) -> Option<u32> {
        for _ in 0..PASSED_OVER {
            let (stretch, place) = self.front()?;
            let end = end(slab.at(place));
            if self.stretch(end) <= stretch {
                return Some(place);
            }
            self.remove(slab, place);
            self.insert(slab, place, end);
        }
        self.front().map(|(_, place)| place)
    }

    fn front(&self) -> Option<(u64, u32)> {
        let mut stretches = self.at..self.at + u64::from(self.count);
        stretches.find_map(|stretch| Some((stretch, self.first(stretch)?)))
    }

    /// The one that is over when an entry with this end is.
    fn stretch(&self, end: u64) -> u64 {
        (end / self.tick).saturating_add(1).clamp(self.at + 1, self.at + u64::from(self.count) - 1)
    }

    fn first(&self, stretch: u64) -> Option<u32> {
        let first = self.slots.get(self.slot(stretch) as usize)?.after;
        (first <= END - self.count).then_some(first)
    }

    fn slot(&self, stretch: u64) -> u32 {
        u32::try_from(stretch % u64::from(self.count)).expect("it is less than a number of 32 bits")
    }

    /// A list's ends are linked like an entry, under a number that is no place.
    fn links<E: Timed + Default>(&self, slab: &Slab<E>, place: u32) -> WheelLinks {
        self.slots.get((END - place.min(END)) as usize).map_or_else(|| slab.at(place).links(), |slot| *slot)
    }

    fn links_mut<'a, E: Timed + Default>(&'a mut self, slab: &'a mut Slab<E>, place: u32) -> &'a mut WheelLinks {
        match self.slots.get_mut((END - place.min(END)) as usize) {
            Some(slot) => slot,
            None => slab.at_mut(place).links_mut(),
        }
    }
}

const PASSED_OVER: usize = 4;
/// The number of the first list's ends; those of the others are below.
const END: u32 = u32::MAX - 1;
