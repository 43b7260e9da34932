//! What sessions of one account have in common, once.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use crate::dense::{Chained, Chains, Slab};
use crate::identity::Owner;
use crate::store::Account;
use crate::{AccountId, Subject};

/// The owners of the sessions in memory, by account.
///
/// One whose last session left goes when the hand comes by: it passes two places for each session that is learnt.
#[derive(Debug)]
pub(super) struct Owners {
    all: Slab<Held>,
    by_account: Chains<0>,
    hand: u32,
}

#[derive(Debug, Default)]
struct Held {
    /// `None` in a free place.
    owner: Option<Arc<Owner>>,
    next: u32,
}

impl Default for Owners {
    fn default() -> Self {
        Self { all: Slab::default(), by_account: Chains::new(2), hand: 0 }
    }
}

impl Owners {
    /// The owner with these facts, and the number of its service of this name.
    pub(super) fn of(&mut self, account: &Account, scheme: &'static str, service: &str) -> (Arc<Owner>, u8) {
        self.sweep();
        let wanted =
            Owner::new(Subject::Account(account.id), Arc::clone(&account.name), scheme, account.grants.clone());
        let hash = self.by_account.hash_of(&account.id);
        let place = self.by_account.find(&self.all, hash, |held| held.account() == Some(account.id));
        let known = place.and_then(|place| self.all.at(place).owner.as_ref());
        if let Some(known) = known.filter(|known| known.is_like(&wanted))
            && let Some(number) = known.number_of(service)
        {
            return (Arc::clone(known), number);
        }
        let number = wanted.number_of(service).expect("a new owner has no services");
        let owner = Arc::new(wanted);
        if let Some(place) = place {
            self.all.at_mut(place).owner = Some(Arc::clone(&owner));
        } else {
            let place = self.all.insert(Held { owner: Some(Arc::clone(&owner)), next: 0 });
            self.by_account.insert(&mut self.all, place);
        }
        (owner, number)
    }

    fn sweep(&mut self) {
        for _ in 0..2 {
            let place = self.hand;
            self.hand = if place + 1 < self.all.places() { place + 1 } else { 0 };
            // Nobody else can get hold of one meanwhile: that takes the lock that we have.
            if place < self.all.places()
                && self.all.at(place).owner.as_ref().is_some_and(|owner| Arc::strong_count(owner) == 1)
            {
                self.by_account.remove(&mut self.all, place);
                drop(self.all.remove(place));
            }
        }
    }
}

impl Held {
    fn account(&self) -> Option<AccountId> {
        self.owner.as_ref().and_then(|owner| owner.account())
    }
}

impl Chained<0> for Held {
    fn hash(&self, key: &RandomState) -> u64 {
        self.account().map_or(0, |account| key.hash_one(account))
    }

    fn next(&self) -> u32 {
        self.next
    }

    fn next_mut(&mut self) -> &mut u32 {
        &mut self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::account;

    #[test]
    fn sessions_of_an_account_share_an_owner_until_it_changes() {
        let mut owners = Owners::default();
        let (first, one) = owners.of(&account(1), "lp", "PHP SDK");
        let (second, two) = owners.of(&account(1), "lp", "Android");
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!((one, two), (1, 2));
        let changed = Account { grants: "points:read".parse().unwrap(), ..account(1) };
        let (third, _) = owners.of(&changed, "lp", "PHP SDK");
        assert!(!Arc::ptr_eq(&first, &third));
        assert_eq!(owners.all.len(), 1);
    }

    #[test]
    fn whoever_has_no_session_left_goes() {
        let mut owners = Owners::default();
        let (kept, _) = owners.of(&account(1), "lp", "PHP SDK");
        for id in 2..1_000 {
            drop(owners.of(&account(id), "lp", "PHP SDK"));
        }
        assert!(owners.all.len() < 10, "{}", owners.all.len());
        assert!(Arc::ptr_eq(&kept, &owners.of(&account(1), "lp", "PHP SDK").0));
    }
}
