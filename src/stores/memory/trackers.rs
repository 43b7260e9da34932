//! Tracked sessions in memory.

use std::time::SystemTime;

use trackgate_schemes::AccountId;
use trackgate_schemes::store::Answer;

use super::MemoryStore;
use crate::ports::{Added, NewTracked, Tracked, TrackedFilter, TrackedPage, TrackedSessions};
use crate::stores::kept;

impl TrackedSessions for MemoryStore {
    fn add_tracked(&self, account: AccountId, new: NewTracked, now: SystemTime) -> Answer<'_, Added> {
        self.answer(move |state| {
            for time in [Some(new.start), new.end, new.scheduled_end, Some(now)].into_iter().flatten() {
                kept::micros(time)?;
            }
            for text in [&new.locked_by, &new.notes].into_iter().flatten() {
                kept::text(text)?;
            }
            state.account(account).ok_or_else(kept::no_account)?;
            if state.tracked.values().any(|known| known.account == account && meet(&known.data, &new)) {
                return Ok(Added::Overlaps);
            }
            state.numbers.tracked += 1;
            let tracked = Tracked { id: state.numbers.tracked, account, data: new, inserted_at: now };
            state.tracked.insert(tracked.id, tracked.clone());
            Ok(Added::Added(tracked))
        })
    }

    fn list_tracked(&self, account: AccountId, filter: TrackedFilter) -> Answer<'_, TrackedPage> {
        let page = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        self.answer(move |state| {
            let mut all: Vec<&Tracked> = state
                .tracked
                .values()
                .filter(|known| known.account == account && wanted(&known.data, filter))
                .collect();
            all.sort_by_key(|known| std::cmp::Reverse((known.data.start, known.id)));
            let items = all.iter().skip(page(filter.offset)).take(page(filter.limit)).copied().cloned().collect();
            Ok(TrackedPage { total: u64::try_from(all.len()).unwrap_or(u64::MAX), items })
        })
    }

    fn tracked(&self, account: AccountId, id: i64) -> Answer<'_, Option<Tracked>> {
        self.answer(move |state| Ok(state.tracked.get(&id).filter(|known| known.account == account).cloned()))
    }
}

/// Half-open intervals meet if each begins before the other ends (contract section 4).
fn meet(one: &NewTracked, other: &NewTracked) -> bool {
    let before = |start: SystemTime, end: Option<SystemTime>| end.is_none_or(|end| start < end);
    before(one.start, other.end) && before(other.start, one.end)
}

fn wanted(known: &NewTracked, filter: TrackedFilter) -> bool {
    filter.from.is_none_or(|from| known.start >= from)
        && filter.before.is_none_or(|before| known.start < before)
        && filter.active.is_none_or(|active| known.end.is_none() == active)
        && filter.public.is_none_or(|public| known.public == public)
}
