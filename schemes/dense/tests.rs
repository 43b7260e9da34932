//! What the parts promise, beside simple models of them.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Default)]
struct Entry {
    name: u16,
    end: u64,
    next: u32,
    links: WheelLinks,
}

impl Chained<0> for Entry {
    fn hash(&self, key: &RandomState) -> u64 {
        key.hash_one(self.name)
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

#[derive(Clone, Debug)]
enum Deed {
    Insert(u16, u64),
    Remove(u16),
    Wait(u64),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let time = prop_oneof![0..50_u64, 0..2_000_u64, any::<u32>().prop_map(u64::from)];
    let deed = prop_oneof![
        4 => (0..200_u16, time.clone()).prop_map(|(name, left)| Deed::Insert(name, left)),
        2 => (0..200_u16).prop_map(Deed::Remove),
        1 => time.prop_map(Deed::Wait),
    ];
    prop::collection::vec(deed, 0..400)
}

proptest! {
    #[test]
    fn entries_are_found_by_name_and_leave_at_their_time(deeds in deeds(), load in 1..4_usize, tick in 1..40_u64) {
        let (mut slab, mut names) = (Slab::<Entry>::default(), Chains::<0>::new(load));
        let mut wheel = Wheel::new(16, Duration::from_millis(tick));
        let (mut model, mut now) = (BTreeMap::<u16, u64>::new(), 0);
        for deed in deeds {
            let find = |slab: &Slab<Entry>, names: &Chains<0>, name: u16| {
                names.find(slab, names.hash_of(&name), |entry| entry.name == name)
            };
            match deed {
                Deed::Insert(name, left) if !model.contains_key(&name) => {
                    let end = now + left;
                    let place = slab.insert(Entry { name, end, ..Entry::default() });
                    names.insert(&mut slab, place);
                    wheel.insert(&mut slab, place, end);
                    model.insert(name, end);
                }
                Deed::Insert(..) => {}
                Deed::Remove(name) => {
                    let place = find(&slab, &names, name);
                    prop_assert_eq!(place.is_some(), model.remove(&name).is_some());
                    if let Some(place) = place {
                        names.remove(&mut slab, place);
                        wheel.remove(&mut slab, place);
                        prop_assert_eq!(slab.remove(place).name, name);
                    }
                }
                Deed::Wait(time) => {
                    now += time;
                    while let Some(place) = wheel.due(now) {
                        wheel.remove(&mut slab, place);
                        let end = slab.at(place).end;
                        if end > now {
                            wheel.insert(&mut slab, place, end);
                            continue;
                        }
                        names.remove(&mut slab, place);
                        model.remove(&slab.remove(place).name);
                    }
                    // What is left ends later, or in the stretch that is not over.
                    prop_assert!(model.values().all(|end| end / tick >= now / tick), "{:?} at {}", model, now);
                }
            }
            prop_assert_eq!(slab.len(), model.len());
            let found: BTreeSet<u16> = (0..200).filter(|name| find(&slab, &names, *name).is_some()).collect();
            prop_assert_eq!(found, model.keys().copied().collect::<BTreeSet<_>>());
            let soonest = wheel.soonest(&mut slab, |entry| entry.end).map(|place| slab.at(place).name);
            prop_assert_eq!(soonest.is_some(), !model.is_empty());
            prop_assert!(soonest.is_none_or(|name| model.contains_key(&name)));
        }
    }
}

#[test]
fn lists_stay_short() {
    let (mut slab, mut names) = (Slab::<Entry>::default(), Chains::<0>::new(1));
    for name in 0..50_000 {
        let place = slab.insert(Entry { name, ..Entry::default() });
        names.insert(&mut slab, place);
    }
    let lengths = (0..50_000).map(|name: u16| names.places(&slab, names.hash_of(&name)).count());
    assert!(lengths.max().unwrap() < 20);
}

#[test]
fn of_one_stretch_the_oldest_is_the_soonest() {
    let (mut slab, mut wheel) = (Slab::<Entry>::default(), Wheel::new(4, Duration::from_secs(1)));
    for end in [1_700, 1_200, 9_000, 1_100] {
        let place = slab.insert(Entry { end, ..Entry::default() });
        wheel.insert(&mut slab, place, end);
    }
    let mut ends = Vec::new();
    while let Some(place) = wheel.soonest(&mut slab, |entry| entry.end) {
        ends.push(slab.at(place).end);
        wheel.remove(&mut slab, place);
    }
    assert_eq!(ends, [1_700, 1_200, 1_100, 9_000]);
}
