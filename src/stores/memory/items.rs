//! Documents and items in memory.

use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::time::SystemTime;

use trackgate_schemes::AccountId;
use trackgate_schemes::store::Answer;

use super::{MemoryStore, State};
use crate::ports::{Documents, EventKind, Item, ItemFilter, Items};
use crate::stores::kept;

impl Documents for MemoryStore {
    fn document<'a>(&'a self, tracker: &'a str, account: AccountId) -> Answer<'a, Option<String>> {
        self.answer(move |state| {
            kept::text(tracker)?;
            Ok(state.documents.get(&(account, tracker.into())).cloned())
        })
    }

    fn replace_document<'a>(
        &'a self,
        tracker: &'a str,
        account: AccountId,
        before: Option<&'a str>,
        text: &'a str,
    ) -> Answer<'a, bool> {
        self.answer(move |state| {
            let key = (account, kept::text(tracker)?.into());
            let text = kept::text(text)?;
            before.map(kept::text).transpose()?;
            state.account(account).ok_or_else(kept::no_account)?;
            if state.documents.get(&key).map(String::as_str) != before {
                return Ok(false);
            }
            state.documents.insert(key, text);
            state.tell_of_documents(account);
            Ok(true)
        })
    }
}

impl Items for MemoryStore {
    fn item<'a>(&'a self, collection: &'a str, id: &'a str) -> Answer<'a, Option<Item>> {
        self.answer(move |state| {
            kept::text(collection)?;
            kept::text(id)?;
            Ok(state.items.get(&(collection.into(), id.into())).cloned())
        })
    }

    fn items<'a>(&'a self, collection: &'a str, account: AccountId, filter: ItemFilter) -> Answer<'a, Vec<Item>> {
        let page = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        self.answer(move |state| {
            kept::text(collection)?;
            let mut all: Vec<&Item> = state.items_of(collection, account, filter).collect();
            // They stand in the order of their names already, and sorting keeps that.
            if filter.newest_first {
                all.sort_by_key(|item| Reverse(item.place));
            } else {
                all.sort_by_key(|item| item.place);
            }
            Ok(all.into_iter().skip(page(filter.offset)).take(page(filter.limit)).cloned().collect())
        })
    }

    fn count_items<'a>(&'a self, collection: &'a str, account: AccountId, filter: ItemFilter) -> Answer<'a, u64> {
        self.answer(move |state| {
            kept::text(collection)?;
            let count = state.items_of(collection, account, filter).count();
            Ok(u64::try_from(count).unwrap_or(u64::MAX))
        })
    }

    fn add_item<'a>(&'a self, collection: &'a str, item: Item) -> Answer<'a, bool> {
        self.answer(move |state| {
            for text in [collection, &*item.id, &*item.body] {
                kept::text(text)?;
            }
            let account = item.account;
            state.account(account).ok_or_else(kept::no_account)?;
            match state.items.entry((collection.into(), item.id.clone())) {
                Entry::Occupied(_) => return Ok(false),
                Entry::Vacant(free) => drop(free.insert(item)),
            }
            state.tell_of_documents(account);
            Ok(true)
        })
    }

    fn replace_item<'a>(&'a self, collection: &'a str, before: &'a Item, after: Item) -> Answer<'a, bool> {
        self.answer(move |state| {
            for text in [collection, &*before.id, &*before.body, &*after.body] {
                kept::text(text)?;
            }
            if (&after.id, after.account) != (&before.id, before.account) {
                return Err(kept::another_item());
            }
            match state.items.get_mut(&(collection.into(), before.id.clone())) {
                Some(known) if known == before => *known = after,
                _ => return Ok(false),
            }
            state.tell_of_documents(before.account);
            Ok(true)
        })
    }

    fn delete_item<'a>(&'a self, collection: &'a str, account: AccountId, id: &'a str) -> Answer<'a, bool> {
        self.answer(move |state| {
            kept::text(collection)?;
            kept::text(id)?;
            let key = (collection.into(), id.into());
            if state.items.get(&key).is_none_or(|known| known.account != account) {
                return Ok(false);
            }
            state.items.remove(&key);
            state.tell_of_documents(account);
            Ok(true)
        })
    }
}

impl State {
    fn items_of<'s>(
        &'s self,
        collection: &'s str,
        account: AccountId,
        filter: ItemFilter,
    ) -> impl Iterator<Item = &'s Item> {
        self.items
            .range((Box::from(collection), "".into())..)
            .take_while(move |((of, _), _)| **of == *collection)
            .map(|(_, item)| item)
            .filter(move |item| item.account == account && item.place >= filter.from)
            .filter(move |item| filter.last().is_some_and(|last| item.place <= last))
    }

    fn tell_of_documents(&mut self, account: AccountId) {
        self.tell(SystemTime::now(), EventKind::Document(account));
    }
}
