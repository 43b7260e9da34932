//! Signed tokens that were signed out.

use std::hash::RandomState;
use std::time::{Duration, SystemTime};

use trackgate_schemes::dense::{Chained, Chains, Slab, Timed, Wheel, WheelLinks};
use trackgate_schemes::{DigestKey, KeyedDigest};

use super::DAY;
use crate::stores::kept;

/// The blacklist, in less than 48 bytes for each token.
///
/// Of a token's key a [`KeyedDigest`] is kept, under a random key of this process. What ended leaves as others come, a few
/// for each.
#[derive(Debug)]
pub(super) struct SignedOut {
    entries: Slab<Entry>,
    by_key: Chains<0>,
    by_end: Wheel,
    key: DigestKey,
}

#[derive(Debug, Default)]
struct Entry {
    digest: KeyedDigest,
    /// Microseconds since 1970, in two halves: so that the entry is no larger for their alignment.
    at: [u8; 8],
    /// Seconds since 1970, rounded up. The last one stands for all that are later, and does not come.
    until: u32,
    next: u32,
    links: WheelLinks,
}

impl Default for SignedOut {
    fn default() -> Self {
        Self {
            entries: Slab::default(),
            by_key: Chains::new(2),
            by_end: Wheel::new(HOURS, Duration::from_hours(1)),
            key: DigestKey::random(),
        }
    }
}

impl SignedOut {
    /// When the token of this key was signed out.
    pub(super) fn at(&self, key: &str) -> Option<SystemTime> {
        let place = self.place(self.digest(key))?;
        Some(kept::instant(i64::from_le_bytes(self.entries.at(place).at)))
    }

    /// Whether the token of this key is there, which then stays until `until` at least.
    pub(super) fn extend(&mut self, key: &str, until: SystemTime) -> bool {
        let Some(place) = self.place(self.digest(key)) else { return false };
        let entry = self.entries.at_mut(place);
        entry.until = entry.until.max(seconds(until));
        true
    }

    /// Adds a token that is not there, signed out at `at`, in microseconds since 1970.
    pub(super) fn insert(&mut self, key: &str, at: i64, until: SystemTime) {
        let until = seconds(until);
        let entry = Entry { digest: self.digest(key), at: at.to_le_bytes(), until, ..Entry::default() };
        let place = self.entries.insert(entry);
        self.by_key.insert(&mut self.entries, place);
        self.by_end.insert(&mut self.entries, place, leaves(until));
    }

    /// Takes out some of those that ended a day before `now`.
    pub(super) fn clean(&mut self, now: SystemTime) {
        let now = u64::from(seconds(now)) * 1000;
        for _ in 0..LOOKED_AT {
            let Some(place) = self.by_end.due(now) else { break };
            self.by_end.remove(&mut self.entries, place);
            let leaves = leaves(self.entries.at(place).until);
            if leaves < now {
                self.by_key.remove(&mut self.entries, place);
                self.entries.remove(place);
            } else {
                self.by_end.insert(&mut self.entries, place, leaves);
            }
        }
    }

    fn place(&self, digest: KeyedDigest) -> Option<u32> {
        self.by_key.find(&self.entries, digest.hash(), |entry| entry.digest == digest)
    }

    fn digest(&self, key: &str) -> KeyedDigest {
        self.key.digest(&[key.as_bytes()])
    }
}

impl Chained<0> for Entry {
    fn hash(&self, _key: &RandomState) -> u64 {
        self.digest.hash()
    }

    fn next(&self) -> u32 {
        self.next
    }

    fn next_mut(&mut self) -> &mut u32 {
        &mut self.next
    }
}

impl Timed for Entry {
    fn links(&self) -> WheelLinks {
        self.links
    }

    fn links_mut(&mut self) -> &mut WheelLinks {
        &mut self.links
    }
}

fn seconds(at: SystemTime) -> u32 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
}

/// The millisecond after which it may go.
fn leaves(until: u32) -> u64 {
    if until == u32::MAX { u64::MAX } else { (u64::from(until) + DAY.as_secs()) * 1000 }
}

/// So many entries at most are looked at for each that comes.
const LOOKED_AT: usize = 4;
/// Some forty days, lest tokens of a month are looked at before their end.
const HOURS: u16 = 1000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn at(hour: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_hours(hour)
    }

    proptest! {
        #[test]
        fn what_is_good_is_listed_and_what_ended_leaves(
            deeds in prop::collection::vec((0..60_u16, 0..3000_u64, 0..200_u64), 0..300)
        ) {
            let (mut list, mut model, mut hour) = (SignedOut::default(), BTreeMap::new(), 0);
            for (name, left, wait) in deeds {
                hour += wait;
                let (key, until) = (name.to_string(), hour + left);
                list.clean(at(hour));
                if !list.extend(&key, at(until)) {
                    // It was never there, or had ended a day ago.
                    if let Some((_, end)) = model.insert(name, (hour, until)) {
                        prop_assert!(end + 24 < hour);
                    }
                    list.insert(&key, kept::micros(at(hour)).unwrap(), at(until));
                } else if let Some((_, end)) = model.get_mut(&name) {
                    *end = until.max(*end);
                }
                for (name, (since, until)) in &model {
                    match list.at(&name.to_string()) {
                        Some(found) => prop_assert_eq!(found, at(*since)),
                        None => prop_assert!(until + 24 < hour),
                    }
                }
            }
            for _ in 0..100 {
                list.clean(at(hour + 5_000));
            }
            prop_assert!(list.entries.is_empty());
        }
    }

    #[test]
    fn an_entry_is_small() {
        assert_eq!(size_of::<Entry>(), 40);
    }

    #[test]
    fn what_never_ends_stays() {
        let (mut list, far) = (SignedOut::default(), SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40));
        list.insert("far", -1, far);
        for hour in (0..10_000_000).step_by(100_000) {
            list.clean(at(hour));
        }
        assert_eq!(list.at("far"), Some(SystemTime::UNIX_EPOCH - Duration::from_micros(1)));
    }
}
