//! What trackers keep about accounts: one document each, and any number of items in collections. The form
//! of the texts is the tracker's own.

use std::fmt;
use std::sync::Arc;

use trackgate_schemes::AccountId;
use trackgate_schemes::store::Answer;

/// One text of each tracker about each account, such as its preferences.
///
/// Each change is an event ([`EventKind::Document`](super::EventKind::Document)), so that what was made of
/// it can be remembered.
pub trait Documents: fmt::Debug + Send + Sync + 'static {
    /// The text that `tracker` keeps about the account.
    fn document<'a>(&'a self, tracker: &'a str, account: AccountId) -> Answer<'a, Option<String>>;

    /// Replaces it if it still is `before` (`None`: if there is none); whether it was. So of two changes at
    /// once none is lost: the second reads again.
    fn replace_document<'a>(
        &'a self,
        tracker: &'a str,
        account: AccountId,
        before: Option<&'a str>,
        text: &'a str,
    ) -> Answer<'a, bool>;
}

/// One thing that belongs to an account, such as a workout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its name within the collection, over all accounts.
    pub id: Arc<str>,
    /// Whose it is.
    pub account: AccountId,
    /// Where it stands among the account's items: for what happened, microseconds since 1970 (UTC).
    pub place: i64,
    /// What it is.
    pub body: String,
}

/// Which items of an account are wanted.
#[derive(Clone, Copy, Debug)]
pub struct ItemFilter {
    /// Only those at this place or behind it.
    pub from: i64,
    /// Only those before this place; the largest number leaves none out.
    pub before: i64,
    /// Largest place first; else the smallest. Items of one place stand in the order of their names.
    pub newest_first: bool,
    /// At most so many.
    pub limit: u32,
    /// Leaving out so many first.
    pub offset: u32,
}

impl ItemFilter {
    /// The last place that fits; `None` if there is none.
    pub(crate) fn last(&self) -> Option<i64> {
        if self.before == i64::MAX { Some(i64::MAX) } else { self.before.checked_sub(1) }
    }
}

impl Default for ItemFilter {
    /// All of them, the smallest place first.
    fn default() -> Self {
        Self { from: i64::MIN, before: i64::MAX, newest_first: false, limit: u32::MAX, offset: 0 }
    }
}

/// Keeps items in collections, named `tracker/things`.
///
/// Each change is an event ([`EventKind::Document`](super::EventKind::Document)) of the account.
pub trait Items: fmt::Debug + Send + Sync + 'static {
    /// The item of this name, whosever it is.
    fn item<'a>(&'a self, collection: &'a str, id: &'a str) -> Answer<'a, Option<Item>>;

    /// Items of an account.
    fn items<'a>(&'a self, collection: &'a str, account: AccountId, filter: ItemFilter) -> Answer<'a, Vec<Item>>;

    /// How many items of an account fit the filter, its limit and offset aside.
    fn count_items<'a>(&'a self, collection: &'a str, account: AccountId, filter: ItemFilter) -> Answer<'a, u64>;

    /// Stores a new item; `false`, and nothing is stored, if the collection has one of this name.
    fn add_item<'a>(&'a self, collection: &'a str, item: Item) -> Answer<'a, bool>;

    /// Replaces an item if it still is `before`; whether it was. It keeps its name and account: an `after`
    /// with others is an error.
    fn replace_item<'a>(&'a self, collection: &'a str, before: &'a Item, after: Item) -> Answer<'a, bool>;

    /// Deletes an item of this account; whether it was there.
    fn delete_item<'a>(&'a self, collection: &'a str, account: AccountId, id: &'a str) -> Answer<'a, bool>;
}
