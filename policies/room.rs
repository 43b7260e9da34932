//! Making room in a table that is full.

use std::collections::HashMap;

/// Drops the eighth of the lowest rank, at least one: a whole eighth, so that a flood of new entries
/// pays for the search seldom. Among equals at the border chance decides.
#[cold]
pub(crate) fn make_room<K, V, R: Copy + Ord>(entries: &mut HashMap<K, V>, rank: impl Fn(&V) -> R) {
    let mut ranks: Vec<R> = entries.values().map(&rank).collect();
    if ranks.is_empty() {
        return;
    }
    let mut leave = ranks.len() / 8 + 1;
    let (_, &mut border, _) = ranks.select_nth_unstable(leave - 1);
    // Those below the border are fewer than `leave`: they go first, then as many of its equals as it takes.
    entries.retain(|_, value| {
        let stays = rank(value) >= border;
        leave -= usize::from(!stays);
        stays
    });
    entries.retain(|_, value| {
        let stays = leave == 0 || rank(value) > border;
        leave -= usize::from(!stays);
        stays
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_lowest_eighth_leaves(ranks in proptest::collection::vec(0..20_u8, 0..100)) {
            let mut entries: HashMap<usize, u8> = ranks.iter().copied().enumerate().collect();
            make_room(&mut entries, |rank| *rank);
            let mut left: Vec<u8> = entries.into_values().collect();
            left.sort_unstable();
            let mut wanted = ranks;
            wanted.sort_unstable();
            let gone = if wanted.is_empty() { 0 } else { wanted.len() / 8 + 1 };
            prop_assert_eq!(&*left, wanted.get(gone..).unwrap());
        }
    }
}
