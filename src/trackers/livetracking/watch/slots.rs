//! How many streams there may be: in all, for one ride, from one client.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use trackgate_schemes::AccountId;

/// Streams at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) in_all: usize,
    pub(super) per_account: usize,
    pub(super) per_client: usize,
}

impl Limits {
    pub(super) const USUAL: Self = Self { in_all: 4000, per_account: 1000, per_client: 100 };
}

/// Counts streams.
#[derive(Debug)]
pub(super) struct Slots {
    limits: Limits,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    in_all: usize,
    accounts: HashMap<AccountId, usize>,
    clients: HashMap<IpAddr, usize>,
}

impl Slots {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, taken: Mutex::default() }
    }

    /// A place for a stream, if there is one left; it is given back when it is dropped.
    pub(super) fn take(self: &Arc<Self>, account: AccountId, client: Option<IpAddr>) -> Option<Slot> {
        let client = client.map(network);
        let mut taken = self.taken();
        let of_account = taken.accounts.get(&account).copied().unwrap_or(0);
        let of_client = client.and_then(|client| taken.clients.get(&client).copied()).unwrap_or(0);
        let Limits { in_all, per_account, per_client } = self.limits;
        if taken.in_all >= in_all || of_account >= per_account || of_client >= per_client {
            return None;
        }
        taken.in_all += 1;
        taken.accounts.insert(account, of_account + 1);
        if let Some(client) = client {
            taken.clients.insert(client, of_client + 1);
        }
        drop(taken);
        Some(Slot { slots: Arc::clone(self), account, client })
    }

    /// How many are taken.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.taken().in_all
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one stream.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    account: AccountId,
    client: Option<IpAddr>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken();
        taken.in_all = taken.in_all.saturating_sub(1);
        give_back(&mut taken.accounts, &self.account);
        if let Some(client) = &self.client {
            give_back(&mut taken.clients, client);
        }
    }
}

fn give_back<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// An IPv6 client has a whole /64.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { in_all: 4, per_account: 2, per_client: 2 };

    fn client(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_limit_holds_and_places_come_back() {
        let slots = Arc::new(Slots::new(LIMITS));
        let one = slots.take(AccountId(1), Some(client("10.0.0.1"))).unwrap();
        let _two = slots.take(AccountId(1), Some(client("10.0.0.2"))).unwrap();
        assert!(slots.take(AccountId(1), Some(client("10.0.0.3"))).is_none(), "two of an account");
        let _three = slots.take(AccountId(2), Some(client("10.0.0.1"))).unwrap();
        assert!(slots.take(AccountId(3), Some(client("::ffff:10.0.0.1"))).is_none(), "two of a client");
        let _four = slots.take(AccountId(3), None).unwrap();
        assert!(slots.take(AccountId(4), None).is_none(), "four in all");
        drop(one);
        assert!(slots.take(AccountId(1), Some(client("10.0.0.1"))).is_some());
        assert_eq!(slots.len(), 3);
    }

    #[test]
    fn an_ipv6_client_has_a_whole_64() {
        let slots = Arc::new(Slots::new(LIMITS));
        let _one = slots.take(AccountId(1), Some(client("2001:db8::1"))).unwrap();
        let _two = slots.take(AccountId(2), Some(client("2001:db8::2"))).unwrap();
        assert!(slots.take(AccountId(3), Some(client("2001:db8::3"))).is_none());
        assert!(slots.take(AccountId(3), Some(client("2001:db8:0:1::3"))).is_some());
    }
}
