//! The event log and the audit trail in memory.

use trackgate_schemes::store::Answer;

use super::{MOST_ENTRIES, MemoryStore};
use crate::ports::{Audit, AuditEntry, AuditFilter, Event, Events};
use crate::stores::kept;

impl Events for MemoryStore {
    fn newest_event(&self) -> Answer<'_, u64> {
        self.answer(|state| Ok(state.numbers.events))
    }

    fn events_after(&self, after: u64, limit: u32) -> Answer<'_, Vec<Event>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.answer(move |state| {
            Ok(state.events.iter().filter(|event| event.seq > after).take(limit).cloned().collect())
        })
    }
}

impl Audit for MemoryStore {
    fn record(&self, entry: AuditEntry) -> Answer<'_, ()> {
        self.answer(move |state| {
            kept::micros(entry.at)?;
            for text in [&entry.name, &entry.actor, &entry.service, &entry.outcome, &entry.target] {
                kept::text(text)?;
            }
            state.audit.push_back(AuditEntry { client: kept::address(entry.client), ..entry });
            if state.audit.len() > MOST_ENTRIES {
                state.audit.pop_front();
            }
            Ok(())
        })
    }

    fn audit(&self, filter: AuditFilter) -> Answer<'_, Vec<AuditEntry>> {
        let [offset, limit] = [filter.offset, filter.limit].map(|number| usize::try_from(number).unwrap_or(usize::MAX));
        self.answer(move |state| {
            let wanted = state.audit.iter().rev().filter(|entry| filter.wants(entry));
            Ok(wanted.skip(offset).take(limit).cloned().collect())
        })
    }
}
